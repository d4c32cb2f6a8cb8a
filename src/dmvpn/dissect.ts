/**
 * A captured frame, layer by layer, as far as it is ours: link, IP, UDP, GRE and NHRP. What is not ours
 * (IKE, ESP, ARP, the users' packets …) is named and left alone, and so are parts of fragmented packets.
 * The checksums of IPv4 and UDP are not verified: captures of sent packets have them from before the network card.
 */
import {
  decodeGreHeader,
  encodeGreHeader,
  type GreHeader,
  greHeaderOctets,
} from '../gre/header.js';
import { decodeGrePacket } from '../gre/packet.js';
import { greProtocolName } from '../gre/protocol-type.js';
import { decodeMessage, messageBytes, type NhrpMessage } from '../nhrp/codec/message.js';
import type { IpAddress } from '../wire/address.js';
import { bytesEqual, readU16, readU32 } from '../wire/bytes.js';
import { ETHERTYPE, etherTypeName } from '../wire/ethertype.js';
import { IP_PROTOCOL, ipProtocolName } from '../wire/ip-protocol.js';
import { decodeIpv4Header, IPV4_LAYOUT, ipv4HeaderOctets } from '../wire/ipv4.js';
import { decodeIpv6Header, decodeIpv6UpperLayer, IPV6_OCTETS } from '../wire/ipv6.js';
import { decodeLinkLayer } from '../wire/link-layer.js';
import { GRE_UDP_PORT, IKE_NATT_PORT, IKE_PORT } from '../wire/path.js';
import { fail, ok, type Result, shifted, type WireError } from '../wire/result.js';
import { decodeUdp, UDP_HEADER_OCTETS, UDP_LAYOUT } from '../wire/udp.js';

/** Tunnels in tunnels: nobody nests more. */
const MAX_LAYERS = 32;
const IPV4_TOTAL_OCTETS: number = IPV4_LAYOUT.offsetOf('totalOctets');
const UDP_SOURCE_PORT: number = UDP_LAYOUT.offsetOf('sourcePort');
const UDP_DESTINATION_PORT: number = UDP_LAYOUT.offsetOf('destinationPort');
const UDP_PORTS_OCTETS: number = UDP_LAYOUT.offsetOf('octets');
const KNOWN_PORTS: readonly number[] = [GRE_UDP_PORT, IKE_PORT, IKE_NATT_PORT];

