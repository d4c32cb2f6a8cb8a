/**
 * A message that came in: decoded, checked to be from a peer that may speak and knows the password, and handed to the
 * part that it is for. Nothing has changed any state before all checks have passed.
 */
import type { IpAddress } from '../../wire/address.js';
import { readU8, readU32 } from '../../wire/bytes.js';
import { wordsOf } from '../../wire/checksum.js';
import type { Endpoint } from '../../wire/path.js';
import type { WireError } from '../../wire/result.js';
import {
  type CieMessage,
  type ErrorIndication,
  messageOf,
  type NhrpMessage,
} from '../codec/message.js';
import { ErrorCode, PacketType } from '../codec/numbers.js';
import { NhrpView } from '../codec/view.js';
import type { NbmaPair } from './api.js';
import type { EngineContext } from './context.js';
import { type Errors, errorCodeFor, sourceOf } from './errors.js';
import { isReplyType, plainAddress } from './messages.js';
import type { NhsSet } from './nhs-set.js';
import type { Purges } from './purges.js';
import type { Redirects } from './redirect.js';
import type { Registrar } from './registrar.js';
import type { Resolver } from './resolver.js';
import type { Responder } from './responder.js';
import type { Transit } from './transit.js';

export interface DispatcherParts {
  readonly context: EngineContext;
  readonly errors: Errors;
  readonly servers: NhsSet;
  readonly transit: Transit;
  readonly responder: Responder;
  readonly resolver: Resolver;
  readonly registrar: Registrar;
  readonly redirects: Redirects;
  readonly purges: Purges;
  readonly onPurgeReply: (now: number, requestId: number) => boolean;
}

/** ar$pktsz has 16 bits; what lies behind is padding of the link. */
const MAX_PACKET_OCTETS = 0x1_0000;

/** Of a packet that is quoted or broken: ar$op.type, and the request id behind the mandatory part's lengths and flags. */
const TYPE_AT = 17;
const REQUEST_ID_AT = 24;

export class Dispatcher {
  /** One for all messages: each is copied to where it can be summed by words, and is ours for the call. */
  readonly #view: NhrpView;
  readonly #slab: Uint8Array = new Uint8Array(MAX_PACKET_OCTETS);
  readonly #words: Uint32Array = wordsOf(this.#slab);

  constructor(readonly parts: DispatcherParts) {
    const { lenientOddChecksum } = parts.context.config;
    this.#view = new NhrpView({ lenientOddChecksum });
  }

