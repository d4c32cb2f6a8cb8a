import { describe, expect, it } from 'vitest';
import { KeyedBuckets, TokenBucket, WindowLimit } from './rate.js';

describe('TokenBucket', () => {
  it('lets a burst through and then the long-run rate', () => {
    const bucket = new TokenBucket(2, 1, 0);
    expect([0, 0, 0, 500, 1_000, 1_000].map((now) => bucket.take(now))).toEqual([
      true,
      true,
      false,
      false,
      true,
      false,
    ]);
  });
});

describe('KeyedBuckets', () => {
  it('a window lets no more through, wherever it is laid', () => {
    const limit = new WindowLimit(3, 1_000);
    const taken: number[] = [];
    for (let now = 0; now < 10_000; now += 70) if (limit.take(now)) taken.push(now);
    for (const from of taken)
      expect(taken.filter((at) => at >= from && at < from + 1_000).length).toBeLessThanOrEqual(3);
    expect(taken.length).toBeGreaterThan(26);
  });

  it('keeps a bucket for each key and forgets the least recently used', () => {
    const buckets = new KeyedBuckets(2, 1, 0.001);
    expect(buckets.take('a', 0)).toBe(true);
    expect(buckets.take('a', 0)).toBe(false);
    buckets.take('b', 0);
    buckets.take('c', 0); // a goes
    expect(buckets.take('a', 0)).toBe(true);
  });
});
