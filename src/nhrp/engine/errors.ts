/**
 * Error Indications: RFC 2332 §5.2.7. Never about an error, one for a packet, from the node that found the fault to
 * the source of the packet, limited in rate for all and for each source, with a bounded quotation of the packet.
 */
import { type IpAddress, readAddress } from '../../wire/address.js';
import { readU8 } from '../../wire/bytes.js';
import { type Endpoint, endpointKey } from '../../wire/path.js';
import type { WireError } from '../../wire/result.js';
import type { ErrorIndication, NhrpMessage } from '../codec/message.js';
import { ErrorCode, ExtensionType, PacketType, TypeLength } from '../codec/numbers.js';
import type { EngineContext } from './context.js';
import { ciesOf, headerOf, isReplyType, plainAddress } from './messages.js';
import { KeyedBuckets, TokenBucket } from './rate.js';

/** Octets of the offending packet that go back: an answer is never larger than a small question. */
const MAX_QUOTED_OCTETS = 128;
const MAX_SOURCES = 4_096;
/** Of the limit of a second: so much may come at once. */
const SAVED_SHARE = 0.1;

/** Where a packet's source address is found without a decoder: RFC 2332 §5.1, §5.2.0.1. */
const NBMA_LENGTH_AT = 18;
const PROTOCOL_LENGTH_AT = 20;
const MANDATORY_AT = 28;

export class Errors {
  readonly #all: TokenBucket;
  readonly #bySource: KeyedBuckets;

  constructor(readonly context: EngineContext) {
    const { errorsPerSecond, errorsPerSourcePerSecond } = context.config.limits;
    // no second has more, not even the first: what may be saved up and what comes meanwhile are the limit together
    const saved = Math.ceil(errorsPerSecond * SAVED_SHARE);
    const perSecond = errorsPerSecond * (1 - SAVED_SHARE);
    this.#all = new TokenBucket(saved, perSecond, context.environment.now);
    this.#bySource = new KeyedBuckets(
      MAX_SOURCES,
      errorsPerSourcePerSecond,
      errorsPerSourcePerSecond,
    );
  }

  /** Says to `from` what is wrong with its packet; `offset` counts from the packet's fixed header. */
  report(now: number, fault: Fault): void {
    const { message, octets, from, code, offset } = fault;
    const source = this.#originOf(message);
    if (message.type === PacketType.ERROR_INDICATION || source === null) return;
    const isProven = code !== ErrorCode.AUTHENTICATION_FAILURE;
    this.#send(now, { source, octets, from, code, offset, isProven });
  }

  /** As `report`, about a packet of which only the source could be read. */
  send(now: number, fault: Omit<Fault, 'message'> & { readonly source: IpAddress }): void {
    this.#send(now, { ...fault, isProven: false });
  }

  /** Who has not proven that it knows our password is not sent it. */
  #send(now: number, fault: Parameters<Errors['send']>[1] & { readonly isProven: boolean }): void {
    const { source, octets, from, code, offset, isProven } = fault;
    const { config, nbmaAddress } = this.context;
    if (this.context.isOwn(source)) return;
    if (!this.#bySource.take(endpointKey(from), now) || !this.#all.take(now)) {
      this.context.counters.dropped['rate-limited']++;
      return;
    }
    const error: ErrorIndication = {
      ...headerOf(
        { nbma: nbmaAddress, protocol: config.address, hopCount: config.hopCount },
        source,
      ),
      type: PacketType.ERROR_INDICATION,
      unused: 0,
      errorCode: code,
      errorOffset: offset,
      packet: octets.slice(0, Math.min(octets.length, MAX_QUOTED_OCTETS)),
      extensions: null,
    };
    const to = code === ErrorCode.LOOP_DETECTED ? this.#outOfLoop(now, source, from) : from;
    const bare = !isProven || !config.authenticateErrors;
    if (this.context.send(now, error, to, bare)) {
      const { tunnel } = config;
      this.context.event({ type: 'error-sent', tunnel, code, to: this.context.text(to) });
    }
  }

  /** Whose fault it is: of a request its source; a reply keeps the addresses of its request, and was made by its responder. */
  #originOf(message: NhrpMessage): IpAddress | null {
    if (!isReplyType(message.type)) return plainAddress(message.sourceProtocolAddress);
    const [responder] = ciesOf(message, ExtensionType.RESPONDER_ADDRESS) ?? [];
    const named = plainAddress(responder?.protocolAddress ?? null);
    return named === null || this.context.isOwn(named)
      ? plainAddress(message.destinationProtocolAddress)
      : named;
  }

  /** The way back leads round the loop to ourselves: a source that we know is told directly. */
  #outOfLoop(now: number, source: IpAddress, from: Endpoint): Endpoint {
    const found = this.context.locator.locate(now, source);
    return found.kind === 'direct' && found.nbma !== null ? found.nbma : from;
  }
}

/** Of the octets of a packet that did not parse: its source protocol address, when that much can be read. */
export function sourceOf(octets: Uint8Array): IpAddress | null {
  if (octets.length < MANDATORY_AT) return null;
  const nbma = readU8(octets, NBMA_LENGTH_AT) & TypeLength.LENGTH_MASK;
  const sub = readU8(octets, NBMA_LENGTH_AT + 1) & TypeLength.LENGTH_MASK;
  const length = readU8(octets, PROTOCOL_LENGTH_AT);
  const at = MANDATORY_AT + nbma + sub;
  if ((length !== 4 && length !== 16) || at + length > octets.length) return null;
  return readAddress(octets, at, length === 4 ? 4 : 6);
}

/** The error that §5.2.7 has for a packet that did not parse; null when it is too broken to be answered. */
export function errorCodeFor({ code, field }: WireError): number | null {
  if (field.startsWith('nhrp.extension')) return ErrorCode.INVALID_EXTENSION;
  const isProtocol = code === 'unsupported' || code === 'bad-version' || code === 'bad-value';
  return isProtocol ? ErrorCode.PROTOCOL_ERROR : null;
}

export interface Fault {
  readonly message: NhrpMessage;
  /** The packet as it came. */
  readonly octets: Uint8Array;
  readonly from: Endpoint;
  /** RFC 2332 §5.2.7. */
  readonly code: number;
  readonly offset: number;
}
