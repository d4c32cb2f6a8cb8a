/**
 * Client information entry: RFC 2332 §5.2.0.1.
 *   code 1, prefix length 1, unused 2, MTU 2, holding time 2,
 *   NBMA address T/L 1, NBMA subaddress T/L 1, protocol address length 1, preference 1;
 *   then the NBMA address, its subaddress and the protocol address.
 */
import { readU8, readU16, writeU8, writeU16 } from '../../wire/bytes.js';
import { type FixedLayout, fixedLayout } from '../../wire/layout.js';
import {
  encodeNbmaAddress,
  encodeProtocolAddress,
  type Families,
  lengthOf,
  type NhrpAddress,
  nhrpAddressOctets,
  readNhrpAddress,
} from './address.js';

/** One binding, or the question for one. An address of length 0 means "the header's". */
export interface Cie {
  /** 0 in requests; see `CieCode`. */
  readonly code: number;
  /** Bits of the protocol address that matter, 0..255. 0, the address's own length, more and 255 all mean a host. */
  readonly prefixLength: number;
  /** As received; 0 when sent. */
  readonly unused: number;
  /** Octets; 0 = not known. */
  readonly mtu: number;
  /** Seconds that remain, 0..65535. */
  readonly holdingTimeSeconds: number;
  /** Higher is preferred, 0..255. */
  readonly preference: number;
  readonly nbmaAddress: NhrpAddress;
  readonly nbmaSubaddress: NhrpAddress;
  readonly protocolAddress: NhrpAddress;
}

/** The part of a CIE before its addresses. */
export const CIE: FixedLayout = fixedLayout({
  code: 1,
  prefixLength: 1,
  unused: 2,
  mtu: 2,
  holdingTimeSeconds: 2,
  nbmaTypeLength: 1,
  nbmaSubaddressTypeLength: 1,
  protocolLength: 1,
  preference: 1,
});

/** The smallest CIE: no addresses. */
export const CIE_MIN_OCTETS: number = CIE.octets;

const CODE = CIE.offsetOf('code');
const PREFIX_LENGTH = CIE.offsetOf('prefixLength');
const UNUSED = CIE.offsetOf('unused');
const MTU = CIE.offsetOf('mtu');
export const CIE_HOLDING_TIME: number = CIE.offsetOf('holdingTimeSeconds');
const NBMA_TL = CIE.offsetOf('nbmaTypeLength');
const NBMA_SUB_TL = CIE.offsetOf('nbmaSubaddressTypeLength');
const PROTOCOL_LENGTH = CIE.offsetOf('protocolLength');
const PREFERENCE = CIE.offsetOf('preference');

/** Octets of the CIE that begins at `at`, of which at least `CIE_MIN_OCTETS` are there. */
export const cieOctetsAt = (b: Uint8Array, at: number): number =>
  CIE_MIN_OCTETS +
  lengthOf(readU8(b, at + NBMA_TL)) +
  lengthOf(readU8(b, at + NBMA_SUB_TL)) +
  readU8(b, at + PROTOCOL_LENGTH);

/** Reads a CIE that the view has found to be whole. */
function readCie(b: Uint8Array, at: number, families: Families): Cie {
  const nbma = readU8(b, at + NBMA_TL);
  const sub = readU8(b, at + NBMA_SUB_TL);
  const protocol = readU8(b, at + PROTOCOL_LENGTH);
  const nbmaAt = at + CIE_MIN_OCTETS;
  const subAt = nbmaAt + lengthOf(nbma);
  const protocolAt = subAt + lengthOf(sub);
  return {
    code: readU8(b, at + CODE),
    prefixLength: readU8(b, at + PREFIX_LENGTH),
    unused: readU16(b, at + UNUSED),
    mtu: readU16(b, at + MTU),
    holdingTimeSeconds: readU16(b, at + CIE_HOLDING_TIME),
    preference: readU8(b, at + PREFERENCE),
    nbmaAddress: readNhrpAddress(b, nbmaAt, nbma, lengthOf(nbma), families.nbmaFamily),
    nbmaSubaddress: readNhrpAddress(b, subAt, sub, lengthOf(sub), 0),
    protocolAddress: readNhrpAddress(b, protocolAt, protocol, protocol, families.protocolFamily),
  };
}

const NO_CIES: readonly Cie[] = [];

/** Reads the whole CIEs between two offsets. */
export function readCies(
  b: Uint8Array,
  at: number,
  end: number,
  families: Families,
): readonly Cie[] {
  if (at === end) return NO_CIES;
  const cies = [readCie(b, at, families)]; // mostly the only one: an array that grows takes room for seventeen
  at += cieOctetsAt(b, at);
  for (; at < end; at += cieOctetsAt(b, at)) cies.push(readCie(b, at, families));
  return cies;
}

export const cieOctets = (c: Cie): number =>
  CIE_MIN_OCTETS +
  nhrpAddressOctets(c.nbmaAddress) +
  nhrpAddressOctets(c.nbmaSubaddress) +
  nhrpAddressOctets(c.protocolAddress);

export function ciesOctets(cies: readonly Cie[]): number {
  let octets = 0;
  for (const cie of cies) octets += cieOctets(cie);
  return octets;
}

/** Writes `cieOctets(c)` octets at `at` and returns the offset after them. @throws RangeError when an address is too long */
export function encodeCie(c: Cie, out: Uint8Array, at: number): number {
  writeU8(out, at + CODE, c.code);
  writeU8(out, at + PREFIX_LENGTH, c.prefixLength);
  writeU16(out, at + UNUSED, c.unused);
  writeU16(out, at + MTU, c.mtu);
  writeU16(out, at + CIE_HOLDING_TIME, c.holdingTimeSeconds);
  writeU8(out, at + PREFERENCE, c.preference);
  let next = at + CIE_MIN_OCTETS;
  next = encodeNbmaAddress(c.nbmaAddress, out, next, at + NBMA_TL);
  next = encodeNbmaAddress(c.nbmaSubaddress, out, next, at + NBMA_SUB_TL);
  return encodeProtocolAddress(c.protocolAddress, out, next, at + PROTOCOL_LENGTH);
}
