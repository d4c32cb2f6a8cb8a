/**
 * The numbers of NHRP and their names: RFC 2332, with Cisco's additions as seen on the wire.
 * Numbers that are not listed here are legal: they pass through the codec, and are printed in hexadecimal.
 */

/** NHRP directly over GRE: the EtherType in the GRE header. */
export const NHRP_PROTOCOL_TYPE = 0x2001;
/** NHRP directly over IP, as its forerunner NARP: RFC 1735. */
export const NHRP_IP_PROTOCOL = 54;
/** The one version of NHRP: RFC 2332 §5.1. */
export const NHRP_VERSION = 1;

/** ar$op.type: RFC 2332 §5.2; 8 is Cisco's redirect. */
export const PacketType = {
  RESOLUTION_REQUEST: 1,
  RESOLUTION_REPLY: 2,
  REGISTRATION_REQUEST: 3,
  REGISTRATION_REPLY: 4,
  PURGE_REQUEST: 5,
  PURGE_REPLY: 6,
  ERROR_INDICATION: 7,
  TRAFFIC_INDICATION: 8,
} as const;

/** ar$afn: IANA address family numbers; those that DMVPN uses. */
export const AddressFamily = { IPV4: 1, IPV6: 2, E164: 8, E164_WITH_NSAP: 15 } as const;

/** ar$pro.type: EtherTypes, and 0x80 for "see ar$pro.snap" (RFC 2332 §5.1). */
export const ProtocolType = { SNAP: 0x0080, IPV4: 0x0800, IPV6: 0x86dd } as const;

/** Type/length octet of NBMA addresses and subaddresses: RFC 2332 §5.1. */
export const TypeLength = { RESERVED: 0x80, E164: 0x40, LENGTH_MASK: 0x3f } as const;

/** Flags of Resolution Request and Reply: RFC 2332 §5.2.1, §5.2.2; NAT is Cisco's. */
export const ResolutionFlag = {
  ROUTER: 0x8000, // Q: the source is a router
  AUTHORITATIVE: 0x4000, // A: only an authoritative answer is wanted, or this is one
  DESTINATION_STABLE: 0x2000, // D, in replies
  UNIQUE: 0x1000, // U
  SOURCE_STABLE: 0x0800, // S, in requests: the answering server may cache the source
  NAT: 0x0002,
} as const;

/** Flags of Registration Request and Reply: RFC 2332 §5.2.3; NAT is Cisco's. */
export const RegistrationFlag = { UNIQUE: 0x8000, NAT: 0x0002 } as const;

/** Flags of Purge Request and Reply: RFC 2332 §5.2.5; NAT is Cisco's. */
export const PurgeFlag = { NO_REPLY: 0x8000, NAT: 0x0002 } as const;

/** Code of a client information entry: RFC 2332 §5.2.0.1. */
export const CieCode = {
  SUCCESS: 0,
  ADMINISTRATIVELY_PROHIBITED: 4,
  INSUFFICIENT_RESOURCES: 5,
  NO_BINDING: 12,
  NOT_UNIQUE: 13,
  UNIQUE_ALREADY_REGISTERED: 14,
} as const;

/** Code of an Error Indication: RFC 2332 §5.2.7; 16 and 17 are RFC 2735's. */
export const ErrorCode = {
  UNRECOGNIZED_EXTENSION: 1,
  LOOP_DETECTED: 3,
  PROTOCOL_ADDRESS_UNREACHABLE: 6,
  PROTOCOL_ERROR: 7,
  SDU_SIZE_EXCEEDED: 8,
  INVALID_EXTENSION: 9,
  INVALID_RESOLUTION_REPLY: 10,
  AUTHENTICATION_FAILURE: 11,
  HOP_COUNT_EXCEEDED: 15,
  VPN_MISMATCH: 16,
  VPN_UNSUPPORTED: 17,
} as const;

/** Code of a Traffic Indication. */
export const TrafficCode = { REDIRECT: 0 } as const;

/** Extension types without the compulsory bit: RFC 2332 §5.3. */
export const ExtensionType = {
  END: 0,
  RESPONDER_ADDRESS: 3,
  FORWARD_TRANSIT_RECORD: 4,
  REVERSE_TRANSIT_RECORD: 5,
  AUTHENTICATION: 7,
  VENDOR: 8,
  NAT_ADDRESS: 9, // Cisco
  DEVICE_CAPABILITIES: 9, // RFC 2735: the same number, told apart by its eight octets
  MOBILE_AUTHENTICATION: 10, // RFC 2520
} as const;

/** The word that an extension begins with: RFC 2332 §5.3. */
export const ExtensionBit = { COMPULSORY: 0x8000, RESERVED: 0x4000, TYPE_MASK: 0x3fff } as const;

type Names = Readonly<Record<number, string>>;

