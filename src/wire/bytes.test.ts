import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bytesEqual,
  fromHex,
  readI32,
  readU8,
  readU16,
  readU32,
  readU64,
  toHex,
  writeBytes,
  writeU8,
  writeU16,
  writeU32,
  writeU64,
} from './bytes.js';
import { constantTimeEqual } from './constant-time.js';

const AT = 3;

describe('octets', () => {
  it('are read and written as a DataView does, big-endian', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }), (n) => {
        const b = new Uint8Array(16).fill(0xa5);
        const view = new DataView(b.buffer);
        view.setBigUint64(AT, n);
        const low = Number(n & 0xffff_ffffn);
        expect(readU8(b, AT)).toBe(view.getUint8(AT));
        expect(readU16(b, AT)).toBe(view.getUint16(AT));
        expect(readU32(b, AT)).toBe(view.getUint32(AT));
        expect(readI32(b, AT)).toBe(view.getInt32(AT));
        expect(readU64(b, AT)).toBe(n);

        const written = new Uint8Array(16).fill(0xa5);
        expect(writeU64(written, AT, n)).toBe(AT + 8);
        expect(toHex(written)).toBe(toHex(b));
        expect(writeU32(written, 0, low)).toBe(4);
        expect(writeU32(written, 4, low | 0)).toBe(8);
        expect(toHex(written.subarray(0, 4))).toBe(toHex(written.subarray(4, 8)));
        expect(writeU16(written, 8, low)).toBe(10);
        expect(readU16(written, 8)).toBe(low & 0xffff);
        expect(writeU8(written, 10, low)).toBe(11);
        expect(readU8(written, 10)).toBe(low & 0xff);
      }),
    );
  });

  it('are the same in hexadecimal', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (b) => {
        expect(toHex(b)).toBe(Buffer.from(b).toString('hex'));
        expect(fromHex(toHex(b).toUpperCase())).toEqual(b);
      }),
    );
    expect(fromHex(' 01 \n ab ')).toEqual(Uint8Array.of(1, 0xab));
    for (const text of ['0', '0g', '0x01']) expect(() => fromHex(text)).toThrow(TypeError);
  });

  it('are copied to their place', () => {
    const b = new Uint8Array(4);
    expect(writeBytes(b, 1, Uint8Array.of(7, 8))).toBe(3);
    expect(b).toEqual(Uint8Array.of(0, 7, 8, 0));
  });

  it('are compared, in public and in secret', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ maxLength: 5 }), (a, b) => {
        const equal = toHex(a) === toHex(b);
        expect(bytesEqual(a, b)).toBe(equal);
        expect(bytesEqual(a, a.slice())).toBe(true);
        expect(constantTimeEqual(a, b)).toBe(equal && a.length > 0);
        expect(constantTimeEqual(a, a.slice())).toBe(a.length > 0);
      }),
    );
  });
});
