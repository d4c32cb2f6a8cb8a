/** GRE packet codec: the header and what it carries; the checksum covers both (RFC 2784 §2.5). */
import { writeBytes, writeU16 } from '../wire/bytes.js';
import { checksum } from '../wire/checksum.js';
import { expectedChecksum } from '../wire/pseudo-header.js';
import { fail, ok, type Result } from '../wire/result.js';
import { decodeGreHeader, encodeGreHeader, type GreHeader, greHeaderOctets } from './header.js';

const CHECKSUM = 4; // where it is, if there is one

export interface GrePacket {
  readonly header: GreHeader;
  /** A view. */
  readonly payload: Uint8Array;
}

/** Decodes a packet and verifies its checksum, if it has one. */
export function decodeGrePacket(b: Uint8Array): Result<GrePacket> {
  const decoded = decodeGreHeader(b);
  if (!decoded.ok) return decoded;
  const header = decoded.value;
  if (header.checksum !== null) {
    const residue = checksum(b, 0, b.length);
    if (residue !== 0) {
      const expected = expectedChecksum(residue, header.checksum);
      return fail('bad-checksum', 'gre.checksum', CHECKSUM, expected, header.checksum);
    }
  }
  return ok({ header, payload: b.subarray(greHeaderOctets(header)) });
}

export const grePacketOctets = (p: GrePacket): number =>
  greHeaderOctets(p.header) + p.payload.length;

/**
 * Writes `grePacketOctets(p)` octets and returns the offset after them.
 * A checksum that is not null and not right is replaced by the right one.
 */
export function encodeGrePacket(p: GrePacket, out: Uint8Array, at: number): number {
  const end = writeBytes(out, encodeGreHeader(p.header, out, at), p.payload);
  if (p.header.checksum !== null && checksum(out, at, end - at) !== 0)
    writeGreChecksum(out, at, end - at);
  return end;
}

/** Puts the right checksum into the packet of `octets` octets at `at`, whose header has room for one. */
export function writeGreChecksum(b: Uint8Array, at: number, octets: number): void {
  writeU16(b, at + CHECKSUM, 0);
  writeU16(b, at + CHECKSUM, checksum(b, at, octets));
}