const PACKET_TYPES: Names = {
  1: 'Resolution Request',
  2: 'Resolution Reply',
  3: 'Registration Request',
  4: 'Registration Reply',
  5: 'Purge Request',
  6: 'Purge Reply',
  7: 'Error Indication',
  8: 'Traffic Indication',
};
const ADDRESS_FAMILIES: Names = {
  1: 'IPv4',
  2: 'IPv6',
  3: 'NSAP',
  4: 'HDLC',
  5: 'BBN 1822',
  6: '802',
  7: 'E.163',
  8: 'E.164',
  9: 'F.69',
  10: 'X.121',
  11: 'IPX',
  12: 'AppleTalk',
  13: 'DECnet IV',
  14: 'Banyan Vines',
  15: 'E.164 with NSAP subaddress',
};
const PROTOCOL_TYPES: Names = { 128: 'SNAP', 2048: 'IPv4', 34525: 'IPv6' };
const CIE_CODES: Names = {
  0: 'success',
  4: 'administratively prohibited',
  5: 'insufficient resources',
  11: 'no binding exists (as older peers number it)', // FRR and OpenNHRP: accepted as 12
  12: 'no binding exists',
  13: 'binding exists but is not unique',
  14: 'unique address already registered',
};
const ERROR_CODES: Names = {
  1: 'unrecognized extension',
  2: 'loop detected (as older peers number it)', // FRR and OpenNHRP: accepted as 3
  3: 'loop detected',
  6: 'protocol address unreachable',
  7: 'protocol error',
  8: 'SDU size exceeded',
  9: 'invalid extension',
  10: 'invalid resolution reply received',
  11: 'authentication failure',
  15: 'hop count exceeded',
  16: 'VPN mismatch',
  17: 'VPN unsupported',
};
const TRAFFIC_CODES: Names = { 0: 'redirect' };
const EXTENSION_TYPES: Names = {
  0: 'End Of Extensions',
  3: 'Responder Address',
  4: 'Forward Transit NHS Record',
  5: 'Reverse Transit NHS Record',
  7: 'Authentication',
  8: 'Vendor Private',
  9: 'NAT Address', // or Device Capabilities: the extension's `kind` knows
  10: 'Mobile NHC Authentication',
};

type FlagNames = readonly (readonly [bit: number, name: string])[];

const RESOLUTION_FLAGS: FlagNames = [
  [ResolutionFlag.ROUTER, 'router'],
  [ResolutionFlag.AUTHORITATIVE, 'authoritative'],
  [ResolutionFlag.DESTINATION_STABLE, 'destination-stable'],
  [ResolutionFlag.UNIQUE, 'unique'],
  [ResolutionFlag.SOURCE_STABLE, 'source-stable'],
  [ResolutionFlag.NAT, 'nat'],
];
const REGISTRATION_FLAGS: FlagNames = [
  [RegistrationFlag.UNIQUE, 'unique'],
  [RegistrationFlag.NAT, 'nat'],
];
const PURGE_FLAGS: FlagNames = [
  [PurgeFlag.NO_REPLY, 'no-reply'],
  [PurgeFlag.NAT, 'nat'],
];

/** `Registration Request`; `0x09` for a type without a name. */
export const packetTypeName = (type: number): string => PACKET_TYPES[type] ?? hex(type, 2);
/** `IPv4`; `0x4000` for a family without a name. */
export const addressFamilyName = (afn: number): string => ADDRESS_FAMILIES[afn] ?? hex(afn, 4);
/** `IPv6`; `0x8847` for a protocol without a name. */
export const protocolTypeName = (type: number): string => PROTOCOL_TYPES[type] ?? hex(type, 4);
/** `unique address already registered`; `0x63` for a code without a name. */
export const cieCodeName = (code: number): string => CIE_CODES[code] ?? hex(code, 2);
/** `hop count exceeded`; `0x0063` for a code without a name. */
export const errorCodeName = (code: number): string => ERROR_CODES[code] ?? hex(code, 4);
/** `redirect`; `0x0001` for a code without a name. */
export const trafficCodeName = (code: number): string => TRAFFIC_CODES[code] ?? hex(code, 4);
/** `Responder Address`; `0x3801` for a type without a name. */
export const extensionTypeName = (type: number): string => EXTENSION_TYPES[type] ?? hex(type, 4);

/** The flags of a message of that type by name, highest bit first; bits without a name in hexadecimal, last. */
export function flagNames(type: number, flags: number): string[] {
  const table = flagsOf(type);
  const known = table.filter(([bit]) => flags & bit);
  const rest = known.reduce((left, [bit]) => left & ~bit, flags);
  const names = known.map(([, name]) => name);
  return rest === 0 ? names : [...names, hex(rest, 4)];
}

function flagsOf(type: number): FlagNames {
  if (type <= PacketType.RESOLUTION_REPLY) return RESOLUTION_FLAGS;
  if (type <= PacketType.REGISTRATION_REPLY) return REGISTRATION_FLAGS;
  return type <= PacketType.PURGE_REPLY ? PURGE_FLAGS : [];
}

const hex = (value: number, digits: number): string =>
  `0x${value.toString(16).padStart(digits, '0')}`;
