import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBytes, everyPrefix } from '../../test/codec-properties.js';
import { IpAddress } from './address.js';
import { fromHex, readU16, toHex, writeU16 } from './bytes.js';
import type { AddressPair } from './pseudo-header.js';
import { unwrap } from './result.js';
import { decodeUdp, encodeUdp, UDP_LAYOUT, type UdpDatagram, udpOctets } from './udp.js';

const word = fc.integer();
const v4 = word.map((w) => new IpAddress(4, w));
const v6 = fc.tuple(word, word, word, word).map((words) => new IpAddress(6, ...words));
const ip: fc.Arbitrary<AddressPair> = fc.oneof(
  fc.record({ source: v4, destination: v4 }),
  fc.record({ source: v6, destination: v6 }),
);
const port = fc.nat(0xffff);
const datagram: fc.Arbitrary<UdpDatagram> = fc.record({
  sourcePort: port,
  destinationPort: port,
  checksum: fc.constantFrom(null, 0),
  payload: fc.uint8Array({ maxLength: 40 }),
});
const encoded = (d: UdpDatagram, ends: AddressPair): Uint8Array => {
  const out = new Uint8Array(udpOctets(d)).fill(0xa5);
  expect(encodeUdp(d, ends, out, 0)).toBe(out.length);
  return out;
};
const LOCAL: AddressPair = {
  source: new IpAddress(4, 0x7f000001),
  destination: new IpAddress(4, 0x7f000001),
};

describe('UDP', () => {
  it('has no checksum, or one that is verified; a zero is sent as ones', () => {
    // RFC 768: the sum of these is ffff, so the checksum would be 0
    const d = { sourcePort: 0, destinationPort: 0, checksum: 0, payload: fromHex('01d4') };
    const b = encoded(d, LOCAL);
    const sum = 0x7f00 + 1 + 0x7f00 + 1 + 17 + 10 + 10 + 0x01d4;
    expect(readU16(b, 6)).toBe(~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
    const zero = encoded(
      { ...d, payload: fromHex((0xffff - (sum - 0x01d4)).toString(16).padStart(4, '0')) },
      LOCAL,
    );
    expect(readU16(zero, 6)).toBe(0xffff);
    expect(decodeUdp(zero, LOCAL).ok).toBe(true);
  });

  it('gives back what it has written', () => {
    fc.assert(
      fc.property(datagram, ip, (d, ends) => {
        const b = encoded(d, ends);
        const decoded = unwrap(decodeUdp(b, ends));
        expect({ ...decoded, checksum: null }).toEqual({ ...d, checksum: null });
        expect(decoded.checksum === null).toBe(d.checksum === null);
        expect(toHex(encoded(decoded, ends))).toBe(toHex(b));
      }),
    );
  });

  it('finds any flipped bit, of the addresses too', () => {
    fc.assert(
      fc.property(datagram, ip, fc.nat(), fc.nat(7), (d, ends, where, bit) => {
        const b = encoded({ ...d, checksum: 0 }, ends);
        const right = readU16(b, 6);
        const { source, destination } = ends;
        const moved = new IpAddress(source.family, source.w0 ^ 1, source.w1, source.w2, source.w3);
        expect(decodeUdp(b, { source: moved, destination })).toMatchObject({
          error: { code: 'bad-checksum', field: 'udp.checksum', offset: 6, actual: right },
        });
        const at = [0, 1, 2, 3, ...Array.from(b.keys()).slice(8)][where % (b.length - 4)] ?? 0;
        b[at] = (b[at] ?? 0) ^ (1 << bit);
        expect(decodeUdp(b, ends)).toMatchObject({ error: { code: 'bad-checksum' } });
        expect(decodeUdp(b, null).ok).toBe(true);
      }),
    );
  });

  it('calls every prefix truncated, and leaves alone what is behind', () => {
    fc.assert(
      fc.property(datagram, ip, (d, ends) => {
        const b = encoded(d, ends);
        everyPrefix(
          (octets) => decodeUdp(octets, ends),
          b,
          (octets) => ({
            field: octets < 8 ? 'udp.header' : 'udp.payload',
            expected: octets < 8 ? 8 : b.length,
          }),
        );
        const { payload } = unwrap(decodeUdp(Uint8Array.of(...b, 9, 9), ends));
        expect(toHex(payload)).toBe(toHex(d.payload));
      }),
      { numRuns: 50 },
    );
  });

  it('refuses any octets, or gives them back', () => {
    const reaches = ['truncated', 'bad-length', 'bad-checksum', 'ok'] as const;
    const anything = fc
      .tuple(fc.uint8Array({ minLength: 4, maxLength: 40, size: 'max' }), fc.nat(40), fc.nat(2))
      .map(([b, length, kind]) => {
        if (b.length >= 8) writeU16(b, 4, length);
        if (b.length >= 8 && kind === 0) writeU16(b, 6, 0); // none
        return b;
      });
    anyBytes((b) => decodeUdp(b, LOCAL), {
      encode: (d) => encoded(d, LOCAL),
      from: anything,
      reaches,
    });
    anyBytes((b) => decodeUdp(b, null), { reaches: ['truncated'] });
  });

  it('refuses a length shorter than its header', () => {
    expect(decodeUdp(fromHex('0001 0002 0007 0000'), LOCAL)).toEqual({
      ok: false,
      error: { code: 'bad-length', field: 'udp.length', offset: 4, expected: 8, actual: 7 },
    });
  });

  it('agrees with buffer-layout', () => {
    const b = encoded(
      { sourcePort: 4754, destinationPort: 500, checksum: null, payload: fromHex('00') },
      LOCAL,
    );
    expect(UDP_LAYOUT.decode(Buffer.from(b))).toEqual({
      sourcePort: 4754,
      destinationPort: 500,
      octets: 9,
      checksum: 0,
    });
  });
});
