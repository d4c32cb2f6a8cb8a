/**
 * Request ids: 32 bits, never 0, never two the same in flight. RFC 2332 §5.2.3 wants those of registrations kept in
 * non-volatile memory: the counter stands in the snapshot, and goes on a little further than it stood, so that ids
 * given out after the snapshot was taken do not come again. Without one it starts anywhere: who cannot read our
 * packets shall not guess the id that a forged reply needs (§5.2.0.1 leaves the first id open).
 */
import { readU32 } from '../../wire/bytes.js';

const RESTART_GAP = 100; // RFC 2332 §5.2.3 allows saving every 50 to 100 increments

export class RequestIds {
  #last: number;

  /** @param random - The caller's randomness. */
  constructor(random: (octets: number) => Uint8Array) {
    this.#last = readU32(random(4), 0);
  }

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
