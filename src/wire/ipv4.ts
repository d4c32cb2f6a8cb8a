/**
 * IPv4 header codec: RFC 791 §3.1, the traffic class octet by RFC 2474 and RFC 3168.
 *   octets 0 version and header length, 1 DSCP and ECN, 2..4 total length, 4..6 identification,
 *   6..8 flags and fragment offset, 8 time to live, 9 protocol, 10..12 checksum, 12..16 source, 16..20 destination;
 *   then options, up to 40 octets.
 */
import { type IpAddress, readAddress, writeAddress } from './address.js';
import { readU8, readU16, writeBytes, writeU8, writeU16 } from './bytes.js';
import { checksum } from './checksum.js';
import { type FixedLayout, fixedLayout } from './layout.js';
import { fail, ok, type Result } from './result.js';

/** The fixed header as a layout, for dumps and as the oracle of tests. */
export const IPV4_LAYOUT: FixedLayout = fixedLayout({
  versionAndHeaderWords: 1,
  trafficClass: 1,
  totalOctets: 2,
  identification: 2,
  flagsAndFragmentOffset: 2,
  ttl: 1,
  protocol: 1,
  checksum: 2,
  source: 4,
  destination: 4,
});

export const IPV4_MIN_OCTETS: number = IPV4_LAYOUT.octets;
const MAX_OPTION_OCTETS = 40;
const VERSION: number = IPV4_LAYOUT.offsetOf('versionAndHeaderWords');
const TRAFFIC_CLASS: number = IPV4_LAYOUT.offsetOf('trafficClass');
const TOTAL_OCTETS: number = IPV4_LAYOUT.offsetOf('totalOctets');
const IDENTIFICATION: number = IPV4_LAYOUT.offsetOf('identification');
const FRAGMENT: number = IPV4_LAYOUT.offsetOf('flagsAndFragmentOffset');
const TTL: number = IPV4_LAYOUT.offsetOf('ttl');
const PROTOCOL: number = IPV4_LAYOUT.offsetOf('protocol');
const CHECKSUM: number = IPV4_LAYOUT.offsetOf('checksum');
const SOURCE: number = IPV4_LAYOUT.offsetOf('source');
const DESTINATION: number = IPV4_LAYOUT.offsetOf('destination');

const FLAG_RESERVED = 0x8000;
const FLAG_DONT_FRAGMENT = 0x4000;
const FLAG_MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET_MASK = 0x1fff;

export interface Ipv4Header {
  /** 0..63, RFC 2474. */
  readonly dscp: number;
  /** 0..3, RFC 3168. */
  readonly ecn: number;
  /** Header and payload. */
  readonly totalOctets: number;
  readonly identification: number;
  /** The bit that must be zero, kept so that what came in goes out. */
  readonly reservedFlag: boolean;
  readonly dontFragment: boolean;
  readonly moreFragments: boolean;
  /** In units of eight octets, 0..0x1fff. */
  readonly fragmentOffset: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** A view of 0..40 octets, a multiple of four. */
  readonly options: Uint8Array;
}

/** What a sender sets; the rest is as in a whole, unmarked packet without options. */
export type Ipv4HeaderFields = Pick<
  Ipv4Header,
  'totalOctets' | 'ttl' | 'protocol' | 'source' | 'destination'
> &
  Partial<Ipv4Header>;

/** A header with the usual values where none are given: no options, no flags, identification 0. */
export const ipv4Header = (fields: Ipv4HeaderFields): Ipv4Header => ({
  dscp: 0,
  ecn: 0,
  identification: 0,
  reservedFlag: false,
  dontFragment: false,
  moreFragments: false,
  fragmentOffset: 0,
  options: new Uint8Array(0),
  ...fields,
});

/**
 * Verifies the header's own lengths and checksum. The payload may be cut off, as in what ICMP quotes.
 * @param isFromWire false for captures, where two things may have been left to the network card: the checksum, and with
 *   segmentation offload the total length, which is 0 then and read as all of `b`
 */
