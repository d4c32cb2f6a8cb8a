/**
 * Error Indications: RFC 2332 §5.2.7. Never about an error, one for a packet, from the node that found the fault to
 * the source of the packet, limited in rate for all and for each source, with a bounded quotation of the packet.
 */
import type { IpAddress } from '../../wire/address.js';
import { type Endpoint, endpointKey } from '../../wire/path.js';
import type { ErrorIndication, NhrpMessage } from '../codec/message.js';
import { PacketType } from '../codec/numbers.js';
import type { EngineContext } from './context.js';
import { headerOf, plainAddress } from './messages.js';
import { KeyedBuckets, TokenBucket } from './rate.js';

/** Octets of the offending packet that go back: an answer is never larger than a small question. */
const MAX_QUOTED_OCTETS = 128;
const MAX_SOURCES = 4_096;

export class Errors {
  readonly #all: TokenBucket;
  readonly #bySource: KeyedBuckets;

  constructor(readonly context: EngineContext) {
    const { errorsPerSecond, errorsPerSourcePerSecond } = context.config.limits;
    this.#all = new TokenBucket(errorsPerSecond, errorsPerSecond, context.environment.now);
    this.#bySource = new KeyedBuckets(
      MAX_SOURCES,
      errorsPerSourcePerSecond,
      errorsPerSourcePerSecond,
    );
  }

  /** Says to `from` what is wrong with its packet; `offset` counts from the packet's fixed header. */
  report(now: number, fault: Fault): void {
    const { message, octets, from, code, offset } = fault;
    const source = plainAddress(message.sourceProtocolAddress);
    if (message.type === PacketType.ERROR_INDICATION || source === null) return;
    this.send(now, { source, octets, from, code, offset });
  }

  /** As `report`, about a packet of which only the source could be read. */
  send(now: number, fault: Omit<Fault, 'message'> & { readonly source: IpAddress }): void {
    const { source, octets, from, code, offset } = fault;
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
    if (this.context.send(now, error, from)) {
      this.context.event({
        type: 'error-sent',
        tunnel: config.tunnel,
        code,
        to: this.context.text(from),
      });
    }
  }
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
