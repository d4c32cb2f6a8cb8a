/**
 * NHRP messages as objects: RFC 2332 §5. Decoding reads through the view, which has checked everything.
 * A decoded message encodes to the octets that it came from (except padding of the link after ar$pktsz).
 */
import { readU16, writeBytes, writeU8, writeU16, writeU32 } from '../../wire/bytes.js';
import { checksum, slabChecksum } from '../../wire/checksum.js';
import { ok, type Result } from '../../wire/result.js';
import {
  encodeNbmaAddress,
  encodeProtocolAddress,
  lengthOf,
  type NhrpAddress,
  nhrpAddressOctets,
  readNhrpAddress,
} from './address.js';
import { type Cie, ciesOctets, encodeCie, readCies } from './cie.js';
import {
  EXTENSION_HEADER_OCTETS,
  type Extension,
  encodeExtensions,
  extensionOctets,
  readExtension,
} from './extension.js';
import {
  ADDRESS_FAMILY,
  CHECKSUM,
  DESTINATION_PROTOCOL_LENGTH,
  EXTENSION_OFFSET,
  FLAGS,
  HEADER_OCTETS,
  HOP_COUNT,
  MAX_PACKET_OCTETS,
  PACKET_SIZE,
  PROTOCOL_TYPE,
  REQUEST_ID,
  SNAP,
  SNAP_OCTETS,
  SOURCE_NBMA_SUB_TL,
  SOURCE_NBMA_TL,
  SOURCE_PROTOCOL_LENGTH,
  TYPE,
  VERSION,
} from './header.js';
import { ExtensionBit, ExtensionType, NHRP_VERSION, PacketType } from './numbers.js';
import { type DecodeOptions, NhrpView } from './view.js';

export type { NhrpAddress } from './address.js';

interface Common {
  /** ar$afn: what NBMA addresses are; see `AddressFamily`. */
  readonly addressFamily: number;
  /** ar$pro.type: what protocol addresses are; see `ProtocolType`. */
  readonly protocolType: number;
  /** ar$pro.snap, five octets; null = five zeros. */
  readonly snap: Uint8Array | null;
  /** Any value decodes; what is done about 0 is the engine's to say. */
  readonly hopCount: number;
  readonly sourceNbmaAddress: NhrpAddress;
  readonly sourceNbmaSubaddress: NhrpAddress;
  readonly sourceProtocolAddress: NhrpAddress;
  readonly destinationProtocolAddress: NhrpAddress;
  /** In wire order, without End. null = no extension part at all, not even End. */
  readonly extensions: readonly Extension[] | null;
}
/** Types 1..6: requests and replies for resolution, registration and purge. */
export interface CieMessage extends Common {
  readonly type: 1 | 2 | 3 | 4 | 5 | 6;
  /** `ResolutionFlag`, `RegistrationFlag` or `PurgeFlag`, and what else was set. */
  readonly flags: number;
  /** Unsigned 32 bits. */
  readonly requestId: number;
  readonly cies: readonly Cie[];
}
export interface ErrorIndication extends Common {
  readonly type: 7;
  /** As received; 0 when sent. */
  readonly unused: number;
  readonly errorCode: number;
  /** Octets from the fixed header of the offending packet. */
  readonly errorOffset: number;
  /** As much of the offending packet as was sent back: a view of what was decoded. */
  readonly packet: Uint8Array;
}
/** Cisco's redirect. */
export interface TrafficIndication extends Common {
  readonly type: 8;
  readonly unused: number;
  readonly trafficCode: number;
  readonly unused2: number;
  /** The beginning of the data packet, from its IP header on: a view of what was decoded. */
  readonly packet: Uint8Array;
}
export type NhrpMessage = CieMessage | ErrorIndication | TrafficIndication;

const LAST_CIE_TYPE = PacketType.PURGE_REPLY;
const LAST_TYPE = PacketType.TRAFFIC_INDICATION;
const END = ExtensionType.END;
const END_OF_EXTENSIONS = (ExtensionBit.COMPULSORY | END) << 16;

/** One parse at a time: decoding is synchronous and keeps nothing in it. */
const defaultView: NhrpView = /* @__PURE__ */ new NhrpView();

/**
 * Decodes the packet at the beginning of `b`; octets after ar$pktsz are passed over. Opaque octets in the
 * message are views of `b`: copy what is kept. Never throws.
 */
export function decodeMessage(b: Uint8Array, options?: DecodeOptions): Result<NhrpMessage> {
  const view = options === undefined ? defaultView : new NhrpView(options);
  const error = view.parse(b, null, 0, b.length);
  return error === null ? ok(messageOf(view)) : { ok: false, error };
}

/** The message in a view that has parsed it. Opaque octets are views of the slab. */
export function messageOf(view: NhrpView): NhrpMessage {
  if (view.hasCies) return cieMessageOf(view);
  return view.type === PacketType.ERROR_INDICATION ? errorOf(view) : trafficOf(view);
}

// Each kind is one literal: spreading a common part into it costs ten times as much as the rest of the decoder.

