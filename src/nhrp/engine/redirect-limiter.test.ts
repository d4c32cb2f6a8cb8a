import { describe, expect, it } from 'vitest';
import { address } from './engine-network.test-support.js';
import { RedirectLimiter } from './redirect-limiter.js';

const a = address('10.0.0.1');
const b = address('10.0.0.2');

describe('RedirectLimiter', () => {
  it('lets a pair through at once, three times five seconds apart, then once a minute', () => {
    const limiter = new RedirectLimiter(16);
    const times: number[] = [];
    for (let now = 0; now <= 150_000; now += 100) if (limiter.allow(now, a, b)) times.push(now);
    expect(times).toEqual([0, 5_000, 10_000, 15_000, 75_000, 135_000]);
  });

  it('keeps each pair by itself, direction and all', () => {
    const limiter = new RedirectLimiter(16);
    expect([limiter.allow(0, a, b), limiter.allow(0, b, a), limiter.allow(0, a, b)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('keeps no more pairs than it may: the one not seen for longest is told anew', () => {
    const limiter = new RedirectLimiter(4);
    const pair = (n: number): boolean => limiter.allow(0, a, address(`10.0.1.${n}`));
    for (const n of [1, 2, 3, 4]) expect(pair(n)).toBe(true);
    expect(pair(1)).toBe(false); // seen again: now 2 is the oldest
    expect(pair(5)).toBe(true);
    expect([pair(1), pair(2)]).toEqual([false, true]);
  });

  it('forgets an address, whichever end it is', () => {
    const limiter = new RedirectLimiter(16);
    limiter.allow(0, a, b);
    limiter.allow(0, b, a);
    limiter.forget(b);
    expect([limiter.allow(1, a, b), limiter.allow(1, b, a)]).toEqual([true, true]);
  });
});
