/** PLACEHOLDER HEADER — the codec helper owns this file. Model of an NHRP message: RFC 2332 §5. */
import type { IpAddress } from '../../wire/address.js';
import type { Cie } from './cie.js';
import type { Extension } from './extension.js';

/** An address that is not a plain IPv4/IPv6 one of the packet's families: E.164, subaddresses, odd lengths, reserved bits. */
export interface OpaqueAddress {
  /** The type/length octet as on the wire (bit 7 reserved, bit 6 E.164, bits 5..0 length); plain length for protocol addresses. */
  readonly typeLength: number;
  readonly octets: Uint8Array;
}
/** null = length 0 on the wire ("use the header's"). */
export type NhrpAddress = IpAddress | OpaqueAddress | null;

interface Common {
  readonly addressFamily: number; // ar$afn
  readonly protocolType: number; // ar$pro.type
  readonly snap: Uint8Array | null; // ar$pro.snap; null = five zeros
  readonly hopCount: number;
  readonly sourceNbmaAddress: NhrpAddress;
  readonly sourceNbmaSubaddress: NhrpAddress;
  readonly sourceProtocolAddress: NhrpAddress;
  readonly destinationProtocolAddress: NhrpAddress;
  /** In wire order, without End. null = no extension part (extoff 0). */
  readonly extensions: readonly Extension[] | null;
}
/** Types 1..6. */
export interface CieMessage extends Common {
  readonly type: 1 | 2 | 3 | 4 | 5 | 6;
  readonly flags: number;
  readonly requestId: number; // unsigned 32
  readonly cies: readonly Cie[];
}
export interface ErrorIndication extends Common {
  readonly type: 7;
  readonly unused: number;
  readonly errorCode: number;
  readonly errorOffset: number;
  readonly packet: Uint8Array; // view
}
export interface TrafficIndication extends Common {
  readonly type: 8;
  readonly unused: number;
  readonly trafficCode: number;
  readonly unused2: number;
  readonly packet: Uint8Array; // view
}
export type NhrpMessage = CieMessage | ErrorIndication | TrafficIndication;
