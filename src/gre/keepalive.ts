/**
 * GRE keepalives, as IOS sends them on point-to-point tunnels (no RFC). The sender wraps the answer that it
 * wants: GRE { IPv4 from us to it, protocol 47 { GRE, protocol type 0, no payload } }. Who unwraps and
 * forwards that has answered. Forwarding whatever is inside would make us an open reflector, so we answer
 * only what could have come back to the sender from ourselves. The caller limits the rate.
 */
import type { IpAddress } from '../wire/address.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import { decodeIpv4Header, encodeIpv4Header, ipv4Header, ipv4HeaderOctets } from '../wire/ipv4.js';
import { greHeader } from './header.js';
import { decodeGrePacket, encodeGrePacket, type GrePacket, grePacketOctets } from './packet.js';
import { GRE_PROTOCOL_TYPE } from './protocol-type.js';

const KEEPALIVE_TTL = 255;
const KEEPALIVE_DSCP = 48; // CS6, as routing protocols

/** The two NBMA addresses of the tunnel, ours first. */
export interface KeepaliveEnds {
  readonly local: IpAddress;
  readonly remote: IpAddress;
}

/** Whether a packet is the answer to a keepalive of ours: it carries nothing. */
export const isKeepaliveAnswer = (p: GrePacket): boolean =>
  p.header.protocolType === GRE_PROTOCOL_TYPE.KEEPALIVE && p.payload.length === 0;

/**
 * The answer to a keepalive, to be sent by GRE to `ends.remote`: a view into the packet.
 * Null when the packet is none, or is one that it would not be safe to answer.
 * @param ends from the outer header that the packet came in
 */
export function keepaliveAnswer(p: GrePacket, ends: KeepaliveEnds): Uint8Array | null {
  if (p.header.protocolType !== GRE_PROTOCOL_TYPE.IPV4) return null;
  const decoded = decodeIpv4Header(p.payload);
  if (!decoded.ok) return null;
  const inner = decoded.value;
  const isFromUsToIt = inner.source.equals(ends.local) && inner.destination.equals(ends.remote);
  const isWhole = inner.totalOctets <= p.payload.length && !inner.moreFragments;
  if (!isFromUsToIt || !isWhole || inner.fragmentOffset !== 0) return null;
  if (inner.protocol !== IP_PROTOCOL.GRE) return null;
  const answer = p.payload.subarray(ipv4HeaderOctets(inner), inner.totalOctets);
  const returned = decodeGrePacket(answer);
  return returned.ok && isKeepaliveAnswer(returned.value) ? answer : null;
}

/**
 * A keepalive for `ends.remote` whose answer comes back to `ends.local`: a whole GRE packet.
 * @throws RangeError when the addresses are not IPv4: IPv6 has no keepalives
 */
export function encodeKeepalive(ends: KeepaliveEnds, key: number | null): Uint8Array {
  if (ends.local.family !== 4 || ends.remote.family !== 4)
    throw new RangeError('ends: IPv4 addresses expected');
  const answer: GrePacket = {
    header: greHeader(GRE_PROTOCOL_TYPE.KEEPALIVE, key),
    payload: new Uint8Array(0),
  };
  const inner = ipv4Header({
    source: ends.remote,
    destination: ends.local,
    protocol: IP_PROTOCOL.GRE,
    ttl: KEEPALIVE_TTL,
    dscp: KEEPALIVE_DSCP,
    totalOctets: 20 + grePacketOctets(answer),
  });
  const payload = new Uint8Array(inner.totalOctets);
  encodeGrePacket(answer, payload, encodeIpv4Header(inner, payload, 0));
  const packet: GrePacket = { header: greHeader(GRE_PROTOCOL_TYPE.IPV4, key), payload };
  const out = new Uint8Array(grePacketOctets(packet));
  encodeGrePacket(packet, out, 0);
  return out;
}
