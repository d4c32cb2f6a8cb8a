/**
 * The link layers that captures come with, down to where the packet begins: Ethernet with up to two VLAN
 * tags (IEEE 802.3, 802.1Q), BSD loopback, raw IP, and Linux "cooked" headers. Numbers and layouts are those of
 * the LINKTYPE_ registry of tcpdump.org. NHRP and GRE never see any of this.
 */
import { readU8, readU16, readU32 } from './bytes.js';
import { ETHERTYPE, etherTypeName } from './ethertype.js';
import { type FixedLayout, fixedLayout } from './layout.js';
import { fail, ok, type Result } from './result.js';

export const LINK_TYPE = {
  /** BSD loopback: the address family in the byte order of who captured. */
  NULL: 0,
  ETHERNET: 1,
  /** IPv4 or IPv6 without a link layer. */
  RAW: 101,
  /** OpenBSD loopback: as NULL, in network byte order. */
  LOOP: 108,
  SLL: 113,
  IPV4: 228,
  IPV6: 229,
  SLL2: 276,
} as const;

/** What precedes the packet in a captured frame. */
export interface LinkLayer {
  /** `ethernet`, `vlan`, `sll` …; none for raw IP. Where no EtherType follows, the last one is what does: `llc`, `family-16`. */
  readonly layers: readonly string[];
  /** What follows, a further VLAN tag too; null when that has none: IEEE 802.2, a family or a link type not of ours. */
  readonly etherType: number | null;
  /** Where it begins. */
  readonly payloadAt: number;
}

const ETHERNET_LAYOUT: FixedLayout = fixedLayout({ destination: 6, source: 6, etherType: 2 });
const SLL_LAYOUT: FixedLayout = fixedLayout({
  packetType: 2,
  hardwareType: 2,
  addressOctets: 2,
  address: 8,
  protocol: 2,
});
const SLL2_LAYOUT: FixedLayout = fixedLayout({
  protocol: 2,
  reserved: 2,
  interfaceIndex: 4,
  hardwareType: 2,
  packetType: 1,
  addressOctets: 1,
  address: 8,
});
const VLAN_TAG_LAYOUT: FixedLayout = fixedLayout({ control: 2, etherType: 2 });
const ETHERNET_TYPE: number = ETHERNET_LAYOUT.offsetOf('etherType');
const SLL_PROTOCOL: number = SLL_LAYOUT.offsetOf('protocol');
const SLL2_PROTOCOL: number = SLL2_LAYOUT.offsetOf('protocol');
const VLAN_TAG_TYPE: number = VLAN_TAG_LAYOUT.offsetOf('etherType');
const VLAN_TAG_OCTETS: number = VLAN_TAG_LAYOUT.octets;

const LOOPBACK_OCTETS = 4;
const MAX_VLAN_TAGS = 2;
const FIRST_ETHERTYPE = 0x0600; // below it is a length: IEEE 802.3 §3.2.6
const LEGACY_QINQ = 0x9100;

/** Older numbers for raw IP: DLT_RAW differs between systems and leaks into files. */
const RAW_TYPES: readonly number[] = [LINK_TYPE.RAW, LINK_TYPE.IPV4, LINK_TYPE.IPV6, 12, 14];
/** AF_INET6 of NetBSD and OpenBSD, FreeBSD, Darwin, Linux. */
const AF_INET6: readonly number[] = [24, 28, 30, 10];
const AF_INET = 2;

/**
 * Decodes what precedes the packet. A link type without a decoder is named: `linktype-105`.
 * @param layers gets the names one by one: those before a failure are there too
 */
export function decodeLinkLayer(
  linkType: number,
  b: Uint8Array,
  layers: string[] = [],
): Result<LinkLayer> {
  if (RAW_TYPES.includes(linkType)) return decodeRaw(b, layers);
  switch (linkType) {
    case LINK_TYPE.ETHERNET:
      layers.push('ethernet');
      return decodeTyped(b, layers, ETHERNET_TYPE, ETHERNET_LAYOUT.octets);
    case LINK_TYPE.SLL:
      layers.push('sll');
      return decodeTyped(b, layers, SLL_PROTOCOL, SLL_LAYOUT.octets);
    case LINK_TYPE.SLL2:
      layers.push('sll2');
      return decodeTyped(b, layers, SLL2_PROTOCOL, SLL2_LAYOUT.octets);
    case LINK_TYPE.NULL:
    case LINK_TYPE.LOOP:
      layers.push(linkType === LINK_TYPE.NULL ? 'null' : 'loop');
      return decodeLoopback(b, layers);
    default:
      return notOurs(layers, `linktype-${linkType}`, 0);
  }
}

function decodeRaw(b: Uint8Array, layers: string[]): Result<LinkLayer> {
  if (b.length === 0) return fail('truncated', 'link.raw', 0, 1, 0);
  const version = readU8(b, 0) >>> 4;
  if (version !== 4 && version !== 6) return fail('bad-version', 'ip.version', 0, 4, version);
  const etherType = version === 4 ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6;
  return ok({ layers, etherType, payloadAt: 0 });
}

function decodeLoopback(b: Uint8Array, layers: string[]): Result<LinkLayer> {
  if (b.length < LOOPBACK_OCTETS)
    return fail('truncated', `link.${layers[0]}`, 0, LOOPBACK_OCTETS, b.length);
  const family = readU32(b, 0) > 0xffff ? readU8(b, 0) : readU8(b, 3); // either byte order
  if (family !== AF_INET && !AF_INET6.includes(family))
    return notOurs(layers, `family-${family}`, LOOPBACK_OCTETS);
  const etherType = family === AF_INET ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6;
  return ok({ layers, etherType, payloadAt: LOOPBACK_OCTETS });
}

/** A header of `octets` octets with an EtherType at `typeAt`, and VLAN tags after it. */
function decodeTyped(
  b: Uint8Array,
  layers: string[],
  typeAt: number,
  octets: number,
): Result<LinkLayer> {
  if (b.length < octets) return fail('truncated', `link.${layers[0]}`, 0, octets, b.length);
  let etherType = readU16(b, typeAt);
  let at = octets;
  for (let tags = 0; isVlan(etherType) && tags < MAX_VLAN_TAGS; tags++) {
    layers.push(etherTypeName(ETHERTYPE.VLAN));
    if (b.length < at + VLAN_TAG_OCTETS)
      return fail('truncated', 'link.vlan', at, at + VLAN_TAG_OCTETS, b.length);
    etherType = readU16(b, at + VLAN_TAG_TYPE);
    at += VLAN_TAG_OCTETS;
  }
  return etherType < FIRST_ETHERTYPE
    ? notOurs(layers, 'llc', at)
    : ok({ layers, etherType, payloadAt: at });
}

function notOurs(layers: string[], name: string, payloadAt: number): Result<LinkLayer> {
  layers.push(name);
  return ok({ layers, etherType: null, payloadAt });
}

const isVlan = (etherType: number): boolean =>
  etherType === ETHERTYPE.VLAN ||
  etherType === ETHERTYPE.PROVIDER_VLAN ||
  etherType === LEGACY_QINQ;
