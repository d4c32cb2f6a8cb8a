/**
 * Lazy timer wheel over slots: postponing an expiry is one store into the `expiresAt` column; the slot is put
 * off when its bucket comes round. Only an expiry that moves nearer is linked again. Two levels: 256 buckets of a
 * quarter of a second, 256 of 65 s; what expires later than that (4.6 h) is put off once a round.
 */
import { NONE } from './host-table.js';
import type { SlotColumns } from './slot-columns.js';

const BUCKETS = 256; // of each level
const FINE_MS = 256;
const COARSE_MS: number = FINE_MS * BUCKETS;
const DUE: number = 2 * BUCKETS; // the list of those whose bucket has come round and that wait to be looked at
const UNLINKED = -2;

export class ExpiryWheel {
  private readonly heads = new Int32Array(2 * BUCKETS + 1).fill(NONE);
  private next = new Int32Array(0);
  private previous = new Int32Array(0);
  private bucket = new Int32Array(0);
  private tick = 0; // fine buckets before this one have been swept
  private nearest = Number.POSITIVE_INFINITY;

  constructor(private readonly columns: SlotColumns) {}

  /** Nothing expires before this: it may be early, never late. Infinity when nothing is waiting. */
  get nextAt(): number {
    return this.nearest;
  }

  /** Links a slot by its `expiresAt`: for a new one, and for one that expires sooner than it did. */
  schedule(slot: number): void {
    const expiresAt = this.columns.expiresAt[slot] as number;
    this.unlink(slot);
    if (expiresAt === Number.POSITIVE_INFINITY) return;
    this.link(slot, this.bucketOf(Math.max(Math.floor(expiresAt / FINE_MS), this.tick)));
    if (expiresAt < this.nearest) this.nearest = expiresAt;
  }

  unlink(slot: number): void {
    if (slot >= this.bucket.length) this.grow(slot);
    const bucket = this.bucket[slot] as number;
    if (bucket === UNLINKED) return;
    const next = this.next[slot] as number;
    const previous = this.previous[slot] as number;
    if (next !== NONE) this.previous[next] = previous;
    if (previous === NONE) this.heads[bucket] = next;
    else this.next[previous] = next;
    this.bucket[slot] = UNLINKED;
  }

  /**
   * Hands out expired slots, unlinked, until `limit` have been; `expired` may add and remove entries.
   * Returns how many there were.
   */
  sweep(now: number, limit: number, expired: (slot: number) => void): number {
    if (now < this.nearest) return 0;
    this.collect(Math.floor(now / FINE_MS));
    let count = 0;
    while (count < limit) {
      const slot = this.heads[DUE] as number;
      if (slot === NONE) {
        this.nearest = this.findNearest();
        return count;
      }
      if ((this.columns.expiresAt[slot] as number) > now) {
        this.schedule(slot); // it was postponed since it was linked
        continue;
      }
      this.unlink(slot);
      expired(slot);
      count++;
    }
    return count; // `nearest` stays due: there may be more
  }

  /** Fine where it comes round within 256 ticks; else a coarse one, which is always later than the present one. */
  private bucketOf(tick: number): number {
    if (tick - this.tick < BUCKETS) return tick % BUCKETS;
    const present = Math.floor(this.tick / BUCKETS);
    const coarse = Math.min(Math.floor(tick / BUCKETS), present + BUCKETS - 1);
    return BUCKETS + (coarse % BUCKETS);
  }

  /** Moves all buckets up to that tick to the list of those that are due. */
  private collect(to: number): void {
    if (to < this.tick) return;
    for (let tick = Math.max(this.tick, to - BUCKETS + 1); tick <= to; tick++)
      this.makeDue(tick % BUCKETS);
    const coarseTo = Math.floor(to / BUCKETS);
    const present = Math.floor(this.tick / BUCKETS);
    for (let c = Math.max(present + 1, coarseTo - BUCKETS + 1); c <= coarseTo; c++)
      this.makeDue(BUCKETS + (c % BUCKETS));
    this.tick = to;
  }

  private makeDue(bucket: number): void {
    let slot = this.heads[bucket] as number;
    while (slot !== NONE) {
      const next = this.next[slot] as number;
      this.unlink(slot);
      this.link(slot, DUE);
      slot = next;
    }
  }

  private findNearest(): number {
    return Math.min(this.nearestFine(), this.nearestCoarse());
  }

  /** The first expiry of the first bucket that is not empty, or the end of that bucket. */
  private nearestFine(): number {
    for (let tick = this.tick; tick < this.tick + BUCKETS; tick++) {
      let slot = this.heads[tick % BUCKETS] as number;
      if (slot === NONE) continue;
      let nearest = (tick + 1) * FINE_MS; // those that were postponed must not hide what lies in later buckets
      for (; slot !== NONE; slot = this.next[slot] as number)
        nearest = Math.min(nearest, this.columns.expiresAt[slot] as number);
      return nearest;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** The beginning of the first bucket that is not empty: it may hold very many. */
  private nearestCoarse(): number {
    const present = Math.floor(this.tick / BUCKETS);
    for (let coarse = present + 1; coarse < present + BUCKETS; coarse++)
      if (this.heads[BUCKETS + (coarse % BUCKETS)] !== NONE) return coarse * COARSE_MS;
    return Number.POSITIVE_INFINITY;
  }

  private link(slot: number, bucket: number): void {
    const head = this.heads[bucket] as number;
    this.next[slot] = head;
    this.previous[slot] = NONE;
    if (head !== NONE) this.previous[head] = slot;
    this.heads[bucket] = slot;
    this.bucket[slot] = bucket;
  }

  private grow(slot: number): void {
    const size = Math.max(16, 2 * this.bucket.length, slot + 1);
    this.next = grown(this.next, size, NONE);
    this.previous = grown(this.previous, size, NONE);
    this.bucket = grown(this.bucket, size, UNLINKED);
  }
}

function grown(old: Int32Array<ArrayBuffer>, size: number, fill: number): Int32Array<ArrayBuffer> {
  const into = new Int32Array(size).fill(fill, old.length);
  into.set(old);
  return into;
}
