/**
 * IPv4 address → slot: open addressing, linear probing, key and value side by side in one Int32Array, so that
 * a hit costs one cache line. Deletion shifts back, so there are no tombstones to slow down later probes.
 */

/** "Not there", for everything in this folder that answers with a slot. */
export const NONE = -1;

const GOLDEN = 0x9e37_79b1; // 2^32 / φ: spreads consecutive addresses evenly (Knuth, multiplicative hashing)
const FIRST_BITS = 4;
const MAX_LOAD = 0.6;

export class HostTable {
  private cells = new Int32Array(2 << FIRST_BITS); // key, value + 1; 0 = empty
  private shift = 32 - FIRST_BITS;
  private count = 0;

  get size(): number {
    return this.count;
  }

  find(key: number): number {
    const cells = this.cells;
    const mask = cells.length - 1;
    let at = (Math.imul(key, GOLDEN) >>> this.shift) << 1;
    for (;;) {
      const value = cells[at + 1] as number;
      if (value === 0) return NONE;
      if (cells[at] === key) return value - 1;
      at = (at + 2) & mask;
    }
  }

  set(key: number, value: number): void {
    const at = this.place(key);
    if (this.cells[at + 1] === 0) this.count++;
    this.cells[at] = key;
    this.cells[at + 1] = value + 1;
    if (this.count > (this.cells.length >> 1) * MAX_LOAD) this.grow();
  }

  delete(key: number): void {
    const hole = this.place(key);
    if (this.cells[hole + 1] === 0) return;
    this.count--;
    this.closeGap(hole);
  }

  /** Where the key is, or the empty cell where it belongs. */
  private place(key: number): number {
    const mask = this.cells.length - 1;
    let at = (Math.imul(key, GOLDEN) >>> this.shift) << 1;
    while (this.cells[at + 1] !== 0 && this.cells[at] !== key) at = (at + 2) & mask;
    return at;
  }

  /** Moves later members of the probe run into the hole, as long as that brings them nearer home. */
  private closeGap(hole: number): void {
    const cells = this.cells;
    const mask = cells.length - 1;
    for (let at = (hole + 2) & mask; cells[at + 1] !== 0; at = (at + 2) & mask) {
      const home = (Math.imul(cells[at] as number, GOLDEN) >>> this.shift) << 1;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      cells[hole] = cells[at] as number;
      cells[hole + 1] = cells[at + 1] as number;
      hole = at;
    }
    cells[hole + 1] = 0;
  }

  private grow(): void {
    const old = this.cells;
    this.cells = new Int32Array(old.length * 2);
    this.shift--;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i + 1] === 0) continue;
      const at = this.place(old[i] as number);
      this.cells[at] = old[i] as number;
      this.cells[at + 1] = old[i + 1] as number;
    }
  }
}
