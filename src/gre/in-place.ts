/**
 * GRE on the packet path: headers are put before a payload where it lies and taken off by moving an offset.
 * Nothing is allocated; what is refused here, `decodeGrePacket` explains.
 */
import { readU16, readU32, writeU32 } from '../wire/bytes.js';
import { checksum } from '../wire/checksum.js';
import {
  encodeGreHeader,
  GRE_FLAG_CHECKSUM,
  GRE_FLAG_KEY,
  GRE_FLAG_SEQUENCE,
  GRE_MIN_OCTETS,
  GRE_REFUSED_BITS,
  type GreHeader,
  greFlaggedOctets,
  greHeaderOctets,
} from './header.js';
import { writeGreChecksum } from './packet.js';

/** Room that {@link encapsulateGre} takes before the payload. */
export const GRE_KEYED_OCTETS = 8;
/** Not a GRE packet that we take: `decodeGrePacket` says why. */
export const GRE_REFUSED = -1;
/** Sound, but for another tunnel. */
export const GRE_OTHER_KEY = -2;

const FIRST_WORD_KEY = GRE_FLAG_KEY << 16;

/**
 * Writes a header of 4 octets, or 8 with a key, before the payload at `at`; at least that much room is there.
 * @param key unsigned 32 bits, or null for none
 * @returns where the packet begins now
 */
export function encapsulateGre(
  slab: Uint8Array,
  at: number,
  protocolType: number,
  key: number | null,
): number {
  if (key === null) {
    writeU32(slab, at - GRE_MIN_OCTETS, protocolType);
    return at - GRE_MIN_OCTETS;
  }
  writeU32(slab, at - 4, key);
  writeU32(slab, at - GRE_KEYED_OCTETS, FIRST_WORD_KEY | protocolType);
  return at - GRE_KEYED_OCTETS;
}

/**
 * {@link encapsulateGre} for any header, of up to 16 octets; a checksum that is not null is computed.
 * @returns where the packet begins now
 */
export function encapsulateGreWith(
  slab: Uint8Array,
  at: number,
  payloadOctets: number,
  header: GreHeader,
): number {
  const headerOctets = greHeaderOctets(header);
  const start = at - headerOctets;
  encodeGreHeader(header, slab, start);
  if (header.checksum !== null) writeGreChecksum(slab, start, headerOctets + payloadOctets);
  return start;
}

/**
 * Checks the GRE packet of `octets` octets at `at` and says where its payload begins.
 * @param key what the tunnel expects: RFC 2890 §2.1 leaves it to us, and Linux and IOS compare strictly
 * @returns an offset in the slab, or {@link GRE_REFUSED} or {@link GRE_OTHER_KEY}
 */
export function decapsulateGre(
  slab: Uint8Array,
  at: number,
  octets: number,
  key: number | null,
): number {
  const payload = grePayloadAt(slab, at, octets);
  if (payload < 0) return payload;
  const hasKey = (readU16(slab, at) & GRE_FLAG_KEY) !== 0;
  const isOurs = hasKey ? key !== null && readU32(slab, keyAt(slab, at)) === key : key === null;
  return isOurs ? payload : GRE_OTHER_KEY;
}

/** {@link decapsulateGre} for any key: for a node that tells its tunnels apart by {@link greKeyOf}. */
export function grePayloadAt(slab: Uint8Array, at: number, octets: number): number {
  if (octets < GRE_MIN_OCTETS) return GRE_REFUSED;
  const flags = readU16(slab, at);
  const headerOctets = greFlaggedOctets(flags);
  if ((flags & GRE_REFUSED_BITS) !== 0 || octets < headerOctets) return GRE_REFUSED;
  if ((flags & GRE_FLAG_CHECKSUM) !== 0 && checksum(slab, at, octets) !== 0) return GRE_REFUSED;
  return at + headerOctets;
}

/** The key of a packet that was not refused, unsigned 32 bits, or null. */
export const greKeyOf = (slab: Uint8Array, at: number): number | null =>
  readU16(slab, at) & GRE_FLAG_KEY ? readU32(slab, keyAt(slab, at)) : null;

/** The sequence number of a packet that was not refused, unsigned 32 bits, or null. */
export function greSequenceOf(slab: Uint8Array, at: number): number | null {
  const flags = readU16(slab, at);
  return flags & GRE_FLAG_SEQUENCE ? readU32(slab, at + greFlaggedOctets(flags) - 4) : null;
}

/** The protocol type of a packet that was not refused. */
export const greProtocolTypeOf = (slab: Uint8Array, at: number): number => readU16(slab, at + 2);

const keyAt = (slab: Uint8Array, at: number): number =>
  at + (readU16(slab, at) & GRE_FLAG_CHECKSUM ? 8 : GRE_MIN_OCTETS);
