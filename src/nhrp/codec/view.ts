/**
 * An NHRP packet where it lies: the one validator, and fields read by offset. No object is made for a good packet.
 *
 * After `parse` has returned null everything that the view reads is inside the packet: lengths, offsets, lists and
 * extensions agree with each other. The decoder to objects reads through it.
 */

import type { IpFamily } from '../../wire/address.js';
import { readU8, readU16, readU32 } from '../../wire/bytes.js';
import { checksumSum, finishChecksum, slabChecksumSum } from '../../wire/checksum.js';
import type { WireError, WireErrorCode } from '../../wire/result.js';
import { lengthOf, nbmaFamilyOf, protocolFamilyOf } from './address.js';
import { CIE_MIN_OCTETS, cieOctetsAt } from './cie.js';
import {
  AUTHENTICATION_MIN_OCTETS,
  EXTENSION_HEADER_OCTETS,
  type ExtensionContext,
  holdsCies,
  isCiscoAuthentication,
  OUI_OCTETS,
} from './extension.js';
import {
  ADDRESS_FAMILY,
  CHECKSUM,
  DESTINATION_PROTOCOL_LENGTH,
  EXTENSION_OFFSET,
  FLAGS,
  HEADER_OCTETS,
  HOP_COUNT,
  PACKET_SIZE,
  PROTOCOL_TYPE,
  REQUEST_ID,
  SOURCE_NBMA_SUB_TL,
  SOURCE_NBMA_TL,
  SOURCE_PROTOCOL_LENGTH,
  TYPE,
  VERSION,
} from './header.js';
import { ExtensionBit, ExtensionType, NHRP_VERSION, PacketType } from './numbers.js';

/** What is checked, and up to where. */
export interface DecodeOptions {
  /** CIEs in one list; 64 when not given. */
  readonly maxCies?: number;
  /** Extensions before End; 64 when not given. */
  readonly maxExtensions?: number;
  /** False leaves the checksum to somebody else; true when not given. */
  readonly verifyChecksum?: boolean;
  /**
   * True also takes odd-length packets whose last octet was summed as the low half of a word, as OpenNHRP and
   * FRR before June 2026 do on little-endian machines; false when not given: RFC 2332 §5.1 alone.
   */
  readonly lenientOddChecksum?: boolean;
}

export const DEFAULT_MAX_CIES = 64;
export const DEFAULT_MAX_EXTENSIONS = 64;

const NO_OCTETS: Uint8Array = new Uint8Array(0);

/** Offsets are those of the slab, as are all that the accessors return and take. Reusable; parses one packet at a time. */
export class NhrpView implements ExtensionContext {
  readonly maxCies: number;
  readonly maxExtensions: number;
  readonly verifyChecksum: boolean;
  readonly lenientOddChecksum: boolean;

  /** Borrowed until the next `parse`. */
  slab: Uint8Array = NO_OCTETS;
  /** The first octet of the packet. */
  at = 0;
  /** ar$pktsz: what follows in the buffer is padding of the link. */
  octets = 0;
  /** After the addresses: the CIEs (types 1–6) or the packet that an indication is about. */
  bodyAt = 0;
  /** After the body: the first extension, or the end of the packet. */
  bodyEnd = 0;

  constructor(options: DecodeOptions = {}) {
    this.maxCies = options.maxCies ?? DEFAULT_MAX_CIES;
    this.maxExtensions = options.maxExtensions ?? DEFAULT_MAX_EXTENSIONS;
    this.verifyChecksum = options.verifyChecksum ?? true;
    this.lenientOddChecksum = options.lenientOddChecksum ?? false;
  }

  /**
   * Validates the packet of at most `octets` octets at `at`. Null when it is good; else why not, with offsets
   * from `at`, and the accessors must not be used. Octets after ar$pktsz are not looked at.
   * @param words the slab as words (`wordsOf`), which makes the checksum faster; null without
   */
  parse(slab: Uint8Array, words: Uint32Array | null, at: number, octets: number): WireError | null {
    this.slab = slab;
    this.at = at;
    return (
      checkSize(this, octets) ??
      (this.verifyChecksum ? checkChecksum(this, words) : null) ??
      checkType(this) ??
      checkAddresses(this) ??
      (this.hasCies ? checkCies(this, this.bodyAt, this.bodyEnd, 'nhrp.cie') : null) ??
      (this.hasExtensions ? checkExtensions(this) : null)
    );
  }

