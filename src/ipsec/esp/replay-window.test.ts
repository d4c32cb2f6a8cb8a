import { describe, expect, it } from 'vitest';
import { ReplayWindow } from './replay-window.js';

/** RFC 4303 §3.4.3 in its own words: a number is good when it was not seen and is not left of the window. */
class NaiveWindow {
  #seen = new Set<number>();
  #top = 0;
  constructor(readonly size: number) {}
  isFresh(n: number): boolean {
    return n > 0 && n > this.#top - this.size && !this.#seen.has(n);
  }
  accept(n: number): void {
    this.#seen.add(n);
    this.#top = Math.max(this.#top, n);
    if (this.#seen.size > 4 * this.size)
      for (const old of this.#seen) if (old <= this.#top - this.size) this.#seen.delete(old);
  }
}

/** xorshift32: the run is the same every time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function compare(size: number, steps: number, start: number): number {
  const window = new ReplayWindow(size);
  const naive = new NaiveWindow(size);
  const random = generator(size * 2_654_435_761);
  if (start > 0) {
    window.accept(start);
    naive.accept(start);
  }
  let differences = 0;
  let accepted = 0;
  for (let step = 0; step < steps; step++) {
    const jump = (random() & 0xfff) === 0 ? 3 * size : 0; // now and then far ahead
    const n = window.top + jump - (random() % (size + size / 2)) + (random() % (size / 4));
    const fresh = window.isFresh(n);
    if (fresh !== naive.isFresh(n)) differences++;
    if (!fresh) continue;
    accepted++;
    window.accept(n);
    naive.accept(n);
  }
  expect(accepted).toBeGreaterThan(steps / 20);
  return differences;
}

/** Seven times: 10,150,000 steps. */
const STEPS = 1_450_000;

describe('replay window', () => {
  it.each([
    [32, 0],
    [64, 0],
    [1_024, 0],
    [8_128, 0],
    [8_192, 0],
    [64, 2 ** 32 - 10_000], // across the boundary of the lower half
    [1_000, 2 ** 48],
  ])(
    'of %i packets from number %i agrees with a plain set of numbers',
    (size, start) => {
      expect(compare(size, STEPS, start)).toBe(0);
      console.info(
        `replay window: ${STEPS} steps with ${size} packets from ${start}, no difference`,
      );
    },
    60_000,
  );

  it('refuses 0, a number seen, and one just left of the window', () => {
    const window = new ReplayWindow(32);
    expect(window.isFresh(0)).toBe(false);
    window.accept(1);
    expect(window.isFresh(1)).toBe(false);
    window.accept(100);
    expect(window.isFresh(100 - 31)).toBe(true);
    expect(window.isFresh(100 - 32)).toBe(false);
  });

  it('does not move when a number is only looked at', () => {
    const window = new ReplayWindow(32);
    expect(window.isFresh(1_000_000)).toBe(true);
    expect(window.top).toBe(0);
    expect(window.isFresh(1)).toBe(true);
  });

  it.each([0, 31, 8_193, 64.5, Number.NaN])('refuses a size of %s', (size) => {
    expect(() => new ReplayWindow(size)).toThrow(RangeError);
  });
});
