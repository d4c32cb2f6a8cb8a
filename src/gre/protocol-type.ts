/** GRE protocol types (RFC 2784 §2.4), which are EtherTypes, and their names. */
import { ETHERTYPE, etherTypeName } from '../wire/ethertype.js';

export const GRE_PROTOCOL_TYPE = {
  /** Nothing: what Cisco's keepalives come back with. */
  KEEPALIVE: 0,
  IPV4: ETHERTYPE.IPV4,
  IPV6: ETHERTYPE.IPV6,
  NHRP: ETHERTYPE.NHRP,
  TRANSPARENT_ETHERNET: ETHERTYPE.TRANSPARENT_ETHERNET,
  MPLS: ETHERTYPE.MPLS,
} as const;

/** `ipv4`, `nhrp` …, or `ethertype-0x1234` for one without a name here. */
export const greProtocolName = (type: number): string =>
  type === GRE_PROTOCOL_TYPE.KEEPALIVE ? 'keepalive' : etherTypeName(type);
