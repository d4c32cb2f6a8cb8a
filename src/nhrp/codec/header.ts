/**
 * The fixed header of every NHRP packet and the octets that follow it: RFC 2332 §5.1, §5.2.0.1.
 * Declared once; everybody else reads through the offsets.
 */
import { type FixedLayout, fixedLayout } from '../../wire/layout.js';

/** ar$afn … ar$sstl, then SrcProtoLen, DstProtoLen, Flags and Request ID. Names are those in the errors. */
export const HEADER: FixedLayout = fixedLayout({
  addressFamily: 2,
  protocolType: 2,
  snap: 5,
  hopCount: 1,
  packetSize: 2,
  checksum: 2,
  extensionOffset: 2,
  version: 1,
  type: 1,
  sourceNbmaTypeLength: 1,
  sourceNbmaSubaddressTypeLength: 1,
  sourceProtocolLength: 1,
  destinationProtocolLength: 1,
  flags: 2,
  requestId: 4,
});

/** Octets before the addresses. */
export const HEADER_OCTETS: number = HEADER.octets;

export const ADDRESS_FAMILY: number = HEADER.offsetOf('addressFamily');
export const PROTOCOL_TYPE: number = HEADER.offsetOf('protocolType');
export const SNAP: number = HEADER.offsetOf('snap');
export const HOP_COUNT: number = HEADER.offsetOf('hopCount');
export const PACKET_SIZE: number = HEADER.offsetOf('packetSize');
export const CHECKSUM: number = HEADER.offsetOf('checksum');
export const EXTENSION_OFFSET: number = HEADER.offsetOf('extensionOffset');
export const VERSION: number = HEADER.offsetOf('version');
export const TYPE: number = HEADER.offsetOf('type');
export const SOURCE_NBMA_TL: number = HEADER.offsetOf('sourceNbmaTypeLength');
export const SOURCE_NBMA_SUB_TL: number = HEADER.offsetOf('sourceNbmaSubaddressTypeLength');
export const SOURCE_PROTOCOL_LENGTH: number = HEADER.offsetOf('sourceProtocolLength');
export const DESTINATION_PROTOCOL_LENGTH: number = HEADER.offsetOf('destinationProtocolLength');
/** Flags; in types 7 and 8 an unused word. */
export const FLAGS: number = HEADER.offsetOf('flags');
/** Request ID; in type 7 Error Code and Error Offset, in type 8 Traffic Code and an unused word. */
export const REQUEST_ID: number = HEADER.offsetOf('requestId');

/** Octets of ar$pro.snap. */
export const SNAP_OCTETS = 5;
/** ar$pktsz is a 16-bit field. */
export const MAX_PACKET_OCTETS = 0xffff;
