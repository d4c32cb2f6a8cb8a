/**
 * The pcap file format: draft-ietf-opsawg-pcap.
 *   header, 24 octets: magic, version 2.4, two words of nothing, snap length, link type;
 *   a record: seconds, fraction (microseconds or nanoseconds by the magic), captured octets, original octets, frame.
 * Read, not written: Kuznetzov's modified tcpdump, where a record has eight octets more before its frame.
 * Of the layouts only the offsets are taken: the byte order is the file's.
 */
import { type FixedLayout, fixedLayout } from '../../wire/layout.js';
import { fail, ok, type Result, type WireError } from '../../wire/result.js';
import {
  type CapturedFrame,
  type CaptureFile,
  type CaptureInterface,
  MAX_FRAME_OCTETS,
} from './capture.js';

const MAGIC_US = 0xa1b2_c3d4;
const MAGIC_NS = 0xa1b2_3c4d;
const MAGIC_MODIFIED = 0xa1b2_cd34;
const HEADER: FixedLayout = fixedLayout({
  magic: 4,
  versionMajor: 2,
  versionMinor: 2,
  reserved1: 4,
  reserved2: 4,
  snapOctets: 4,
  linkType: 4,
});
const RECORD_FIELDS = { seconds: 4, fraction: 4, capturedOctets: 4, originalOctets: 4 } as const;
const RECORD: FixedLayout = fixedLayout(RECORD_FIELDS);
const MODIFIED_RECORD: FixedLayout = fixedLayout({
  ...RECORD_FIELDS,
  interfaceIndex: 4,
  protocol: 2,
  packetType: 1,
  padding: 1,
});
const VERSION = HEADER.offsetOf('versionMajor');
const MINOR_VERSION = HEADER.offsetOf('versionMinor');
const SNAP_OCTETS = HEADER.offsetOf('snapOctets');
const HEADER_LINK_TYPE = HEADER.offsetOf('linkType');
const SECONDS = RECORD.offsetOf('seconds');
const FRACTION = RECORD.offsetOf('fraction');
const CAPTURED_OCTETS = RECORD.offsetOf('capturedOctets');
const ORIGINAL_OCTETS = RECORD.offsetOf('originalOctets');

const VERSION_MAJOR = 2;
const VERSION_MINOR = 4;
const LINK_TYPE_MASK = 0xffff; // above: whether there is a frame check sequence
const SECOND_NS = 1_000_000_000n;

interface Format {
  readonly view: DataView;
  readonly little: boolean;
  /** Nanoseconds in one unit of the fraction. */
  readonly unitNs: bigint;
  /** Before each frame. */
  readonly recordOctets: number;
}

export const isPcap = (b: Uint8Array): boolean => formatOf(b) !== null;

/** Decodes a file that {@link isPcap}. */
export function decodePcap(b: Uint8Array): Result<CaptureFile> {
  const format = formatOf(b);
  if (format === null) return fail('bad-value', 'pcap.magic', 0, MAGIC_US, 0);
  if (b.length < HEADER.octets) return fail('truncated', 'pcap.header', 0, HEADER.octets, b.length);
  const { view, little } = format;
  const major = view.getUint16(VERSION, little);
  if (major !== VERSION_MAJOR)
    return fail('bad-version', 'pcap.version', VERSION, VERSION_MAJOR, major);
  const linkType = view.getUint32(HEADER_LINK_TYPE, little) & LINK_TYPE_MASK;
  const interfaces = [{ linkType, snapOctets: view.getUint32(SNAP_OCTETS, little), name: null }];
  const { frames, damage } = decodeRecords(b, format);
  return ok({ format: format.unitNs === 1n ? 'pcap-ns' : 'pcap', interfaces, frames, damage });
}

