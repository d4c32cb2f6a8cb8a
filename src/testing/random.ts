/**
 * Seeded randomness: sfc32 (public domain, Chris Doty-Humphrey), four words of state. The same seed gives the same
 * numbers on every machine; a fork is a stream of its own, so that one part's use does not shift another's.
 */

const WARM_UP_ROUNDS = 12;
const FNV_PRIME = 0x01000193;
const FNV_OFFSET = 0x811c9dc5;

/** A stream of random numbers that is a pure function of its seed. Not for keys. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(readonly seed: number | string) {
    const text = String(seed);
    this.#a = hash(`a${text}`);
    this.#b = hash(`b${text}`);
    this.#c = hash(`c${text}`);
    for (let i = 0; i < WARM_UP_ROUNDS; i++) this.word();
  }

  /** 0..2³²−1. */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** 0 ≤ x < 1. */
  fraction(): number {
    return this.word() / 0x1_0000_0000;
  }

  /** 0..below−1. */
  below(below: number): number {
    return Math.floor(this.fraction() * below);
  }

  /** True with that probability. A probability of 0 draws nothing. */
  chance(probability: number): boolean {
    return probability > 0 && this.fraction() < probability;
  }

  /** That many fresh octets. */
  octets(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.word() >>> 24);
  }

  /** A stream of its own for that name. */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.seed}/${name}`);
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let h = FNV_OFFSET;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), FNV_PRIME);
  return h | 0;
}
