/**
 * The Internet checksum: RFC 1071; incremental update by RFC 1624.
 *
 * A sum may be taken in any byte order and swapped once at the end (RFC 1071 §2 B), so a slab is summed
 * 32 bits at a time through one `Uint32Array` that is made once per slab: making a view per packet would
 * cost more than it saves.
 */
import { readU8 } from './bytes.js';

const LITTLE_ENDIAN: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
/** Sums of 16-bit halves stay within 31 bits up to here; no IP packet is longer. */
const MAX_SUMMED_OCTETS = 0x1_0000;

/** The checksum of `octets` octets, 0..0xffff. Over data that holds its own right checksum it is 0. */
export const checksum = (b: Uint8Array, at: number, octets: number): number =>
  finishChecksum(checksumSum(b, at, octets));

/**
 * {@link checksum} through the slab's words, faster from some 32 octets on.
 * @param words of {@link wordsOf}`(slab)`
 * @param at counts from the start of the slab; any alignment is right
 */
export const slabChecksum = (
  slab: Uint8Array,
  words: Uint32Array,
  at: number,
  octets: number,
): number => finishChecksum(slabChecksumSum(slab, words, at, octets));

/**
 * An unfinished sum, 0..0xffff, for {@link finishChecksum}. Sums of parts may be added up when every part
 * but the last has an even number of octets.
 */
export function checksumSum(b: Uint8Array, at: number, octets: number): number {
  const end = at + octets;
  let high = 0;
  let low = 0;
  for (; at + 8 <= end; at += 8) {
    high += readU8(b, at) + readU8(b, at + 2) + readU8(b, at + 4) + readU8(b, at + 6);
    low += readU8(b, at + 1) + readU8(b, at + 3) + readU8(b, at + 5) + readU8(b, at + 7);
  }
  for (; at + 2 <= end; at += 2) {
    high += readU8(b, at);
    low += readU8(b, at + 1);
  }
  if (at < end) high += readU8(b, at); // a last odd octet is the high half of a word: RFC 1071 §1
  return fold(high * 256 + low);
}

/**
 * The slab as 32-bit words, for {@link slabChecksum}: made once, kept beside the slab.
 * @throws RangeError when the slab does not begin on a multiple of four octets of its buffer
 */
export function wordsOf(slab: Uint8Array): Uint32Array {
  if (slab.byteOffset & 3) throw new RangeError('slab: must begin on a multiple of four octets');
  return new Uint32Array(slab.buffer, slab.byteOffset, slab.length >>> 2);
}

/**
 * {@link checksumSum} through the slab's words. The loop stands here and not in a function of its own: this one is then too
 * large for V8 to put into its callers, where it was found to leave half of the parts behind as calls.
 */
export function slabChecksumSum(
  slab: Uint8Array,
  words: Uint32Array,
  at: number,
  octets: number,
): number {
  if (octets < 8 || octets > MAX_SUMMED_OCTETS) return checksumSum(slab, at, octets);
  const end = at + octets;
  const first = (at + 3) & ~3;
  const last = end & ~3;
  const to = last >>> 2;
  let high = 0;
  let low = 0;
  let i = first >>> 2;
  for (; i + 4 <= to; i += 4) {
    const a = words[i] ?? 0;
    const b = words[i + 1] ?? 0;
    const c = words[i + 2] ?? 0;
    const d = words[i + 3] ?? 0;
    high += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16);
    low += (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff);
  }
  for (; i < to; i++) {
    const a = words[i] ?? 0;
    high += a >>> 16;
    low += a & 0xffff;
  }
  let inner = high + low;
  inner = (inner & 0xffff) + (inner >>> 16);
  inner = (inner & 0xffff) + (inner >>> 16);
  // In native order the words of a little-endian machine are swapped; beginning on an odd octet swaps once more.
  const swapped = ((first - at) & 1) === 0 ? LITTLE_ENDIAN : !LITTLE_ENDIAN;
  const edges = sumEdge(slab, at, first, 0) + sumEdge(slab, last, end, (last - at) & 1);
  return fold32((swapped ? swap16(inner) : inner) + edges);
}

/** The checksum that belongs to a sum of at most 48 bits. */
export const finishChecksum = (sum: number): number => ~fold(sum) & 0xffff;

/** The checksum after one 16-bit word of the data has changed: RFC 1624 §3 eqn. 3. */
export const updateChecksum = (old: number, before: number, after: number): number =>
  finishChecksum((~old & 0xffff) + (~before & 0xffff) + (after & 0xffff));

/** The checksum after 32 bits at an even offset of the data have changed. */
export const updateChecksum32 = (old: number, before: number, after: number): number =>
  updateChecksum(updateChecksum(old, before >>> 16, after >>> 16), before, after);

/** Up to three octets before or after the words; `odd` is 1 when the first is the low half of its word. */
function sumEdge(b: Uint8Array, at: number, end: number, odd: number): number {
  let sum = 0;
  for (; at < end; at++, odd ^= 1) sum += odd ? readU8(b, at) : readU8(b, at) << 8;
  return sum;
}

/** To 16 bits with end-around carry; 0 only for 0. */
function fold(sum: number): number {
  if (sum > 0xffff_ffff) sum = (sum % 0x1_0000) + Math.floor(sum / 0x1_0000);
  return fold32((sum & 0xffff) + (sum >>> 16));
}

/** The same for a sum of at most 32 bits. */
function fold32(sum: number): number {
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}

const swap16 = (sum: number): number => ((sum & 0xff) << 8) | (sum >>> 8);
