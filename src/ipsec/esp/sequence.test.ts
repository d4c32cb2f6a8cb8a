import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inferSequence, lastSequence, sequenceHigh } from './sequence.js';

const TWO_32 = 2 ** 32;

describe('extended sequence numbers', () => {
  it('finds every number of the window and half the space above it again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 52 }),
        fc.integer({ min: 32, max: 8_192 }),
        fc.integer({ min: -8_191, max: 2 ** 31 }),
        (top, size, offset) => {
          const sequence = top + Math.max(offset, 1 - size);
          fc.pre(sequence > 0);
          expect(inferSequence(sequence % TWO_32, top, size)).toBe(sequence);
        },
      ),
    );
  });

  it.each([32, 64, 1_024, 8_128])('with a window of %i at ±W of 2^32', (size) => {
    let wrong = 0;
    for (let top = TWO_32 - size; top <= TWO_32 + size; top += 7)
      for (let sequence = top - size + 1; sequence <= top + size; sequence += 3)
        if (inferSequence(sequence % TWO_32, top, size) !== sequence) wrong++;
    expect(wrong).toBe(0);
  });

  it('takes a number from before the first packet for none', () => {
    expect(inferSequence(TWO_32 - 1, 0, 64)).toBeLessThan(0);
    expect(inferSequence(TWO_32 - 1, 5, 64)).toBeLessThan(0);
  });

  it('knows where each kind ends', () => {
    expect(lastSequence(false)).toBe(0xffff_ffff);
    expect(sequenceHigh(lastSequence(true))).toBe(0x1f_ffff);
  });
});
