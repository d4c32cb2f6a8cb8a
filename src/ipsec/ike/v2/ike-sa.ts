/**
 * One IKE SA: its state, its two message windows, its channel and its children. What the exchanges say is in
 * init.ts, auth.ts, create-child.ts, rekey-ike.ts and informational.ts; here they are only started and answered.
 *
 *   state           means                                   leads to
 *   opening         our IKE_SA_INIT is out                  authenticating · closed
 *   authenticating  our IKE_AUTH is out                     established · closed
 *   half-open       we answered an IKE_SA_INIT              established · closed
 *   established     children may be made                    rekeyed · closing · closed
 *   rekeyed         a successor has the children            closing · closed
 *   closing         our Delete is out, or waits             closed
 *   closed          nothing is sent or taken any more
 */
import type { Endpoint, Path } from '../../../wire/path.js';
import type { DeletionReason, FailureReason, Selector } from '../../key-exchange.js';
import { type IkeHeader, isResponse } from '../header.js';
import { deriveIkeKeys, type IkeKeys, type IkeSuite, wipeIkeKeys } from '../key-schedule.js';
import { decodeIkeMessage, type HeaderFields } from '../message.js';
import { EXCHANGE, FLAG_INITIATOR, FLAG_RESPONSE, NOTIFY } from '../numbers.js';
import { decodePayloads, type IkePayload } from '../payload.js';
import { respondAuth } from './auth.js';
import { SecureChannel } from './channel.js';
import type { ChildSa } from './child.js';
import type { NoncePair } from './collision.js';
import type { IkeContext } from './context.js';
import { respondCreateChild } from './create-child.js';
import { ikeTableLine } from './export-keys.js';
import type { Whole } from './fragment.js';
import type { Identity } from './identity.js';
import {
  deleteChildTask,
  deleteIkeTask,
  livenessTask,
  respondInformational,
} from './informational.js';
import { espPath, type NatState, NO_NAT } from './nat.js';
import { notify, unknownCritical } from './payloads.js';
import { rekeyIkeTask } from './rekey-ike.js';
import { RequestWindow, ResponseWindow, randomFraction } from './window.js';

export type IkeSaState =
  | 'opening'
  | 'authenticating'
  | 'half-open'
  | 'established'
  | 'rekeyed'
  | 'closing'
  | 'closed';

const LEADS_TO: Readonly<Record<IkeSaState, readonly IkeSaState[]>> = {
  opening: ['authenticating', 'closed'],
  authenticating: ['established', 'closed'],
  'half-open': ['established', 'closed'],
  established: ['rekeyed', 'closing', 'closed'],
  rekeyed: ['closing', 'closed'],
  closing: ['closed'],
  closed: [],
};

/** The answer to a request, and what happens once it is on its way. */
export interface Reply {
  readonly payloads: readonly IkePayload[];
  readonly after?: () => void;
}

/** What IKE_AUTH signs (§2.15). */
export interface InitMessages {
  readonly request: Uint8Array;
  readonly response: Uint8Array;
}

export interface IkeSaOptions {
  readonly state: 'opening' | 'half-open' | 'established';
  /** Whether this end began the exchange that made this IKE SA. */
  readonly isInitiator: boolean;
  readonly localSpi: bigint;
  readonly path: Path;
  /** How outputs name the other end. */
  readonly peer: Endpoint;
  readonly selector: Selector;
}

const GRACE_MS = 10_000; // for the other end to delete what it has to
const CLOSING_MS = 60_000; // for the other end to take note of our Delete

export class IkeSa {
  readonly isInitiator: boolean;
  readonly localSpi: bigint;
  readonly children: Map<number, ChildSa> = new Map();
  readonly requests: RequestWindow;
  readonly responses: ResponseWindow = new ResponseWindow();
  path: Path;
  peer: Endpoint;
  selector: Selector;
  remoteSpi = 0n;
  nat: NatState = NO_NAT;
  /** A half-open one whose peer could not prove itself. */
  isRefused = false;
  peerFragments = false;
  remoteIdentity: Identity | null = null;
  nonces: NoncePair | null = null;
  init: InitMessages | null = null;
  /** Where the registry keeps it. */
  registeredAt: number | string = '';
  /** When it began and was established, in the order of all that happened here. */
  readonly createdOrder: number;
  establishedOrder = 0;
  /** Closed then, whatever happens: half-open ones, attempts that take too long, old ones. */
  deadline: number | null = null;
  rekeyAt: number | null = null;
  /** What the other end made of this one, while our own rekeying was under way (§2.8.2). */
  rival: IkeSa | null = null;

