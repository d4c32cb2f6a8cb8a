/**
 * Extensions: RFC 2332 §5.3.
 *   type word 2: compulsory 0x8000 | reserved 0x4000 | type 14 bits; length 2; value.
 * Order, unknown types, reserved bits and vendor repeats survive a round trip.
 */
import {
  readU8,
  readU16,
  readU32,
  writeBytes,
  writeU8,
  writeU16,
  writeU32,
} from '../../wire/bytes.js';
import { type FixedLayout, fixedLayout } from '../../wire/layout.js';
import type { Families } from './address.js';
import { type Cie, ciesOctets, encodeCie, readCies } from './cie.js';
import { ExtensionBit, ExtensionType } from './numbers.js';

interface Tlv {
  /** 14 bits. */
  readonly type: number;
  /** The C bit: a node that does not know the type must not use the packet (RFC 2332 §5.3). */
  readonly compulsory: boolean;
  /** The u bit, as received; false when sent. */
  readonly reserved: boolean;
}
/** Types 3 responder, 4 and 5 transit records, 9 Cisco NAT address. An empty one in a request is to be filled in. */
export interface CieExtension extends Tlv {
  readonly kind: 'cies';
  readonly cies: readonly Cie[];
}
/** Types 7 and 10. Cisco's form: `spi` 1, `source` null, `data` the password. RFC form: `data` the MAC (§5.3.4). */
export interface AuthenticationExtension extends Tlv {
  readonly kind: 'authentication';
  readonly reserved16: number;
  readonly spi: number;
  /** Source protocol address octets, as long as the header's; null in Cisco's form. */
  readonly source: Uint8Array | null;
  readonly data: Uint8Array;
}
/** Type 8: RFC 2332 §5.3.5. The only one that may stand in a packet more than once. */
export interface VendorExtension extends Tlv {
  readonly kind: 'vendor';
  /** 24 bits. */
  readonly oui: number;
  readonly data: Uint8Array;
}
/** Type 9 with exactly eight octets: RFC 2735. */
export interface CapabilitiesExtension extends Tlv {
  readonly kind: 'capabilities';
  readonly sourceCapabilities: number;
  readonly destinationCapabilities: number;
}
/** Any other type. An End whose type word is not 0x8000 is kept as one too, as the last. */
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

/** Before the value: C bit, u bit and type in one word, then the octets of the value. */
export const EXTENSION: FixedLayout = fixedLayout({ type: 2, length: 2 });
export const EXTENSION_HEADER_OCTETS: number = EXTENSION.octets;
export const EXTENSION_TYPE: number = EXTENSION.offsetOf('type');
export const EXTENSION_LENGTH: number = EXTENSION.offsetOf('length');
/** Reserved and SPI. */
export const AUTHENTICATION_MIN_OCTETS = 4;
export const OUI_OCTETS = 3;
/** Type 9 has either so many octets or CIEs. */
export const CAPABILITIES_OCTETS = 8;
/** The SPI of Cisco's clear-text form. */
export const CISCO_SPI = 1;
/** Passwords of Cisco's form have at most so many octets; IOS refuses longer ones. */
export const CISCO_MAX_PASSWORD_OCTETS = 8;

/** What the readers of extensions need to know of the message around. */
export interface ExtensionContext extends Families {
  /** SrcProtoLen of the header: the length of `source` in an RFC authentication extension. */
  readonly sourceProtocolOctets: number;
}

/** Whether the value of a type 7 is Cisco's: SPI 1 and no more than a password. An RFC one with SPI 1 is longer. */
export const isCiscoAuthentication = (spi: number, octets: number): boolean =>
  spi === CISCO_SPI && octets <= AUTHENTICATION_MIN_OCTETS + CISCO_MAX_PASSWORD_OCTETS;

const { RESPONDER_ADDRESS, REVERSE_TRANSIT_RECORD, NAT_ADDRESS } = ExtensionType;

/** Whether a type of extension holds CIEs: 3, 4, 5, and 9 unless it has the eight octets of RFC 2735. */
const holdsCies = (type: number, octets: number): boolean =>
  type === NAT_ADDRESS
    ? octets !== CAPABILITIES_OCTETS
    : type >= RESPONDER_ADDRESS && type <= REVERSE_TRANSIT_RECORD;

