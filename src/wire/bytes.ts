/**
 * Big-endian reads and writes on octets. The caller has checked the length: nothing here does.
 * This is the one file in which the non-null `!` is allowed (house style).
 */

export const readU8 = (b: Uint8Array, at: number): number => b[at]!;

export const readU16 = (b: Uint8Array, at: number): number => (b[at]! << 8) | b[at + 1]!;

/** 32 bits as a signed integer, which V8 keeps unboxed; see {@link readU32} for the unsigned number. */
export const readI32 = (b: Uint8Array, at: number): number =>
  (b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!;

export const readU32 = (b: Uint8Array, at: number): number => readI32(b, at) >>> 0;

export const readU64 = (b: Uint8Array, at: number): bigint =>
  (BigInt(readU32(b, at)) << 32n) | BigInt(readU32(b, at + 4));

/** Writes one octet and, as all writers here, returns the offset after it. */
export function writeU8(b: Uint8Array, at: number, value: number): number {
  b[at] = value;
  return at + 1;
}

export function writeU16(b: Uint8Array, at: number, value: number): number {
  b[at] = value >>> 8;
  b[at + 1] = value;
  return at + 2;
}

/** Writes 32 bits; signed and unsigned numbers give the same octets. */
export function writeU32(b: Uint8Array, at: number, value: number): number {
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
  return at + 4;
}

export function writeU64(b: Uint8Array, at: number, value: bigint): number {
  writeU32(b, at, Number((value >> 32n) & 0xffff_ffffn));
  return writeU32(b, at + 4, Number(value & 0xffff_ffffn));
}

/** So few octets are written sooner one by one than by a call of `set`. */
const FEW_OCTETS = 16;

/** @throws RangeError when more than a few octets do not fit */
export function writeBytes(b: Uint8Array, at: number, value: Uint8Array): number {
  if (value.length > FEW_OCTETS) b.set(value, at);
  else for (let i = 0; i < value.length; i++) b[at + i] = value[i]!;
  return at + value.length;
}

/** Plain comparison for public octets; secrets go through `constantTimeEqual`. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Lower-case hexadecimal, two digits an octet. */
export function toHex(b: Uint8Array): string {
  let text = '';
  for (const octet of b) text += (octet < 16 ? '0' : '') + octet.toString(16);
  return text;
}

/** The octets of a hexadecimal text; white space is passed over. @throws TypeError on anything else. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits))
    throw new TypeError('text: pairs of hexadecimal digits expected');
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}