export function decodeIpv4Header(b: Uint8Array, isFromWire = true): Result<Ipv4Header> {
  if (b.length < IPV4_MIN_OCTETS)
    return fail('truncated', 'ipv4.header', 0, IPV4_MIN_OCTETS, b.length);
  const version = readU8(b, VERSION) >>> 4;
  if (version !== 4) return fail('bad-version', 'ipv4.version', VERSION, 4, version);
  const octets = (readU8(b, VERSION) & 0xf) * 4;
  if (octets < IPV4_MIN_OCTETS)
    return fail('bad-length', 'ipv4.headerLength', VERSION, IPV4_MIN_OCTETS, octets);
  if (b.length < octets)
    return fail('truncated', 'ipv4.options', IPV4_MIN_OCTETS, octets, b.length);
  const said = readU16(b, TOTAL_OCTETS);
  const totalOctets = said === 0 && !isFromWire ? b.length : said;
  if (totalOctets < octets)
    return fail('bad-length', 'ipv4.totalLength', TOTAL_OCTETS, octets, totalOctets);
  if (isFromWire && checksum(b, 0, octets) !== 0) return badChecksum(b, octets);
  return ok(readFields(b, totalOctets, octets));
}

/** 20..60. */
export const ipv4HeaderOctets = (h: Ipv4Header): number => IPV4_MIN_OCTETS + h.options.length;

/**
 * Writes `ipv4HeaderOctets(h)` octets, checksum included, and returns the offset after them.
 * @throws RangeError when the options are not 0..40 octets in steps of four
 */
export function encodeIpv4Header(h: Ipv4Header, out: Uint8Array, at: number): number {
  if (h.options.length & 3 || h.options.length > MAX_OPTION_OCTETS)
    throw new RangeError('options: 0 to 40 octets in steps of four expected');
  const octets = ipv4HeaderOctets(h);
  writeU8(out, at + VERSION, 0x40 | (octets >>> 2));
  writeU8(out, at + TRAFFIC_CLASS, (h.dscp << 2) | (h.ecn & 3));
  writeU16(out, at + TOTAL_OCTETS, h.totalOctets);
  writeU16(out, at + IDENTIFICATION, h.identification);
  writeU16(out, at + FRAGMENT, flagsOf(h) | (h.fragmentOffset & FRAGMENT_OFFSET_MASK));
  writeU8(out, at + TTL, h.ttl);
  writeU8(out, at + PROTOCOL, h.protocol);
  writeU16(out, at + CHECKSUM, 0);
  writeAddress(h.source, out, at + SOURCE);
  writeAddress(h.destination, out, at + DESTINATION);
  writeBytes(out, at + IPV4_MIN_OCTETS, h.options);
  writeU16(out, at + CHECKSUM, checksum(out, at, octets));
  return at + octets;
}

function readFields(b: Uint8Array, totalOctets: number, octets: number): Ipv4Header {
  const fragment = readU16(b, FRAGMENT);
  return {
    dscp: readU8(b, TRAFFIC_CLASS) >>> 2,
    ecn: readU8(b, TRAFFIC_CLASS) & 3,
    totalOctets,
    identification: readU16(b, IDENTIFICATION),
    reservedFlag: (fragment & FLAG_RESERVED) !== 0,
    dontFragment: (fragment & FLAG_DONT_FRAGMENT) !== 0,
    moreFragments: (fragment & FLAG_MORE_FRAGMENTS) !== 0,
    fragmentOffset: fragment & FRAGMENT_OFFSET_MASK,
    ttl: readU8(b, TTL),
    protocol: readU8(b, PROTOCOL),
    source: readAddress(b, SOURCE, 4),
    destination: readAddress(b, DESTINATION, 4),
    options: b.subarray(IPV4_MIN_OCTETS, octets),
  };
}

const flagsOf = (h: Ipv4Header): number =>
  (h.reservedFlag ? FLAG_RESERVED : 0) |
  (h.dontFragment ? FLAG_DONT_FRAGMENT : 0) |
  (h.moreFragments ? FLAG_MORE_FRAGMENTS : 0);

function badChecksum(b: Uint8Array, octets: number): Result<never> {
  const whole = b.slice(0, octets);
  writeU16(whole, CHECKSUM, 0);
  const expected = checksum(whole, 0, octets);
  return fail('bad-checksum', 'ipv4.checksum', CHECKSUM, expected, readU16(b, CHECKSUM));
}
