/** IP protocol numbers, of IPv4's Protocol and IPv6's Next Header (IANA). */

export const IP_PROTOCOL = {
  HOP_BY_HOP: 0,
  ICMP: 1,
  IGMP: 2,
  IPIP: 4,
  TCP: 6,
  UDP: 17,
  IPV6: 41,
  ROUTING: 43,
  FRAGMENT: 44,
  GRE: 47,
  ESP: 50,
  AH: 51,
  NHRP: 54, // NARP, RFC 1735; some senders put NHRP here
  ICMPV6: 58,
  NO_NEXT: 59,
  DESTINATION_OPTIONS: 60,
  EIGRP: 88,
  OSPF: 89,
  PIM: 103,
  VRRP: 112,
  L2TP: 115,
  SCTP: 132,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(IP_PROTOCOL).map(([name, value]) => [
    value,
    name.toLowerCase().replaceAll('_', '-'),
  ]),
);

/** `gre`, `esp` …, or `ip-protocol-99` for one without a name here. */
export const ipProtocolName = (protocol: number): string =>
  NAMES.get(protocol) ?? `ip-protocol-${protocol}`;