/** Reads an extension that the view has found to be whole. Octets in it are views of `b`. */
export function readExtension(b: Uint8Array, at: number, context: ExtensionContext): Extension {
  const word = readU16(b, at + EXTENSION_TYPE);
  const octets = readU16(b, at + EXTENSION_LENGTH);
  const type = word & ExtensionBit.TYPE_MASK;
  const compulsory = (word & ExtensionBit.COMPULSORY) !== 0;
  const reserved = (word & ExtensionBit.RESERVED) !== 0;
  at += EXTENSION_HEADER_OCTETS;
  const end = at + octets;
  if (holdsCies(type, octets))
    return { kind: 'cies', type, compulsory, reserved, cies: readCies(b, at, end, context) };
  switch (type) {
    case ExtensionType.AUTHENTICATION:
    case ExtensionType.MOBILE_AUTHENTICATION: {
      const spi = readU16(b, at + 2);
      const cisco = isCiscoAuthentication(spi, octets);
      const sourceAt = at + AUTHENTICATION_MIN_OCTETS;
      const dataAt = cisco ? sourceAt : sourceAt + context.sourceProtocolOctets;
      return {
        kind: 'authentication',
        type,
        compulsory,
        reserved,
        reserved16: readU16(b, at),
        spi,
        source: cisco ? null : b.subarray(sourceAt, dataAt),
        data: b.subarray(dataAt, end),
      };
    }
    case ExtensionType.VENDOR: {
      const oui = (readU8(b, at) << 16) | readU16(b, at + 1);
      const data = b.subarray(at + OUI_OCTETS, end);
      return { kind: 'vendor', type, compulsory, reserved, oui, data };
    }
    case ExtensionType.DEVICE_CAPABILITIES:
      return {
        kind: 'capabilities',
        type,
        compulsory,
        reserved,
        sourceCapabilities: readU32(b, at),
        destinationCapabilities: readU32(b, at + 4),
      };
    default:
      return { kind: 'unknown', type, compulsory, reserved, octets: b.subarray(at, end) };
  }
}

const COMPULSORY = ExtensionBit.COMPULSORY;
const RESERVED = ExtensionBit.RESERVED;

export const extensionOctets = (e: Extension): number => EXTENSION_HEADER_OCTETS + valueOctets(e);

function valueOctets(e: Extension): number {
  switch (e.kind) {
    case 'cies':
      return ciesOctets(e.cies);
    case 'authentication':
      return AUTHENTICATION_MIN_OCTETS + (e.source?.length ?? 0) + e.data.length;
    case 'vendor':
      return OUI_OCTETS + e.data.length;
    case 'capabilities':
      return CAPABILITIES_OCTETS;
    case 'unknown':
      return e.octets.length;
  }
}

/** Writes `extensionOctets(e)` octets at `at` and returns the offset after them. */
export const encodeExtension = (e: Extension, out: Uint8Array, at: number): number =>
  encodeExtensions([e], out, at);

/** Writes them one behind the other, without End, and returns the offset after them. One function, as calls cost more than it does. */
export function encodeExtensions(
  extensions: readonly Extension[],
  out: Uint8Array,
  at: number,
): number {
  for (let i = 0; i < extensions.length; i++) {
    const e = extensions[i] as Extension;
    const bits = (e.compulsory ? COMPULSORY : 0) | (e.reserved ? RESERVED : 0);
    writeU16(out, at + EXTENSION_TYPE, e.type | bits);
    const value = at + EXTENSION_HEADER_OCTETS;
    let end = value;
    switch (e.kind) {
      case 'cies':
        for (let k = 0; k < e.cies.length; k++) end = encodeCie(e.cies[k] as Cie, out, end);
        break;
      case 'authentication':
        end = writeU16(out, writeU16(out, end, e.reserved16), e.spi);
        if (e.source !== null) end = writeBytes(out, end, e.source);
        end = writeBytes(out, end, e.data);
        break;
      case 'vendor':
        end = writeU16(out, writeU8(out, end, e.oui >>> 16), e.oui);
        end = writeBytes(out, end, e.data);
        break;
      case 'capabilities':
        end = writeU32(out, writeU32(out, end, e.sourceCapabilities), e.destinationCapabilities);
        break;
      case 'unknown':
        end = writeBytes(out, end, e.octets);
    }
    writeU16(out, at + EXTENSION_LENGTH, end - value);
    at = end;
  }
  return at;
}
