/**
 * The validator of NHRP packets: what a packet must be like for the view to read it. It leaves in the view what the accessors
 * start from. Of a good packet no object is made; what an error says is put together after the fact.
 */
import { readU8, readU16 } from '../../wire/bytes.js';
import { checksumSum, finishChecksum, slabChecksumSum } from '../../wire/checksum.js';
import type { WireError, WireErrorCode } from '../../wire/result.js';
import { lengthOf } from './address.js';
import { CIE_MIN_OCTETS, cieOctetsAt } from './cie.js';
import {
  AUTHENTICATION_MIN_OCTETS,
  CAPABILITIES_OCTETS,
  EXTENSION_HEADER_OCTETS,
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
const RESPONDER_ADDRESS = ExtensionType.RESPONDER_ADDRESS;
const REVERSE_TRANSIT_RECORD = ExtensionType.REVERSE_TRANSIT_RECORD;
const AUTHENTICATION = ExtensionType.AUTHENTICATION;
const MOBILE_AUTHENTICATION = ExtensionType.MOBILE_AUTHENTICATION;
const VENDOR = ExtensionType.VENDOR;
const NAT_ADDRESS = ExtensionType.NAT_ADDRESS;
const LAST_TYPE = PacketType.TRAFFIC_INDICATION;
const LAST_CIE_TYPE = PacketType.PURGE_REPLY;
/** Of octets with a right checksum among them: RFC 1071 §1. */
const RIGHT_SUM = 0xffff;

/**
 * All bits of an offset. Of what is masked by it V8 knows that sums cannot overflow: watching them takes a tenth of the work.
 */
const OFFSET_BITS = 0x3fff_ffff;
/** A packet that begins later would end behind them. */
const MAX_PACKET_AT = OFFSET_BITS - 0xffff;

/** Every way to be refused: what code, which field. */
export const FAULTS: readonly (readonly [WireErrorCode, string])[] = [
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

/** The error of that row; `at` counts as the slab does. */
function refuse(
  view: NhrpView,
  fault: number,
  at: number,
  expected: number,
  actual: number,
): WireError {
  const [code, field] = FAULTS[fault] ?? [];
  if (code === undefined || field === undefined) throw new Error(`bug: no fault ${fault}`);
  return { code, field, offset: at - view.at, expected, actual };
}

/**
 * Everything. One long function, against the habit of the house: it runs for every message, and in parts it takes a third more,
 * as each has to look anew where the octets are and how many, and V8 makes calls of some parts on some days. In order:
 * size (the version comes first: of another one nothing else is known) and checksum (RFC 2332 §5.1: over ar$pktsz octets, an
 * odd one padded on the right; 0 is a checksum like any other);
 * type and addresses, which end before the extensions, and the extensions, which are never empty, inside the packet;
 * the body, where what an indication quotes may be anything;
 * extensions, of which every step goes four octets or more forward. The list ends with End, and End ends the packet
 * (RFC 2332 §5.3).
 */
export function checkPacket(
  view: NhrpView,
  b: Uint8Array,
  words: Uint32Array | null,
  packetAt: number,
  octets: number,
): WireError | null {
  if (packetAt > MAX_PACKET_AT) throw new RangeError(`at: 0..${MAX_PACKET_AT} expected`);
  const at = packetAt & OFFSET_BITS;
  if (octets < HEADER_OCTETS) return refuse(view, CUT_HEADER, at, HEADER_OCTETS, octets);
  const version = readU8(b, at + VERSION);
  if (version !== NHRP_VERSION)
    return refuse(view, BAD_VERSION, at + VERSION, NHRP_VERSION, version);
  const size = readU16(b, at + PACKET_SIZE);
  if (size < HEADER_OCTETS || size > octets) return refuseSize(view, size, octets);
  const end = at + size;
  view.end = end;
  if (view.verifyChecksum !== false) {
    const sum = words === null ? checksumSum(b, at, size) : slabChecksumSum(b, words, at, size);
    if (sum !== RIGHT_SUM && !isOldChecksum(view, sum)) return refuseChecksum(view, sum);
  }

  const packetType = readU8(b, at + TYPE);
  if (packetType === 0 || packetType > LAST_TYPE) return refuseType(view, at + TYPE, packetType);
  const source =
    HEADER_OCTETS +
    lengthOf(readU8(b, at + SOURCE_NBMA_TL)) +
    lengthOf(readU8(b, at + SOURCE_NBMA_SUB_TL));
  const destination = source + readU8(b, at + SOURCE_PROTOCOL_LENGTH);
  const body = destination + readU8(b, at + DESTINATION_PROTOCOL_LENGTH);
  if (body > size) return refuse(view, CUT_ADDRESSES, at + HEADER_OCTETS, body, size);
  const offset = readU16(b, at + EXTENSION_OFFSET);
  if (offset !== 0 && (offset < body || offset > size - EXTENSION_HEADER_OCTETS))
    return refuseOffset(view, body, offset);
  const bodyEnd = offset === 0 ? end : at + offset; // RFC 2332 §5.1: 0 is "no extensions"
  view.type = packetType;
  view.sourceProtocolAt = at + source;
  view.destinationProtocolAt = at + destination;
  view.bodyAt = at + body;
  view.bodyEnd = bodyEnd;

  if (packetType <= LAST_CIE_TYPE && !isOneCie(view, b, at + body, bodyEnd)) {
    const error = checkCies(view, b, at + body, bodyEnd);
    if (error !== null) return error;
  }
  if (offset === 0) return noExtensions(view); // not even End

  let room = view.maxExtensions | 0;
  let highest: number = END; // while types ascend, as they mostly do, none is there twice
  let authenticationAt = -1;
  let natAddressAt = -1;
  const last = end - EXTENSION_HEADER_OCTETS; // where End begins
  let next = bodyEnd & OFFSET_BITS;
  for (;;) {
    const here = next;
    const value = here + EXTENSION_HEADER_OCTETS;
    const type = readU16(b, here) & TYPE_MASK;
    const length = readU16(b, here + 2);
    if (type > highest) highest = type;
    else if (type === END) {
      view.authenticationAt = authenticationAt;
      view.natAddressAt = natAddressAt;
      return length === 0 && value === end ? null : refuseEnd(view, here, length);
    } else if (type !== VENDOR && isRepeated(view, here, type))
      return refuse(view, DUPLICATE_EXTENSION, here, 1, 2);
    if (room-- === 0) return refuseMany(view, here);
    next = (value + length) & OFFSET_BITS;
    if (next > last) return refuseCut(view, here, next);
    let error: WireError | null = null;
    if (type < AUTHENTICATION) {
      if (length === 0 || type < RESPONDER_ADDRESS || type > REVERSE_TRANSIT_RECORD) continue;
      error = checkCies(view, b, value, next);
    } else if (type === AUTHENTICATION) {
      authenticationAt = here;
      error = checkAuthentication(view, b, value, length);
    } else if (type === NAT_ADDRESS) {
      natAddressAt = here;
      if (length !== CAPABILITIES_OCTETS && !isOneCie(view, b, value, next))
        error = checkCies(view, b, value, next);
    } else if (type === MOBILE_AUTHENTICATION) error = checkAuthentication(view, b, value, length);
    else if (type === VENDOR && length < OUI_OCTETS)
      error = refuse(view, CUT_VENDOR, value, OUI_OCTETS, length);
    if (error !== null) return error;
  }
}

function noExtensions(view: NhrpView): null {
  view.authenticationAt = -1;
  view.natAddressAt = -1;
  return null;
}

/** Whether an extension of that type stands before `here`. */
function isRepeated(view: NhrpView, here: number, type: number): boolean {
  for (let at = view.bodyEnd; at < here; at = view.nextExtension(at))
    if (view.extensionType(at) === type) return true;
  return false;
}

/** Whether there is one CIE, whole, as there mostly is. */
const isOneCie = (view: NhrpView, b: Uint8Array, at: number, end: number): boolean =>
  end - at >= CIE_MIN_OCTETS && at + cieOctetsAt(b, at) === end && view.maxCies !== 0;

/** Whole CIEs from `at` to `end`, no more than the limit. */
function checkCies(view: NhrpView, b: Uint8Array, at: number, end: number): WireError | null {
  const inExtension = end > view.bodyEnd ? 1 : 0; // the same fault there is the next row of the table
  for (let count = 0; at < end; count++) {
    if (count === view.maxCies)
      return refuse(view, TOO_MANY_CIES + inExtension, at, view.maxCies, count + 1);
    const left = end - at;
    const octets = left < CIE_MIN_OCTETS ? CIE_MIN_OCTETS : cieOctetsAt(b, at);
    if (octets > left) return refuse(view, CUT_CIE + inExtension, at, octets, left);
    at += octets;
  }
  return null;
}

function checkAuthentication(
  view: NhrpView,
  b: Uint8Array,
  at: number,
  octets: number,
): WireError | null {
  if (octets < AUTHENTICATION_MIN_OCTETS)
    return refuse(view, CUT_AUTHENTICATION, at, AUTHENTICATION_MIN_OCTETS, octets);
  if (isCiscoAuthentication(readU16(b, at + 2), octets)) return null;
  const least = AUTHENTICATION_MIN_OCTETS + view.sourceProtocolOctets;
  return octets < least ? refuse(view, CUT_AUTHENTICATION, at, least, octets) : null;
}

function refuseSize(view: NhrpView, size: number, octets: number): WireError {
  const at = view.at + PACKET_SIZE;
  if (size > octets) return refuse(view, CUT_PACKET, at, size, octets);
  return refuse(view, SHORT_SIZE, at, HEADER_OCTETS, size);
}

function refuseChecksum(view: NhrpView, sum: number): WireError {
  const right = finishChecksum(sum + (~view.checksum & 0xffff));
  return refuse(view, BAD_CHECKSUM, view.at + CHECKSUM, right, view.checksum);
}

/** Whether the sum is right when the last octet counts as the low half of its word, where that is allowed. */
function isOldChecksum(view: NhrpView, sum: number): boolean {
  if (!view.lenientOddChecksum || (view.octets & 1) === 0) return false;
  const last = readU8(view.slab, view.end - 1);
  return finishChecksum(sum + (~(last << 8) & 0xffff) + last) === 0;
}

function refuseType(view: NhrpView, at: number, type: number): WireError {
  if (type > LAST_TYPE) return refuse(view, UNKNOWN_TYPE, at, LAST_TYPE, type);
  return refuse(view, ZERO_TYPE, at, PacketType.RESOLUTION_REQUEST, type);
}

function refuseOffset(view: NhrpView, body: number, offset: number): WireError {
  const right = offset < body ? body : view.octets - EXTENSION_HEADER_OCTETS;
  return refuse(view, BAD_EXTENSION_OFFSET, view.at + EXTENSION_OFFSET, right, offset);
}

/** The extension ends behind the packet, or leaves less than the header of End, or nothing at all. */
function refuseCut(view: NhrpView, here: number, next: number): WireError {
  if (next > view.end) return refuse(view, CUT_EXTENSION, here, next - here, view.end - here);
  const fault = next === view.end ? NO_END : CUT_EXTENSION;
  return refuse(view, fault, next, EXTENSION_HEADER_OCTETS, view.end - next);
}

function refuseEnd(view: NhrpView, at: number, octets: number): WireError {
  if (octets !== 0) return refuse(view, BAD_END, at + 2, 0, octets);
  return refuse(view, BAD_END, at, EXTENSION_HEADER_OCTETS, view.end - at);
}

const refuseMany = (view: NhrpView, at: number): WireError =>
  refuse(view, TOO_MANY_EXTENSIONS, at, view.maxExtensions, view.maxExtensions + 1);
