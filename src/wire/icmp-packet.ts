/**
 * Whole IP packets that carry ICMP: echoes, and the errors of a router with a bounded quotation.
 * IPv4: RFC 792, RFC 1122 §3.2.2, RFC 1191, RFC 1812 §4.3. IPv6: RFC 4443.
 */
import { type IpAddress, isMulticast, isUnspecified } from './address.js';
import { readU16 } from './bytes.js';
import {
  echoMessage,
  encodeIcmp,
  ICMP_TYPE,
  ICMPV6_TYPE,
  type IcmpEcho,
  type IcmpMessage,
  icmpOctets,
  icmpProtocol,
} from './icmp.js';
import {
  ipDestination,
  ipEnvelopeOctets,
  ipHeaderOctets,
  ipProtocol,
  ipSource,
  ipVersion,
  writeIpHeader,
} from './ip-packet.js';
import { IP_PROTOCOL } from './ip-protocol.js';
import { decodeIpv6UpperLayer } from './ipv6.js';
import type { AddressPair } from './pseudo-header.js';

/** An error packet is no longer than what everyone can take in: RFC 1812 §4.3.2.3. */
const MAX_ERROR_OCTETS_V4 = 576;
/** RFC 4443 §2.4 (c). */
const MAX_ERROR_OCTETS_V6 = 1280;
const ERROR_TTL = 64;
const FRAGMENT_OFFSET_MASK = 0x1fff;
const DSCP_CS6 = 48; // RFC 1812 §4.3.2.5: precedence 6 for errors

/** What a router says to the sender of a packet that it cannot pass on. */
export type IcmpProblem =
  | { readonly kind: 'time-exceeded' }
  /** `mtu`: the largest IP packet that would have passed. */
  | { readonly kind: 'too-big'; readonly mtu: number }
  | { readonly kind: 'unreachable'; readonly why: 'network' | 'host' | 'prohibited' | 'port' };

/** An IP packet with an echo request or reply. */
export const echoPacket = (e: IcmpEcho, ip: AddressPair, ttl: number): Uint8Array =>
  icmpPacket(echoMessage(e, ip), ip, { ttl, dscp: 0 });

/**
 * The error packet about `packet`, whose header has been checked, or null where none may be sent:
 * about another error, a fragment after the first, from or to something that is not one host.
 * Ownership: new octets. The caller limits the rate (RFC 1812 §4.3.2.8, RFC 4443 §2.4 (f)).
 * @param from an address of the router, of the packet's family
 */
export function icmpErrorPacket(
  problem: IcmpProblem,
  packet: Uint8Array,
  from: IpAddress,
): Uint8Array | null {
  if (!mayReport(problem, packet)) return null;
  const ip: AddressPair = { source: from, destination: ipSource(packet, 0) };
  const limit = from.family === 4 ? MAX_ERROR_OCTETS_V4 : MAX_ERROR_OCTETS_V6;
  const quoted = packet.subarray(0, limit - ipEnvelopeOctets(from.family) - 8);
  const message = { ...headOf(problem, from.family), body: quoted };
  return icmpPacket(message, ip, { ttl: ERROR_TTL, dscp: from.family === 4 ? DSCP_CS6 : 0 });
}

function icmpPacket(
  m: IcmpMessage,
  ip: AddressPair,
  { ttl, dscp }: { ttl: number; dscp: number },
): Uint8Array {
  const out = new Uint8Array(ipEnvelopeOctets(ip.source.family) + icmpOctets(m));
  const envelope = { ...ip, protocol: icmpProtocol(ip), ttl, dscp };
  encodeIcmp(m, ip, out, writeIpHeader(envelope, icmpOctets(m), out, 0));
  return out;
}

const FIRST_INFORMATIONAL = 128; // RFC 4443 §2.1
const REDIRECT_V6 = 137; // RFC 4443 §2.4 (e.2)

const UNREACHABLE_V4 = { network: 0, host: 1, port: 3, prohibited: 13 } as const; // RFC 1812 §5.2.7.1
const UNREACHABLE_V6 = { network: 0, prohibited: 1, host: 3, port: 4 } as const; // RFC 4443 §3.1
const FRAGMENTATION_NEEDED = 4; // RFC 1191 §4: the MTU is in the low half of the second word

function headOf(p: IcmpProblem, family: 4 | 6): Omit<IcmpMessage, 'body'> {
  const isV4 = family === 4;
  switch (p.kind) {
    case 'time-exceeded':
      return { type: isV4 ? ICMP_TYPE.TIME_EXCEEDED : ICMPV6_TYPE.TIME_EXCEEDED, code: 0, rest: 0 };
    case 'too-big':
      return isV4
        ? { type: ICMP_TYPE.UNREACHABLE, code: FRAGMENTATION_NEEDED, rest: p.mtu & 0xffff }
        : { type: ICMPV6_TYPE.PACKET_TOO_BIG, code: 0, rest: p.mtu };
    case 'unreachable':
      return isV4
        ? { type: ICMP_TYPE.UNREACHABLE, code: UNREACHABLE_V4[p.why], rest: 0 }
        : { type: ICMPV6_TYPE.UNREACHABLE, code: UNREACHABLE_V6[p.why], rest: 0 };
  }
}

function mayReport(problem: IcmpProblem, packet: Uint8Array): boolean {
  const source = ipSource(packet, 0);
  if (isUnspecified(source) || isMulticast(source)) return false;
  const destination = ipDestination(packet, 0);
  if (ipVersion(packet, 0) === 4)
    return !(isMulticast(destination) || isBroadcast(destination)) && mayReportV4(packet);
  // RFC 4443 §2.4 (e.3): path MTU discovery works for multicast too
  return !(isMulticast(destination) && problem.kind !== 'too-big') && mayReportV6(packet);
}

function mayReportV4(packet: Uint8Array): boolean {
  if ((readU16(packet, 6) & FRAGMENT_OFFSET_MASK) !== 0) return false;
  const at = ipHeaderOctets(packet, 0);
  if (ipProtocol(packet, 0) !== IP_PROTOCOL.ICMP) return true;
  return isIcmpQuery(packet[at] ?? ICMP_TYPE.UNREACHABLE);
}

function mayReportV6(packet: Uint8Array): boolean {
  const upper = decodeIpv6UpperLayer(packet);
  if (!upper.ok || upper.value.protocol !== IP_PROTOCOL.ICMPV6) return true;
  const type = packet[upper.value.at] ?? 0;
  return type >= FIRST_INFORMATIONAL && type !== REDIRECT_V6;
}

/** Everything but errors and redirects: RFC 1122 §3.2.2. */
const isIcmpQuery = (type: number): boolean =>
  type !== ICMP_TYPE.UNREACHABLE &&
  type !== 4 && // source quench
  type !== ICMP_TYPE.REDIRECT &&
  type !== ICMP_TYPE.TIME_EXCEEDED &&
  type !== ICMP_TYPE.PARAMETER_PROBLEM;

const isBroadcast = (a: IpAddress): boolean => a.family === 4 && a.w0 === -1;
