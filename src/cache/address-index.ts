/**
 * Prefix → number, found exactly or by longest match: the index behind the NHRP cache and the route table.
 * IPv4 hosts have a table of their own, asked first: NHRP hubs mostly hold /32s. Other prefixes are in one table
 * that is probed once per length in use; above a few dozen IPv4 prefixes a multibit trie answers instead.
 */
import { hostBits, type IpAddress, type IpFamily, type IpPrefix } from '../wire/address.js';
import { HostTable, NONE } from './host-table.js';
import { MultibitTrie } from './multibit-trie.js';
import { WordTable } from './word-table.js';

/** IPv4 prefixes from which the trie (256 KiB and up) is worth its room. */
const TRIE_FROM = 32;

export class AddressIndex {
  private readonly hosts = new HostTable(); // IPv4 /32
  private readonly prefixes = new WordTable(); // everything else, IPv6 hosts too
  private readonly lengths = { 4: new LengthSet(32), 6: new LengthSet(128) };
  private trie: MultibitTrie | null = null;

  get size(): number {
    return this.hosts.size + this.prefixes.size;
  }

  /** The value of exactly this prefix, or NONE. */
  find(prefix: IpPrefix): number {
    const a = prefix.address;
    if (prefix.length === 32 && a.family === 4) return this.hosts.find(a.w0);
    return this.prefixes.find(a.w0, a.w1, a.w2, a.w3, metaOf(a.family, prefix.length));
  }

  /** The value of the host prefix of this address, or NONE. */
  findHost(a: IpAddress): number {
    if (a.family === 4) return this.hosts.find(a.w0);
    return this.prefixes.find(a.w0, a.w1, a.w2, a.w3, HOST_META_V6);
  }

  /** The value of the longest prefix that contains the address, or NONE. */
  match(a: IpAddress): number {
    return a.family === 4 ? this.match4(a.w0) : this.matchWithin(a, 128);
  }

  /** As `match`, among prefixes of at most `maxLength` bits: slower, for what lies behind the longest. */
  matchWithin(a: IpAddress, maxLength: number): number {
    if (a.family === 4 && maxLength >= 32) {
      const host = this.hosts.find(a.w0);
      if (host !== NONE) return host;
    }
    for (const length of this.lengths[a.family].descending) {
      const value = length > maxLength ? NONE : this.findMasked(a, length);
      if (value !== NONE) return value;
    }
    return NONE;
  }

  /** @param value - A small number from 0: a slot or an index. */
  set(prefix: IpPrefix, value: number): void {
    const { address: a, length } = prefix;
    if (length === 32 && a.family === 4) {
      this.hosts.set(a.w0, value);
      return;
    }
    if (this.find(prefix) === NONE) this.lengths[a.family].add(length);
    this.prefixes.set(a, metaOf(a.family, length), value);
    if (a.family === 6) return;
    if (this.trie !== null) this.trie.set(a.w0, length, value);
    else if (this.lengths[4].total > TRIE_FROM) this.trie = this.builtTrie();
  }

  delete(prefix: IpPrefix): void {
    const { address: a, length } = prefix;
    if (length === 32 && a.family === 4) {
      this.hosts.delete(a.w0);
      return;
    }
    if (this.find(prefix) === NONE) return;
    this.prefixes.delete(a, metaOf(a.family, length));
    this.lengths[a.family].remove(length);
    if (a.family === 4) this.trie?.delete(a.w0, length, this.coverOf(a, length));
  }

  private match4(w0: number): number {
    const host = this.hosts.find(w0);
    if (host !== NONE) return host;
    if (this.trie !== null) return this.trie.match(w0);
    for (const length of this.lengths[4].descending) {
      const value = this.prefixes.find(w0 & maskWord(length), 0, 0, 0, metaOf(4, length));
      if (value !== NONE) return value;
    }
    return NONE;
  }

  private findMasked(a: IpAddress, length: number): number {
    return this.prefixes.find(
      a.w0 & maskWord(length),
      a.w1 & maskWord(length - 32),
      a.w2 & maskWord(length - 64),
      a.w3 & maskWord(length - 96),
      metaOf(a.family, length),
    );
  }

  private coverOf(a: IpAddress, length: number): { value: number; length: number } {
    for (const shorter of this.lengths[4].descending) {
      const value = shorter >= length ? NONE : this.findMasked(a, shorter);
      if (value !== NONE) return { value, length: shorter };
    }
    return { value: NONE, length: 0 };
  }

  private builtTrie(): MultibitTrie {
    const trie = new MultibitTrie();
    this.prefixes.forEach((w0, meta, value) => {
      if (meta >>> 8 === 4) trie.set(w0, meta & 0xff, value);
    });
    return trie;
  }
}

/** Which prefix lengths are in use, longest first. */
class LengthSet {
  readonly descending: number[] = [];
  private readonly counts: Int32Array;
  total = 0;

  constructor(longest: number) {
    this.counts = new Int32Array(longest + 1);
  }

  add(length: number): void {
    this.total++;
    const count = (this.counts[length] ?? 0) + 1;
    this.counts[length] = count;
    if (count > 1) return;
    this.descending.push(length);
    this.descending.sort((a, b) => b - a);
  }

  remove(length: number): void {
    this.total--;
    const count = (this.counts[length] ?? 0) - 1;
    this.counts[length] = count;
    if (count === 0) this.descending.splice(this.descending.indexOf(length), 1);
  }
}

const metaOf = (family: IpFamily, length: number): number => (family << 8) | length;

const HOST_META_V6 = metaOf(6, hostBits(6));

export const maskWord = (bits: number): number =>
  bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits);
