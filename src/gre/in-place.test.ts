import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { grePacket, hostileGreOctets, octets, unsigned } from '../testing/arbitraries/index.js';
import { toHex } from '../wire/bytes.js';
import { type GreHeader, greHeader } from './header.js';
import {
  decapsulateGre,
  encapsulateGre,
  encapsulateGreWith,
  GRE_OTHER_KEY,
  GRE_REFUSED,
  greKeyOf,
  grePayloadAt,
  greProtocolTypeOf,
  greSequenceOf,
} from './in-place.js';
import { decodeGrePacket, encodeGrePacket, grePacketOctets } from './packet.js';

const key = fc.option(unsigned(32));
const payload = octets(60);
const AT = 40;

/** A slab with a payload at AT. */
const slabWith = (b: Uint8Array): Uint8Array => {
  const slab = new Uint8Array(AT + b.length + 10).fill(0xa5);
  slab.set(b, AT);
  return slab;
};

describe('GRE in place', () => {
  it('puts on the octets that the codec writes, and touches nothing else', () => {
    fc.assert(
      fc.property(payload, key, fc.constantFrom(0x0800, 0x86dd, 0x2001), (b, k, type) => {
        const slab = slabWith(b);
        const start = encapsulateGre(slab, AT, type, k);
        const p = { header: greHeader(type, k), payload: b };
        const out = new Uint8Array(grePacketOctets(p));
        encodeGrePacket(p, out, 0);
        expect(toHex(slab.subarray(start, AT + b.length))).toBe(toHex(out));
        expect(slab.subarray(0, start).every((o) => o === 0xa5)).toBe(true);
        expect(decapsulateGre(slab, start, out.length, k)).toBe(AT);
      }),
    );
  });

  it('puts on checksums and sequence numbers as the codec does', () => {
    fc.assert(
      fc.property(grePacket(60), ({ header: any, payload: b }) => {
        const header: GreHeader = { ...any, reserved0: 0, reserved1: 0 }; // 0 when sent
        const { protocolType, key: k, sequence } = header;
        const slab = slabWith(b);
        const start = encapsulateGreWith(slab, AT, b.length, header);
        const out = new Uint8Array(grePacketOctets({ header, payload: b }));
        encodeGrePacket({ header, payload: b }, out, 0);
        expect(toHex(slab.subarray(start, AT + b.length))).toBe(toHex(out));
        expect(greKeyOf(slab, start)).toBe(k);
        expect(greSequenceOf(slab, start)).toBe(sequence);
        expect(greProtocolTypeOf(slab, start)).toBe(protocolType);
      }),
    );
  });

  it('takes exactly what the codec takes', () => {
    const outcomes = new Set<boolean>();
    fc.assert(
      fc.property(hostileGreOctets(), (b) => {
        const slab = slabWith(b);
        const at = grePayloadAt(slab, AT, b.length);
        const decoded = decodeGrePacket(b);
        outcomes.add(decoded.ok);
        expect(at === GRE_REFUSED).toBe(!decoded.ok);
        if (decoded.ok) {
          expect(AT + b.length - at).toBe(decoded.value.payload.length);
          expect(greKeyOf(slab, AT)).toBe(decoded.value.header.key);
        }
      }),
      { numRuns: 1_000 },
    );
    expect(outcomes.size).toBe(2);
  });

  it('takes a right checksum and refuses a wrong one', () => {
    const slab = slabWith(new Uint8Array(5));
    const start = encapsulateGreWith(slab, AT, 5, { ...greHeader(0x0800, 1), checksum: 0 });
    expect(decapsulateGre(slab, start, AT + 5 - start, 1)).toBe(AT);
    slab[AT] = 1;
    expect(decapsulateGre(slab, start, AT + 5 - start, 1)).toBe(GRE_REFUSED);
    const why = decodeGrePacket(slab.subarray(start, AT + 5));
    expect(why).toMatchObject({ ok: false, error: { code: 'bad-checksum' } });
  });

  it('tells another key from no key from the same key', () => {
    fc.assert(
      fc.property(key, key, (theirs, ours) => {
        const slab = slabWith(new Uint8Array(4));
        const start = encapsulateGre(slab, AT, 0x0800, theirs);
        const expected = theirs === ours ? AT : GRE_OTHER_KEY;
        expect(decapsulateGre(slab, start, AT + 4 - start, ours)).toBe(expected);
        expect(decapsulateGre(slab, start, AT + 4 - start, theirs)).toBe(AT);
      }),
    );
  });
});
