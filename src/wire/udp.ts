/**
 * UDP header codec: RFC 768; over IPv6 RFC 8200 §8.1.
 *   octets 0..2 source port, 2..4 destination port, 4..6 length with this header, 6..8 checksum.
 */
import { readU16, writeBytes, writeU16 } from './bytes.js';
import { IP_PROTOCOL } from './ip-protocol.js';
import { type FixedLayout, fixedLayout } from './layout.js';
import {
  type AddressPair,
  expectedChecksum,
  pseudoHeaderSum,
  upperLayerChecksum,
} from './pseudo-header.js';
import { fail, ok, type Result } from './result.js';

/** The header as a layout, for dumps and as the oracle of tests. */
export const UDP_LAYOUT: FixedLayout = fixedLayout({
  sourcePort: 2,
  destinationPort: 2,
  octets: 2,
  checksum: 2,
});

export const UDP_HEADER_OCTETS: number = UDP_LAYOUT.octets;
const SOURCE_PORT: number = UDP_LAYOUT.offsetOf('sourcePort');
const DESTINATION_PORT: number = UDP_LAYOUT.offsetOf('destinationPort');
const OCTETS: number = UDP_LAYOUT.offsetOf('octets');
const CHECKSUM: number = UDP_LAYOUT.offsetOf('checksum');

export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** As received, or null for none (0 on the wire). `encodeUdp` computes it anew when it is not null. */
  readonly checksum: number | null;
  /** A view. */
  readonly payload: Uint8Array;
}

/**
 * Decodes a datagram; what follows its length is left alone.
 * @param ip with it the checksum is verified, unless the sender left it out
 */
export function decodeUdp(b: Uint8Array, ip: AddressPair | null): Result<UdpDatagram> {
  if (b.length < UDP_HEADER_OCTETS)
    return fail('truncated', 'udp.header', 0, UDP_HEADER_OCTETS, b.length);
  const octets = readU16(b, OCTETS);
  if (octets < UDP_HEADER_OCTETS)
    return fail('bad-length', 'udp.length', OCTETS, UDP_HEADER_OCTETS, octets);
  if (b.length < octets) return fail('truncated', 'udp.payload', OCTETS, octets, b.length);
  const received = readU16(b, CHECKSUM);
  if (ip !== null && received !== 0) {
    const residue = upperLayerChecksum(b, 0, octets, pseudoHeaderSum(ip, IP_PROTOCOL.UDP, octets));
    if (residue !== 0) return badChecksum(residue, received);
  }
  return ok({
    sourcePort: readU16(b, SOURCE_PORT),
    destinationPort: readU16(b, DESTINATION_PORT),
    checksum: received === 0 ? null : received,
    payload: b.subarray(UDP_HEADER_OCTETS, octets),
  });
}

/** Header and payload. */
export const udpOctets = (d: UdpDatagram): number => UDP_HEADER_OCTETS + d.payload.length;

/**
 * Writes `udpOctets(d)` octets and returns the offset after them.
 * @param ip covered by the checksum
 */
export function encodeUdp(d: UdpDatagram, ip: AddressPair, out: Uint8Array, at: number): number {
  const octets = udpOctets(d);
  writeU16(out, at + SOURCE_PORT, d.sourcePort);
  writeU16(out, at + DESTINATION_PORT, d.destinationPort);
  writeU16(out, at + OCTETS, octets);
  writeU16(out, at + CHECKSUM, 0);
  writeBytes(out, at + UDP_HEADER_OCTETS, d.payload);
  if (d.checksum !== null) {
    const sum = pseudoHeaderSum(ip, IP_PROTOCOL.UDP, octets);
    writeU16(out, at + CHECKSUM, upperLayerChecksum(out, at, octets, sum) || 0xffff); // RFC 768
  }
  return at + octets;
}

const badChecksum = (residue: number, received: number): Result<never> =>
  fail('bad-checksum', 'udp.checksum', CHECKSUM, expectedChecksum(residue, received), received);
