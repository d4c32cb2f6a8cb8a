/**
 * Addresses inside NHRP: an octet that says how long, elsewhere in the packet, and the octets.
 * NBMA addresses have a type/length octet (RFC 2332 §5.1), protocol addresses a plain length.
 */

import {
  addressOctets,
  type IpAddress,
  type IpFamily,
  readAddress,
  writeAddress,
} from '../../wire/address.js';
import { writeBytes, writeU32 } from '../../wire/bytes.js';
import { AddressFamily, ProtocolType, TypeLength } from './numbers.js';

/** An address that is not a plain IPv4 or IPv6 one of the packet's families: E.164, a subaddress, another length. */
export interface OpaqueAddress {
  /** NBMA: bit 7 reserved, bit 6 E.164, bits 5..0 the length of `octets`. Protocol addresses: the plain length. */
  readonly typeLength: number;
  /** A view of what was decoded, valid as long as that is. */
  readonly octets: Uint8Array;
}

/** `null` is length 0 on the wire: "see the header". */
export type NhrpAddress = IpAddress | OpaqueAddress | null;

/** What the addresses of a packet are; 0 where ar$afn or ar$pro.type is neither IPv4 nor IPv6. */
export interface Families {
  readonly nbmaFamily: IpFamily | 0;
  readonly protocolFamily: IpFamily | 0;
}

/** ar$afn to the family of its addresses. */
export function nbmaFamilyOf(addressFamily: number): IpFamily | 0 {
  if (addressFamily === AddressFamily.IPV4) return 4;
  return addressFamily === AddressFamily.IPV6 ? 6 : 0;
}

/** ar$pro.type to the family of its addresses. */
export function protocolFamilyOf(protocolType: number): IpFamily | 0 {
  if (protocolType === ProtocolType.IPV4) return 4;
  return protocolType === ProtocolType.IPV6 ? 6 : 0;
}

const LENGTH_MASK = TypeLength.LENGTH_MASK;

/** Octets that follow for an NBMA type/length octet. */
export const lengthOf = (typeLength: number): number => typeLength & LENGTH_MASK;

/**
 * Reads an address whose octets have been checked to be there.
 * @param typeLength as on the wire; for protocol addresses the plain length, equal to `octets`
 */
export function readNhrpAddress(
  b: Uint8Array,
  at: number,
  typeLength: number,
  octets: number,
  family: IpFamily | 0,
): NhrpAddress {
  if (typeLength === 4 && family === 4) return readAddress(b, at, 4);
  if (typeLength === 16 && family === 6) return readAddress(b, at, 6);
  return typeLength === 0 ? null : { typeLength, octets: b.subarray(at, at + octets) };
}

/** Octets of the address itself. */
export function nhrpAddressOctets(a: NhrpAddress): number {
  if (a === null) return 0;
  return isOpaque(a) ? a.octets.length : addressOctets(a);
}

/**
 * Writes an NBMA address at `at` and its type/length octet at `lengthAt`; returns the offset after the address.
 * @throws RangeError when it has more than 63 octets
 */
export const encodeNbmaAddress = (
  a: NhrpAddress,
  out: Uint8Array,
  at: number,
  lengthAt: number,
): number =>
  a === null ? encodeNone(out, at, lengthAt) : encodeSome(a, out, at, lengthAt, ~LENGTH_MASK);

/**
 * Writes a protocol address at `at` and its length at `lengthAt`; returns the offset after the address.
 * @throws RangeError when it has more than 255 octets
 */
export const encodeProtocolAddress = (
  a: NhrpAddress,
  out: Uint8Array,
  at: number,
  lengthAt: number,
): number => (a === null ? encodeNone(out, at, lengthAt) : encodeSome(a, out, at, lengthAt, 0));

function encodeNone(out: Uint8Array, at: number, lengthAt: number): number {
  out[lengthAt] = 0;
  return at;
}

/** IPv4, which it nearly always is, is small enough to be put into the callers. @param typeBits see `encodeOther` */
function encodeSome(
  a: IpAddress | OpaqueAddress,
  out: Uint8Array,
  at: number,
  lengthAt: number,
  typeBits: number,
): number {
  if (isOpaque(a) || a.family !== 4) return encodeOther(a, out, at, lengthAt, typeBits);
  out[lengthAt] = 4;
  return writeU32(out, at, a.w0);
}

/** @param typeBits those of an opaque type/length octet that say the type */
function encodeOther(
  a: IpAddress | OpaqueAddress,
  out: Uint8Array,
  at: number,
  lengthAt: number,
  typeBits: number,
): number {
  if (!isOpaque(a)) {
    out[lengthAt] = addressOctets(a);
    return writeAddress(a, out, at);
  }
  const octets = a.octets.length;
  const most = ~typeBits & 0xff;
  if (octets > most) {
    const field = typeBits === 0 ? 'protocolAddress' : 'nbmaAddress';
    throw new RangeError(`${field}: at most ${most} octets expected, not ${octets}`);
  }
  out[lengthAt] = (a.typeLength & typeBits) | octets;
  return writeBytes(out, at, a.octets);
}

/** Told by shape: a class may exist twice in a program that loads two module formats. */
const isOpaque = (a: IpAddress | OpaqueAddress): a is OpaqueAddress => 'octets' in a;
