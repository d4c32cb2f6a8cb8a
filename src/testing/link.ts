/** How a way through the simulated NBMA network treats datagrams. */
import type { SeededRandom } from './random.js';

export interface Link {
  /** One way, milliseconds. */
  readonly latencyMs: number;
  /** Up to so much more, evenly spread: datagrams may overtake each other then. */
  readonly jitterMs: number;
  /** Probabilities, 0..1, each for a datagram. */
  readonly loss: number;
  /** It arrives twice, the second time later. */
  readonly duplicate: number;
  /** It is held back until others have overtaken it. */
  readonly reorder: number;
  /** One bit of it is flipped. */
  readonly corrupt: number;
  /** The largest IP packet that passes, outer headers included; senders of larger ones are told. */
  readonly mtu: number;
}

export const PERFECT_LINK: Link = {
  latencyMs: 5,
  jitterMs: 0,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  corrupt: 0,
  mtu: 9_216,
};

/** A datagram that is held back waits so many latencies, and this at least. */
const HELD_BACK = 3;
const HELD_BACK_MS = 20;

/** @throws RangeError for a probability or time that is none. */
export function checkLink(link: Partial<Link>): Partial<Link> {
  for (const name of ['loss', 'duplicate', 'reorder', 'corrupt'] as const) {
    const value = link[name] ?? 0;
    if (!(value >= 0 && value <= 1)) throw new RangeError(`link.${name}: ${value} is not in 0..1`);
  }
  for (const name of ['latencyMs', 'jitterMs', 'mtu'] as const) {
    const value = link[name] ?? 0;
    if (!(value >= 0)) throw new RangeError(`link.${name}: ${value} is negative`);
  }
  return link;
}

/** In place of a delay. */
export const LOST = -1;

/** After how many milliseconds a datagram arrives, or LOST. */
export const delayOf = (link: Link, random: SeededRandom): number =>
  random.chance(link.loss) ? LOST : delayOfCopy(link, random);

/** After how many milliseconds what is not lost arrives. */
export function delayOfCopy(link: Link, random: SeededRandom): number {
  const jitter = link.jitterMs > 0 ? random.fraction() * link.jitterMs : 0;
  const held = random.chance(link.reorder) ? HELD_BACK * link.latencyMs + HELD_BACK_MS : 0;
  return link.latencyMs + jitter + held;
}

/** The datagram, or a copy of it with a bit flipped. */
export function damaged(link: Link, random: SeededRandom, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0 || !random.chance(link.corrupt)) return bytes;
  const copy = bytes.slice();
  const bit = random.below(8 * copy.length);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
