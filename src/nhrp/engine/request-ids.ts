/**
 * Request ids: 32 bits, never 0, never two the same in flight. RFC 2332 §5.2.3 wants those of registrations kept in
 * non-volatile memory: the counter stands in the snapshot, and goes on a little further than it stood, so that ids
 * given out after the snapshot was taken do not come again.
 */
const RESTART_GAP = 100; // RFC 2332 §5.2.3 allows saving every 50 to 100 increments

export class RequestIds {
  #last = 0;

  next(): number {
    this.#last = this.#last >= 0xffff_ffff ? 1 : this.#last + 1;
    return this.#last;
  }

  /** For the snapshot. */
  get last(): number {
    return this.#last;
  }

  restore(last: number): void {
    this.#last = (last + RESTART_GAP) % 0xffff_ffff;
  }
}
