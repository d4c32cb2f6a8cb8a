/**
 * What an IKE SA says and hears: encryption, both message windows, and to whom a message is given.
 * RFC 7296 §2.1 to §2.3, §2.5, §2.21; RFC 7383.
 */
import type { Path } from '../../../wire/path.js';
import { type IkeHeader, isResponse } from '../header.js';
import type { IkeKeys, IkeSuite } from '../key-schedule.js';
import { decodeIkeMessage, type HeaderFields } from '../message.js';
import { EXCHANGE, FLAG_INITIATOR, FLAG_RESPONSE, NOTIFY } from '../numbers.js';
import { decodePayloads, type IkePayload } from '../payload.js';
import { respondAuth } from './auth.js';
import { SecureChannel } from './channel.js';
import { respondCreateChild } from './create-child.js';
import type { Whole } from './fragment.js';
import { saysInvalidIkeSpi } from './hints.js';
import type { IkeSa, Reply } from './ike-sa.js';
import { respondInformational } from './informational.js';
import { notify, unknownCritical } from './payloads.js';
import { RequestWindow, ResponseWindow } from './window.js';

/** One whole, authentic message. */
interface Received {
  readonly path: Path;
  readonly header: IkeHeader;
  readonly whole: Whole;
  /** The datagram, or the first fragment: its repetition is answered again. */
  readonly datagram: Uint8Array;
}

export class Conversation {
  readonly requests: RequestWindow;
  readonly responses: ResponseWindow = new ResponseWindow();
  readonly #sa: IkeSa;
  #channel: SecureChannel | null = null;
  #firstFragment: Uint8Array | null = null;

  constructor(sa: IkeSa) {
    const { settings, crypto } = sa.context;
    this.#sa = sa;
    this.requests = new RequestWindow(settings.retransmission, crypto);
  }

  /** From now on messages can be encrypted. */
  secure(suite: IkeSuite, keys: IkeKeys): void {
    const { context, isInitiator } = this.#sa;
    this.#channel = new SecureChannel(context.crypto, suite, keys, isInitiator);
  }

  /** A whole datagram. `bytes` is this one's to change and to keep. */
  handleMessage(now: number, path: Path, header: IkeHeader, bytes: Uint8Array): void {
    const received = this.#receive(now, path, header, bytes);
    if (received === null) return;
    this.#sa.heardFrom(now, path);
    if (isResponse(header)) this.#handleResponse(now, received);
    else this.#handleRequest(now, received);
    this.pump(now);
  }

  /** Begins what waits, as far as the window allows. */
  pump(now: number): void {
    const sa = this.#sa;
    sa.context.touch(sa);
    while (this.#channel !== null && sa.state !== 'half-open') {
      const task = this.requests.take(now);
      if (task === null) return;
      const payloads = task.request(sa, now);
      if (payloads === null) continue;
      const datagrams = this.#seal(this.#header(task.exchangeType, null), payloads);
      this.requests.sent(now, task, datagrams);
      this.send(sa.path, datagrams);
    }
  }

  send(path: Path, datagrams: readonly Uint8Array[]): void {
    for (const bytes of datagrams) this.#sa.context.emit({ kind: 'transmit', path, bytes });
  }

  /** Nothing is said or heard any more. */
  end(): void {
    this.requests.abandon();
    this.#channel?.wipe();
    this.#channel = null;
  }

