/** EtherTypes: what follows an Ethernet or SLL header, and what GRE calls its protocol type (RFC 2784 §2.4). */

export const ETHERTYPE = {
  IPV4: 0x0800,
  ARP: 0x0806,
  NHRP: 0x2001, // "IPv4 routing, NHRP" in IANA's list
  ERSPAN_III: 0x22eb,
  TRANSPARENT_ETHERNET: 0x6558,
  RARP: 0x8035,
  VLAN: 0x8100, // IEEE 802.1Q
  IPV6: 0x86dd,
  PPP: 0x880b,
  WCCP: 0x883e,
  MPLS: 0x8847,
  MPLS_MULTICAST: 0x8848,
  PPPOE_DISCOVERY: 0x8863,
  PPPOE: 0x8864,
  EAPOL: 0x888e,
  PROVIDER_VLAN: 0x88a8, // IEEE 802.1ad
  ERSPAN: 0x88be,
  LLDP: 0x88cc,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ETHERTYPE).map(([name, value]) => [
    value,
    name.toLowerCase().replaceAll('_', '-'),
  ]),
);

/** `ipv4`, `nhrp` …, or `ethertype-0x1234` for one without a name here. */
export const etherTypeName = (type: number): string =>
  NAMES.get(type) ?? `ethertype-0x${type.toString(16).padStart(4, '0')}`;
