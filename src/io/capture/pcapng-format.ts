/**
 * The pcapng file format: draft-ietf-opsawg-pcapng.
 *   A block: type 4, total length 4, body, total length again 4. A Section Header fixes the byte order and
 *   forgets the interfaces before it; Interface Descriptions number themselves, packets name theirs.
 *   Blocks of other types are passed over.
 */
import { fail, ok, type Result, type WireError } from '../../wire/result.js';
import {
  type CapturedFrame,
  type CaptureFile,
  type CaptureInterface,
  MAX_FRAME_OCTETS,
} from './capture.js';
import { concat } from './pcap-format.js';
import {
  BLOCK_HEADER,
  BLOCK_OCTETS,
  BLOCK_TYPE,
  BYTE_ORDER,
  INTERFACE,
  INTERFACE_LINK_TYPE,
  INTERFACE_SNAP_OCTETS,
  OPTION_CODE,
  OPTION_HEADER,
  OPTION_OCTETS,
  PACKET,
  PACKET_CAPTURED_OCTETS,
  PACKET_INTERFACE,
  PACKET_ORIGINAL_OCTETS,
  PACKET_TIME_HIGH,
  PACKET_TIME_LOW,
  SECTION,
  SECTION_OCTETS,
  SIMPLE_ORIGINAL_OCTETS,
  SIMPLE_PACKET,
  TRAILER_OCTETS,
  VERSION,
} from './pcapng-layout.js';

const BLOCK = {
  SECTION: 0x0a0d_0d0a, // reads the same in both byte orders
  INTERFACE: 1,
  PACKET: 2, // obsolete, still found
  SIMPLE_PACKET: 3,
  ENHANCED_PACKET: 6,
} as const;
const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
const VERSION_MAJOR = 1;
const BODY: number = BLOCK_HEADER.octets;
const MIN_BLOCK_OCTETS: number = BODY + TRAILER_OCTETS;
const OPTION = { END: 0, NAME: 2, TIME_RESOLUTION: 9, TIME_OFFSET: 14 } as const;
const NANOSECONDS = 9; // as a time resolution: powers of ten
const SECOND_NS = 1_000_000_000n;
/** A file that declares more is refused. */
const MAX_INTERFACES = 4096;

/** How an interface counts time. */
interface TimeBase {
  readonly unitsPerSecond: bigint;
  readonly offsetSeconds: bigint;
}

const MICROSECONDS: TimeBase = { unitsPerSecond: 1_000_000n, offsetSeconds: 0n };

/** What has been read so far. */
interface Reading {
  readonly file: Uint8Array;
  readonly view: DataView;
  little: boolean;
  readonly interfaces: CaptureInterface[];
  readonly timeBases: TimeBase[];
  readonly frames: CapturedFrame[];
  /** Index in `interfaces` of the first one of the current section. */
  sectionStart: number;
}

/** A block's body: `at` up to `end` in the file. */
interface Body {
  readonly at: number;
  readonly end: number;
}

export const isPcapng = (b: Uint8Array): boolean =>
  b.length >= 4 && viewOf(b).getUint32(0) === BLOCK.SECTION;

/** Decodes a file that {@link isPcapng}. */
export function decodePcapng(b: Uint8Array): Result<CaptureFile> {
  const r: Reading = {
    file: b,
    view: viewOf(b),
    little: true,
    interfaces: [],
    timeBases: [],
    frames: [],
    sectionStart: 0,
  };
  let damage: WireError | null = null;
  let isFirst = true;
  for (let at = 0; at < b.length && damage === null; isFirst = false) {
    const block = readBlock(r, at);
    if (!block.ok) {
      if (isFirst) return block;
      damage = block.error;
    } else at = block.value;
  }
  return ok({ format: 'pcapng', interfaces: r.interfaces, frames: r.frames, damage });
}

/** The whole file, in one section, with nanoseconds. */
export const encodePcapng = (c: CaptureFile): Uint8Array =>
  concat([
    encodePcapngSection(),
    ...c.interfaces.map(encodePcapngInterface),
    ...c.frames.map(encodePcapngFrame),
  ]);

/** The Section Header that a file begins with. */
export function encodePcapngSection(): Uint8Array {
  return encodeBlock(BLOCK.SECTION, SECTION.octets, (view) => {
    view.setUint32(BYTE_ORDER, BYTE_ORDER_MAGIC, true);
    view.setUint16(VERSION, VERSION_MAJOR, true);
    view.setBigInt64(SECTION_OCTETS, -1n, true); // not known
  });
}

/** An Interface Description, with nanoseconds. They come before the frames that name them. */
export function encodePcapngInterface(on: CaptureInterface): Uint8Array {
  const name = new TextEncoder().encode(on.name ?? '');
  const options = [
    ...(on.name === null ? [] : [encodeOption(OPTION.NAME, name)]),
    encodeOption(OPTION.TIME_RESOLUTION, Uint8Array.of(NANOSECONDS)),
    encodeOption(OPTION.END, new Uint8Array(0)),
  ];
  const tail = concat(options);
  return encodeBlock(BLOCK.INTERFACE, INTERFACE.octets + tail.length, (view, body) => {
    view.setUint16(INTERFACE_LINK_TYPE, on.linkType, true);
    view.setUint32(INTERFACE_SNAP_OCTETS, on.snapOctets, true);
    body.set(tail, INTERFACE.octets);
  });
}