const cieMessageOf = (view: NhrpView): CieMessage => ({
  type: view.type as CieMessage['type'],
  addressFamily: view.addressFamily,
  protocolType: view.protocolType,
  snap: readSnap(view),
  hopCount: view.hopCount,
  sourceNbmaAddress: sourceNbma(view),
  sourceNbmaSubaddress: sourceNbmaSubaddress(view),
  sourceProtocolAddress: sourceProtocol(view),
  destinationProtocolAddress: destinationProtocol(view),
  flags: view.flags,
  requestId: view.requestId,
  cies: readCies(view.slab, view.bodyAt, view.bodyEnd, view),
  extensions: readExtensions(view),
});

const errorOf = (view: NhrpView): ErrorIndication => ({
  type: PacketType.ERROR_INDICATION,
  addressFamily: view.addressFamily,
  protocolType: view.protocolType,
  snap: readSnap(view),
  hopCount: view.hopCount,
  sourceNbmaAddress: sourceNbma(view),
  sourceNbmaSubaddress: sourceNbmaSubaddress(view),
  sourceProtocolAddress: sourceProtocol(view),
  destinationProtocolAddress: destinationProtocol(view),
  unused: view.flags,
  errorCode: view.requestId >>> 16,
  errorOffset: view.requestId & 0xffff,
  packet: view.slab.subarray(view.bodyAt, view.bodyEnd),
  extensions: readExtensions(view),
});

const trafficOf = (view: NhrpView): TrafficIndication => ({
  type: PacketType.TRAFFIC_INDICATION,
  addressFamily: view.addressFamily,
  protocolType: view.protocolType,
  snap: readSnap(view),
  hopCount: view.hopCount,
  sourceNbmaAddress: sourceNbma(view),
  sourceNbmaSubaddress: sourceNbmaSubaddress(view),
  sourceProtocolAddress: sourceProtocol(view),
  destinationProtocolAddress: destinationProtocol(view),
  unused: view.flags,
  trafficCode: view.requestId >>> 16,
  unused2: view.requestId & 0xffff,
  packet: view.slab.subarray(view.bodyAt, view.bodyEnd),
  extensions: readExtensions(view),
});

function sourceNbma(view: NhrpView): NhrpAddress {
  const tl = view.sourceNbmaTypeLength;
  return readNhrpAddress(view.slab, view.sourceNbmaAt, tl, lengthOf(tl), view.nbmaFamily);
}

function sourceNbmaSubaddress(view: NhrpView): NhrpAddress {
  const tl = view.sourceNbmaSubaddressTypeLength;
  return readNhrpAddress(view.slab, view.sourceNbmaSubaddressAt, tl, lengthOf(tl), 0);
}

function sourceProtocol(view: NhrpView): NhrpAddress {
  const octets = view.sourceProtocolOctets;
  return readNhrpAddress(view.slab, view.sourceProtocolAt, octets, octets, view.protocolFamily);
}

function destinationProtocol(view: NhrpView): NhrpAddress {
  const octets = view.destinationProtocolOctets;
  const at = view.destinationProtocolAt;
  return readNhrpAddress(view.slab, at, octets, octets, view.protocolFamily);
}

function readSnap(view: NhrpView): Uint8Array | null {
  const at = view.at + SNAP;
  for (let i = 0; i < SNAP_OCTETS; i++)
    if (view.slab[at + i] !== 0) return view.slab.subarray(at, at + SNAP_OCTETS);
  return null;
}

function readExtensions(view: NhrpView): Extension[] | null {
  if (!view.hasExtensions) return null;
  const extensions: Extension[] = [];
  for (let at = view.bodyEnd; at < view.end; at = view.nextExtension(at))
    if (readU16(view.slab, at) !== ExtensionBit.COMPULSORY)
      extensions.push(readExtension(view.slab, at, view));
  return extensions;
}

/** Octets of the message on the wire, with End. @throws RangeError when there is no such type */
export function messageOctets(m: NhrpMessage): number {
  if (!hasCies(m)) checkIndication(m.type);
  return (
    HEADER_OCTETS +
    nhrpAddressOctets(m.sourceNbmaAddress) +
    nhrpAddressOctets(m.sourceNbmaSubaddress) +
    nhrpAddressOctets(m.sourceProtocolAddress) +
    nhrpAddressOctets(m.destinationProtocolAddress) +
    (hasCies(m) ? ciesOctets(m.cies) : m.packet.length) +
    extensionsOctets(m.extensions)
  );
}

/**
 * Writes `messageOctets(m)` octets at `at`, with size, extension offset, checksum and End, and returns the offset after them.
 * One pass: what is only known afterwards is filled in.
 * @param words `out` as words (`wordsOf`), which makes the checksum faster; null without
 * @throws RangeError when the message has more than 65,535 octets, or `out` has no room for it; when the type, the flags,
 *   the SNAP octets or the length of an address cannot be written
 */