  #state: IkeSaState;
  #keys: IkeKeys | null = null;
  #suite: IkeSuite | null = null;
  #channel: SecureChannel | null = null;
  #heardAt = 0;
  #firstFragment: Uint8Array | null = null;
  #atDeadline: DeletionReason = 'expired';

  constructor(
    readonly context: IkeContext,
    options: IkeSaOptions,
  ) {
    this.isInitiator = options.isInitiator;
    this.localSpi = options.localSpi;
    this.path = options.path;
    this.peer = options.peer;
    this.selector = options.selector;
    this.#state = options.state;
    this.createdOrder = context.nextOrder();
    this.requests = new RequestWindow(context.settings.retransmission, context.crypto);
  }

  get state(): IkeSaState {
    return this.#state;
  }

  get isEstablished(): boolean {
    return this.#state === 'established';
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get keys(): IkeKeys {
    if (this.#keys === null) throw new Error('bug: no keys yet, or no more');
    return this.#keys;
  }

  get suite(): IkeSuite {
    if (this.#suite === null) throw new Error('bug: no suite yet');
    return this.#suite;
  }

  get spis(): { readonly initiatorSpi: bigint; readonly responderSpi: bigint } {
    return this.isInitiator
      ? { initiatorSpi: this.localSpi, responderSpi: this.remoteSpi }
      : { initiatorSpi: this.remoteSpi, responderSpi: this.localSpi };
  }

  enter(state: IkeSaState): void {
    if (!LEADS_TO[this.#state].includes(state))
      throw new Error(`bug: IKE SA from ${this.#state} to ${state}`);
    this.#state = state;
  }

  /** Derives the keys from SKEYSEED, which is wiped. Needs both SPIs and the nonces. */
  secure(suite: IkeSuite, skeyseed: Uint8Array, nonces: NoncePair): void {
    const agreement = { ...nonces, shared: null };
    const keys = deriveIkeKeys(this.context.crypto, suite, skeyseed, { ...this.spis, agreement });
    skeyseed.fill(0);
    this.nonces = nonces;
    this.#suite = suite;
    this.#keys = keys;
    this.#channel = new SecureChannel(this.context.crypto, suite, keys, this.isInitiator);
    if (this.context.settings.exportKeys)
      this.context.notice({
        kind: 'keys-exported',
        table: 'ikev2_decryption_table',
        line: ikeTableLine(this.spis, suite, keys),
      });
  }

  /** Established now: the lifetime runs. */
  establish(now: number): void {
    if (this.#state !== 'established') this.enter('established');
    const { ikeLifetimeMs } = this.context.settings;
    this.establishedOrder = this.context.nextOrder();
    this.#heardAt = now;
    this.init = null;
    this.rekeyAt = now + ikeLifetimeMs * (1 - 0.1 * randomFraction(this.context.crypto));
    this.deadline = now + ikeLifetimeMs * 1.1;
  }

  /** A whole datagram for this IKE SA. `bytes` is this one's to change and to keep. */
  handleMessage(now: number, path: Path, header: IkeHeader, bytes: Uint8Array): void {
    if (this.#channel === null || this.#state === 'closed') return;
    const received = bytes.slice();
    const message = decodeIkeMessage(bytes);
    if (!message.ok) return this.context.notice({ kind: 'dropped', path, error: message.error });
    if (!this.#isExpected(now, path, header, received)) return;
    const opened = this.#channel.open(message.value, bytes);
    if (!opened.ok) return this.context.notice({ kind: 'dropped', path, error: opened.error });
    const skf = message.value.payloads.at(-1);
    if (skf?.kind === 'skf' && skf.number === 1) this.#firstFragment = received;
    if (opened.value === 'incomplete') return;
    this.#heardFrom(now, path);
    const first = skf?.kind === 'skf' ? (this.#firstFragment ?? received) : received;
    if (isResponse(header)) this.#handleResponse(now, header, opened.value);
    else this.#handleRequest(now, { path, header, first, whole: opened.value });
    this.pump(now);
  }

  handleTimeout(now: number): void {
    if (this.#state === 'closed') return;
    const datagrams = this.requests.retransmit(now);
    if (datagrams === 'exhausted') return this.#giveUp(now);
    this.send(this.path, datagrams);
    if (this.deadline !== null && now >= this.deadline) return this.#expire(now);
    this.#removeLeftovers(now);
    if (this.rekeyAt !== null && now >= this.rekeyAt) {
      this.rekeyAt = null;
      this.rekey();
    }
    const livenessAt = this.#livenessAt();
    if (livenessAt !== null && now >= livenessAt) this.probe();
    this.pump(now);
  }

  /** When {@link handleTimeout} has something to do. */
  nextTimeout(): number | null {
    if (this.#state === 'closed') return null;
    const times = [this.requests.nextTimeout(), this.deadline, this.rekeyAt, this.#livenessAt()];
    for (const child of this.children.values()) times.push(child.removeAt);
    return times.reduce((least, at) =>
      at !== null && (least === null || at < least) ? at : least,
    );
  }

  /** Begins what waits, as far as the window allows. */
  pump(now: number): void {
    this.context.touch(this);
    while (this.#channel !== null && this.#state !== 'half-open') {
      const task = this.requests.take(now);
      if (task === null) return;
      const payloads = task.request(this, now);
      if (payloads === null) continue;
      const datagrams = this.#seal(this.#header(task.exchangeType, null), payloads);
      this.requests.sent(now, task, datagrams);
      this.send(this.path, datagrams);
    }
  }

  send(path: Path, datagrams: readonly Uint8Array[]): void {
    for (const bytes of datagrams) this.context.emit({ kind: 'transmit', path, bytes });
  }

  /** Asks for a new IKE SA in place of this one. */
  rekey(): void {
    if (this.isEstablished && !this.requests.has('rekey-ike')) this.requests.add(rekeyIkeTask());
  }

  /** Asks whether the peer lives, unless something is under way that tells. */
  probe(): void {
    if (this.isEstablished && this.requests.outstanding === null && !this.requests.has('liveness'))
      this.requests.add(livenessTask());
  }

  /** Deletes this IKE SA in order; its children are gone at once. */
  delete(now: number, why: DeletionReason): void {
    if (this.#state !== 'established' && this.#state !== 'rekeyed') return this.close(now, why);
    this.enter('closing');
    this.deadline = now + CLOSING_MS;
    this.forgetChildren(why);
    for (const { task } of this.requests.takeAll()) task.abandon();
    this.requests.add(deleteIkeTask(why));
    this.pump(now);
  }

  /** The peer has deleted it. */
  deletedByPeer(now: number): void {
    this.#handOver(now); // §2.25.2
    this.close(now, 'peer');
  }

  /** The end, without a word to the other end. */
  close(now: number, why: DeletionReason): void {
    if (this.#state === 'closed') return;
    this.forgetChildren(why);
    this.#end();
    this.context.closed(now, this, why);
  }

  /** The end of one that never was established. */
  fail(now: number, why: FailureReason): void {
    if (this.#state === 'closed') return;
    this.#end();
    this.context.failed(now, this, why);
  }

  /** One child is gone. */
  dropChild(child: ChildSa, why: DeletionReason): void {
    if (!this.children.delete(child.inboundSpi)) return;
    this.context.freeEspSpi(child.inboundSpi);
    const { peer } = this;
    this.context.emit({ kind: 'deleted', peer, inboundSpi: child.inboundSpi, why });
  }

  forgetChildren(why: DeletionReason): void {
    for (const child of [...this.children.values()]) this.dropChild(child, why);
  }

  /** Takes the place of `from`: its children, and what waited to be done for them (§2.8, §2.18). */
  inherit(from: IkeSa, now: number): void {
    for (const [spi, child] of from.children) this.children.set(spi, child);
    from.children.clear();
    if (from.isEstablished) from.enter('rekeyed');
    for (const { task, notBefore } of from.requests.takeAll())
      if (task.kind.endsWith('child')) this.requests.add(task, notBefore);
    this.pump(now);
  }

  /** Gives the other end time to delete what it has to. */
  leaveToPeer(now: number, child: ChildSa): void {
    child.state = 'replaced';
    child.removeAt = now + GRACE_MS;
  }

  /** As {@link leaveToPeer}, for this whole IKE SA. */
  leaveSelfToPeer(now: number): void {
    this.deadline = now + GRACE_MS;
    this.#atDeadline = 'superseded';
    this.context.touch(this);
  }

  /** Whether this datagram is worth decrypting; a repeated request is answered here. */
  #isExpected(now: number, path: Path, header: IkeHeader, bytes: Uint8Array): boolean {
    const fromInitiator = (header.flags & FLAG_INITIATOR) !== 0;
    if (fromInitiator === this.isInitiator || this.#spiMismatch(header)) return false;
    if (isResponse(header)) return this.requests.isAwaited(header.messageId);
    if (header.messageId === this.responses.nextMessageId) return true;
    const again = this.responses.repeated(header.messageId, bytes);
    if (again !== null) {
      this.send(path, again);
      if (this.isEstablished) this.#heardAt = Math.max(this.#heardAt, now - GRACE_MS);
    }
    return false;
  }

  #spiMismatch({ initiatorSpi, responderSpi }: IkeHeader): boolean {
    const { spis } = this;
    return initiatorSpi !== spis.initiatorSpi || responderSpi !== spis.responderSpi;
  }

  /** Proven to come from the peer, and new: it lives, and this is where it is (§2.23). */
  #heardFrom(now: number, path: Path): void {
    this.#heardAt = now;
    if (!this.nat.remote && this.#state !== 'half-open') return;
    const { remote } = this.path;
    const moved =
      remote.port !== path.remote.port ||
      !remote.address.equals(path.remote.address) ||
      path.carrier !== this.path.carrier;
    if (!moved) return;
    this.path = path;
    if (this.children.size > 0) {
      const { peer } = this;
      this.context.emit({ kind: 'moved', peer, path: espPath(path, this.nat) });
    }
  }

  #handleResponse(now: number, header: IkeHeader, whole: Whole): void {
    const task = this.requests.complete(header.messageId);
    if (task === null) return;
    if (this.#state === 'closing' && task.kind !== 'delete-ike') return task.abandon();
    const payloads = decodePayloads(whole.content, whole.inner);
    task.complete(this, now, payloads.ok ? payloads.value : []);
  }

  #handleRequest(
    now: number,
    request: { path: Path; header: IkeHeader; first: Uint8Array; whole: Whole },
  ): void {
    const { path, header, first, whole } = request;
    const reply = this.#answer(now, header.exchangeType, whole);
    if (reply === null) return;
    const datagrams = this.#seal(
      this.#header(header.exchangeType, header.messageId),
      reply.payloads,
    );
    this.responses.answered(first, datagrams);
    this.send(path, datagrams);
    reply.after?.();
  }

  /** Null: no answer, as for an exchange that has no place in this state. */
  #answer(now: number, exchangeType: number, whole: Whole): Reply | null {
    const decoded = decodePayloads(whole.content, whole.inner);
    if (!decoded.ok) return { payloads: [notify(NOTIFY.INVALID_SYNTAX)] };
    const unknown = unknownCritical(decoded.value);
    if (unknown !== null) {
      const about = Uint8Array.of(unknown);
      return { payloads: [notify(NOTIFY.UNSUPPORTED_CRITICAL_PAYLOAD, about)] };
    }
    if (this.#state === 'half-open')
      return exchangeType === EXCHANGE.IKE_AUTH && !this.isRefused
        ? respondAuth(this, now, decoded.value)
        : null;
    if (this.#state === 'authenticating' || this.#state === 'opening') return null;
    if (exchangeType === EXCHANGE.CREATE_CHILD_SA)
      return respondCreateChild(this, now, decoded.value);
    return exchangeType === EXCHANGE.INFORMATIONAL
      ? respondInformational(this, now, decoded.value)
      : null;
  }

  #seal(header: HeaderFields, payloads: readonly IkePayload[]): readonly Uint8Array[] {
    if (this.#channel === null) throw new Error('bug: no channel yet');
    const limit = this.peerFragments ? this.context.settings.fragmentOctets : null;
    return this.#channel.seal(header, payloads, limit);
  }

  /** @param answering the id of the request that is answered; null for a request of ours. */
  #header(exchangeType: number, answering: number | null): HeaderFields {
    const role = this.isInitiator ? FLAG_INITIATOR : 0;
    return {
      ...this.spis,
      exchangeType,
      flags: answering === null ? role : role | FLAG_RESPONSE,
      messageId: answering ?? this.requests.nextMessageId,
    };
  }

  #livenessAt(): number | null {
    const { livenessMs } = this.context.settings;
    if (!this.isEstablished || livenessMs === 0 || this.requests.outstanding !== null) return null;
    return this.#heardAt + livenessMs;
  }

  #removeLeftovers(now: number): void {
    for (const child of this.children.values())
      if (child.removeAt !== null && now >= child.removeAt) {
        child.removeAt = null;
        this.requests.add(deleteChildTask(child, 'superseded'));
      }
  }

  /** What the other end made of this IKE SA takes over, if our own rekeying came to nothing. */
  #handOver(now: number): void {
    if (this.rival !== null && !this.rival.isClosed) this.rival.inherit(this, now);
  }

  #giveUp(now: number): void {
    if (this.#state === 'opening' || this.#state === 'authenticating')
      return this.fail(now, 'no-answer');
    this.#handOver(now);
    this.close(now, 'peer-dead');
  }

  #expire(now: number): void {
    this.deadline = null;
    this.#handOver(now);
    if (this.isEstablished || this.#state === 'rekeyed') return this.delete(now, this.#atDeadline);
    if (this.#state === 'closing') return this.close(now, 'peer-dead');
    this.fail(now, 'no-answer');
  }

  #end(): void {
    this.enter('closed');
    this.requests.abandon();
    this.#channel?.wipe();
    if (this.#keys !== null) wipeIkeKeys(this.#keys);
    this.#keys = null;
    this.#channel = null;
    this.init = null;
  }
}