/** An Enhanced Packet, or a Simple Packet for a frame of the first interface that has no time. */
export function encodePcapngFrame(f: CapturedFrame): Uint8Array {
  if (f.timeNs === null && f.interfaceIndex === 0) return encodeSimplePacket(f);
  const octets = PACKET.octets + f.bytes.length;
  return encodeBlock(BLOCK.ENHANCED_PACKET, octets, (view, body) => {
    const timeNs = f.timeNs ?? 0n;
    view.setUint32(PACKET_INTERFACE, f.interfaceIndex, true);
    view.setUint32(PACKET_TIME_HIGH, Number(timeNs >> 32n), true);
    view.setUint32(PACKET_TIME_LOW, Number(timeNs & 0xffff_ffffn), true);
    view.setUint32(PACKET_CAPTURED_OCTETS, f.bytes.length, true);
    view.setUint32(PACKET_ORIGINAL_OCTETS, f.originalOctets, true);
    body.set(f.bytes, PACKET.octets);
  });
}

/** Reads the block at `at` and says where the next one begins. */
function readBlock(r: Reading, at: number): Result<number> {
  const { file, view } = r;
  if (file.length < at + MIN_BLOCK_OCTETS)
    return fail('truncated', 'pcapng.block', at, at + MIN_BLOCK_OCTETS, file.length);
  const type = view.getUint32(at + BLOCK_TYPE, r.little);
  if (type === BLOCK.SECTION) {
    const magicAt = at + BODY + BYTE_ORDER;
    const magic = view.getUint32(magicAt);
    r.little = magic !== BYTE_ORDER_MAGIC;
    if (view.getUint32(magicAt, r.little) !== BYTE_ORDER_MAGIC)
      return fail('bad-value', 'pcapng.byteOrderMagic', magicAt, BYTE_ORDER_MAGIC, magic);
  }
  const octets = view.getUint32(at + BLOCK_OCTETS, r.little);
  if (octets < MIN_BLOCK_OCTETS || octets & 3)
    return fail('bad-length', 'pcapng.blockLength', at + BLOCK_OCTETS, MIN_BLOCK_OCTETS, octets);
  const end = at + octets;
  if (file.length < end) return fail('truncated', 'pcapng.block', at, end, file.length);
  const bodyEnd = end - TRAILER_OCTETS;
  const again = view.getUint32(bodyEnd, r.little);
  if (again !== octets)
    return fail('bad-length', 'pcapng.blockLengthAgain', bodyEnd, octets, again);
  const read = readBody(r, type, { at: at + BODY, end: bodyEnd });
  return read.ok ? ok(end) : read;
}

function readBody(r: Reading, type: number, body: Body): Result<unknown> {
  switch (type) {
    case BLOCK.SECTION:
      return readSection(r, body);
    case BLOCK.INTERFACE:
      return readInterface(r, body);
    case BLOCK.PACKET:
    case BLOCK.ENHANCED_PACKET:
      return readPacket(r, body, type);
    case BLOCK.SIMPLE_PACKET:
      return readSimplePacket(r, body);
    default:
      return ok(null);
  }
}

function readSection(r: Reading, { at, end }: Body): Result<unknown> {
  if (end < at + SECTION.octets)
    return fail('truncated', 'pcapng.section', at, at + SECTION.octets, end);
  const major = r.view.getUint16(at + VERSION, r.little);
  if (major !== VERSION_MAJOR)
    return fail('bad-version', 'pcapng.version', at + VERSION, VERSION_MAJOR, major);
  r.sectionStart = r.interfaces.length;
  return ok(null);
}

function readInterface(r: Reading, { at, end }: Body): Result<unknown> {
  const options = at + INTERFACE.octets;
  if (end < options) return fail('truncated', 'pcapng.interface', at, options, end);
  if (r.interfaces.length >= MAX_INTERFACES)
    return fail('too-many', 'pcapng.interface', at, MAX_INTERFACES, MAX_INTERFACES + 1);
  const found = readInterfaceOptions(r, { at: options, end });
  if (!found.ok) return found;
  const { name, ...timeBase } = found.value;
  const linkType = r.view.getUint16(at + INTERFACE_LINK_TYPE, r.little);
  const snapOctets = r.view.getUint32(at + INTERFACE_SNAP_OCTETS, r.little);
  r.interfaces.push({ linkType, snapOctets, name });
  r.timeBases.push(timeBase);
  return ok(null);
}

