/**
 * IP packets of either version as the packet path sees them: read and changed in place, without objects.
 * Only {@link ipPacketOctets} checks; everything else trusts that it was asked first.
 */
import { type IpAddress, type IpFamily, readAddress } from './address.js';
import { readU8, readU16, writeBytes, writeU8, writeU16 } from './bytes.js';
import { checksum, updateChecksum } from './checksum.js';
import { encodeIpv4Header, IPV4_MIN_OCTETS, ipv4Header } from './ipv4.js';
import { encodeIpv6Header, IPV6_OCTETS } from './ipv6.js';
import type { AddressPair } from './pseudo-header.js';

const DONT_FRAGMENT = 0x40; // of octet 6
const FRAGMENT_MASK = 0x3fff; // of octets 6..8: more fragments, and the offset

/** The version nibble: 4, 6 or whatever else is there. */
export const ipVersion = (b: Uint8Array, at: number): number => readU8(b, at) >>> 4;

/**
 * The length of the IP packet at the start of `octets` octets, or -1 when there is no sound one:
 * wrong version, lengths that contradict, a wrong IPv4 header checksum (RFC 1812 §5.2.2), or cut off.
 * `decodeIpv4Header` and `decodeIpv6Header` say which.
 */
export function ipPacketOctets(b: Uint8Array, at: number, octets: number): number {
  if (octets < IPV4_MIN_OCTETS) return -1;
  const first = readU8(b, at);
  if (first >>> 4 === 6) {
    const total = octets < IPV6_OCTETS ? octets + 1 : IPV6_OCTETS + readU16(b, at + 4);
    return total <= octets ? total : -1;
  }
  const header = (first & 0xf) * 4;
  const total = readU16(b, at + 2);
  const isSound = first >>> 4 === 4 && header >= IPV4_MIN_OCTETS && total >= header;
  return isSound && total <= octets && checksum(b, at, header) === 0 ? total : -1;
}

/** 20..60 for IPv4, 40 for IPv6: without extension headers. */
export const ipHeaderOctets = (b: Uint8Array, at: number): number =>
  isV4(b, at) ? (readU8(b, at) & 0xf) * 4 : IPV6_OCTETS;

/** Protocol or next header. */
export const ipProtocol = (b: Uint8Array, at: number): number =>
  readU8(b, isV4(b, at) ? at + 9 : at + 6);

/** Time to live or hop limit. */
export const ipTtl = (b: Uint8Array, at: number): number => readU8(b, ttlAt(b, at));

export const ipDscp = (b: Uint8Array, at: number): number =>
  isV4(b, at) ? readU8(b, at + 1) >>> 2 : (readU16(b, at) >>> 6) & 0x3f;

/** IPv6 packets are never fragmented on the way. */
export const ipDontFragment = (b: Uint8Array, at: number): boolean =>
  !isV4(b, at) || (readU8(b, at + 6) & DONT_FRAGMENT) !== 0;

/** A part of an IPv4 packet that was fragmented; for IPv6 see `decodeIpv6UpperLayer`. */
export const isIpv4Fragment = (b: Uint8Array, at: number): boolean =>
  isV4(b, at) && (readU16(b, at + 6) & FRAGMENT_MASK) !== 0;

export const ipSource = (b: Uint8Array, at: number): IpAddress =>
  isV4(b, at) ? readAddress(b, at + 12, 4) : readAddress(b, at + 8, 6);

export const ipDestination = (b: Uint8Array, at: number): IpAddress =>
  isV4(b, at) ? readAddress(b, at + 16, 4) : readAddress(b, at + 24, 6);

/** Takes one off the time to live, which must not be 0, and corrects the header checksum (RFC 1624). */
export function decrementTtl(b: Uint8Array, at: number): void {
  const ttl = ttlAt(b, at);
  if (!isV4(b, at)) {
    writeU8(b, ttl, readU8(b, ttl) - 1);
    return;
  }
  const before = readU16(b, ttl);
  writeU16(b, ttl, before - 0x100);
  writeU16(b, at + 10, updateChecksum(readU16(b, at + 10), before, before - 0x100));
}

/** What goes around a payload to make it an IP packet. */
export interface IpEnvelope extends AddressPair {
  readonly protocol: number;
  readonly ttl: number;
  /** 0 when absent. */
  readonly dscp?: number;
  /** IPv4 only; false when absent. */
  readonly dontFragment?: boolean;
}

/** 20 or 40. */
export const ipEnvelopeOctets = (family: IpFamily): number =>
  family === 4 ? IPV4_MIN_OCTETS : IPV6_OCTETS;

/** Writes an IP header for `payloadOctets` octets that follow it, and returns the offset after it. */
export function writeIpHeader(
  e: IpEnvelope,
  payloadOctets: number,
  out: Uint8Array,
  at: number,
): number {
  const { source, destination, protocol, ttl, dscp = 0, dontFragment = false } = e;
  if (source.family === 4) {
    const totalOctets = IPV4_MIN_OCTETS + payloadOctets;
    const fields = { source, destination, protocol, ttl, dscp, dontFragment, totalOctets };
    return encodeIpv4Header(ipv4Header(fields), out, at);
  }
  const common = { source, destination, dscp, ecn: 0, flowLabel: 0 };
  return encodeIpv6Header(
    { ...common, payloadOctets, nextHeader: protocol, hopLimit: ttl },
    out,
    at,
  );
}

/** A whole IP packet of its own. */
export function ipPacket(e: IpEnvelope, payload: Uint8Array): Uint8Array {
  const out = new Uint8Array(ipEnvelopeOctets(e.source.family) + payload.length);
  writeBytes(out, writeIpHeader(e, payload.length, out, 0), payload);
  return out;
}

const isV4 = (b: Uint8Array, at: number): boolean => readU8(b, at) >>> 4 === 4;
const ttlAt = (b: Uint8Array, at: number): number => (isV4(b, at) ? at + 8 : at + 7);
