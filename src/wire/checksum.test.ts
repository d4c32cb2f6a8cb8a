import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, readU16, writeU16, writeU32 } from './bytes.js';
import {
  checksum,
  checksumSum,
  finishChecksum,
  slabChecksum,
  updateChecksum,
  updateChecksum32,
  wordsOf,
} from './checksum.js';

/** RFC 1071 §1 as it is written: word by word, carries at the end. */
function naive(b: Uint8Array): number {
  let sum = 0n;
  for (let i = 0; i < b.length; i += 2)
    sum += BigInt(((b[i] ?? 0) << 8) | (i + 1 < b.length ? (b[i + 1] ?? 0) : 0));
  while (sum >> 16n) sum = (sum & 0xffffn) + (sum >> 16n);
  return Number(~sum & 0xffffn);
}

/** A slab with some octets at some place of it. */
const placed = fc
  .record({ lead: fc.nat(9), bytes: fc.uint8Array({ maxLength: 200 }), ones: fc.boolean() })
  .map(({ lead, bytes, ones }) => {
    const slab = new Uint8Array(400).fill(0xa5);
    if (ones) bytes.fill(0xff); // the most carries
    slab.set(bytes, lead);
    return { slab, at: lead, bytes };
  });

describe('checksum', () => {
  it('sums the example of RFC 1071 §3', () => {
    const b = fromHex('0001 f203 f4f5 f6f7');
    expect(checksumSum(b, 0, 8)).toBe(0xddf2);
    expect(checksum(b, 0, 8)).toBe(0x220d);
  });

  it('is right at every offset, length and alignment, with and without words', () => {
    fc.assert(
      fc.property(placed, ({ slab, at, bytes }) => {
        expect(checksum(slab, at, bytes.length)).toBe(naive(bytes));
        expect(slabChecksum(slab, wordsOf(slab), at, bytes.length)).toBe(naive(bytes));
      }),
      { numRuns: 500 },
    );
  });

  it('does not overflow on the longest packet, nor beyond', () => {
    for (const octets of [65_535, 65_536, 200_003, 1_000_001]) {
      const b = new Uint8Array(octets).fill(0xfe);
      expect(slabChecksum(b, wordsOf(b), 0, octets)).toBe(checksum(b, 0, octets));
      if (octets < 100_000) expect(checksum(b, 0, octets)).toBe(naive(b));
    }
  });

  it('adds up from parts of even length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(32), (b, half) => {
        const cut = Math.min(2 * half, b.length & ~1);
        const sum = checksumSum(b, 0, cut) + checksumSum(b, cut, b.length - cut);
        expect(finishChecksum(sum)).toBe(checksum(b, 0, b.length));
      }),
    );
  });

  it('follows a change of 16 and of 32 bits', () => {
    const word = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), word, word, (b, x, y) => {
        b[7] = 1; // all-zero data is the one case that RFC 1624 §3 cannot reach
        const old = checksum(b, 0, 8);
        const before = readU16(b, 2);
        writeU16(b, 2, x);
        const one = updateChecksum(old, before, x);
        expect(one).toBe(checksum(b, 0, 8));
        const before32 = (x << 16) | readU16(b, 4);
        writeU32(b, 2, ((y << 16) | before) >>> 0);
        expect(updateChecksum32(one, before32, ((y << 16) | before) >>> 0)).toBe(checksum(b, 0, 8));
      }),
    );
  });

  it('refuses a slab that cannot be read as words', () => {
    expect(() => wordsOf(new Uint8Array(9).subarray(1))).toThrow(RangeError);
  });
});