export interface IpEnds {
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

export interface Dissection {
  /** From the outside in: `['ethernet', 'ipv4', 'gre', 'nhrp']`. */
  readonly layers: readonly string[];
  /** From where to where, for each layer of IP whose header is whole, from the outside in. */
  readonly ends: readonly IpEnds[];
  /** The outermost GRE header. */
  readonly gre: GreHeader | null;
  readonly nhrp: NhrpMessage | null;
  /** Whether every GRE header and NHRP message that decodes encodes back to the same octets; null when there is none. */
  readonly roundTrip: boolean | null;
  /** Why it ends before its end; offsets count from the first octet of the frame. */
  readonly error: WireError | null;
}

/** What lies between `at` and `end`, and by which numbers it is called. */
interface Next {
  readonly space: 'ethertype' | 'gre' | 'ip' | 'udp';
  readonly number: number;
  readonly at: number;
  readonly end: number;
  /** Its own end was not captured. */
  readonly isCut: boolean;
}

/** A dissection under way. */
interface Progress {
  readonly frame: Uint8Array;
  readonly layers: string[];
  readonly ends: IpEnds[];
  gre: GreHeader | null;
  nhrp: NhrpMessage | null;
  roundTrip: boolean | null;
}

/** What follows a layer, or null where nothing more is ours. */
type Step = Result<Next | null>;

/**
 * Dissects one frame. Never throws. GRE is found in IP protocol 47 and UDP 4754, NHRP in GRE and IP protocol 54.
 * @param linkType a LINKTYPE_ number: see `LINK_TYPE`
 * @param frame borrowed: opaque octets in `nhrp` are views of it
 * @param originalOctets of the frame on the link: more than are here when the capture was cut
 */
export function dissect(
  linkType: number,
  frame: Uint8Array,
  originalOctets: number = frame.length,
): Dissection {
  const p: Progress = { frame, layers: [], ends: [], gre: null, nhrp: null, roundTrip: null };
  const error = dissectInto(p, linkType, originalOctets > frame.length);
  const { layers, ends, gre, nhrp, roundTrip } = p;
  return { layers, ends, gre, nhrp, roundTrip, error };
}

function dissectInto(p: Progress, linkType: number, isCut: boolean): WireError | null {
  const link = decodeLinkLayer(linkType, p.frame, p.layers);
  if (!link.ok) return link.error;
  const { etherType, payloadAt } = link.value;
  if (etherType === null) return null;
  const end = p.frame.length;
  let next: Next | null = { space: 'ethertype', number: etherType, at: payloadAt, end, isCut };
  while (next !== null) {
    if (p.layers.length >= MAX_LAYERS)
      return fail('too-many', 'frame.layers', next.at, MAX_LAYERS, MAX_LAYERS + 1).error;
    const step = dissectLayer(p, next);
    if (!step.ok) return step.error;
    next = step.value;
  }
  return null;
}

function dissectLayer(p: Progress, next: Next): Step {
  switch (next.space) {
    case 'ethertype':
    case 'gre':
      return dissectEtherType(p, next);
    case 'ip':
      return dissectIpProtocol(p, next);
    case 'udp':
      return dissectUdpPort(p, next);
  }
}

function dissectEtherType(p: Progress, next: Next): Step {
  switch (next.number) {
    case ETHERTYPE.IPV4:
      return dissectIpv4(p, next);
    case ETHERTYPE.IPV6:
      return dissectIpv6(p, next);
    case ETHERTYPE.NHRP:
      return dissectNhrp(p, next);
    default:
      return named(p, (next.space === 'gre' ? greProtocolName : etherTypeName)(next.number));
  }
}

function dissectIpProtocol(p: Progress, next: Next): Step {
  switch (next.number) {
    case IP_PROTOCOL.GRE:
      return dissectGre(p, next);
    case IP_PROTOCOL.NHRP:
      return dissectNhrp(p, next);
    case IP_PROTOCOL.UDP:
      return dissectUdp(p, next);
    case IP_PROTOCOL.IPIP:
      return ok({ ...next, space: 'ethertype', number: ETHERTYPE.IPV4 });
    case IP_PROTOCOL.IPV6:
      return ok({ ...next, space: 'ethertype', number: ETHERTYPE.IPV6 });
    default:
      return named(p, ipProtocolName(next.number));
  }
}

function dissectUdpPort(p: Progress, next: Next): Step {
  switch (next.number) {
    case GRE_UDP_PORT:
      return dissectGre(p, next);
    case IKE_PORT:
      return named(p, 'ike');
    case IKE_NATT_PORT:
      return named(p, nattName(p.frame, next));
    default:
      return ok(null);
  }
}

function dissectIpv4(p: Progress, { at: start, end, isCut }: Next): Step {
  p.layers.push('ipv4');
  const decoded = decodeIpv4Header(p.frame.subarray(start, end), false);
  if (!decoded.ok) return shifted(decoded, start);
  const h = decoded.value;
  p.ends.push({ source: h.source, destination: h.destination });
  if (h.moreFragments || h.fragmentOffset > 0) return named(p, 'ipv4-fragment');
  const isOffloaded = readU16(p.frame, start + IPV4_TOTAL_OCTETS) === 0; // it does not say where it ends
  return ok({
    space: 'ip',
    number: h.protocol,
    at: start + ipv4HeaderOctets(h),
    end: Math.min(start + h.totalOctets, end), // Ethernet pads; captures cut
    isCut: isOffloaded ? isCut : start + h.totalOctets > end,
  });
}

function dissectIpv6(p: Progress, { at: start, end }: Next): Step {
  p.layers.push('ipv6');
  const packet = p.frame.subarray(start, end);
  const decoded = decodeIpv6Header(packet);
  if (!decoded.ok) return shifted(decoded, start);
  const { source, destination, payloadOctets } = decoded.value;
  p.ends.push({ source, destination });
  const upper = decodeIpv6UpperLayer(packet);
  if (!upper.ok) return shifted(upper, start);
  if (upper.value.isFragment) return named(p, 'ipv6-fragment');
  const last = start + IPV6_OCTETS + payloadOctets;
  return ok({
    space: 'ip',
    number: upper.value.protocol,
    at: start + upper.value.at,
    end: Math.min(last, end),
    isCut: last > end,
  });
}

/** The lengths of others' datagrams are theirs. One of GRE whose end was not captured is followed as far as it goes. */
function dissectUdp(p: Progress, { at: start, end, isCut }: Next): Step {
  p.layers.push('udp');
  const datagram = p.frame.subarray(start, end);
  if (datagram.length < UDP_PORTS_OCTETS)
    return fail('truncated', 'udp.header', start, UDP_HEADER_OCTETS, datagram.length);
  const port = knownPortOf(datagram);
  if (port === undefined) return ok(null);
  const decoded = decodeUdp(datagram, null);
  const isFollowed = decoded.ok || (isCut && decoded.error.field === 'udp.payload');
  if (!isFollowed && port === GRE_UDP_PORT) return shifted(decoded, start);
  const payloadAt = start + UDP_HEADER_OCTETS;
  return ok({
    space: 'udp',
    number: port,
    at: payloadAt,
    end: decoded.ok ? payloadAt + decoded.value.payload.length : end,
    isCut: isCut && !decoded.ok,
  });
}

const knownPortOf = (datagram: Uint8Array): number | undefined =>
  [UDP_DESTINATION_PORT, UDP_SOURCE_PORT]
    .map((at) => readU16(datagram, at))
    .find((port) => KNOWN_PORTS.includes(port));

/** The checksum covers everything behind it, so that one whose end was not captured cannot be verified. */
function dissectGre(p: Progress, { at: start, end, isCut }: Next): Step {
  p.layers.push('gre');
  const packet = p.frame.subarray(start, end);
  const decoded = decodeGreHeader(packet);
  if (!decoded.ok) return shifted(decoded, start);
  const header = decoded.value;
  p.gre ??= header;
  const whole = isCut ? decoded : decodeGrePacket(packet);
  if (!whole.ok) return shifted(whole, start);
  const octets = greHeaderOctets(header);
  const again = new Uint8Array(octets);
  encodeGreHeader(header, again, 0);
  compare(p, again, packet.subarray(0, octets));
  return ok({ space: 'gre', number: header.protocolType, at: start + octets, end, isCut });
}

function dissectNhrp(p: Progress, { at: start, end }: Next): Step {
  p.layers.push('nhrp');
  const packet = p.frame.subarray(start, end);
  const decoded = decodeMessage(packet);
  if (!decoded.ok) return shifted(decoded, start);
  p.nhrp = decoded.value;
  const again = messageBytes(decoded.value);
  compare(p, again, packet.subarray(0, again.length));
  return ok(null);
}

/** What a datagram on UDP 4500 is: RFC 3948 §2. */
function nattName(frame: Uint8Array, { at: start, end }: Next): string {
  if (end - start === 1) return 'natt-keepalive';
  return end - start >= 4 && readU32(frame, start) === 0 ? 'ike' : 'esp';
}

function named(p: Progress, layer: string): Step {
  p.layers.push(layer);
  return ok(null);
}

function compare(p: Progress, again: Uint8Array, octets: Uint8Array): void {
  p.roundTrip = (p.roundTrip ?? true) && bytesEqual(again, octets);
}
