/** A capture, whatever the format of its file. */
import type { WireError } from '../../wire/result.js';

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
  /** How it is written again; `pcap` too when its records were Kuznetzov's modified ones. */
  readonly format: 'pcap' | 'pcap-ns' | 'pcapng';
  readonly interfaces: readonly CaptureInterface[];
  readonly frames: readonly CapturedFrame[];
  /** What is wrong after the last frame, for a file that ends in the middle or is damaged; else null. */
  readonly damage: WireError | null;
}

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
