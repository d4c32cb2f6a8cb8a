/**
 * IPv6 header codec: RFC 8200 §3.
 *   octets 0..4 version, DSCP, ECN and flow label, 4..6 payload length, 6 next header, 7 hop limit,
 *   8..24 source, 24..40 destination.
 */
import { type IpAddress, readAddress, writeAddress } from './address.js';
import { readU8, readU16, readU32, writeU8, writeU16, writeU32 } from './bytes.js';
import { IP_PROTOCOL } from './ip-protocol.js';
import { type FixedLayout, fixedLayout } from './layout.js';
import { fail, ok, type Result } from './result.js';

/** The header as a layout, for dumps and as the oracle of tests. */
export const IPV6_LAYOUT: FixedLayout = fixedLayout({
  versionClassFlow: 4,
  payloadOctets: 2,
  nextHeader: 1,
  hopLimit: 1,
  source: 16,
  destination: 16,
});

export const IPV6_OCTETS: number = IPV6_LAYOUT.octets;
/** More extension headers than any sound packet has. */
const MAX_EXTENSION_HEADERS = 16;

const VERSION: number = IPV6_LAYOUT.offsetOf('versionClassFlow');
const PAYLOAD_OCTETS: number = IPV6_LAYOUT.offsetOf('payloadOctets');
const NEXT_HEADER: number = IPV6_LAYOUT.offsetOf('nextHeader');
const HOP_LIMIT: number = IPV6_LAYOUT.offsetOf('hopLimit');
const SOURCE: number = IPV6_LAYOUT.offsetOf('source');
const DESTINATION: number = IPV6_LAYOUT.offsetOf('destination');

export interface Ipv6Header {
  /** 0..63, RFC 2474. */
  readonly dscp: number;
  /** 0..3, RFC 3168. */
  readonly ecn: number;
  /** 20 bits. */
  readonly flowLabel: number;
  /** Everything after this header. */
  readonly payloadOctets: number;
  readonly nextHeader: number;
  readonly hopLimit: number;
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

/** Where the upper layer of an IPv6 packet begins. */
export interface Ipv6UpperLayer {
  readonly protocol: number;
  /** Octets from the start of the IPv6 header. */
  readonly at: number;
  /** A part of a packet, not the whole: RFC 8200 §4.5. An atomic fragment (RFC 6946) is whole. */
  readonly isFragment: boolean;
}

/** The payload may be cut off, as in what ICMPv6 quotes. */
export function decodeIpv6Header(b: Uint8Array): Result<Ipv6Header> {
  if (b.length < IPV6_OCTETS) return fail('truncated', 'ipv6.header', 0, IPV6_OCTETS, b.length);
  const first = readU32(b, VERSION);
  if (first >>> 28 !== 6) return fail('bad-version', 'ipv6.version', VERSION, 6, first >>> 28);
  return ok({
    dscp: (first >>> 22) & 0x3f,
    ecn: (first >>> 20) & 3,
    flowLabel: first & 0xf_ffff,
    payloadOctets: readU16(b, PAYLOAD_OCTETS),
    nextHeader: readU8(b, NEXT_HEADER),
    hopLimit: readU8(b, HOP_LIMIT),
    source: readAddress(b, SOURCE, 6),
    destination: readAddress(b, DESTINATION, 6),
  });
}

/** 40. */
export const ipv6HeaderOctets = (_: Ipv6Header): number => IPV6_OCTETS;

/** Writes 40 octets and returns the offset after them. */
export function encodeIpv6Header(h: Ipv6Header, out: Uint8Array, at: number): number {
  const trafficClass = ((h.dscp & 0x3f) << 2) | (h.ecn & 3);
  writeU32(out, at + VERSION, (6 << 28) | (trafficClass << 20) | (h.flowLabel & 0xf_ffff));
  writeU16(out, at + PAYLOAD_OCTETS, h.payloadOctets);
  writeU8(out, at + NEXT_HEADER, h.nextHeader);
  writeU8(out, at + HOP_LIMIT, h.hopLimit);
  writeAddress(h.source, out, at + SOURCE);
  return writeAddress(h.destination, out, at + DESTINATION);
}

/** Walks the extension headers (RFC 8200 §4) of a packet whose first header has been checked. */
export function decodeIpv6UpperLayer(b: Uint8Array): Result<Ipv6UpperLayer> {
  let protocol = readU8(b, NEXT_HEADER);
  let at = IPV6_OCTETS;
  for (let count = 0; count < MAX_EXTENSION_HEADERS; count++) {
    if (!isExtension(protocol)) return ok({ protocol, at, isFragment: false });
    if (b.length < at + 8) return fail('truncated', 'ipv6.extension', at, at + 8, b.length);
    const next = readU8(b, at);
    if (protocol === IP_PROTOCOL.FRAGMENT && (readU16(b, at + 2) & ~6) !== 0)
      return ok({ protocol: next, at: at + 8, isFragment: true });
    const end = at + extensionOctets(protocol, readU8(b, at + 1));
    if (b.length < end) return fail('truncated', 'ipv6.extension', at, end, b.length);
    at = end;
    protocol = next;
  }
  return fail('too-many', 'ipv6.extension', at, MAX_EXTENSION_HEADERS, MAX_EXTENSION_HEADERS + 1);
}

const isExtension = (protocol: number): boolean =>
  protocol === IP_PROTOCOL.HOP_BY_HOP ||
  protocol === IP_PROTOCOL.ROUTING ||
  protocol === IP_PROTOCOL.FRAGMENT ||
  protocol === IP_PROTOCOL.DESTINATION_OPTIONS;

const extensionOctets = (protocol: number, length: number): number =>
  protocol === IP_PROTOCOL.FRAGMENT ? 8 : (length + 1) * 8;