export function encodeMessage(
  m: NhrpMessage,
  out: Uint8Array,
  at: number,
  words: Uint32Array | null = null,
): number {
  let next = encodeHeader(m, out, at);
  if (hasCies(m))
    for (let i = 0; i < m.cies.length; i++) next = encodeCie(m.cies[i] as Cie, out, next);
  else next = writeBytes(out, next, m.packet);
  const extensionOffset = m.extensions === null ? 0 : next - at;
  if (m.extensions !== null) {
    next = encodeExtensions(m.extensions, out, next);
    if (!hasOwnEnd(m.extensions)) next = writeU32(out, next, END_OF_EXTENSIONS);
  }
  const octets = next - at;
  if (octets > MAX_PACKET_OCTETS) throw new RangeError(`m: ${octets} octets, ar$pktsz says fewer`);
  if (next > out.length) throw new RangeError(`out: room for ${octets} octets expected at ${at}`);
  writeU16(out, at + PACKET_SIZE, octets);
  writeU16(out, at + EXTENSION_OFFSET, extensionOffset);
  const sum = words === null ? checksum(out, at, octets) : slabChecksum(out, words, at, octets);
  writeU16(out, at + CHECKSUM, sum);
  return next;
}

/** The message in octets of its own. */
export function messageBytes(m: NhrpMessage): Uint8Array {
  const out = new Uint8Array(messageOctets(m));
  encodeMessage(m, out, 0);
  return out;
}

/** Everything before the body; the checksum is still 0, and size and extension offset are not there. */
function encodeHeader(m: NhrpMessage, out: Uint8Array, at: number): number {
  writeU16(out, at + ADDRESS_FAMILY, m.addressFamily);
  writeU16(out, at + PROTOCOL_TYPE, m.protocolType);
  if (m.snap === null) writeU8(out, writeU32(out, at + SNAP, 0), 0);
  else writeSnap(m.snap, out, at + SNAP);
  writeU8(out, at + HOP_COUNT, m.hopCount);
  writeU16(out, at + CHECKSUM, 0);
  writeU8(out, at + VERSION, NHRP_VERSION);
  writeU8(out, at + TYPE, m.type);
  if (hasCies(m)) {
    if ((m.flags & 0xffff) !== m.flags || m.type < 1) refuseCieHeader(m);
    writeU16(out, at + FLAGS, m.flags);
    writeU32(out, at + REQUEST_ID, m.requestId);
  } else encodeIndication(m, out, at);
  let next = at + HEADER_OCTETS;
  next = encodeNbmaAddress(m.sourceNbmaAddress, out, next, at + SOURCE_NBMA_TL);
  next = encodeNbmaAddress(m.sourceNbmaSubaddress, out, next, at + SOURCE_NBMA_SUB_TL);
  next = encodeProtocolAddress(m.sourceProtocolAddress, out, next, at + SOURCE_PROTOCOL_LENGTH);
  const last = at + DESTINATION_PROTOCOL_LENGTH;
  return encodeProtocolAddress(m.destinationProtocolAddress, out, next, last);
}

/** @throws RangeError always: of the flags unless it is the type */
function refuseCieHeader(m: CieMessage): never {
  if (m.type < 1) refuseType(m.type);
  throw new RangeError(`flags: 16 bits expected, not ${m.flags}`);
}

function refuseType(type: number): never {
  throw new RangeError(`type: 1 to ${LAST_TYPE} expected, not ${type}`);
}

function writeSnap(snap: Uint8Array, out: Uint8Array, at: number): void {
  if (snap.length !== SNAP_OCTETS)
    throw new RangeError(`snap: ${SNAP_OCTETS} octets expected, not ${snap.length}`);
  writeBytes(out, at, snap);
}

/** @throws RangeError for a type that has no CIEs and is no indication either: from JavaScript, or by a cast */
function checkIndication(type: number): void {
  if (type !== PacketType.ERROR_INDICATION && type !== LAST_TYPE) refuseType(type);
}

/** What types 7 and 8 have in the place of flags and request id. */
function encodeIndication(
  m: ErrorIndication | TrafficIndication,
  out: Uint8Array,
  at: number,
): void {
  checkIndication(m.type);
  writeU16(out, at + FLAGS, m.unused);
  const isError = m.type === PacketType.ERROR_INDICATION;
  writeU16(out, at + REQUEST_ID, isError ? m.errorCode : m.trafficCode);
  writeU16(out, at + REQUEST_ID + 2, isError ? m.errorOffset : m.unused2);
}

function extensionsOctets(extensions: readonly Extension[] | null): number {
  if (extensions === null) return 0;
  let octets = hasOwnEnd(extensions) ? 0 : EXTENSION_HEADER_OCTETS;
  for (const extension of extensions) octets += extensionOctets(extension);
  return octets;
}

const hasCies = (m: NhrpMessage): m is CieMessage => m.type <= LAST_CIE_TYPE;

/** A decoded End with other bits than ours stays in the list, so that it goes out as it came in. */
const hasOwnEnd = (extensions: readonly Extension[]): boolean =>
  extensions.length > 0 && extensions[extensions.length - 1]?.type === END;
