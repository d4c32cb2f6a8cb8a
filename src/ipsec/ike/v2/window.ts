/**
 * Message ids and retransmission with a window of one: RFC 7296 §2.1 to §2.3.
 * The initiator of an exchange repeats its request until the response comes; the responder keeps its last
 * response and repeats it only when the request is repeated.
 */
import { bytesEqual } from '../../../wire/bytes.js';
import type { CryptoProvider } from '../../crypto.js';
import type { IkePayload } from '../payload.js';
import type { IkeSa } from './ike-sa.js';
import { LIVENESS_PACE } from './liveness.js';
import type { Retransmission } from './settings.js';

export type TaskKind =
  | 'init'
  | 'auth'
  | 'create-child'
  | 'rekey-child'
  | 'delete-child'
  | 'rekey-ike'
  | 'delete-ike'
  | 'liveness';

/** One exchange that this end begins. */
export interface Task {
  readonly kind: TaskKind;
  readonly exchangeType: number;
  /** The payloads of the request; null when there is nothing to do any more. `sa` may change while a task waits. */
  request(sa: IkeSa, now: number): readonly IkePayload[] | null;
  complete(sa: IkeSa, now: number, response: readonly IkePayload[]): void;
  /** The exchange will never complete: wipe what it holds. */
  abandon(): void;
}

interface Outstanding {
  readonly messageId: number;
  readonly task: Task;
  datagrams: readonly Uint8Array[];
  /** How it is repeated, and since when. */
  pace: Retransmission;
  pacedAt: number;
  /** How often the peer has been heard without an answer to this, so that it was repeated from the start. */
  turns: number;
  sent: number;
  resendAt: number;
}

interface Waiting {
  readonly task: Task;
  readonly notBefore: number;
}

/** Tasks that may wait for their turn; more would be our own mistake. */
const MAX_WAITING = 64;
/** An exchange that a living peer never answers is given up after both paces; a question about life never is. */
const MAX_TURNS = 1;

/** Requests of this end: one outstanding, the others wait. */
export class RequestWindow {
  #nextId = 0;
  #outstanding: Outstanding | null = null;
  #waiting: Waiting[] = [];

  constructor(
    private readonly options: Retransmission,
    private readonly crypto: CryptoProvider,
  ) {}

  get outstanding(): Task | null {
    return this.#outstanding?.task ?? null;
  }

  get nextMessageId(): number {
    return this.#nextId;
  }

