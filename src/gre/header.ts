/**
 * GRE header codec: RFC 2784; key and sequence number from RFC 2890.
 *   octets 0..2 flags C|K|S and version, 2..4 protocol type (an EtherType);
 *   then, each only if flagged: checksum 2 + reserved1 2, key 4, sequence number 4.
 */
import { readU16, readU32, writeU16, writeU32 } from '../wire/bytes.js';
import { type FixedLayout, fixedLayout } from '../wire/layout.js';
import { type Failure, fail, ok, type Result } from '../wire/result.js';

/** The part that is always there, as a layout: for dumps and as the oracle of tests. */
export const GRE_LAYOUT: FixedLayout = fixedLayout({ flags: 2, protocolType: 2 });

export const GRE_MIN_OCTETS: number = GRE_LAYOUT.octets;
export const GRE_MAX_OCTETS = 16;
const FLAGS: number = GRE_LAYOUT.offsetOf('flags');
const PROTOCOL_TYPE: number = GRE_LAYOUT.offsetOf('protocolType');

export const GRE_FLAG_CHECKSUM = 0x8000;
export const GRE_FLAG_KEY = 0x2000;
export const GRE_FLAG_SEQUENCE = 0x1000;
const VERSION_MASK = 0x0007;
const RESERVED0_MASK = 0x03f8; // bits 6..12: ignored on receipt (RFC 2784 §2.3)
const FLAG_ROUTING = 0x4000; // bits 1, 4 and 5: discard unless RFC 1701 is spoken (RFC 2784 §2.3)
const FLAG_STRICT_SOURCE_ROUTE = 0x0800;
const RECURSION_MASK = 0x0400; // the top bit of RFC 1701's recursion control; the rest lies in reserved0
const RFC1701_BITS: number = FLAG_ROUTING | FLAG_STRICT_SOURCE_ROUTE | RECURSION_MASK;

/** Flag bits of a header that {@link decodeGreHeader} refuses. */
export const GRE_REFUSED_BITS: number = RFC1701_BITS | VERSION_MASK;

export interface GreHeader {
  /** An EtherType: see `GRE_PROTOCOL_TYPE`. */
  readonly protocolType: number;
  /** Bits 6..12 of the flags in their place, kept so that what came in goes out. */
  readonly reserved0: number;
  /** As received; see `decodeGrePacket`, which verifies it. Null: not present. */
  readonly checksum: number | null;
  /** The 16 bits after a checksum, kept; 0 without one. */
  readonly reserved1: number;
  /** Unsigned 32 bits, or null. */
  readonly key: number | null;
  /** Unsigned 32 bits, or null. */
  readonly sequence: number | null;
}

/** A header with this protocol type and key and nothing else. */
export const greHeader = (protocolType: number, key: number | null): GreHeader => ({
  protocolType,
  reserved0: 0,
  checksum: null,
  reserved1: 0,
  key,
  sequence: null,
});

/** Decodes a header. Version 1 (PPTP) and the source routes of RFC 1701 and RFC 1702 are refused by name. */
export function decodeGreHeader(b: Uint8Array): Result<GreHeader> {
  if (b.length < GRE_MIN_OCTETS) return fail('truncated', 'gre.flags', 0, GRE_MIN_OCTETS, b.length);
  const flags = readU16(b, FLAGS);
  if (flags & GRE_REFUSED_BITS) return refusal(flags);
  const end = greFlaggedOctets(flags);
  if (b.length < end) return fail('truncated', 'gre.options', GRE_MIN_OCTETS, end, b.length);

  let at = GRE_MIN_OCTETS; // every read below ends at or before `end`
  const hasChecksum = (flags & GRE_FLAG_CHECKSUM) !== 0;
  const checksum = hasChecksum ? readU16(b, at) : null;
  const reserved1 = hasChecksum ? readU16(b, at + 2) : 0;
  if (hasChecksum) at += 4;
  const key = flags & GRE_FLAG_KEY ? readU32(b, at) : null;
  if (key !== null) at += 4;
  const sequence = flags & GRE_FLAG_SEQUENCE ? readU32(b, at) : null;
  const protocolType = readU16(b, PROTOCOL_TYPE);
  return ok({
    protocolType,
    reserved0: flags & RESERVED0_MASK,
    checksum,
    reserved1,
    key,
    sequence,
  });
}

/** 4, 8, 12 or 16. */
export const greHeaderOctets = (h: GreHeader): number => greFlaggedOctets(flagsOf(h));

/** Writes `greHeaderOctets(h)` octets, the checksum as it stands, and returns the offset after them. */
export function encodeGreHeader(h: GreHeader, out: Uint8Array, at: number): number {
  at = writeU16(out, at, flagsOf(h));
  at = writeU16(out, at, h.protocolType);
  if (h.checksum !== null) at = writeU16(out, writeU16(out, at, h.checksum), h.reserved1);
  if (h.key !== null) at = writeU32(out, at, h.key);
  return h.sequence === null ? at : writeU32(out, at, h.sequence);
}

/** The length of a header with these flags. */
export const greFlaggedOctets = (flags: number): number =>
  GRE_MIN_OCTETS +
  ((flags & GRE_FLAG_CHECKSUM) >>> 13) +
  ((flags & GRE_FLAG_KEY) >>> 11) +
  ((flags & GRE_FLAG_SEQUENCE) >>> 10);

const flagsOf = (h: GreHeader): number =>
  (h.checksum === null ? 0 : GRE_FLAG_CHECKSUM) |
  (h.key === null ? 0 : GRE_FLAG_KEY) |
  (h.sequence === null ? 0 : GRE_FLAG_SEQUENCE) |
  (h.reserved0 & RESERVED0_MASK);

function refusal(flags: number): Failure {
  const refuse = (field: string, bits: number): Failure =>
    fail('unsupported', field, FLAGS, 0, flags & bits);
  if (flags & VERSION_MASK)
    return fail('bad-version', 'gre.version', FLAGS, 0, flags & VERSION_MASK);
  if (flags & FLAG_ROUTING) return refuse('gre.routing', FLAG_ROUTING);
  if (flags & FLAG_STRICT_SOURCE_ROUTE)
    return refuse('gre.strictSourceRoute', FLAG_STRICT_SOURCE_ROUTE);
  return refuse('gre.recursionControl', RECURSION_MASK);
}
