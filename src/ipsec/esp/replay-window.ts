/**
 * Anti-replay window: RFC 4303 §3.4.3, as the block bitmap of RFC 6479, which moves without shifting.
 * Sequence numbers are whole: with ESN the upper half is found first (see sequence.ts).
 */

export const MIN_REPLAY_WINDOW = 32; // RFC 4303 §3.4.3
export const DEFAULT_REPLAY_WINDOW = 64;
export const MAX_REPLAY_WINDOW = 8_192;

const BLOCK_BITS = 32;

export class ReplayWindow {
  /** A ring of blocks, one more than the window needs, so that clearing a block never forgets a number in it. */
  readonly #blocks: Int32Array;
  readonly #mask: number;
  #top = 0;

  /** @param size 32..8192 packets. @throws RangeError on anything else. */
  constructor(readonly size: number = DEFAULT_REPLAY_WINDOW) {
    if (!Number.isInteger(size) || size < MIN_REPLAY_WINDOW || size > MAX_REPLAY_WINDOW)
      throw new RangeError(`size: ${MIN_REPLAY_WINDOW} to ${MAX_REPLAY_WINDOW} expected`);
    const blocks = 2 ** Math.ceil(Math.log2(Math.ceil(size / BLOCK_BITS) + 1));
    this.#blocks = new Int32Array(blocks);
    this.#mask = blocks - 1;
  }

  /** The highest number accepted; 0 before the first. */
  get top(): number {
    return this.#top;
  }

  /** Whether the number is neither too old nor seen before. Number 0 is never sent. */
  isFresh(sequence: number): boolean {
    if (sequence > this.#top) return true;
    if (sequence <= this.#top - this.size || sequence <= 0) return false;
    return ((this.#blocks[this.#blockOf(sequence)] as number) & (1 << (sequence & 31))) === 0;
  }

  /** Marks a fresh number as seen: only after its packet's ICV has been found right. */
  accept(sequence: number): void {
    if (sequence > this.#top) this.#advance(sequence);
    const block = this.#blockOf(sequence);
    this.#blocks[block] = (this.#blocks[block] as number) | (1 << (sequence & 31));
  }

  #advance(sequence: number): void {
    const moved = Math.floor(sequence / BLOCK_BITS) - Math.floor(this.#top / BLOCK_BITS);
    const first = this.#blockOf(this.#top);
    const cleared = Math.min(moved, this.#blocks.length);
    for (let i = 1; i <= cleared; i++) this.#blocks[(first + i) & this.#mask] = 0;
    this.#top = sequence;
  }

  /** The lower 32 bits are enough: the ring's length divides 2^32. */
  #blockOf(sequence: number): number {
    return (sequence >>> 5) & this.#mask;
  }
}
