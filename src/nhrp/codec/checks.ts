/**
 * The validator of NHRP packets: what a packet must be like for the view to read it. The checks are called in order by
 * `NhrpView.parse`; each leaves in the view what the next ones, and the accessors, start from.
 */
import { readU8, readU16 } from '../../wire/bytes.js';
import { checksumSum, finishChecksum, slabChecksumSum } from '../../wire/checksum.js';
import type { WireError, WireErrorCode } from '../../wire/result.js';
import { lengthOf } from './address.js';
import { CIE_MIN_OCTETS, cieOctetsAt } from './cie.js';
import {
  AUTHENTICATION_MIN_OCTETS,
  EXTENSION_HEADER_OCTETS,
  holdsCies,
  isCiscoAuthentication,
  OUI_OCTETS,
} from './extension.js';
import {
  CHECKSUM,
  DESTINATION_PROTOCOL_LENGTH,
  EXTENSION_OFFSET,
  HEADER_OCTETS,
  PACKET_SIZE,
  SOURCE_NBMA_SUB_TL,
  SOURCE_NBMA_TL,
  SOURCE_PROTOCOL_LENGTH,
  TYPE,
  VERSION,
} from './header.js';
import { ExtensionBit, ExtensionType, NHRP_VERSION, PacketType } from './numbers.js';
import type { NhrpView } from './view.js';

// Numbers that are looked at for every packet, out of their tables: a name of this file costs nothing to read.
const TYPE_MASK = ExtensionBit.TYPE_MASK;
const END = ExtensionType.END;
const AUTHENTICATION = ExtensionType.AUTHENTICATION;
const MOBILE_AUTHENTICATION = ExtensionType.MOBILE_AUTHENTICATION;
const VENDOR = ExtensionType.VENDOR;
const LAST_TYPE = PacketType.TRAFFIC_INDICATION;
const LAST_CIE_TYPE = PacketType.PURGE_REPLY;

/** Every way to be refused: what code, which field. The checks name a row, which is cheaper than to make an error. */
const FAULTS: readonly (readonly [WireErrorCode, string])[] = [
  ['truncated', 'nhrp.header'],
  ['bad-version', 'nhrp.version'],
  ['bad-length', 'nhrp.packetSize'],
  ['truncated', 'nhrp.packetSize'],
  ['bad-checksum', 'nhrp.checksum'],
  ['bad-value', 'nhrp.type'],
  ['unsupported', 'nhrp.type'],
  ['truncated', 'nhrp.addresses'],
  ['bad-length', 'nhrp.extensionOffset'],
  ['truncated', 'nhrp.cie'],
  ['truncated', 'nhrp.extension.cie'],
  ['too-many', 'nhrp.cie'],
  ['too-many', 'nhrp.extension.cie'],
  ['truncated', 'nhrp.extension'],
  ['too-many', 'nhrp.extension'],
  ['duplicate', 'nhrp.extension'],
  ['missing', 'nhrp.extension.end'],
  ['bad-length', 'nhrp.extension.end'],
  ['truncated', 'nhrp.extension.authentication'],
  ['truncated', 'nhrp.extension.vendor'],
];
const CUT_HEADER = 0;
const BAD_VERSION = 1;
const SHORT_SIZE = 2;
const CUT_PACKET = 3;
const BAD_CHECKSUM = 4;
const ZERO_TYPE = 5;
const UNKNOWN_TYPE = 6;
const CUT_ADDRESSES = 7;
const BAD_EXTENSION_OFFSET = 8;
const CUT_CIE = 9; // and 10 in an extension
const TOO_MANY_CIES = 11; // and 12
const CUT_EXTENSION = 13;
const TOO_MANY_EXTENSIONS = 14;
const DUPLICATE_EXTENSION = 15;
const NO_END = 16;
const BAD_END = 17;
const CUT_AUTHENTICATION = 18;
const CUT_VENDOR = 19;

/** Notes the fault and returns false. */
function refuse(
  view: NhrpView,
  fault: number,
  at: number,
  expected: number,
  actual: number,
): false {
  view.fault = fault;
  view.faultAt = at;
  view.expected = expected;
  view.actual = actual;
  return false;
}

