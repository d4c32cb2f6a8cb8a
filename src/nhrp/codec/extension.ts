/** PLACEHOLDER HEADER — the codec helper owns this file. */
import type { Cie } from './cie.js';

interface Tlv {
  readonly type: number; // 14 bits
  readonly compulsory: boolean; // C
  readonly reserved: boolean; // u
}
/** 3 responder, 4 forward record, 5 reverse record, 9 Cisco NAT address. */
export interface CieExtension extends Tlv {
  readonly kind: 'cies';
  readonly cies: readonly Cie[];
}
/** Cisco form: spi 1, no source, data = password. RFC form: data = MAC. */
export interface AuthenticationExtension extends Tlv {
  readonly kind: 'authentication';
  readonly reserved16: number;
  readonly spi: number;
  readonly source: Uint8Array | null; // source protocol address octets (RFC form), null in the Cisco form
  readonly data: Uint8Array;
}
export interface VendorExtension extends Tlv {
  readonly kind: 'vendor';
  readonly oui: number;
  readonly data: Uint8Array;
}
/** RFC 2735: type 9 with exactly eight octets. */
export interface CapabilitiesExtension extends Tlv {
  readonly kind: 'capabilities';
  readonly sourceCapabilities: number;
  readonly destinationCapabilities: number;
}
export interface UnknownExtension extends Tlv {
  readonly kind: 'unknown';
  readonly octets: Uint8Array;
}
export type Extension =
  | CieExtension
  | AuthenticationExtension
  | VendorExtension
  | CapabilitiesExtension
  | UnknownExtension;
