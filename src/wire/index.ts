/**
 * What every protocol here shares: octets, results, addresses, checksums and IP headers.
 *
 * @module
 */
export {
  addressBytes,
  addressKey,
  addressOctets,
  formatAddress,
  formatPrefix,
  hostBits,
  hostPrefix,
  IpAddress,
  type IpFamily,
  type IpPrefix,
  isMulticast,
  isUnspecified,
  maskAddress,
  parseAddress,
  parsePrefix,
  prefixContains,
  prefixEquals,
  readAddress,
  UNSPECIFIED_V4,
  UNSPECIFIED_V6,
  writeAddress,
} from './address.js';
export {
  bytesEqual,
  fromHex,
  readI32,
  readU8,
  readU16,
  readU32,
  readU64,
  toHex,
  writeBytes,
  writeU8,
  writeU16,
  writeU32,
  writeU64,
} from './bytes.js';
export {
  checksum,
  checksumSum,
  finishChecksum,
  slabChecksum,
  slabChecksumSum,
  updateChecksum,
  updateChecksum32,
  wordsOf,
} from './checksum.js';
export { constantTimeEqual } from './constant-time.js';
export { type DescribeField, describe, plainOf } from './describe.js';
export { ETHERTYPE, etherTypeName } from './ethertype.js';
export {
  decodeIcmp,
  echoMessage,
  echoOf,
  encodeIcmp,
  ICMP_HEADER_OCTETS,
  ICMP_LAYOUT,
  ICMP_TYPE,
  ICMPV6_TYPE,
  type IcmpEcho,
  type IcmpMessage,
  icmpOctets,
  icmpProtocol,
} from './icmp.js';
export { echoPacket, type IcmpProblem, icmpErrorPacket } from './icmp-packet.js';
export {
  decrementTtl,
  type IpEnvelope,
  ipDestination,
  ipDontFragment,
  ipDscp,
  ipEnvelopeOctets,
  ipHeaderOctets,
  ipPacket,
  ipPacketOctets,
  ipProtocol,
  ipSource,
  ipTtl,
  ipVersion,
  isIpv4Fragment,
  writeIpHeader,
} from './ip-packet.js';
export { IP_PROTOCOL, ipProtocolName } from './ip-protocol.js';
export {
  decodeIpv4Header,
  encodeIpv4Header,
  IPV4_LAYOUT,
  IPV4_MIN_OCTETS,
  type Ipv4Header,
  type Ipv4HeaderFields,
  ipv4Header,
  ipv4HeaderOctets,
} from './ipv4.js';
export {
  decodeIpv6Header,
  decodeIpv6UpperLayer,
  encodeIpv6Header,
  IPV6_LAYOUT,
  IPV6_OCTETS,
  type Ipv6Header,
  type Ipv6UpperLayer,
  ipv6HeaderOctets,
} from './ipv6.js';
export { type FixedLayout, fixedLayout } from './layout.js';
export { decodeLinkLayer, LINK_TYPE, type LinkLayer } from './link-layer.js';
export {
  type Carrier,
  type Endpoint,
  endpointEquals,
  endpointKey,
  formatEndpoint,
  GRE_UDP_PORT,
  IKE_NATT_PORT,
  IKE_PORT,
  type Path,
} from './path.js';
export {
  type AddressPair,
  expectedChecksum,
  pseudoHeaderSum,
  readAddressPair,
  upperLayerChecksum,
} from './pseudo-header.js';
export {
  type Failure,
  fail,
  formatWireError,
  type Ok,
  ok,
  type Result,
  shifted,
  unwrap,
  type WireError,
  type WireErrorCode,
} from './result.js';
export {
  decodeUdp,
  encodeUdp,
  UDP_HEADER_OCTETS,
  UDP_LAYOUT,
  type UdpDatagram,
  udpOctets,
} from './udp.js';