  handle(now: number, { remote: from }: NbmaPair, octets: Uint8Array): void {
    const { context } = this.parts;
    const length = Math.min(octets.length, MAX_PACKET_OCTETS);
    this.#slab.set(length === octets.length ? octets : octets.subarray(0, length));
    const error = this.#view.parse(this.#slab, this.#words, 0, length);
    if (error !== null) return this.#refuse(now, octets, from, error);
    const message = messageOf(this.#view);
    context.counters.received[message.type] = (context.counters.received[message.type] ?? 0) + 1;
    if (!context.peers.isUp(from)) return context.drop('peer-not-up', from);
    if (!this.#isAuthentic(now, message, octets, from)) return;
    const source = plainAddress(message.sourceProtocolAddress);
    if (source === null || source.family !== context.config.address.family) {
      return context.drop('unsupported', from);
    }
    if (context.isOwn(source) && !isReplyType(message.type))
      return context.drop('own-packet', from);
    this.#dispatch(now, message, octets, from, source);
  }

  /** What did not parse changes nothing; where §5.2.7 has a code for it, the sender is told. */
  #refuse(now: number, octets: Uint8Array, from: Endpoint, error: WireError): void {
    const { context, errors } = this.parts;
    context.counters.received[0] = (context.counters.received[0] ?? 0) + 1;
    context.drop('malformed', from, error);
    const code = errorCodeFor(error);
    const source = sourceOf(octets);
    if (code === null || source === null || octets[TYPE_AT] === PacketType.ERROR_INDICATION) return;
    errors.send(now, { source, octets, from, code, offset: error.offset });
  }

  #dispatch(
    now: number,
    message: NhrpMessage,
    octets: Uint8Array,
    from: Endpoint,
    source: IpAddress,
  ): void {
    const { transit, responder, registrar, purges } = this.parts;
    switch (message.type) {
      case PacketType.RESOLUTION_REQUEST:
        return responder.handleRequest(now, message, octets, from);
      case PacketType.REGISTRATION_REQUEST:
        if (this.#isForUs(message, source))
          return registrar.handleRequest(now, message, octets, from);
        return transit.forward(now, message, octets, from);
      case PacketType.PURGE_REQUEST:
        if (this.#isForUs(message, source)) return purges.handleRequest(now, message, octets, from);
        return transit.forward(now, message, octets, from);
      case PacketType.ERROR_INDICATION:
        return this.#handleError(now, message, octets, from);
      case PacketType.TRAFFIC_INDICATION:
        if (this.#isAlongTheWay(now, message)) return transit.forward(now, message, octets, from);
        return this.parts.redirects.handleIndication(now, message, from);
      default:
        if (this.#isPurgeReply(now, message)) return;
        if (this.parts.context.isOwn(source)) return this.#handleReply(now, message, octets, from);
        return transit.forward(now, message, octets, from);
    }
  }

  #handleReply(now: number, message: CieMessage, octets: Uint8Array, from: Endpoint): void {
    const { context, servers, resolver } = this.parts;
    if (message.type === PacketType.RESOLUTION_REPLY)
      return resolver.handleReply(now, message, octets, from);
    const isOurs =
      message.type === PacketType.REGISTRATION_REPLY && servers.handleReply(now, message);
    if (!isOurs) context.drop('unsolicited', from);
  }

  /** A reply to a purge of ours: by its id, for the address that it is about may be ours no longer. */
  #isPurgeReply(now: number, { type, requestId }: CieMessage): boolean {
    return type === PacketType.PURGE_REPLY && this.parts.onPurgeReply(now, requestId);
  }

  /** Addressed to us, or from somebody who does not know our address: destination equal to source, or none. */
  #isForUs(message: CieMessage, source: IpAddress): boolean {
    const destination = plainAddress(message.destinationProtocolAddress);
    if (destination === null || destination.equals(source)) return true;
    return this.parts.context.isOwn(destination) || isBroadcast(destination);
  }

  /** An indication for somebody who is reached through us. */
  #isAlongTheWay(now: number, message: NhrpMessage): boolean {
    const destination = plainAddress(message.destinationProtocolAddress);
    if (destination === null) return false;
    const { kind, slot } = this.parts.context.locator.locate(now, destination);
    return kind === 'direct' && this.parts.context.cache.kindOf(slot) === 'dynamic';
  }

  #isAuthentic(now: number, message: NhrpMessage, octets: Uint8Array, from: Endpoint): boolean {
    const { context, errors, servers } = this.parts;
    if (context.authenticator.verify(message, octets, from)) return true;
    if (
      message.type === PacketType.ERROR_INDICATION &&
      isBare(message) &&
      (servers.at(from) !== null || context.cache.byNbma(from).length > 0)
    ) {
      return true; // §5.2.7: errors have no extensions. From a peer that we know it is a hint, and no more
    }
    context.drop('authentication', from);
    if (context.config.authenticationFailure === 'error') {
      errors.report(now, {
        message,
        octets,
        from,
        code: ErrorCode.AUTHENTICATION_FAILURE,
        offset: 0,
      });
    }
    return false;
  }

  #handleError(now: number, message: ErrorIndication, octets: Uint8Array, from: Endpoint): void {
    const { context, servers, resolver, transit } = this.parts;
    const destination = plainAddress(message.destinationProtocolAddress);
    if (destination === null || !context.isOwn(destination))
      return transit.forward(now, message, octets, from);
    context.event({
      type: 'error-received',
      tunnel: context.config.tunnel,
      code: message.errorCode,
      offset: message.errorOffset,
      from: context.text(from),
    });
    const quoted = message.packet;
    if (quoted.length < REQUEST_ID_AT + 4) return;
    const type = readU8(quoted, TYPE_AT);
    const requestId = readU32(quoted, REQUEST_ID_AT);
    if (type === PacketType.RESOLUTION_REQUEST)
      resolver.handleError(now, requestId, message.errorCode);
    if (
      type === PacketType.REGISTRATION_REQUEST &&
      message.errorCode === ErrorCode.AUTHENTICATION_FAILURE
    ) {
      servers.handleAuthenticationError(now, requestId, from);
    }
  }
}

const isBare = (message: ErrorIndication): boolean => (message.extensions?.length ?? 0) === 0;

/** OpenNHRP registers with a broadcast address when it does not know the server's. */
const isBroadcast = (a: IpAddress): boolean =>
  a.family === 4 && (a.w0 === 0 || a.w0 === -1 || (a.w0 & 0xff) === 0xff);
