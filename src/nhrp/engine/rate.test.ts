import { describe, expect, it } from 'vitest';
import { KeyedBuckets, TokenBucket } from './rate.js';

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
  it('keeps a bucket for each key and forgets the least recently used', () => {
    const buckets = new KeyedBuckets(2, 1, 0.001);
    expect(buckets.take('a', 0)).toBe(true);
    expect(buckets.take('a', 0)).toBe(false);
    buckets.take('b', 0);
    buckets.take('c', 0); // a goes
    expect(buckets.take('a', 0)).toBe(true);
  });
});
