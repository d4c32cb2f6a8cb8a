/** Limits in time: token buckets, alone and by key with a bounded number of keys, and a strict window: RFC 2332 §5.2.7 asks for limits, not for a method. */

export class TokenBucket {
  #tokens: number;
  #since: number;

  /** At most `burst` at once, and `perSecond` in the long run. */
  constructor(
    readonly burst: number,
    readonly perSecond: number,
    now: number,
  ) {
    this.#tokens = burst;
    this.#since = now;
  }

  take(now: number): boolean {
    this.#tokens = Math.min(
      this.burst,
      this.#tokens + ((now - this.#since) / 1_000) * this.perSecond,
    );
    this.#since = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** At most so many in any stretch of time of that length: what counts is remembered, up to the limit itself. */
export class WindowLimit {
  readonly #takenAt: Float64Array;
  #next = 0;

  constructor(
    readonly count: number,
    readonly windowMs: number,
  ) {
    this.#takenAt = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  }

  take(now: number): boolean {
    if (now - (this.#takenAt[this.#next] ?? now) < this.windowMs) return false; // the oldest still counts
    this.#takenAt[this.#next] = now;
    this.#next = (this.#next + 1) % this.count;
    return true;
  }
}

/** A bucket for each key; the least recently used goes when there are too many. */
export class KeyedBuckets {
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(
    readonly maxKeys: number,
    readonly burst: number,
    readonly perSecond: number,
  ) {}

  take(key: string, now: number): boolean {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.burst, this.perSecond, now);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.maxKeys) {
      const oldest = this.#buckets.keys().next();
      if (!oldest.done) this.#buckets.delete(oldest.value);
    }
    return bucket.take(now);
  }
}