  /** Null when the datagram is refused, not awaited, or not yet whole. */
  #receive(now: number, path: Path, header: IkeHeader, bytes: Uint8Array): Received | null {
    const { context } = this.#sa;
    if (this.#channel === null || !this.#isOurs(header)) return null;
    const original = bytes.slice();
    const message = decodeIkeMessage(bytes);
    if (!message.ok) {
      context.notice({ kind: 'dropped', path, error: message.error });
      return null;
    }
    if (!this.#isAwaited(path, header, original)) return null;
    if (saysInvalidIkeSpi(message.value)) {
      this.#sa.liveness.hint(now);
      return null;
    }
    const opened = this.#channel.open(message.value, bytes);
    if (!opened.ok) {
      context.notice({ kind: 'dropped', path, error: opened.error });
      return null;
    }
    const last = message.value.payloads.at(-1);
    const isFragment = last?.kind === 'skf';
    if (isFragment && last.number === 1) this.#firstFragment = original;
    if (opened.value === 'incomplete') return null;
    const datagram = isFragment ? (this.#firstFragment ?? original) : original;
    return { path, header, whole: opened.value, datagram };
  }

  #isOurs({ initiatorSpi, responderSpi, flags }: IkeHeader): boolean {
    const { spis, isInitiator } = this.#sa;
    const byInitiator = (flags & FLAG_INITIATOR) !== 0;
    return (
      byInitiator !== isInitiator &&
      initiatorSpi === spis.initiatorSpi &&
      responderSpi === spis.responderSpi
    );
  }

  /** Whether this datagram is worth decrypting; a repeated request is answered here. */
  #isAwaited(path: Path, header: IkeHeader, bytes: Uint8Array): boolean {
    if (isResponse(header)) return this.requests.isAwaited(header.messageId);
    if (header.messageId === this.responses.nextMessageId) return true;
    const again = this.responses.repeated(header.messageId, bytes);
    if (again !== null) this.send(path, again);
    return false;
  }

  #handleResponse(now: number, { header, whole }: Received): void {
    const task = this.requests.complete(header.messageId);
    if (task === null) return;
    if (this.#sa.state === 'closing' && task.kind !== 'delete-ike') return task.abandon();
    const payloads = decodePayloads(whole.content, whole.inner);
    task.complete(this.#sa, now, payloads.ok ? payloads.value : []);
  }

  #handleRequest(now: number, { path, header, whole, datagram }: Received): void {
    const { exchangeType, messageId } = header;
    const reply = this.#answer(now, exchangeType, whole);
    if (reply === null) return;
    const datagrams = this.#seal(this.#header(exchangeType, messageId), reply.payloads);
    this.responses.answered(datagram, datagrams);
    this.send(path, datagrams);
    reply.after?.();
  }

  /** Null: no answer, as for an exchange that has no place in this state. */
  #answer(now: number, exchangeType: number, whole: Whole): Reply | null {
    const sa = this.#sa;
    const decoded = decodePayloads(whole.content, whole.inner);
    if (!decoded.ok) return { payloads: [notify(NOTIFY.INVALID_SYNTAX)] };
    const request = decoded.value;
    const unknown = unknownCritical(request);
    if (unknown !== null)
      return { payloads: [notify(NOTIFY.UNSUPPORTED_CRITICAL_PAYLOAD, Uint8Array.of(unknown))] };
    if (sa.state === 'half-open') {
      const isAuth = exchangeType === EXCHANGE.IKE_AUTH && !sa.isRefused;
      return isAuth ? respondAuth(sa, now, request) : null;
    }
    if (sa.state === 'authenticating' || sa.state === 'opening') return null;
    if (exchangeType === EXCHANGE.CREATE_CHILD_SA) return respondCreateChild(sa, now, request);
    if (exchangeType === EXCHANGE.INFORMATIONAL) return respondInformational(sa, now, request);
    return null;
  }

  #seal(header: HeaderFields, payloads: readonly IkePayload[]): readonly Uint8Array[] {
    const { peerFragments, context } = this.#sa;
    if (this.#channel === null) throw new Error('bug: no channel yet');
    const limit = peerFragments ? context.settings.fragmentOctets : null;
    return this.#channel.seal(header, payloads, limit);
  }

  /** @param answering the id of the request that is answered; null for a request of ours. */
  #header(exchangeType: number, answering: number | null): HeaderFields {
    const { isInitiator, spis } = this.#sa;
    const role = isInitiator ? FLAG_INITIATOR : 0;
    const flags = answering === null ? role : role | FLAG_RESPONSE;
    return { ...spis, exchangeType, flags, messageId: answering ?? this.requests.nextMessageId };
  }
}