function readInterfaceOptions(
  r: Reading,
  { at, end }: Body,
): Result<TimeBase & { name: string | null }> {
  let { unitsPerSecond, offsetSeconds } = MICROSECONDS;
  let name: string | null = null;
  while (at + OPTION_HEADER.octets <= end) {
    const code = r.view.getUint16(at + OPTION_CODE, r.little);
    const octets = r.view.getUint16(at + OPTION_OCTETS, r.little);
    const value = at + OPTION_HEADER.octets;
    if (code === OPTION.END) break;
    if (end < value + octets) return fail('truncated', 'pcapng.option', at, value + octets, end);
    if (code === OPTION.NAME)
      name = new TextDecoder().decode(r.file.subarray(value, value + octets));
    if (code === OPTION.TIME_RESOLUTION && octets === 1)
      unitsPerSecond = unitsOf(r.view.getUint8(value));
    if (code === OPTION.TIME_OFFSET && octets === 8)
      offsetSeconds = r.view.getBigInt64(value, r.little);
    at = value + padded(octets);
  }
  return ok({ unitsPerSecond, offsetSeconds, name });
}

/** Enhanced Packet; the obsolete Packet differs in that its interface has 16 bits, followed by a drop count. */
function readPacket(r: Reading, { at, end }: Body, type: number): Result<unknown> {
  const { view, little } = r;
  const start = at + PACKET.octets;
  if (end < start) return fail('truncated', 'pcapng.packet', at, start, end);
  const idAt = at + PACKET_INTERFACE;
  const id = type === BLOCK.PACKET ? view.getUint16(idAt, little) : view.getUint32(idAt, little);
  const timeHigh = BigInt(view.getUint32(at + PACKET_TIME_HIGH, little));
  const time = (timeHigh << 32n) | BigInt(view.getUint32(at + PACKET_TIME_LOW, little));
  const interfaceIndex = r.sectionStart + id;
  const timeBase = r.timeBases[interfaceIndex];
  if (timeBase === undefined)
    return fail('missing', 'pcapng.interfaceId', idAt, r.interfaces.length - r.sectionStart, id);
  const octets = view.getUint32(at + PACKET_CAPTURED_OCTETS, little);
  const wrong = checkFrame(octets, start, end);
  if (wrong !== null) return wrong;
  r.frames.push({
    interfaceIndex,
    timeNs: timeBase.offsetSeconds * SECOND_NS + (time * SECOND_NS) / timeBase.unitsPerSecond,
    originalOctets: view.getUint32(at + PACKET_ORIGINAL_OCTETS, little),
    bytes: r.file.subarray(start, start + octets),
  });
  return ok(null);
}

function readSimplePacket(r: Reading, { at, end }: Body): Result<unknown> {
  const start = at + SIMPLE_PACKET.octets;
  if (end < start) return fail('truncated', 'pcapng.simplePacket', at, start, end);
  const on = r.interfaces[r.sectionStart];
  if (on === undefined) return fail('missing', 'pcapng.interface', at, 1, 0);
  const originalOctets = r.view.getUint32(at + SIMPLE_ORIGINAL_OCTETS, r.little);
  const octets = Math.min(originalOctets, on.snapOctets || originalOctets);
  const wrong = checkFrame(octets, start, end);
  if (wrong !== null) return wrong;
  const bytes = r.file.subarray(start, start + octets);
  r.frames.push({ interfaceIndex: r.sectionStart, timeNs: null, originalOctets, bytes });
  return ok(null);
}

function checkFrame(octets: number, start: number, end: number): Result<never> | null {
  if (octets > MAX_FRAME_OCTETS)
    return fail('bad-length', 'pcapng.capturedLength', start, MAX_FRAME_OCTETS, octets);
  return end < start + octets
    ? fail('bad-length', 'pcapng.capturedLength', start, end - start, octets)
    : null;
}

function encodeSimplePacket(f: CapturedFrame): Uint8Array {
  const octets = SIMPLE_PACKET.octets + f.bytes.length;
  return encodeBlock(BLOCK.SIMPLE_PACKET, octets, (view, body) => {
    view.setUint32(SIMPLE_ORIGINAL_OCTETS, f.originalOctets, true);
    body.set(f.bytes, SIMPLE_PACKET.octets);
  });
}

function encodeBlock(
  type: number,
  bodyOctets: number,
  write: (view: DataView, body: Uint8Array) => void,
): Uint8Array {
  const octets = MIN_BLOCK_OCTETS + padded(bodyOctets);
  const out = new Uint8Array(octets);
  const view = viewOf(out);
  view.setUint32(BLOCK_TYPE, type, true);
  view.setUint32(BLOCK_OCTETS, octets, true);
  view.setUint32(octets - TRAILER_OCTETS, octets, true);
  const body = out.subarray(BODY);
  write(viewOf(body), body);
  return out;
}

function encodeOption(code: number, value: Uint8Array): Uint8Array {
  const out = new Uint8Array(OPTION_HEADER.octets + padded(value.length));
  viewOf(out).setUint16(OPTION_CODE, code, true);
  viewOf(out).setUint16(OPTION_OCTETS, value.length, true);
  out.set(value, OPTION_HEADER.octets);
  return out;
}

/** The high bit chooses powers of two over powers of ten. */
const unitsOf = (resolution: number): bigint =>
  resolution & 0x80 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);

const padded = (octets: number): number => (octets + 3) & ~3;
const viewOf = (b: Uint8Array): DataView => new DataView(b.buffer, b.byteOffset, b.length);