  get addressFamily(): number {
    return readU16(this.slab, this.at + ADDRESS_FAMILY);
  }
  get protocolType(): number {
    return readU16(this.slab, this.at + PROTOCOL_TYPE);
  }
  get nbmaFamily(): IpFamily | 0 {
    return nbmaFamilyOf(this.addressFamily);
  }
  get protocolFamily(): IpFamily | 0 {
    return protocolFamilyOf(this.protocolType);
  }
  get hopCount(): number {
    return readU8(this.slab, this.at + HOP_COUNT);
  }
  get checksum(): number {
    return readU16(this.slab, this.at + CHECKSUM);
  }
  /** 1..8; see `PacketType`. */
  get type(): number {
    return readU8(this.slab, this.at + TYPE);
  }
  /** Types 1–6; in 7 and 8 this is an unused word. */
  get flags(): number {
    return readU16(this.slab, this.at + FLAGS);
  }
  /** Types 1–6; in 7 the error code and offset, in 8 the traffic code and an unused word. */
  get requestId(): number {
    return readU32(this.slab, this.at + REQUEST_ID);
  }
  get hasCies(): boolean {
    return this.type <= PacketType.PURGE_REPLY;
  }
  get hasExtensions(): boolean {
    return this.bodyEnd < this.end;
  }
  /** After the last octet of the packet. */
  get end(): number {
    return this.at + this.octets;
  }

  get sourceNbmaTypeLength(): number {
    return readU8(this.slab, this.at + SOURCE_NBMA_TL);
  }
  get sourceNbmaAt(): number {
    return this.at + HEADER_OCTETS;
  }
  get sourceNbmaSubaddressTypeLength(): number {
    return readU8(this.slab, this.at + SOURCE_NBMA_SUB_TL);
  }
  get sourceNbmaSubaddressAt(): number {
    return this.sourceNbmaAt + lengthOf(this.sourceNbmaTypeLength);
  }
  get sourceProtocolOctets(): number {
    return readU8(this.slab, this.at + SOURCE_PROTOCOL_LENGTH);
  }
  get sourceProtocolAt(): number {
    return this.sourceNbmaSubaddressAt + lengthOf(this.sourceNbmaSubaddressTypeLength);
  }
  get destinationProtocolOctets(): number {
    return readU8(this.slab, this.at + DESTINATION_PROTOCOL_LENGTH);
  }
  get destinationProtocolAt(): number {
    return this.sourceProtocolAt + this.sourceProtocolOctets;
  }

  /** The CIE after the one at `cieAt`; walk from `bodyAt` to `bodyEnd`, or through the value of an extension. */
  nextCie(cieAt: number): number {
    return cieAt + cieOctetsAt(this.slab, cieAt);
  }
  /** 14 bits; 0 is End. Walk from `bodyEnd` while `hasExtensions`. */
  extensionType(extensionAt: number): number {
    return readU16(this.slab, extensionAt) & ExtensionBit.TYPE_MASK;
  }
  /** Octets of its value, which begins four octets further on. */
  extensionOctets(extensionAt: number): number {
    return readU16(this.slab, extensionAt + 2);
  }
  nextExtension(extensionAt: number): number {
    return extensionAt + EXTENSION_HEADER_OCTETS + this.extensionOctets(extensionAt);
  }
  /** Where the first extension of that type begins, or -1. */
  extensionAt(type: number): number {
    for (let at = this.bodyEnd; at < this.end; at = this.nextExtension(at))
      if (this.extensionType(at) === type) return at;
    return -1;
  }
}

function refuse(
  code: WireErrorCode,
  field: string,
  offset: number,
  expected: number,
  actual: number,
): WireError {
  return { code, field, offset, expected, actual };
}

/** The version comes first: of another one nothing else is known. */
function checkSize(view: NhrpView, octets: number): WireError | null {
  const { slab, at } = view;
  if (octets < HEADER_OCTETS) return refuse('truncated', 'nhrp.header', 0, HEADER_OCTETS, octets);
  const version = readU8(slab, at + VERSION);
  if (version !== NHRP_VERSION)
    return refuse('bad-version', 'nhrp.version', VERSION, NHRP_VERSION, version);
  const size = readU16(slab, at + PACKET_SIZE);
  if (size < HEADER_OCTETS)
    return refuse('bad-length', 'nhrp.packetSize', PACKET_SIZE, HEADER_OCTETS, size);
  if (size > octets) return refuse('truncated', 'nhrp.packetSize', PACKET_SIZE, size, octets);
  view.octets = size;
  return null;
}

/** RFC 2332 §5.1: over ar$pktsz octets, an odd one padded on the right. 0 is a checksum like any other. */
function checkChecksum(view: NhrpView, words: Uint32Array | null): WireError | null {
  const { slab, at, octets } = view;
  const sum =
    words === null ? checksumSum(slab, at, octets) : slabChecksumSum(slab, words, at, octets);
  if (finishChecksum(sum) === 0 || (view.lenientOddChecksum && isOldOddSum(view, sum))) return null;
  const right = finishChecksum(sum + (~view.checksum & 0xffff));
  return refuse('bad-checksum', 'nhrp.checksum', CHECKSUM, right, view.checksum);
}

function isOldOddSum(view: NhrpView, sum: number): boolean {
  if ((view.octets & 1) === 0) return false;
  const last = readU8(view.slab, view.end - 1);
  return finishChecksum(sum + (~(last << 8) & 0xffff) + last) === 0;
}

function checkType(view: NhrpView): WireError | null {
  const type = view.type;
  if (type === 0) return refuse('bad-value', 'nhrp.type', TYPE, PacketType.RESOLUTION_REQUEST, 0);
  if (type > PacketType.TRAFFIC_INDICATION)
    return refuse('unsupported', 'nhrp.type', TYPE, PacketType.TRAFFIC_INDICATION, type);
  return null;
}

