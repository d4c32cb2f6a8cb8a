/**
 * How large a packet may be on the way to a peer: the tunnel's MTU, or less where the NBMA network said so
 * (RFC 1191, RFC 8201). What was learned is forgotten after ten minutes, so that a better way is found again.
 */
import { addressKey, type IpAddress } from '../wire/address.js';

const REMEMBER_MS = 600_000; // RFC 1191 §6.3, RFC 8201 §4
const MAX_PEERS = 1_024;
/** What to assume where the network only says "too big": IPv6's least MTU, which nearly every network passes. */
const UNKNOWN_MTU = 1_280;
/** Nothing makes us go below: forged messages would grind packets to dust (RFC 1191 §8). */
const LEAST_INNER_OCTETS = 552;

export class PathMtu {
  readonly #learned = new Map<number | string, { inner: number; until: number }>();

  /** @param tunnelMtu - Largest inner packet where nothing else is known. */
  constructor(public tunnelMtu: number) {}

  /** Largest inner packet to that NBMA address. */
  to(now: number, nbma: IpAddress): number {
    if (this.#learned.size === 0) return this.tunnelMtu;
    const key = addressKey(nbma);
    const learned = this.#learned.get(key);
    if (learned === undefined) return this.tunnelMtu;
    if (learned.until > now) return learned.inner;
    this.#learned.delete(key);
    return this.tunnelMtu;
  }

  /**
   * The network passes IP packets of `outerMtu` octets to that address, of which `overheadOctets` are ours.
   * Returns the largest inner packet, or null when that is nothing new.
   */
  learn(
    now: number,
    nbma: IpAddress,
    { outerMtu, overheadOctets }: { outerMtu: number | null; overheadOctets: number },
  ): number | null {
    const before = this.to(now, nbma);
    const inner = Math.max((outerMtu ?? UNKNOWN_MTU) - overheadOctets, LEAST_INNER_OCTETS);
    if (inner >= before) return null;
    const key = addressKey(nbma);
    this.#learned.delete(key);
    this.#learned.set(key, { inner, until: now + REMEMBER_MS });
    if (this.#learned.size > MAX_PEERS) {
      const oldest = this.#learned.keys().next();
      if (!oldest.done) this.#learned.delete(oldest.value);
    }
    return inner;
  }
}
