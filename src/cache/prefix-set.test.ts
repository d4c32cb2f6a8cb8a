import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hostBits,
  IpAddress,
  type IpPrefix,
  maskAddress,
  parseAddress,
  prefixContains,
} from '../wire/address.js';
import { PrefixSet } from './prefix-set.js';

/** Few different words, with the top bit set and not, so that prefixes nest, touch and hold the addresses. */
const word = fc.constantFrom(0, 1, 0x0a00_0000, 0x0a00_0001, 0x7fff_ffff, -0x8000_0000, -1);
const ipAddress = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), word, word, word, word)
  .map(([family, a, b, c, d]) =>
    family === 4 ? new IpAddress(4, a, 0, 0, 0) : new IpAddress(6, a, b, c, d),
  );
const ipPrefix = fc.tuple(ipAddress, fc.nat(128)).map(([address, n]): IpPrefix => {
  const length = Math.min(n, hostBits(address.family));
  return { address: maskAddress(address, length), length };
});

describe('PrefixSet', () => {
  it('holds what one of its prefixes holds', () => {
    fc.assert(
      fc.property(fc.array(ipPrefix, { maxLength: 12 }), ipAddress, (prefixes, address) => {
        const expected = prefixes.some((prefix) => prefixContains(prefix, address));
        expect(new PrefixSet(prefixes).has(address)).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it('lists its addresses when it is made of a few hosts', () => {
    const [a, b] = ['10.0.0.1', '192.0.2.1'].map((text) => parseAddress(text) as IpAddress) as [
      IpAddress,
      IpAddress,
    ];
    const hosts = new PrefixSet([b, a, b].map((address) => ({ address, length: 32 })));
    expect(hosts.hosts(2)?.map(String)).toEqual(['10.0.0.1', '192.0.2.1']);
    expect(hosts.hosts(1)).toBeNull();
    expect(new PrefixSet([{ address: maskAddress(a, 8), length: 8 }]).hosts(2)).toBeNull();
  });
});
