/**
 * (four address words, one more word) → number: the open-addressing table of host-table.ts for keys that need
 * more than 32 bits. Holds prefixes (further word: family and length) and peers (family and port).
 */
import type { IpAddress } from '../wire/address.js';
import { NONE } from './host-table.js';

const STRIDE = 6; // w0 w1 w2 w3 meta value; meta 0 = empty
const META = 4;
const VALUE = 5;
const FIRST_CELLS = 16;
const MAX_LOAD = 0.6;

export class WordTable {
  private cells = new Int32Array(FIRST_CELLS * STRIDE);
  private mask = FIRST_CELLS - 1;
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** The value under these words, or NONE. Five plain numbers, since the packet path must not allocate a key. */
  find(w0: number, w1: number, w2: number, w3: number, meta: number): number {
    const at = this.place(w0, w1, w2, w3, meta);
    return this.cells[at + META] === 0 ? NONE : (this.cells[at + VALUE] as number);
  }

  /** @param meta - Not 0. */
  set(a: IpAddress, meta: number, value: number): void {
    const at = this.place(a.w0, a.w1, a.w2, a.w3, meta);
    const isNew = this.cells[at + META] === 0;
    this.cells.set([a.w0, a.w1, a.w2, a.w3, meta, value], at);
    if (isNew && ++this.count > (this.mask + 1) * MAX_LOAD) this.grow();
  }

  delete(a: IpAddress, meta: number): void {
    const hole = this.place(a.w0, a.w1, a.w2, a.w3, meta);
    if (this.cells[hole + META] === 0) return;
    this.count--;
    this.closeGap(hole / STRIDE);
  }

  /** Calls `visit` with the first address word, the further word and the value of each member, in no order. */
  forEach(visit: (w0: number, meta: number, value: number) => void): void {
    const { cells } = this;
    for (let at = 0; at < cells.length; at += STRIDE) {
      const meta = cells[at + META] as number;
      if (meta !== 0) visit(cells[at] as number, meta, cells[at + VALUE] as number);
    }
  }

  private place(w0: number, w1: number, w2: number, w3: number, meta: number): number {
    const cells = this.cells;
    for (let i = hashWords(w0, w1, w2, w3, meta) & this.mask; ; i = (i + 1) & this.mask) {
      const at = i * STRIDE;
      if (cells[at + META] === 0) return at;
      if (
        cells[at] === w0 &&
        cells[at + META] === meta &&
        cells[at + 1] === w1 &&
        cells[at + 2] === w2 &&
        cells[at + 3] === w3
      )
        return at;
    }
  }

  private closeGap(hole: number): void {
    const { cells, mask } = this;
    for (let i = (hole + 1) & mask; cells[i * STRIDE + META] !== 0; i = (i + 1) & mask) {
      if (((i - this.home(cells, i * STRIDE)) & mask) < ((i - hole) & mask)) continue;
      cells.copyWithin(hole * STRIDE, i * STRIDE, (i + 1) * STRIDE);
      hole = i;
    }
    cells[hole * STRIDE + META] = 0;
  }

  private home(cells: Int32Array, at: number): number {
    const word = (i: number): number => cells[at + i] as number;
    return hashWords(word(0), word(1), word(2), word(3), word(META)) & this.mask;
  }

  private grow(): void {
    const old = this.cells;
    this.cells = new Int32Array(old.length * 2);
    this.mask = this.mask * 2 + 1;
    for (let from = 0; from < old.length; from += STRIDE) {
      if (old[from + META] === 0) continue;
      let i = this.home(old, from);
      while (this.cells[i * STRIDE + META] !== 0) i = (i + 1) & this.mask;
      this.cells.set(old.subarray(from, from + STRIDE), i * STRIDE);
    }
  }
}

/** Multiply and shift over five words: every bit of the key reaches the low bits that are used. */
function hashWords(w0: number, w1: number, w2: number, w3: number, meta: number): number {
  let h = Math.imul(w0 ^ Math.imul(meta, 0x85eb_ca6b), 0x9e37_79b1);
  h = Math.imul(h ^ (h >>> 15) ^ w1, 0x85eb_ca77);
  h = Math.imul(h ^ (h >>> 13) ^ w2, 0xc2b2_ae3d);
  h = Math.imul(h ^ (h >>> 16) ^ w3, 0x27d4_eb2f);
  return h ^ (h >>> 15);
}