  add(task: Task, notBefore: number = Number.NEGATIVE_INFINITY): void {
    if (this.#waiting.length >= MAX_WAITING) throw new Error('bug: too many exchanges wait');
    this.#waiting.push({ task, notBefore });
  }

  has(kind: TaskKind): boolean {
    return this.outstanding?.kind === kind || this.#waiting.some((w) => w.task.kind === kind);
  }

  /** The next task whose time has come, while no request is outstanding. */
  take(now: number): Task | null {
    if (this.#outstanding !== null) return null;
    const at = this.#waiting.findIndex((w) => w.notBefore <= now);
    return at < 0 ? null : (this.#waiting.splice(at, 1)[0]?.task ?? null);
  }

  /** The request of `task` has gone out as `datagrams` under {@link nextMessageId}. */
  sent(now: number, task: Task, datagrams: readonly Uint8Array[]): void {
    const pace = task.kind === 'liveness' ? LIVENESS_PACE : this.options;
    const messageId = this.#nextId++;
    const resendAt = now + this.#delay(pace, 0);
    this.#outstanding = {
      messageId,
      task,
      datagrams,
      pace,
      pacedAt: now,
      turns: 0,
      sent: 1,
      resendAt,
    };
  }

  /** Whether what is outstanding is repeated as fast as a question about life. */
  get isHurried(): boolean {
    return this.#outstanding?.pace === LIVENESS_PACE;
  }

  /** What is outstanding becomes the question whether the peer lives: any answer will do. */
  hurry(now: number): void {
    if (this.#outstanding !== null && !this.isHurried) this.#repeat(now, LIVENESS_PACE);
  }

  /**
   * Goes on with a request that is exhausted, at the other pace, if the peer has been heard since it was asked.
   * @returns what to send, or null when the peer is to be given up
   */
  askAgain(now: number, heardAt: number): readonly Uint8Array[] | null {
    const o = this.#outstanding;
    if (o === null || heardAt <= o.pacedAt) return null;
    if (o.task.kind !== 'liveness' && o.turns++ >= MAX_TURNS) return null;
    this.#repeat(now, this.isHurried ? this.options : LIVENESS_PACE);
    return o.datagrams;
  }

  /** The same request with other octets, from the start: IKE_SA_INIT with a cookie or another group. */
  replace(now: number, datagrams: readonly Uint8Array[]): void {
    if (this.#outstanding === null) throw new Error('bug: nothing to replace');
    this.#outstanding.datagrams = datagrams;
    this.#repeat(now, this.options);
  }

  /** The task that a response with this id completes; null for an old or an invented one. */
  complete(messageId: number): Task | null {
    if (this.#outstanding?.messageId !== messageId) return null;
    const { task } = this.#outstanding;
    this.#outstanding = null;
    return task;
  }

  isAwaited(messageId: number): boolean {
    return this.#outstanding?.messageId === messageId;
  }

  /** What to send again now: nothing yet, datagrams, or `exhausted`. */
  retransmit(now: number): readonly Uint8Array[] | 'exhausted' {
    const o = this.#outstanding;
    if (o === null || now < o.resendAt) return [];
    if (o.sent > o.pace.tries) return 'exhausted';
    o.resendAt = now + this.#delay(o.pace, o.sent++);
    return o.datagrams;
  }

  /** When {@link take} or {@link retransmit} has something to do. */
  nextTimeout(): number | null {
    if (this.#outstanding !== null) return this.#outstanding.resendAt;
    return this.#waiting.reduce<number | null>(
      (at, w) => (at === null || w.notBefore < at ? w.notBefore : at),
      null,
    );
  }

  /** Hands over what waits, to the IKE SA that takes this one's place. */
  takeAll(): readonly Waiting[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  abandon(): void {
    this.#outstanding?.task.abandon();
    this.#outstanding = null;
    for (const { task } of this.takeAll()) task.abandon();
  }

  #repeat(now: number, pace: Retransmission): void {
    const resendAt = now + this.#delay(pace, 0);
    if (this.#outstanding !== null)
      Object.assign(this.#outstanding, { pace, pacedAt: now, sent: 1, resendAt });
  }

  #delay({ firstMs, factor, jitter }: Retransmission, n: number): number {
    return Math.round(firstMs * factor ** n * (1 - jitter * randomFraction(this.crypto)));
  }
}

/** Requests of the other end: which is next, and the last response. */
export class ResponseWindow {
  #nextId = 0;
  #lastRequest: Uint8Array = new Uint8Array(0);
  #lastResponse: readonly Uint8Array[] = [];

  get nextMessageId(): number {
    return this.#nextId;
  }

  /** The last response, when `bytes` repeats the request (of fragments: the first) that it answered. */
  repeated(messageId: number, bytes: Uint8Array): readonly Uint8Array[] | null {
    if (messageId !== this.#nextId - 1 || this.#lastResponse.length === 0) return null;
    return bytesEqual(bytes, this.#lastRequest) ? this.#lastResponse : null;
  }

  /** @param request the datagram whose repetition is answered with `response`; kept. */
  answered(request: Uint8Array, response: readonly Uint8Array[]): void {
    this.#nextId++;
    this.#lastRequest = request;
    this.#lastResponse = response;
  }
}

/** 0..1, from the provider's randomness. */
export function randomFraction(crypto: CryptoProvider): number {
  const octets = new Uint8Array(2);
  crypto.fillRandom(octets, 0, 2);
  return (((octets[0] ?? 0) << 8) | (octets[1] ?? 0)) / 65_536;
}
