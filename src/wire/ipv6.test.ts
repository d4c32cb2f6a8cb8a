import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBytes, everyPrefix } from '../../test/codec-properties.js';
import { IpAddress } from './address.js';
import { fromHex, readU32, toHex } from './bytes.js';
import { IP_PROTOCOL } from './ip-protocol.js';
import {
  decodeIpv6Header,
  decodeIpv6UpperLayer,
  encodeIpv6Header,
  IPV6_LAYOUT,
  type Ipv6Header,
  ipv6HeaderOctets,
} from './ipv6.js';
import { unwrap } from './result.js';

const below = (limit: number) => fc.nat(limit - 1);
const address = fc
  .tuple(fc.integer(), fc.integer(), fc.integer(), fc.integer())
  .map((words) => new IpAddress(6, ...words));
const header: fc.Arbitrary<Ipv6Header> = fc.record({
  dscp: below(64),
  ecn: below(4),
  flowLabel: below(0x10_0000),
  payloadOctets: below(0x1_0000),
  nextHeader: below(256),
  hopLimit: below(256),
  source: address,
  destination: address,
});
const encoded = (h: Ipv6Header): Uint8Array => {
  const out = new Uint8Array(ipv6HeaderOctets(h)).fill(0xa5);
  encodeIpv6Header(h, out, 0);
  return out;
};
const [sample] = fc.sample(header, { numRuns: 1, seed: 7 });
const packet = (nextHeader: number, ...extensions: string[]): Uint8Array =>
  Uint8Array.of(
    ...encoded({ ...(sample as Ipv6Header), nextHeader }),
    ...fromHex(extensions.join('')),
  );

describe('IPv6 header', () => {
  it('gives back what it has written, and nothing around it', () => {
    fc.assert(
      fc.property(header, fc.nat(7), (h, at) => {
        const out = new Uint8Array(60).fill(0xa5);
        const end = encodeIpv6Header(h, out, at);
        expect(end).toBe(at + 40);
        expect(unwrap(decodeIpv6Header(out.subarray(at)))).toEqual(h);
        expect(out.subarray(0, at).every((o) => o === 0xa5)).toBe(true);
        expect(out.subarray(end).every((o) => o === 0xa5)).toBe(true);
      }),
    );
  });

  it('calls every prefix truncated', () => {
    const error = () => ({ field: 'ipv6.header', offset: 0, expected: 40 });
    fc.assert(
      fc.property(header, (h) => everyPrefix(decodeIpv6Header, encoded(h), error)),
      { numRuns: 30 },
    );
  });

  it('calls another version bad', () => {
    const b = packet(59);
    b[0] = 0x45;
    expect(decodeIpv6Header(b)).toMatchObject({
      error: { code: 'bad-version', field: 'ipv6.version', offset: 0, expected: 6, actual: 4 },
    });
  });

  it('refuses any octets, or gives them back', () => {
    const sixes = fc
      .uint8Array({ maxLength: 60, size: 'max' })
      .map((b) => b.map((octet, at) => (at === 0 ? 0x60 | (octet & 0xf) : octet)));
    anyBytes(decodeIpv6Header, { reaches: ['truncated', 'bad-version'] });
    anyBytes(decodeIpv6Header, { from: sixes, encode: encoded, reaches: ['ok', 'truncated'] });
  });

  it('agrees with buffer-layout', () => {
    fc.assert(
      fc.property(header, (h) => {
        const fields = IPV6_LAYOUT.decode(Buffer.from(encoded(h)));
        expect(fields).toMatchObject({
          payloadOctets: h.payloadOctets,
          nextHeader: h.nextHeader,
          hopLimit: h.hopLimit,
        });
        expect(readU32(fields.source as Uint8Array, 0) | 0).toBe(h.source.w0);
      }),
    );
  });
});

describe('IPv6 upper layer', () => {
  const PADDING = '000104000000'; // options that fill six octets
  const next = (protocol: number): string => protocol.toString(16).padStart(2, '0');

  it.each<[string, Uint8Array, object]>([
    ['none', packet(47), { protocol: 47, at: 40, isFragment: false }],
    ['hop by hop', packet(0, `2f00${PADDING}`), { protocol: 47, at: 48, isFragment: false }],
    [
      'routing, then destination options of 16 octets',
      packet(43, `3c00${PADDING}`, `2f01${PADDING}${'00'.repeat(8)}`),
      { protocol: 47, at: 64, isFragment: false },
    ],
    [
      'a first fragment',
      packet(44, '2f00000100000001'),
      { protocol: 47, at: 48, isFragment: true },
    ],
    ['a last fragment', packet(44, '2f00000800000001'), { protocol: 47, at: 48, isFragment: true }],
    [
      'an atomic fragment',
      packet(44, '2f00000000000001'),
      { protocol: 47, at: 48, isFragment: false },
    ],
  ])('is found behind %s', (_, b, expected) => {
    expect(unwrap(decodeIpv6UpperLayer(b))).toEqual(expected);
  });

  it('is truncated where an extension is', () => {
    const b = packet(IP_PROTOCOL.HOP_BY_HOP, `2f01${PADDING}${'00'.repeat(8)}`);
    for (let octets = 40; octets < b.length; octets++)
      expect(decodeIpv6UpperLayer(b.subarray(0, octets))).toMatchObject({
        error: {
          code: 'truncated',
          field: 'ipv6.extension',
          offset: 40,
          expected: octets < 48 ? 48 : 56,
        },
      });
  });

  it('is found, truncated or too far away behind any octets', () => {
    const protocol = fc.constantFrom(0, 43, 44, 60, 47);
    // chains that hold for a while: next header, few octets of options, and now and then anything
    const link = fc
      .tuple(protocol, fc.constantFrom(0, 0, 0, 1), fc.uint8Array({ minLength: 14, maxLength: 14 }))
      .map(([following, length, rest]) => [following, length, ...rest.subarray(0, 6 + 8 * length)]);
    const chain = fc
      .tuple(protocol, fc.array(link, { maxLength: 20 }), fc.nat(20))
      .map(([first, links, missing]) => {
        const b = packet(first, ...links.map((octets) => toHex(Uint8Array.from(octets))));
        return b.subarray(0, Math.max(40, b.length - missing));
      });
    anyBytes(decodeIpv6UpperLayer, { from: chain, reaches: ['ok', 'truncated'], numRuns: 1_000 });
    const endless = fc
      .array(fc.constantFrom(0, 43, 60), { minLength: 17, maxLength: 20 })
      .map((all) =>
        Uint8Array.from([...packet(60), ...all.flatMap((next) => [next, 0, 1, 4, 0, 0, 0, 0])]),
      );
    anyBytes(decodeIpv6UpperLayer, { from: endless, reaches: ['too-many'], numRuns: 50 });
    fc.assert(
      fc.property(chain, (b) => {
        const found = decodeIpv6UpperLayer(b);
        if (!found.ok) return;
        expect(found.value.at).toBeLessThanOrEqual(b.length);
        expect(found.value.at % 8).toBe(0);
        expect(found.value.isFragment || ![0, 43, 44, 60].includes(found.value.protocol)).toBe(
          true,
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('is not looked for behind more than 16 extensions', () => {
    const chain = Array.from({ length: 16 }, () => `${next(60)}00${PADDING}`);
    expect(decodeIpv6UpperLayer(packet(60, ...chain))).toMatchObject({
      error: { code: 'too-many', offset: 40 + 16 * 8, expected: 16 },
    });
  });
});
