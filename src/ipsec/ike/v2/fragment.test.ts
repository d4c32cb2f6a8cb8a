import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../wire/bytes.js';
import { type Fragment, partsOf, Reassembly } from './fragment.js';

const fragment = (number: number, total: number, content: number[], messageId = 1): Fragment => ({
  messageId,
  isResponse: false,
  number,
  total,
  inner: number === 1 ? 35 : 0,
  content: Uint8Array.from(content),
});

describe('fragments (RFC 7383)', () => {
  it('make the whole again in any order, repeated or not', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 400 }),
        fc.integer({ min: 8, max: 100 }),
        fc.infiniteStream(fc.nat()),
        (content, room, chance) => {
          const parts = partsOf(content, room);
          const all = parts.map((part, i) => fragment(i + 1, parts.length, [...part]));
          const order = [...all, ...all.slice(1)].sort(() => (chance.next().value ?? 0) - 2 ** 30);
          const reassembly = new Reassembly();
          const wholes = order.map((f) => reassembly.add(f)).filter((whole) => whole !== null);
          expect(toHex(wholes[0]?.content ?? new Uint8Array(0))).toBe(toHex(content));
          expect(wholes[0]?.inner).toBe(35);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('begin anew with a bigger total, and ignore a smaller one', () => {
    const reassembly = new Reassembly();
    expect(reassembly.add(fragment(1, 2, [1]))).toBeNull();
    expect(reassembly.add(fragment(1, 3, [1]))).toBeNull();
    expect(reassembly.add(fragment(2, 2, [2]))).toBeNull();
    expect(reassembly.add(fragment(2, 3, [2]))).toBeNull();
    expect(reassembly.add(fragment(3, 3, [3]))?.content).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('are kept for one message at a time', () => {
    const reassembly = new Reassembly();
    expect(reassembly.add(fragment(1, 2, [1], 1))).toBeNull();
    expect(reassembly.add(fragment(1, 2, [9], 2))).toBeNull();
    expect(reassembly.add(fragment(2, 2, [8], 2))?.content).toEqual(Uint8Array.of(9, 8));
  });

  it('are refused beyond 64 parts or 65,535 octets', () => {
    const reassembly = new Reassembly();
    expect(reassembly.add(fragment(1, 65, [1]))).toBeNull();
    const big = new Array<number>(40_000).fill(7);
    expect(reassembly.add(fragment(1, 2, big, 3))).toBeNull();
    expect(reassembly.add(fragment(2, 2, big, 3))).toBeNull();
    expect(reassembly.add(fragment(2, 2, [1], 3))?.content).toHaveLength(40_001);
  });
});