/** The header of a file to which {@link encodePcapRecord}s are appended. */
export function encodePcapHeader(on: CaptureInterface, format: 'pcap' | 'pcap-ns'): Uint8Array {
  const out = new Uint8Array(HEADER.octets);
  const view = new DataView(out.buffer);
  view.setUint32(0, format === 'pcap' ? MAGIC_US : MAGIC_NS, true);
  view.setUint16(VERSION, VERSION_MAJOR, true);
  view.setUint16(MINOR_VERSION, VERSION_MINOR, true);
  view.setUint32(SNAP_OCTETS, on.snapOctets || MAX_FRAME_OCTETS, true);
  view.setUint32(HEADER_LINK_TYPE, on.linkType, true);
  return out;
}

/** One frame; a frame without a time gets 0, and pcap cuts what is below its unit. */
export function encodePcapRecord(frame: CapturedFrame, format: 'pcap' | 'pcap-ns'): Uint8Array {
  const out = new Uint8Array(RECORD.octets + frame.bytes.length);
  const view = new DataView(out.buffer);
  const timeNs = frame.timeNs ?? 0n;
  view.setUint32(SECONDS, Number(timeNs / SECOND_NS), true);
  const unitNs = format === 'pcap' ? 1000n : 1n;
  view.setUint32(FRACTION, Number((timeNs % SECOND_NS) / unitNs), true);
  view.setUint32(CAPTURED_OCTETS, frame.bytes.length, true);
  view.setUint32(ORIGINAL_OCTETS, frame.originalOctets, true);
  out.set(frame.bytes, RECORD.octets);
  return out;
}

/** The whole file. @throws RangeError when there is not exactly one interface, as the format wants */
export function encodePcap(c: CaptureFile): Uint8Array {
  const [on] = c.interfaces;
  if (on === undefined || c.interfaces.length !== 1)
    throw new RangeError('interfaces: exactly one expected for pcap; pcapng takes several');
  const format = c.format === 'pcap' ? 'pcap' : 'pcap-ns';
  return concat([
    encodePcapHeader(on, format),
    ...c.frames.map((f) => encodePcapRecord(f, format)),
  ]);
}

/** One array of all the octets. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((octets, part) => octets + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function formatOf(b: Uint8Array): Format | null {
  if (b.length < 4) return null;
  const view = new DataView(b.buffer, b.byteOffset, b.length);
  for (const little of [true, false]) {
    const magic = view.getUint32(0, little);
    const unitNs = magic === MAGIC_NS ? 1n : 1000n;
    if (magic === MAGIC_US || magic === MAGIC_NS)
      return { view, little, unitNs, recordOctets: RECORD.octets };
    if (magic === MAGIC_MODIFIED)
      return { view, little, unitNs, recordOctets: MODIFIED_RECORD.octets };
  }
  return null;
}

function decodeRecords(
  b: Uint8Array,
  { view, little, unitNs, recordOctets }: Format,
): { frames: CapturedFrame[]; damage: WireError | null } {
  const frames: CapturedFrame[] = [];
  let at: number = HEADER.octets;
  while (at < b.length) {
    const start = at + recordOctets;
    if (b.length < start) return { frames, damage: cut('pcap.record', at, start, b.length) };
    const octets = view.getUint32(at + CAPTURED_OCTETS, little);
    if (octets > MAX_FRAME_OCTETS) {
      const field = 'pcap.capturedLength';
      const failure = fail('bad-length', field, at + CAPTURED_OCTETS, MAX_FRAME_OCTETS, octets);
      return { frames, damage: failure.error };
    }
    if (b.length < start + octets)
      return { frames, damage: cut('pcap.frame', start, start + octets, b.length) };
    const seconds = BigInt(view.getUint32(at + SECONDS, little));
    frames.push({
      interfaceIndex: 0,
      timeNs: seconds * SECOND_NS + BigInt(view.getUint32(at + FRACTION, little)) * unitNs,
      originalOctets: view.getUint32(at + ORIGINAL_OCTETS, little),
      bytes: b.subarray(start, start + octets),
    });
    at = start + octets;
  }
  return { frames, damage: null };
}

const cut = (field: string, at: number, expected: number, actual: number): WireError =>
  fail('truncated', field, at, expected, actual).error;
