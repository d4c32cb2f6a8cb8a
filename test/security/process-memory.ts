/** Reads the memory of another process (Linux, its parent or root) and says where octets stand in it. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

export interface Region {
  readonly start: number;
  readonly end: number;
  /** File, `[heap]`, `[stack]`, or empty for anonymous memory. */
  readonly name: string;
}

export interface Place {
  /** Index of what was found. */
  readonly needle: number;
  readonly address: number;
  readonly region: Region;
}

const CHUNK_OCTETS = 1 << 22;
const PAGE_OCTETS = 4_096;
const ZEROS = Buffer.alloc(PAGE_OCTETS);

/** Everything that the process may write to. */
function writableRegions(pid: number): Region[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').trim().split('\n');
  return lines.flatMap((line) => {
    const [range = '', rights = '', , , , ...name] = line.split(/\s+/);
    const [start = 0, end = 0] = range.split('-').map((part) => Number.parseInt(part, 16));
    return rights.startsWith('rw') ? [{ start, end, name: name.join(' ') }] : [];
  });
}

/** Every place of the needles, each at least 8 octets long, in the process's writable memory. */
export function findInMemory(pid: number, needles: readonly Uint8Array[]): Place[] {
  const search = new Search(needles);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const chunk = Buffer.alloc(CHUNK_OCTETS + search.longest);
  const places: Place[] = [];
  try {
    for (const region of writableRegions(pid))
      for (let at = region.start; at < region.end; at += CHUNK_OCTETS) {
        const wanted = Math.min(chunk.length, region.end - at);
        const octets = readSync(memory, chunk, 0, wanted, at);
        for (const [needle, offset] of search.in(chunk.subarray(0, octets), CHUNK_OCTETS))
          places.push({ needle, address: at + offset, region });
      }
  } finally {
    closeSync(memory);
  }
  return places;
}

/** A bit for every beginning of 24 bits sorts out nearly all places. */
class Search {
  readonly longest: number;
  readonly #bits = new Uint8Array(1 << 21);
  readonly #byHead = new Map<number, number[]>();

  constructor(readonly needles: readonly Uint8Array[]) {
    this.longest = Math.max(0, ...needles.map((needle) => needle.length));
    needles.forEach((needle, index) => {
      const head = headOf(needle, 0);
      this.#bits[head >>> 3] = (this.#bits[head >>> 3] as number) | (1 << (head & 7));
      this.#byHead.set(head, [...(this.#byHead.get(head) ?? []), index]);
    });
  }

  /** Index of the needle and its offset, which is below `end`. */
  *in(chunk: Buffer, end: number): Generator<[number, number]> {
    const last = Math.min(end, chunk.length - 8);
    for (let page = 0; page < last; page += PAGE_OCTETS) {
      const pageEnd = Math.min(page + PAGE_OCTETS, last);
      // a page of zeros; its first octets are looked at with the page before
      if (chunk.compare(ZEROS, 0, pageEnd - page, page, pageEnd) === 0) continue;
      for (let at = page; at < pageEnd; at++) {
        const head = headOf(chunk, at);
        if (((this.#bits[head >>> 3] as number) & (1 << (head & 7))) === 0) continue;
        for (const index of this.#byHead.get(head) ?? []) {
          const needle = this.needles[index] as Uint8Array;
          if (chunk.subarray(at, at + needle.length).equals(needle)) yield [index, at];
        }
      }
    }
  }
}

const headOf = (b: Uint8Array, at: number): number =>
  ((b[at] as number) << 16) | ((b[at + 1] as number) << 8) | (b[at + 2] as number);
