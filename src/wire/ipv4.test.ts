import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from './address.js';
import { fromHex, toHex } from './bytes.js';
import {
  decodeIpv4Header,
  encodeIpv4Header,
  IPV4_LAYOUT,
  type Ipv4Header,
  ipv4HeaderOctets,
} from './ipv4.js';
import { unwrap } from './result.js';

const below = (limit: number) => fc.nat(limit - 1);
const address = fc.integer().map((w) => new IpAddress(4, w));
const header: fc.Arbitrary<Ipv4Header> = fc.record({
  dscp: below(64),
  ecn: below(4),
  totalOctets: fc.integer({ min: 60, max: 0xffff }),
  identification: below(0x1_0000),
  reservedFlag: fc.boolean(),
  dontFragment: fc.boolean(),
  moreFragments: fc.boolean(),
  fragmentOffset: below(0x2000),
  ttl: below(256),
  protocol: below(256),
  source: address,
  destination: address,
  options: fc.nat(10).chain((n) => fc.uint8Array({ minLength: 4 * n, maxLength: 4 * n })),
});
const encoded = (h: Ipv4Header): Uint8Array => {
  const out = new Uint8Array(ipv4HeaderOctets(h));
  encodeIpv4Header(h, out, 0);
  return out;
};

/** The outer header of a Registration Request from FRR 10.3 on Linux 6.1. */
const FROM_LINUX = fromHex('45000087 01884000 40 2f b66b c0a80102 c0a80002');

describe('IPv4 header', () => {
  it('reads what Linux puts around GRE', () => {
    const h = unwrap(decodeIpv4Header(FROM_LINUX));
    expect(h).toMatchObject({
      dscp: 0,
      ecn: 0,
      totalOctets: 135,
      dontFragment: true,
      ttl: 64,
      protocol: 47,
    });
    expect(String(h.source)).toBe('192.168.1.2');
    expect(toHex(encoded(h))).toBe(toHex(FROM_LINUX));
  });

  it('gives back what it has written, and nothing around it', () => {
    fc.assert(
      fc.property(header, fc.nat(7), (h, at) => {
        const out = new Uint8Array(80).fill(0xa5);
        const end = encodeIpv4Header(h, out, at);
        expect(unwrap(decodeIpv4Header(out.subarray(at)))).toEqual(h);
        expect(out.subarray(0, at).every((o) => o === 0xa5)).toBe(true);
        expect(out.subarray(end).every((o) => o === 0xa5)).toBe(true);
      }),
    );
  });

  it('calls every prefix truncated', () => {
    fc.assert(
      fc.property(header, (h) => {
        const b = encoded(h);
        for (let octets = 0; octets < b.length; octets++)
          expect(decodeIpv4Header(b.subarray(0, octets))).toMatchObject({
            ok: false,
            error: { code: 'truncated', expected: octets < 20 ? 20 : b.length, actual: octets },
          });
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    [0, 0x65, 'bad-version', 'ipv4.version', 0, 4, 6],
    [0, 0x44, 'bad-length', 'ipv4.headerLength', 0, 20, 16],
    [3, 19, 'bad-length', 'ipv4.totalLength', 2, 20, 19],
    [11, 0x6c, 'bad-checksum', 'ipv4.checksum', 10, 0xb66b, 0xb66c],
  ])('octet %i = %i: %s in %s', (at, value, code, field, offset, expected, actual) => {
    const b = FROM_LINUX.slice();
    b[at] = value;
    expect(decodeIpv4Header(b)).toEqual({
      ok: false,
      error: { code, field, offset, expected, actual },
    });
  });

  it('passes a wrong checksum over when it is told to', () => {
    const b = FROM_LINUX.slice();
    b[11] = 0;
    expect(decodeIpv4Header(b, false).ok).toBe(true);
  });

  it('reads a total length of 0 as all that is there, in captures only', () => {
    const b = Uint8Array.of(...FROM_LINUX, 1, 2, 3);
    b[2] = 0;
    b[3] = 0;
    expect(unwrap(decodeIpv4Header(b, false)).totalOctets).toBe(23);
    expect(decodeIpv4Header(b)).toMatchObject({
      error: { code: 'bad-length', field: 'ipv4.totalLength', expected: 20, actual: 0 },
    });
  });

  it('takes any octets without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (b) => {
        if (b.length > 0) b[0] = 0x40 | ((b[0] ?? 0) & 0xf);
        const decoded = decodeIpv4Header(b, false);
        if (decoded.ok) expect(decoded.value.options.length % 4).toBe(0);
      }),
    );
  });

  it('refuses options that do not fit', () => {
    const h = unwrap(decodeIpv4Header(FROM_LINUX));
    for (const octets of [3, 44])
      expect(() => encoded({ ...h, options: new Uint8Array(octets) })).toThrow(RangeError);
  });

  it('agrees with buffer-layout', () => {
    fc.assert(
      fc.property(header, (h) => {
        const fields = IPV4_LAYOUT.decode(Buffer.from(encoded(h)));
        expect(fields).toMatchObject({
          trafficClass: h.dscp * 4 + h.ecn,
          totalOctets: h.totalOctets,
          identification: h.identification,
          ttl: h.ttl,
          protocol: h.protocol,
          source: h.source.w0 >>> 0,
          destination: h.destination.w0 >>> 0,
        });
      }),
    );
  });
});
