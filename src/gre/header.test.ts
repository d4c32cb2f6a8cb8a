import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBytes, everyPrefix } from '../../test/codec-properties.js';
import { anyGreHeader, hostileGreOctets } from '../testing/arbitraries/index.js';
import { fromHex } from '../wire/bytes.js';
import { unwrap } from '../wire/result.js';
import {
  decodeGreHeader,
  encodeGreHeader,
  GRE_LAYOUT,
  type GreHeader,
  greHeader,
  greHeaderOctets,
} from './header.js';

const header = anyGreHeader();
/** From a capture of FRR 10.3 on Linux 6.1: key 42, NHRP. */
const NHRP_KEY_42 = fromHex('2000 2001 0000002a');

const encoded = (h: GreHeader): Uint8Array => {
  const out = new Uint8Array(greHeaderOctets(h)).fill(0xa5);
  encodeGreHeader(h, out, 0);
  return out;
};

describe('GRE header', () => {
  it('reads what Linux sends for NHRP with key 42', () => {
    expect(unwrap(decodeGreHeader(NHRP_KEY_42))).toEqual(greHeader(0x2001, 42));
  });

  it('reads the fields of RFC 2890 §2 in their order', () => {
    const h = unwrap(decodeGreHeader(fromHex('b000 0800 1234 5678 9abcdef0 11223344')));
    expect(h).toEqual({
      protocolType: 0x0800,
      reserved0: 0,
      checksum: 0x1234,
      reserved1: 0x5678,
      key: 0x9abc_def0,
      sequence: 0x1122_3344,
    });
  });

  it('gives back the octets of what it has read, and nothing around them', () => {
    fc.assert(
      fc.property(header, fc.nat(7), (h, at) => {
        const out = new Uint8Array(40).fill(0xa5);
        const end = encodeGreHeader(h, out, at);
        expect(end).toBe(at + greHeaderOctets(h));
        expect(unwrap(decodeGreHeader(out.subarray(at)))).toEqual(h);
        expect(out.subarray(0, at).every((o) => o === 0xa5)).toBe(true);
        expect(out.subarray(end).every((o) => o === 0xa5)).toBe(true);
      }),
    );
  });

  it('calls every prefix truncated', () => {
    fc.assert(
      fc.property(header, (h) => {
        const octets = encoded(h);
        everyPrefix(decodeGreHeader, octets, (length) =>
          length < 4
            ? { field: 'gre.flags', offset: 0, expected: 4 }
            : { field: 'gre.options', offset: 4, expected: octets.length },
        );
      }),
    );
  });

  it.each([
    ['0001 880b', 'bad-version', 'gre.version', 1], // PPTP, RFC 2637
    ['4000 0800', 'unsupported', 'gre.routing', 0x4000], // RFC 1701, RFC 1702
    ['0800 0800', 'unsupported', 'gre.strictSourceRoute', 0x0800],
    ['0400 0800', 'unsupported', 'gre.recursionControl', 0x0400],
  ])('refuses %s by name: %s %s', (hex, code, field, actual) => {
    expect(decodeGreHeader(fromHex(hex))).toEqual({
      ok: false,
      error: { code, field, offset: 0, expected: 0, actual },
    });
  });

  it('either refuses any octets or gives them back', () => {
    const reaches = ['ok', 'truncated', 'bad-version', 'unsupported'] as const;
    anyBytes(decodeGreHeader, { encode: encoded, reaches: ['truncated', 'bad-version'] });
    anyBytes(decodeGreHeader, { from: hostileGreOctets(), encode: encoded, reaches });
  });

  it('agrees with buffer-layout', () => {
    const fields = GRE_LAYOUT.decode(Buffer.from(NHRP_KEY_42));
    expect(fields).toEqual({ flags: 0x2000, protocolType: 0x2001 });
  });
});
