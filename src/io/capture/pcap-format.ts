/**
 * The pcap file format: draft-ietf-opsawg-pcap.
 *   header, 24 octets: magic, version 2.4, two words of nothing, snap length, link type;
 *   a record: seconds, fraction (microseconds or nanoseconds by the magic), captured octets, original octets, frame.
 */
import { fail, ok, type Result, type WireError } from '../../wire/result.js';
import {
  type CapturedFrame,
  type CaptureFile,
  type CaptureInterface,
  MAX_FRAME_OCTETS,
} from './capture.js';

const MAGIC_US = 0xa1b2_c3d4;
const MAGIC_NS = 0xa1b2_3c4d;
const HEADER_OCTETS = 24;
const RECORD_OCTETS = 16;
const VERSION_MAJOR = 2;
const VERSION_MINOR = 4;
const LINK_TYPE_MASK = 0xffff; // above: whether there is a frame check sequence
const SECOND_NS = 1_000_000_000n;

interface Format {
  readonly view: DataView;
  readonly little: boolean;
  /** Nanoseconds in one unit of the fraction. */
  readonly unitNs: bigint;
}

export const isPcap = (b: Uint8Array): boolean => formatOf(b) !== null;

/** Decodes a file that {@link isPcap}. */
export function decodePcap(b: Uint8Array): Result<CaptureFile> {
  const format = formatOf(b);
  if (format === null) return fail('bad-value', 'pcap.magic', 0, MAGIC_US, 0);
  if (b.length < HEADER_OCTETS) return fail('truncated', 'pcap.header', 0, HEADER_OCTETS, b.length);
  const { view, little } = format;
  const major = view.getUint16(4, little);
  if (major !== VERSION_MAJOR) return fail('bad-version', 'pcap.version', 4, VERSION_MAJOR, major);
  const linkType = view.getUint32(20, little) & LINK_TYPE_MASK;
  const interfaces = [{ linkType, snapOctets: view.getUint32(16, little), name: null }];
  const { frames, damage } = decodeRecords(b, format);
  return ok({ format: format.unitNs === 1n ? 'pcap-ns' : 'pcap', interfaces, frames, damage });
}

/** The header of a file to which {@link encodePcapRecord}s are appended. */
export function encodePcapHeader(on: CaptureInterface, format: 'pcap' | 'pcap-ns'): Uint8Array {
  const out = new Uint8Array(HEADER_OCTETS);
  const view = new DataView(out.buffer);
  view.setUint32(0, format === 'pcap' ? MAGIC_US : MAGIC_NS, true);
  view.setUint16(4, VERSION_MAJOR, true);
  view.setUint16(6, VERSION_MINOR, true);
  view.setUint32(16, on.snapOctets || MAX_FRAME_OCTETS, true);
  view.setUint32(20, on.linkType, true);
  return out;
}

/** One frame; a frame without a time gets 0, and pcap cuts what is below its unit. */
export function encodePcapRecord(frame: CapturedFrame, format: 'pcap' | 'pcap-ns'): Uint8Array {
  const out = new Uint8Array(RECORD_OCTETS + frame.bytes.length);
  const view = new DataView(out.buffer);
  const timeNs = frame.timeNs ?? 0n;
  view.setUint32(0, Number(timeNs / SECOND_NS), true);
  view.setUint32(4, Number((timeNs % SECOND_NS) / (format === 'pcap' ? 1000n : 1n)), true);
  view.setUint32(8, frame.bytes.length, true);
  view.setUint32(12, frame.originalOctets, true);
  out.set(frame.bytes, RECORD_OCTETS);
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
    if (magic === MAGIC_US || magic === MAGIC_NS)
      return { view, little, unitNs: magic === MAGIC_NS ? 1n : 1000n };
  }
  return null;
}

function decodeRecords(
  b: Uint8Array,
  { view, little, unitNs }: Format,
): { frames: CapturedFrame[]; damage: WireError | null } {
  const frames: CapturedFrame[] = [];
  let at = HEADER_OCTETS;
  while (at < b.length) {
    const start = at + RECORD_OCTETS;
    if (b.length < start) return { frames, damage: cut('pcap.record', at, start, b.length) };
    const octets = view.getUint32(at + 8, little);
    if (octets > MAX_FRAME_OCTETS) {
      const failure = fail('bad-length', 'pcap.capturedLength', at + 8, MAX_FRAME_OCTETS, octets);
      return { frames, damage: failure.error };
    }
    if (b.length < start + octets)
      return { frames, damage: cut('pcap.frame', start, start + octets, b.length) };
    const seconds = BigInt(view.getUint32(at, little));
    frames.push({
      interfaceIndex: 0,
      timeNs: seconds * SECOND_NS + BigInt(view.getUint32(at + 4, little)) * unitNs,
      originalOctets: view.getUint32(at + 12, little),
      bytes: b.subarray(start, start + octets),
    });
    at = start + octets;
  }
  return { frames, damage: null };
}

const cut = (field: string, at: number, expected: number, actual: number): WireError =>
  fail('truncated', field, at, expected, actual).error;
