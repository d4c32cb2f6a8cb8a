import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBytes, everyPrefix } from '../../test/codec-properties.js';
import { grePacket, hostileGreOctets } from '../testing/arbitraries/index.js';
import { fromHex, readU16, toHex } from '../wire/bytes.js';
import { unwrap } from '../wire/result.js';
import { greHeader, greHeaderOctets } from './header.js';
import { decodeGrePacket, encodeGrePacket, type GrePacket, grePacketOctets } from './packet.js';

const bytes = (p: GrePacket): Uint8Array => {
  const out = new Uint8Array(grePacketOctets(p)).fill(0xa5);
  expect(encodeGrePacket(p, out, 0)).toBe(out.length);
  return out;
};
const packet = (payload: Uint8Array, checksum: number | null): GrePacket => ({
  header: { ...greHeader(0x0800, 7), sequence: 1, checksum },
  payload,
});

describe('GRE packet', () => {
  it('sums header and payload, an odd octet too', () => {
    const p = { header: { ...greHeader(0x0800, null), checksum: 0 }, payload: fromHex('aabbcc') };
    const sum = 0x8000 + 0x0800 + 0xaabb + 0xcc00;
    const folded = (sum & 0xffff) + (sum >>> 16);
    expect(readU16(bytes(p), 4)).toBe(~folded & 0xffff);
  });

  it('round trips, and any flipped bit is found where there is a checksum', () => {
    fc.assert(
      fc.property(grePacket(), fc.nat(7), fc.nat(), (p, bit, at) => {
        const b = bytes(p);
        const decoded = unwrap(decodeGrePacket(b));
        const { checksum } = decoded.header;
        expect(decoded).toEqual({ header: { ...p.header, checksum }, payload: p.payload });
        expect(toHex(bytes(decoded))).toBe(toHex(b));
        expect(checksum === null).toBe(p.header.checksum === null);
        if (checksum === null) return;
        const wrong = 2 + (at % (b.length - 2)); // the flags decide whether there is a checksum at all
        b[wrong] = (b[wrong] ?? 0) ^ (1 << bit);
        expect(decodeGrePacket(b)).toMatchObject({
          ok: false,
          error: { code: 'bad-checksum', field: 'gre.checksum', offset: 4 },
        });
      }),
      { numRuns: 300 },
    );
  });

  it('is truncated in each prefix of its header; of its payload there is as much as there is', () => {
    fc.assert(
      fc.property(grePacket(), (p) => {
        const b = bytes(p);
        const octets = greHeaderOctets(p.header);
        if (p.header.checksum === null) everyPrefix(decodeGrePacket, b.subarray(0, octets));
        for (let length = 0; length < b.length; length++) {
          const cut = b.subarray(0, length);
          const decoded = decodeGrePacket(cut);
          const whole = { value: { payload: p.payload.subarray(0, length - octets) } };
          if (length < octets) expect(decoded).toMatchObject({ error: { code: 'truncated' } });
          else if (p.header.checksum === null) expect(decoded).toMatchObject(whole);
          else if (decoded.ok)
            expect(toHex(bytes(decoded.value))).toBe(toHex(cut)); // what was cut off added nothing
          else expect(decoded).toMatchObject({ error: { code: 'bad-checksum', offset: 4 } });
        }
      }),
      { numRuns: 50 },
    );
  });

  it('is refused, or gives back the octets that it came from, whatever they are', () => {
    const reaches = ['ok', 'truncated', 'bad-version', 'unsupported', 'bad-checksum'] as const;
    anyBytes(decodeGrePacket, { from: hostileGreOctets(), encode: bytes, reaches, numRuns: 1_000 });
    anyBytes(decodeGrePacket, { encode: bytes, reaches: ['truncated', 'bad-version'] });
  });

  it('says which checksum would have been right', () => {
    const b = bytes(packet(fromHex('010203'), 0));
    const right = readU16(b, 4);
    b[4] = (b[4] ?? 0) ^ 0xff;
    const decoded = decodeGrePacket(b);
    expect(decoded).toMatchObject({ error: { expected: right, actual: readU16(b, 4) } });
  });

  it('replaces a wrong checksum and adds none', () => {
    const right = bytes(packet(fromHex('0102'), 0));
    expect(toHex(bytes(packet(fromHex('0102'), 0x1234)))).toBe(toHex(right));
    expect(bytes(packet(fromHex('0102'), null)).length).toBe(right.length - 4);
  });
});
