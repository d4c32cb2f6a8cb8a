/** The numbers of IKEv2: RFC 7296 §3 and the IANA registry "IKEv2 Parameters". */

export const IKE_MAJOR_VERSION = 2;

export const EXCHANGE = {
  IKE_SA_INIT: 34,
  IKE_AUTH: 35,
  CREATE_CHILD_SA: 36,
  INFORMATIONAL: 37,
} as const;

/** Header flags, RFC 7296 §3.1. */
export const FLAG_INITIATOR = 0x08;
export const FLAG_RESPONSE = 0x20;

/** Payload types, RFC 7296 §3.2; SKF from RFC 7383 §2.5. */
export const PAYLOAD = {
  NONE: 0,
  SA: 33,
  KE: 34,
  ID_INITIATOR: 35,
  ID_RESPONDER: 36,
  CERT: 37,
  CERTREQ: 38,
  AUTH: 39,
  NONCE: 40,
  NOTIFY: 41,
  DELETE: 42,
  VENDOR_ID: 43,
  TS_INITIATOR: 44,
  TS_RESPONDER: 45,
  SK: 46,
  CP: 47,
  EAP: 48,
  SKF: 53,
} as const;

/** A receiver that does not know a payload with this bit must refuse the message (RFC 7296 §2.5). */
export const FLAG_CRITICAL = 0x80;

/** Protocol ids, RFC 7296 §3.3.1. */
export const PROTOCOL = { NONE: 0, IKE: 1, AH: 2, ESP: 3 } as const;

/** Transform types, RFC 7296 §3.3.2. */
export const TRANSFORM = { ENCR: 1, PRF: 2, INTEG: 3, DH: 4, ESN: 5 } as const;

export const ATTRIBUTE_KEY_LENGTH = 14; // RFC 7296 §3.3.5, in bits

/** Notify types, RFC 7296 §3.10.1; below 16384 they are errors. */
export const NOTIFY = {
  UNSUPPORTED_CRITICAL_PAYLOAD: 1,
  INVALID_IKE_SPI: 4,
  INVALID_MAJOR_VERSION: 5,
  INVALID_SYNTAX: 7,
  INVALID_MESSAGE_ID: 9,
  INVALID_SPI: 11,
  NO_PROPOSAL_CHOSEN: 14,
  INVALID_KE_PAYLOAD: 17,
  AUTHENTICATION_FAILED: 24,
  SINGLE_PAIR_REQUIRED: 34,
  NO_ADDITIONAL_SAS: 35,
  INTERNAL_ADDRESS_FAILURE: 36,
  FAILED_CP_REQUIRED: 37,
  TS_UNACCEPTABLE: 38,
  INVALID_SELECTORS: 39,
  TEMPORARY_FAILURE: 43,
  CHILD_SA_NOT_FOUND: 44,
  INITIAL_CONTACT: 16384,
  SET_WINDOW_SIZE: 16385,
  ADDITIONAL_TS_POSSIBLE: 16386,
  IPCOMP_SUPPORTED: 16387,
  NAT_DETECTION_SOURCE_IP: 16388,
  NAT_DETECTION_DESTINATION_IP: 16389,
  COOKIE: 16390,
  USE_TRANSPORT_MODE: 16391,
  HTTP_CERT_LOOKUP_SUPPORTED: 16392,
  REKEY_SA: 16393,
  ESP_TFC_PADDING_NOT_SUPPORTED: 16394,
  NON_FIRST_FRAGMENTS_ALSO: 16395,
  MOBIKE_SUPPORTED: 16396,
  REDIRECT_SUPPORTED: 16406,
  IKEV2_FRAGMENTATION_SUPPORTED: 16430, // RFC 7383 §2.3
  SIGNATURE_HASH_ALGORITHMS: 16431, // RFC 7427 §4
} as const;

/** Where error notifications end and status notifications begin (RFC 7296 §3.10.1). */
export const FIRST_STATUS_NOTIFY = 16_384;

/** Identification types, RFC 7296 §3.5. */
export const ID_TYPE = {
  IPV4_ADDR: 1,
  FQDN: 2,
  RFC822_ADDR: 3,
  IPV6_ADDR: 5,
  DER_ASN1_DN: 9,
  DER_ASN1_GN: 10,
  KEY_ID: 11,
} as const;

export const AUTH_METHOD_SHARED_KEY = 2; // RFC 7296 §3.8

/** Traffic selector types, RFC 7296 §3.13.1. */
export const TS_TYPE = { IPV4_ADDR_RANGE: 7, IPV6_ADDR_RANGE: 8 } as const;

const PAYLOAD_NAMES: ReadonlyMap<number, string> = namesOf(PAYLOAD);
const EXCHANGE_NAMES: ReadonlyMap<number, string> = namesOf(EXCHANGE);
const NOTIFY_NAMES: ReadonlyMap<number, string> = namesOf(NOTIFY);

/** `IKE_AUTH`, or the number as text when IANA's name is not known here. */
export const exchangeName = (type: number): string => EXCHANGE_NAMES.get(type) ?? String(type);
/** `NONCE`, or the number as text. */
export const payloadName = (type: number): string => PAYLOAD_NAMES.get(type) ?? String(type);
/** `NO_PROPOSAL_CHOSEN`, or the number as text. */
export const notifyName = (type: number): string => NOTIFY_NAMES.get(type) ?? String(type);

function namesOf(numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
}
