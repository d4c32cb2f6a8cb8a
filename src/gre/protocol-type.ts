/** GRE protocol types (RFC 2784 §2.4), which are EtherTypes, and their names. */
import { etherTypeName } from '../wire/ethertype.js';

export const GRE_PROTOCOL_TYPE = {
  /** Nothing: what Cisco's keepalives come back with. */
  KEEPALIVE: 0,
  IPV4: 0x0800,
  IPV6: 0x86dd,
  NHRP: 0x2001,
  TRANSPARENT_ETHERNET: 0x6558,
  MPLS: 0x8847,
} as const;

/** `ipv4`, `nhrp` …, or `ethertype-0x1234` for one without a name here. */
export const greProtocolName = (type: number): string =>
  type === GRE_PROTOCOL_TYPE.KEEPALIVE ? 'keepalive' : etherTypeName(type);
