/** ICMP errors of this node as a router: from the tunnel address, and not too many of them. */
import { TokenBucket } from '../nhrp/engine/rate.js';
import type { IpAddress } from '../wire/address.js';
import { type IcmpProblem, icmpErrorPacket } from '../wire/icmp-packet.js';
import { ipVersion } from '../wire/ip-packet.js';
import type { PacketCounters } from './counters.js';

/** RFC 1812 §4.3.2.8 and RFC 4443 §2.4 (f) ask for a limit; a traceroute must pass it. */
const BURST = 50;
const PER_SECOND = 100;

export class IcmpErrors {
  readonly #own: () => readonly IpAddress[];
  readonly #counters: PacketCounters;
  readonly #bucket: TokenBucket;

  /** @param own - The tunnel's addresses; the first of a family is the source. */
  constructor(own: () => readonly IpAddress[], counters: PacketCounters, now: number) {
    this.#own = own;
    this.#counters = counters;
    this.#bucket = new TokenBucket(BURST, PER_SECOND, now);
  }

  /** The error packet, or null where none may be sent (RFC 1122 §3.2.2), or no more now. */
  about(now: number, problem: IcmpProblem, packet: Uint8Array): Uint8Array | null {
    const from = this.#own().find((a) => a.family === ipVersion(packet, 0));
    if (from === undefined) return null;
    const error = icmpErrorPacket(problem, packet, from);
    if (error === null || !this.#bucket.take(now)) return null;
    this.#counters.icmpErrorsSent++;
    return error;
  }
}
