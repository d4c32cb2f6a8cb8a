/**
 * Sequence numbers: RFC 4303 §2.2, extended ones §2.2.1 and appendix A.
 * A number holds integers up to 2^53: at a thousand million packets a second that is a hundred days, and
 * keys that may live longer are replaced long before.
 */

const TWO_32 = 0x1_0000_0000;

/** The last number that may be sent under one key: counters never wrap (RFC 4303 §3.3.3). */
export const lastSequence = (extended: boolean): number =>
  extended ? Number.MAX_SAFE_INTEGER : TWO_32 - 1;

/** Upper half of a sequence number. */
export const sequenceHigh = (sequence: number): number => Math.floor(sequence / TWO_32);

/**
 * The whole number behind a lower half (RFC 4303 appendix A2.2): the one that puts it into the window below `top`, or
 * else the next one above. Negative when it would be from before the first packet.
 * @param top highest number accepted so far
 */
export function inferSequence(low: number, top: number, windowSize: number): number {
  const high = sequenceHigh(top);
  const bottom = top - high * TWO_32 - windowSize + 1; // lower half of the window's bottom; negative: it spans two
  const subspace = bottom >= 0 ? (low >= bottom ? high : high + 1) : previousOr(high, low, bottom);
  return subspace * TWO_32 + low;
}

const previousOr = (high: number, low: number, bottom: number): number =>
  low >= bottom + TWO_32 ? high - 1 : high;