export function errorOf({ fault, faultAt, at, expected, actual }: NhrpView): WireError {
  const [code, field] = FAULTS[fault] ?? [];
  if (code === undefined || field === undefined) throw new Error(`bug: no fault ${fault}`);
  return { code, field, offset: faultAt - at, expected, actual };
}

/** The version comes first: of another one nothing else is known. */
export function checkSize(view: NhrpView, b: Uint8Array, at: number, octets: number): boolean {
  if (octets < HEADER_OCTETS) return refuse(view, CUT_HEADER, at, HEADER_OCTETS, octets);
  const version = readU8(b, at + VERSION);
  if (version !== NHRP_VERSION)
    return refuse(view, BAD_VERSION, at + VERSION, NHRP_VERSION, version);
  const size = readU16(b, at + PACKET_SIZE);
  if (size < HEADER_OCTETS) return refuse(view, SHORT_SIZE, at + PACKET_SIZE, HEADER_OCTETS, size);
  if (size > octets) return refuse(view, CUT_PACKET, at + PACKET_SIZE, size, octets);
  view.end = at + size;
  return true;
}

/** RFC 2332 §5.1: over ar$pktsz octets, an odd one padded on the right. 0 is a checksum like any other. */
export function checkChecksum(view: NhrpView, words: Uint32Array | null): boolean {
  const { slab, at, octets } = view;
  const sum =
    words === null ? checksumSum(slab, at, octets) : slabChecksumSum(slab, words, at, octets);
  if (finishChecksum(sum) === 0 || (view.lenientOddChecksum && isOldOddSum(view, sum))) return true;
  const right = finishChecksum(sum + (~view.checksum & 0xffff));
  return refuse(view, BAD_CHECKSUM, at + CHECKSUM, right, view.checksum);
}

/** Whether the sum is right when the last octet counts as the low half of its word. */
function isOldOddSum(view: NhrpView, sum: number): boolean {
  if ((view.octets & 1) === 0) return false;
  const last = readU8(view.slab, view.end - 1);
  return finishChecksum(sum + (~(last << 8) & 0xffff) + last) === 0;
}

export function checkType(view: NhrpView, b: Uint8Array, at: number): boolean {
  const type = readU8(b, at + TYPE);
  if (type > LAST_TYPE) return refuse(view, UNKNOWN_TYPE, at + TYPE, LAST_TYPE, type);
  return type > 0 || refuse(view, ZERO_TYPE, at + TYPE, PacketType.RESOLUTION_REQUEST, type);
}

/** The addresses end before the extensions, and the extensions, which are never empty, inside the packet. */
export function checkAddresses(view: NhrpView, b: Uint8Array, at: number): boolean {
  const source =
    HEADER_OCTETS +
    lengthOf(readU8(b, at + SOURCE_NBMA_TL)) +
    lengthOf(readU8(b, at + SOURCE_NBMA_SUB_TL));
  const body =
    source + readU8(b, at + SOURCE_PROTOCOL_LENGTH) + readU8(b, at + DESTINATION_PROTOCOL_LENGTH);
  const octets = view.end - at;
  if (body > octets) return refuse(view, CUT_ADDRESSES, at + HEADER_OCTETS, body, octets);
  const offset = readU16(b, at + EXTENSION_OFFSET);
  view.sourceProtocolAt = at + source;
  view.bodyAt = at + body;
  view.bodyEnd = offset === 0 ? view.end : at + offset; // RFC 2332 §5.1: 0 is "no extensions"
  if (offset === 0) return true;
  const last = octets - EXTENSION_HEADER_OCTETS;
  if (offset < body) return refuse(view, BAD_EXTENSION_OFFSET, at + EXTENSION_OFFSET, body, offset);
  return offset <= last || refuse(view, BAD_EXTENSION_OFFSET, at + EXTENSION_OFFSET, last, offset);
}

