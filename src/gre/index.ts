/**
 * GRE: RFC 2784 and RFC 2890, as objects and in place; keepalives.
 *
 * @module
 */
export {
  decodeGreHeader,
  encodeGreHeader,
  GRE_LAYOUT,
  GRE_MAX_OCTETS,
  GRE_MIN_OCTETS,
  type GreHeader,
  greHeader,
  greHeaderOctets,
} from './header.js';
export {
  decapsulateGre,
  encapsulateGre,
  encapsulateGreWith,
  GRE_KEYED_OCTETS,
  GRE_OTHER_KEY,
  GRE_REFUSED,
  greKeyOf,
  grePayloadAt,
  greProtocolTypeOf,
  greSequenceOf,
} from './in-place.js';
export {
  encodeKeepalive,
  isKeepaliveAnswer,
  type KeepaliveEnds,
  keepaliveAnswer,
} from './keepalive.js';
export {
  decodeGrePacket,
  encodeGrePacket,
  type GrePacket,
  grePacketOctets,
  writeGreChecksum,
} from './packet.js';
export { GRE_PROTOCOL_TYPE, greProtocolName } from './protocol-type.js';
