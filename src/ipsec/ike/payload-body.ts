/**
 * Bodies of the plain payloads, everything after the generic payload header: RFC 7296 §3.4 to §3.14,
 * RFC 7383 §2.5. One decoder and one encoder each; octet fields are views of the input.
 */
import { readU8, readU16, writeBytes, writeU8, writeU16 } from '../../wire/bytes.js';
import { fail, ok, type Result } from '../../wire/result.js';

const MIN_NONCE_OCTETS = 16; // RFC 7296 §3.9
const MAX_NONCE_OCTETS = 256;
const MAX_DELETED_SPIS = 256;

/** Key exchange, §3.4: group 2 · reserved 2 · public value. */
export interface KeyExchangeData {
  readonly group: number;
  readonly reserved: number;
  readonly data: Uint8Array;
}

/** Identification, §3.5: type 1 · reserved 3 · data; the same shape as AUTH, §3.8: method 1 · reserved 3 · data. */
export interface TypedData {
  readonly type: number;
  /** The three reserved octets as received; 0 when sent. */
  readonly reserved: number;
  readonly data: Uint8Array;
}

/** Notify, §3.10: protocol 1 · SPI octets 1 · type 2 · SPI · data. */
export interface NotifyData {
  readonly protocol: number;
  readonly notifyType: number;
  readonly spi: Uint8Array;
  readonly data: Uint8Array;
}

/** Delete, §3.11: protocol 1 · SPI octets 1 · count 2 · SPIs. No SPI for the IKE SA itself. */
export interface DeleteData {
  readonly protocol: number;
  readonly spiOctets: number;
  readonly spis: readonly Uint8Array[];
}

/** Encrypted fragment, RFC 7383 §2.5: number 2 · total 2 · IV, ciphertext and ICV. */
export interface FragmentData {
  /** From 1. */
  readonly number: number;
  readonly total: number;
  readonly data: Uint8Array;
}

export function decodeKeyExchange(b: Uint8Array): Result<KeyExchangeData> {
  if (b.length < 4) return fail('truncated', 'ike.ke.group', 0, 4, b.length);
  return ok({ group: readU16(b, 0), reserved: readU16(b, 2), data: b.subarray(4) });
}

export function encodeKeyExchange(v: KeyExchangeData, out: Uint8Array, at: number): number {
  return writeBytes(out, writeU16(out, writeU16(out, at, v.group), v.reserved), v.data);
}

/** `field` is `ike.id` or `ike.auth`. */
export function decodeTypedData(b: Uint8Array, field: string): Result<TypedData> {
  if (b.length < 4) return fail('truncated', field, 0, 4, b.length);
  const reserved = (readU8(b, 1) << 16) | readU16(b, 2);
  return ok({ type: readU8(b, 0), reserved, data: b.subarray(4) });
}

export function encodeTypedData(v: TypedData, out: Uint8Array, at: number): number {
  at = writeU8(out, writeU8(out, at, v.type), v.reserved >>> 16);
  return writeBytes(out, writeU16(out, at, v.reserved & 0xffff), v.data);
}

export function decodeNonce(b: Uint8Array): Result<Uint8Array> {
  if (b.length < MIN_NONCE_OCTETS)
    return fail('bad-length', 'ike.nonce', 0, MIN_NONCE_OCTETS, b.length);
  if (b.length > MAX_NONCE_OCTETS)
    return fail('bad-length', 'ike.nonce', 0, MAX_NONCE_OCTETS, b.length);
  return ok(b);
}

export function decodeNotify(b: Uint8Array): Result<NotifyData> {
  if (b.length < 4) return fail('truncated', 'ike.notify', 0, 4, b.length);
  const spiEnd = 4 + readU8(b, 1);
  if (spiEnd > b.length) return fail('bad-length', 'ike.notify.spi', 1, b.length - 4, spiEnd - 4);
  return ok({
    protocol: readU8(b, 0),
    notifyType: readU16(b, 2),
    spi: b.subarray(4, spiEnd),
    data: b.subarray(spiEnd),
  });
}

export function encodeNotify(v: NotifyData, out: Uint8Array, at: number): number {
  at = writeU8(out, writeU8(out, at, v.protocol), v.spi.length);
  return writeBytes(out, writeBytes(out, writeU16(out, at, v.notifyType), v.spi), v.data);
}

export function decodeDelete(b: Uint8Array): Result<DeleteData> {
  if (b.length < 4) return fail('truncated', 'ike.delete', 0, 4, b.length);
  const spiOctets = readU8(b, 1);
  const count = readU16(b, 2);
  if (spiOctets === 0 && count > 0) return fail('bad-value', 'ike.delete.count', 2, 0, count);
  const octets = 4 + spiOctets * count;
  if (octets !== b.length) return fail('bad-length', 'ike.delete.spis', 4, octets, b.length);
  if (count > MAX_DELETED_SPIS)
    return fail('too-many', 'ike.delete.count', 2, MAX_DELETED_SPIS, count);
  const spis = Array.from({ length: count }, (_, i) =>
    b.subarray(4 + i * spiOctets, 4 + (i + 1) * spiOctets),
  );
  return ok({ protocol: readU8(b, 0), spiOctets, spis });
}

export function encodeDelete(v: DeleteData, out: Uint8Array, at: number): number {
  at = writeU8(out, writeU8(out, at, v.protocol), v.spiOctets);
  at = writeU16(out, at, v.spis.length);
  for (const spi of v.spis) at = writeBytes(out, at, spi);
  return at;
}

export function decodeFragment(b: Uint8Array): Result<FragmentData> {
  if (b.length < 4) return fail('truncated', 'ike.skf', 0, 4, b.length);
  const number = readU16(b, 0);
  const total = readU16(b, 2);
  if (number === 0) return fail('bad-value', 'ike.skf.number', 0, 1, 0);
  if (number > total) return fail('bad-value', 'ike.skf.total', 2, number, total);
  return ok({ number, total, data: b.subarray(4) });
}

export function encodeFragment(v: FragmentData, out: Uint8Array, at: number): number {
  return writeBytes(out, writeU16(out, writeU16(out, at, v.number), v.total), v.data);
}
