/**
 * Prefixes that are asked about together: "does any of them hold this address?" costs a binary search, so that one
 * walk over a table serves a message with many prefixes. Nothing is allocated by asking.
 */
import {
  hostBits,
  type IpAddress,
  type IpFamily,
  type IpPrefix,
  maskAddress,
} from '../wire/address.js';
import { maskWord } from './address-index.js';

/** Prefixes as a set of addresses. */
export class PrefixSet {
  /** Disjoint, in the order of their addresses, IPv4 first. */
  private readonly sorted: readonly IpPrefix[];

  constructor(prefixes: Iterable<IpPrefix>) {
    const all = Array.from(prefixes, ({ address, length }) => ({
      address: maskAddress(address, length),
      length,
    }));
    all.sort((a, b) => order(a.address, b.address) || a.length - b.length);
    const outermost: IpPrefix[] = [];
    for (const prefix of all) {
      const last = outermost.at(-1);
      if (last === undefined || !holds(last, prefix.address)) outermost.push(prefix);
    }
    this.sorted = outermost;
  }

  get isEmpty(): boolean {
    return this.sorted.length === 0;
  }

  /** The addresses, where every prefix is a single one, and there are no more than `limit`; else null. */
  hosts(limit: number): readonly IpAddress[] | null {
    if (this.sorted.length > limit) return null;
    const isHost = ({ address, length }: IpPrefix): boolean => length === hostBits(address.family);
    return this.sorted.every(isHost) ? this.sorted.map(({ address }) => address) : null;
  }

  has(address: AddressWords): boolean {
    let low = 0;
    let high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (order((this.sorted[middle] as IpPrefix).address, address) <= 0) low = middle + 1;
      else high = middle;
    }
    return low > 0 && holds(this.sorted[low - 1] as IpPrefix, address);
  }
}

/** What an address is made of: an {@link IpAddress}, or a record that is filled anew for each question. */
export interface AddressWords {
  readonly family: IpFamily;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

/** Signed words, compared as what they stand for. */
const order = (a: AddressWords, b: AddressWords): number =>
  a.family - b.family ||
  (a.w0 >>> 0) - (b.w0 >>> 0) ||
  (a.w1 >>> 0) - (b.w1 >>> 0) ||
  (a.w2 >>> 0) - (b.w2 >>> 0) ||
  (a.w3 >>> 0) - (b.w3 >>> 0);

const holds = ({ address: p, length }: IpPrefix, a: AddressWords): boolean =>
  p.family === a.family &&
  (a.w0 & maskWord(length)) === p.w0 &&
  (a.w1 & maskWord(length - 32)) === p.w1 &&
  (a.w2 & maskWord(length - 64)) === p.w2 &&
  (a.w3 & maskWord(length - 96)) === p.w3;
