/** Capture files, pcap and pcapng alike, as octets: reading and writing them is left to the caller. */
import { readU32 } from '../../wire/bytes.js';
import { fail, type Result } from '../../wire/result.js';
import type { CaptureFile } from './capture.js';
import { decodePcap, encodePcap, isPcap } from './pcap-format.js';
import { decodePcapng, encodePcapng, isPcapng } from './pcapng-format.js';

/**
 * Decodes a capture file, in either byte order. A file that begins well but is damaged further on is
 * not an error: the frames before are there, and `damage` says what and where.
 */
export function decodeCaptureFile(b: Uint8Array): Result<CaptureFile> {
  if (isPcap(b)) return decodePcap(b);
  if (isPcapng(b)) return decodePcapng(b);
  if (b.length < 4) return fail('truncated', 'capture.magic', 0, 4, b.length);
  return fail('bad-value', 'capture.magic', 0, 0xa1b2_c3d4, readU32(b, 0));
}

/** The whole file in its `format`, little-endian. */
export const encodeCaptureFile = (c: CaptureFile): Uint8Array =>
  c.format === 'pcapng' ? encodePcapng(c) : encodePcap(c);