/** What an indication quotes may be anything. */
export const checkBody = (view: NhrpView, b: Uint8Array): boolean =>
  readU8(b, view.at + TYPE) > LAST_CIE_TYPE || checkCies(view, b, view.bodyAt, view.bodyEnd);

/** Whole CIEs from `at` to `end`, no more than the limit. */
function checkCies(view: NhrpView, b: Uint8Array, at: number, end: number): boolean {
  for (let count = 0; at < end; count++) {
    if (count === view.maxCies)
      return refuse(view, TOO_MANY_CIES + inExtension(view, end), at, view.maxCies, count + 1);
    const left = end - at;
    const octets = left < CIE_MIN_OCTETS ? CIE_MIN_OCTETS : cieOctetsAt(b, at);
    if (octets > left) return refuse(view, CUT_CIE + inExtension(view, end), at, octets, left);
    at += octets;
  }
  return true;
}

/** The same fault inside an extension is the next row of the table. */
const inExtension = (view: NhrpView, end: number): number => (end > view.bodyEnd ? 1 : 0);

/** Every step goes four octets or more forward. The list ends with End, and End ends the packet: RFC 2332 §5.3. */
export function checkExtensions(view: NhrpView, b: Uint8Array): boolean {
  const { end, maxExtensions, places } = view;
  let present = 0;
  let at = view.bodyEnd;
  view.present = 0;
  if (at === end) return true; // not even End
  for (let count = 0; at < end; count++) {
    const left = end - at;
    if (left < EXTENSION_HEADER_OCTETS)
      return refuse(view, CUT_EXTENSION, at, EXTENSION_HEADER_OCTETS, left);
    const type = readU16(b, at) & TYPE_MASK;
    const octets = readU16(b, at + 2);
    if (type === END) {
      view.present = present;
      return checkEnd(view, at, octets);
    }
    if (count === maxExtensions)
      return refuse(view, TOO_MANY_EXTENSIONS, at, maxExtensions, count + 1);
    const value = at + EXTENSION_HEADER_OCTETS;
    if (octets > end - value)
      return refuse(view, CUT_EXTENSION, at, EXTENSION_HEADER_OCTETS + octets, left);
    if (type > 31) {
      if (view.extensionAt(type) < at) return refuse(view, DUPLICATE_EXTENSION, at, 1, 2);
    } else {
      if ((present >>> type) & 1 && type !== VENDOR)
        return refuse(view, DUPLICATE_EXTENSION, at, 1, 2);
      present |= 1 << type;
      places[type] = at;
    }
    if (!checkValue(view, b, type, value, octets)) return false;
    at = value + octets;
  }
  return refuse(view, NO_END, at, EXTENSION_HEADER_OCTETS, 0);
}

function checkEnd(view: NhrpView, at: number, octets: number): boolean {
  if (octets !== 0) return refuse(view, BAD_END, at + 2, 0, octets);
  const left = view.end - at;
  return (
    left === EXTENSION_HEADER_OCTETS || refuse(view, BAD_END, at, EXTENSION_HEADER_OCTETS, left)
  );
}

function checkValue(
  view: NhrpView,
  b: Uint8Array,
  type: number,
  at: number,
  octets: number,
): boolean {
  if (holdsCies(type, octets)) return checkCies(view, b, at, at + octets);
  switch (type) {
    case AUTHENTICATION:
    case MOBILE_AUTHENTICATION:
      return checkAuthentication(view, b, at, octets);
    case VENDOR:
      return octets >= OUI_OCTETS || refuse(view, CUT_VENDOR, at, OUI_OCTETS, octets);
    default:
      return true;
  }
}

function checkAuthentication(view: NhrpView, b: Uint8Array, at: number, octets: number): boolean {
  if (octets < AUTHENTICATION_MIN_OCTETS)
    return refuse(view, CUT_AUTHENTICATION, at, AUTHENTICATION_MIN_OCTETS, octets);
  if (isCiscoAuthentication(readU16(b, at + 2), octets)) return true;
  const least = AUTHENTICATION_MIN_OCTETS + view.sourceProtocolOctets;
  return octets >= least || refuse(view, CUT_AUTHENTICATION, at, least, octets);
}
