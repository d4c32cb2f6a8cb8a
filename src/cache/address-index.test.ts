import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatPrefix,
  hostBits,
  IpAddress,
  type IpPrefix,
  maskAddress,
  prefixContains,
} from '../wire/address.js';
import { AddressIndex } from './address-index.js';
import { HostTable, NONE } from './host-table.js';
import { MultibitTrie } from './multibit-trie.js';

/** Few distinct values, so that prefixes nest, collide and share trie nodes. */
const word = fc.oneof(
  fc.integer({ min: 0, max: 3 }).map((n) => 0x0a00_0000 | (n << 16) | (n << 7) | 0),
  fc.constantFrom(0, -1, 0x0a00_00ff, 0x0a00_0100, 0x0a01_0203, 0x7fff_ffff, -0x8000_0000),
);
const address = fc.oneof(
  word.map((w) => new IpAddress(4, w)),
  fc.tuple(word, word).map(([a, b]) => new IpAddress(6, a, b, a, b)),
);
const prefix: fc.Arbitrary<IpPrefix> = fc
  .tuple(address, fc.nat())
  .map(([a, n]) => ({ a, length: n % (hostBits(a.family) + 1) }))
  .map(({ a, length }) => ({ address: maskAddress(a, length), length }));

/** The twin: a list, searched from end to end. */
class NaiveIndex {
  readonly members = new Map<string, { prefix: IpPrefix; value: number }>();

  match(a: IpAddress, maxLength: number): number {
    const holding = [...this.members.values()].filter(
      (m) => m.prefix.length <= maxLength && prefixContains(m.prefix, a),
    );
    return holding.sort((x, y) => y.prefix.length - x.prefix.length)[0]?.value ?? NONE;
  }
}

function agree(index: AddressIndex, naive: NaiveIndex, probes: readonly IpAddress[]): void {
  expect(index.size).toBe(naive.members.size);
  for (const a of probes) {
    expect(index.match(a)).toBe(naive.match(a, 128));
    expect(index.findHost(a)).toBe(naive.members.get(`${a}/${hostBits(a.family)}`)?.value ?? NONE);
    for (const length of [0, 9, 24, 31, 64])
      expect(index.matchWithin(a, length)).toBe(naive.match(a, length));
  }
}

describe('AddressIndex', () => {
  it('agrees with a naive list over any adds and removes, below and above the size of the trie', () => {
    const step = fc.record({ prefix, remove: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 150, size: 'max' }),
        fc.array(address, { minLength: 5, maxLength: 20 }),
        (steps, probes) => {
          const index = new AddressIndex();
          const naive = new NaiveIndex();
          steps.forEach((s, value) => {
            const key = formatPrefix(s.prefix);
            if (s.remove) {
              index.delete(s.prefix);
              naive.members.delete(key);
            } else {
              index.set(s.prefix, value);
              naive.members.set(key, { prefix: s.prefix, value });
            }
            expect(index.find(s.prefix)).toBe(s.remove ? NONE : value);
          });
          agree(index, naive, probes);
          for (const { prefix: p } of [...naive.members.values()]) {
            index.delete(p);
            naive.members.delete(formatPrefix(p));
          }
          agree(index, naive, probes);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('keeps many random prefixes apart', () => {
    const index = new AddressIndex();
    const naive = new NaiveIndex();
    let seed = 7;
    const next = (): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) | 0;
      return seed;
    };
    for (let value = 0; value < 2_000; value++) {
      const length = 8 + (Math.abs(next() >> 8) % 25);
      const p = { address: maskAddress(new IpAddress(4, next()), length), length };
      index.set(p, value);
      naive.members.set(formatPrefix(p), { prefix: p, value });
    }
    const members = [...naive.members.values()];
    for (const [i, { prefix: p }] of members.entries()) {
      if (i % 3) continue;
      index.delete(p);
      naive.members.delete(formatPrefix(p));
    }
    const probes = members
      .slice(0, 200)
      .map((m) => new IpAddress(4, m.prefix.address.w0 | (next() & 255)));
    agree(index, naive, probes);
  });
});

describe('HostTable', () => {
  it('closes gaps: after any adds and removes exactly the members are found', () => {
    const key = fc.integer({ min: -20, max: 20 }).map((n) => Math.imul(n, 0x1000_0000 + n));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, fc.boolean()), { maxLength: 200, size: 'max' }),
        (steps) => {
          const table = new HostTable();
          const twin = new Map<number, number>();
          steps.forEach(([k, remove], value) => {
            if (remove) {
              table.delete(k);
              twin.delete(k);
            } else {
              table.set(k, value);
              twin.set(k, value);
            }
          });
          for (const [k] of steps) expect(table.find(k)).toBe(twin.get(k) ?? NONE);
          expect(table.size).toBe(twin.size);
        },
      ),
    );
  });
});

describe('MultibitTrie', () => {
  it('gives nodes back: churn of far more prefixes than ever stand does not make it grow', () => {
    const trie = new MultibitTrie();
    const nothing = { value: NONE, length: 0 };
    for (let i = 0; i < 5_000; i++) {
      const w0 = (i << 12) | 0x40;
      trie.set(w0, 28, i);
      expect(trie.match(w0 | 5)).toBe(i);
      trie.delete(w0, 28, nothing);
      expect(trie.match(w0 | 5)).toBe(NONE);
    }
    expect(trie.nodesHeld).toBe(0);
  });
});
