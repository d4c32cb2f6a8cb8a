/** Capture files, pcap and pcapng alike: what is in them, and how to tell them apart. No I/O is done here. */
import { fail, ok, type Result, type WireError } from '../../wire/result.js';
import { decodePcap, encodePcap, isPcap } from './pcap-format.js';
import { decodePcapng, encodePcapng, isPcapng } from './pcapng-format.js';

/** No link layer has longer frames; what libpcap takes. */
export const MAX_FRAME_OCTETS = 0x4_0000;

/** Where frames were captured. */
export interface CaptureInterface {
  /** A LINKTYPE_ number: see `LINK_TYPE`. */
  readonly linkType: number;
  /** Frames are cut to this many octets; 0 for no limit. */
  readonly snapOctets: number;
  /** pcapng only; null when not given. */
  readonly name: string | null;
}

export interface CapturedFrame {
  /** Index into the file's `interfaces`. */
  readonly interfaceIndex: number;
  /** Nanoseconds since 1970-01-01 UTC; null where the format has none (pcapng Simple Packet). */
  readonly timeNs: bigint | null;
  /** Octets on the link; `bytes` has less when the capture was cut. */
  readonly originalOctets: number;
  /** A view of the file when decoded. */
  readonly bytes: Uint8Array;
}

export interface CaptureFile {
  readonly format: 'pcap' | 'pcap-ns' | 'pcapng';
  readonly interfaces: readonly CaptureInterface[];
  readonly frames: readonly CapturedFrame[];
  /** What is wrong after the last frame, for a file that ends in the middle or is damaged; else null. */
  readonly damage: WireError | null;
}

/**
 * Decodes a capture file, in either byte order. A file that begins well but is damaged further on is
 * not an error: the frames before are there, and `damage` says what and where.
 */
export function decodeCaptureFile(b: Uint8Array): Result<CaptureFile> {
  if (isPcap(b)) return decodePcap(b);
  if (isPcapng(b)) return decodePcapng(b);
  if (b.length < 4) return fail('truncated', 'capture.magic', 0, 4, b.length);
  return fail('bad-value', 'capture.magic', 0, 0xa1b2_c3d4, magicOf(b));
}

/** The whole file in its `format`, little-endian. */
export const encodeCaptureFile = (c: CaptureFile): Uint8Array =>
  c.format === 'pcapng' ? encodePcapng(c) : encodePcap(c);

const magicOf = (b: Uint8Array): number => new DataView(b.buffer, b.byteOffset).getUint32(0);

/** A file of frames from one interface, such as what a recorder has. */
export const captureOf = (
  linkType: number,
  frames: readonly CapturedFrame[],
  format: CaptureFile['format'] = 'pcap-ns',
): CaptureFile => ({
  format,
  interfaces: [{ linkType, snapOctets: MAX_FRAME_OCTETS, name: null }],
  frames,
  damage: null,
});