/** The addresses end before the extensions, and the extensions, which are never empty, inside the packet. */
function checkAddresses(view: NhrpView): WireError | null {
  const { slab, at, octets } = view;
  const body =
    HEADER_OCTETS +
    lengthOf(readU8(slab, at + SOURCE_NBMA_TL)) +
    lengthOf(readU8(slab, at + SOURCE_NBMA_SUB_TL)) +
    readU8(slab, at + SOURCE_PROTOCOL_LENGTH) +
    readU8(slab, at + DESTINATION_PROTOCOL_LENGTH);
  if (body > octets) return refuse('truncated', 'nhrp.addresses', HEADER_OCTETS, body, octets);
  const extensions = readU16(slab, at + EXTENSION_OFFSET);
  view.bodyAt = at + body;
  view.bodyEnd = at + (extensions === 0 ? octets : extensions);
  if (extensions === 0) return null; // RFC 2332 §5.1: no extensions
  const field = 'nhrp.extensionOffset';
  if (extensions < body) return refuse('bad-length', field, EXTENSION_OFFSET, body, extensions);
  const last = octets - EXTENSION_HEADER_OCTETS;
  if (extensions > last) return refuse('bad-length', field, EXTENSION_OFFSET, last, extensions);
  return null;
}

/** Whole CIEs from `at` to `end`, no more than the limit. */
function checkCies(view: NhrpView, at: number, end: number, field: string): WireError | null {
  for (let count = 0; at < end; count++) {
    if (count === view.maxCies)
      return refuse('too-many', field, at - view.at, view.maxCies, count + 1);
    const left = end - at;
    const octets = left < CIE_MIN_OCTETS ? CIE_MIN_OCTETS : cieOctetsAt(view.slab, at);
    if (octets > left) return refuse('truncated', field, at - view.at, octets, left);
    at += octets;
  }
  return null;
}

/** Every step goes four octets or more forward. The list ends with End, and End ends the packet: RFC 2332 §5.3. */
function checkExtensions(view: NhrpView): WireError | null {
  const { slab, bodyEnd, end } = view;
  let seen = 0;
  let count = 0;
  for (let at = bodyEnd; ; count++) {
    const offset = at - view.at;
    const left = end - at;
    if (left === 0)
      return refuse('missing', 'nhrp.extension.end', offset, EXTENSION_HEADER_OCTETS, 0);
    if (left < EXTENSION_HEADER_OCTETS)
      return refuse('truncated', 'nhrp.extension', offset, EXTENSION_HEADER_OCTETS, left);
    const type = readU16(slab, at) & ExtensionBit.TYPE_MASK;
    const value = readU16(slab, at + 2);
    const next = at + EXTENSION_HEADER_OCTETS + value;
    if (type === ExtensionType.END) return checkEnd(offset, value, left);
    if (count === view.maxExtensions)
      return refuse('too-many', 'nhrp.extension', offset, view.maxExtensions, count + 1);
    if (next > end) return refuse('truncated', 'nhrp.extension', offset, next - at, left);
    const repeated = type < 32 ? (seen >>> type) & 1 : view.extensionAt(type) < at;
    if (repeated && type !== ExtensionType.VENDOR)
      return refuse('duplicate', 'nhrp.extension', offset, 1, 2);
    const error = checkValue(view, type, at + EXTENSION_HEADER_OCTETS, value);
    if (error !== null) return error;
    if (type < 32) seen |= 1 << type;
    at = next;
  }
}

function checkEnd(offset: number, value: number, left: number): WireError | null {
  if (value !== 0) return refuse('bad-length', 'nhrp.extension.end', offset + 2, 0, value);
  if (left > EXTENSION_HEADER_OCTETS)
    return refuse('bad-length', 'nhrp.extension.end', offset, EXTENSION_HEADER_OCTETS, left);
  return null;
}

function checkValue(view: NhrpView, type: number, at: number, octets: number): WireError | null {
  if (holdsCies(type, octets)) return checkCies(view, at, at + octets, 'nhrp.extension.cie');
  switch (type) {
    case ExtensionType.AUTHENTICATION:
    case ExtensionType.MOBILE_AUTHENTICATION:
      return checkAuthentication(view, at, octets);
    case ExtensionType.VENDOR:
      if (octets >= OUI_OCTETS) return null;
      return refuse('truncated', 'nhrp.extension.oui', at - view.at, OUI_OCTETS, octets);
    default:
      return null;
  }
}

function checkAuthentication(view: NhrpView, at: number, octets: number): WireError | null {
  const field = 'nhrp.extension.authentication';
  if (octets < AUTHENTICATION_MIN_OCTETS)
    return refuse('truncated', field, at - view.at, AUTHENTICATION_MIN_OCTETS, octets);
  if (isCiscoAuthentication(readU16(view.slab, at + 2), octets)) return null;
  const least = AUTHENTICATION_MIN_OCTETS + view.sourceProtocolOctets;
  return octets < least ? refuse('truncated', field, at - view.at, least, octets) : null;
}
