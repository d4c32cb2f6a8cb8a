import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, readU16, toHex } from '../wire/bytes.js';
import { unwrap } from '../wire/result.js';
import { greHeader } from './header.js';
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

  it('round trips, and any flipped bit is found', () => {
    const any = fc.record({
      payload: fc.uint8Array({ maxLength: 40 }),
      bit: fc.nat(7),
      at: fc.nat(),
    });
    fc.assert(
      fc.property(any, ({ payload, bit, at }) => {
        const b = bytes(packet(payload, 0));
        const decoded = unwrap(decodeGrePacket(b));
        expect(toHex(decoded.payload)).toBe(toHex(payload));
        expect(toHex(bytes(decoded))).toBe(toHex(b));
        const wrong = 4 + (at % (b.length - 4)); // the flags decide whether there is a checksum at all
        b[wrong] = (b[wrong] ?? 0) ^ (1 << bit);
        expect(decodeGrePacket(b)).toMatchObject({
          ok: false,
          error: { code: 'bad-checksum', field: 'gre.checksum', offset: 4 },
        });
      }),
    );
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
