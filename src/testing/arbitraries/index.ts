/**
 * Generators for fast-check, valid and hostile: for programs that parse or make GRE and NHRP themselves, and for ours.
 * fast-check is an optional peer dependency; it is needed here only.
 *
 * @example
 * ```ts
 * import fc from 'fast-check';
 * import { decodeMessage } from 'dmvpn/nhrp';
 * import { hostileNhrpOctets } from 'dmvpn/testing/arbitraries';
 *
 * fc.assert(fc.property(hostileNhrpOctets(), (b) => void decodeMessage(b)));
 * ```
 *
 * @module
 */
export { ipAddress, ipv4Address, ipv6Address, octets, unsigned } from './addresses.js';
export { anyGreHeader, greKeepalive, greOctets, grePacket, type ReceivedGre } from './gre.js';
export {
  anyMutation,
  bitFlip,
  duplication,
  extra,
  hostileGreOctets,
  hostileNhrpOctets,
  type Mutation,
  mutated,
  octetLie,
  overlap,
  truncation,
  withRightChecksum,
} from './hostile.js';
export { hostileGreKeepalive } from './hostile-keepalive.js';
export {
  cieListOctets,
  extensionListOctets,
  hostileCieOctets,
  hostileExtensionOctets,
  withLists,
} from './hostile-lists.js';
export {
  capabilitiesExtension,
  cie,
  cieExtension,
  cieList,
  ciscoAuthenticationExtension,
  extension,
  extensions,
  type MessageConstraints,
  macAuthenticationExtension,
  nbmaAddress,
  nbmaSubaddress,
  nhrpMessage,
  nhrpOctets,
  protocolAddress,
  unknownExtension,
  vendorExtension,
} from './nhrp.js';
