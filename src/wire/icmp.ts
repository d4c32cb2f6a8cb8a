/**
 * ICMP message codec: RFC 792 and, with another checksum and other numbers, RFC 4443.
 *   octet 0 type, 1 code, 2..4 checksum, 4..8 by type (identifier and sequence, MTU …), then the body.
 */
import { readU8, readU16, readU32, writeBytes, writeU8, writeU16, writeU32 } from './bytes.js';
import { IP_PROTOCOL } from './ip-protocol.js';
import { type FixedLayout, fixedLayout } from './layout.js';
import {
  type AddressPair,
  expectedChecksum,
  pseudoHeaderSum,
  upperLayerChecksum,
} from './pseudo-header.js';
import { fail, ok, type Result } from './result.js';

/** The fixed part as a layout, for dumps and as the oracle of tests. */
export const ICMP_LAYOUT: FixedLayout = fixedLayout({ type: 1, code: 1, checksum: 2, rest: 4 });

export const ICMP_HEADER_OCTETS: number = ICMP_LAYOUT.octets;
const TYPE: number = ICMP_LAYOUT.offsetOf('type');
const CODE: number = ICMP_LAYOUT.offsetOf('code');
const CHECKSUM: number = ICMP_LAYOUT.offsetOf('checksum');
const REST: number = ICMP_LAYOUT.offsetOf('rest');

/** Types of RFC 792. */
export const ICMP_TYPE = {
  ECHO_REPLY: 0,
  UNREACHABLE: 3,
  REDIRECT: 5,
  ECHO_REQUEST: 8,
  TIME_EXCEEDED: 11,
  PARAMETER_PROBLEM: 12,
} as const;

/** Types of RFC 4443. */
export const ICMPV6_TYPE = {
  UNREACHABLE: 1,
  PACKET_TOO_BIG: 2,
  TIME_EXCEEDED: 3,
  PARAMETER_PROBLEM: 4,
  ECHO_REQUEST: 128,
  ECHO_REPLY: 129,
} as const;

export interface IcmpMessage {
  readonly type: number;
  readonly code: number;
  /** The second word: identifier and sequence number of an echo, the MTU of "too big", else mostly 0. */
  readonly rest: number;
  /** What follows: an echo's data, or the packet that an error quotes. A view. */
  readonly body: Uint8Array;
}

/** Identifier and sequence number of an echo request or reply, 0..0xffff each. */
export interface IcmpEcho {
  readonly isReply: boolean;
  readonly identifier: number;
  readonly sequence: number;
  /** A view, when decoded. */
  readonly data: Uint8Array;
}

/** Decodes an ICMP message of the family of `ip` and verifies its checksum. */
export function decodeIcmp(b: Uint8Array, ip: AddressPair): Result<IcmpMessage> {
  if (b.length < ICMP_HEADER_OCTETS)
    return fail('truncated', 'icmp.header', 0, ICMP_HEADER_OCTETS, b.length);
  const residue = upperLayerChecksum(b, 0, b.length, icmpPseudoSum(ip, b.length));
  if (residue !== 0) {
    const received = readU16(b, CHECKSUM);
    const expected = expectedChecksum(residue, received);
    return fail('bad-checksum', 'icmp.checksum', CHECKSUM, expected, received);
  }
  return ok({
    type: readU8(b, TYPE),
    code: readU8(b, CODE),
    rest: readU32(b, REST),
    body: b.subarray(ICMP_HEADER_OCTETS),
  });
}

export const icmpOctets = (m: IcmpMessage): number => ICMP_HEADER_OCTETS + m.body.length;

/** Writes `icmpOctets(m)` octets, checksum included, and returns the offset after them. */
export function encodeIcmp(m: IcmpMessage, ip: AddressPair, out: Uint8Array, at: number): number {
  const octets = icmpOctets(m);
  writeU8(out, at + TYPE, m.type);
  writeU8(out, at + CODE, m.code);
  writeU16(out, at + CHECKSUM, 0);
  writeU32(out, at + REST, m.rest);
  writeBytes(out, at + ICMP_HEADER_OCTETS, m.body);
  writeU16(out, at + CHECKSUM, upperLayerChecksum(out, at, octets, icmpPseudoSum(ip, octets)));
  return at + octets;
}

/** The echo in a message, or null when it is something else. */
export function echoOf(m: IcmpMessage, ip: AddressPair): IcmpEcho | null {
  const [request, reply] = echoTypes(ip);
  if (m.code !== 0 || (m.type !== request && m.type !== reply)) return null;
  const identifier = m.rest >>> 16;
  return { isReply: m.type === reply, identifier, sequence: m.rest & 0xffff, data: m.body };
}

/** The message that carries an echo between these two ends. */
export function echoMessage(e: IcmpEcho, ip: AddressPair): IcmpMessage {
  const [request, reply] = echoTypes(ip);
  const rest = ((e.identifier << 16) | (e.sequence & 0xffff)) >>> 0;
  return { type: e.isReply ? reply : request, code: 0, rest, body: e.data };
}

/** `icmp` or `icmpv6`. */
export const icmpProtocol = (ip: AddressPair): number =>
  ip.source.family === 4 ? IP_PROTOCOL.ICMP : IP_PROTOCOL.ICMPV6;

const echoTypes = (ip: AddressPair): readonly [request: number, reply: number] =>
  ip.source.family === 4
    ? [ICMP_TYPE.ECHO_REQUEST, ICMP_TYPE.ECHO_REPLY]
    : [ICMPV6_TYPE.ECHO_REQUEST, ICMPV6_TYPE.ECHO_REPLY];

const icmpPseudoSum = (ip: AddressPair, octets: number): number =>
  ip.source.family === 4 ? 0 : pseudoHeaderSum(ip, IP_PROTOCOL.ICMPV6, octets);
