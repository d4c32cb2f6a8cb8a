/**
 * NHRP: the codec (RFC 2332, with Cisco's extensions) and the protocol engine.
 *
 * @module
 */
export type { Families, NhrpAddress, OpaqueAddress } from './codec/address.js';
export {
  ciscoAuthentication,
  type KeyedHash,
  macAuthentication,
  matchesPassword,
  signMessage,
  verifyMessage,
} from './codec/authentication.js';
export { type Cie, cieOctets, encodeCie } from './codec/cie.js';
export {
  extensionCies,
  extensionOf,
  forwarded,
  withExtension,
  withExtensionCie,
  withoutExtension,
} from './codec/edit.js';
export {
  type AuthenticationExtension,
  type CapabilitiesExtension,
  type CieExtension,
  type Extension,
  type ExtensionContext,
  encodeExtension,
  extensionOctets,
  type UnknownExtension,
  type VendorExtension,
} from './codec/extension.js';
export {
  type CieMessage,
  decodeMessage,
  type ErrorIndication,
  encodeMessage,
  messageBytes,
  messageOctets,
  messageOf,
  type NhrpMessage,
  type TrafficIndication,
} from './codec/message.js';
export {
  AddressFamily,
  addressFamilyName,
  CieCode,
  cieCodeName,
  ErrorCode,
  ExtensionBit,
  ExtensionType,
  errorCodeName,
  extensionTypeName,
  flagNames,
  NHRP_IP_PROTOCOL,
  NHRP_PROTOCOL_TYPE,
  NHRP_VERSION,
  PacketType,
  ProtocolType,
  PurgeFlag,
  packetTypeName,
  protocolTypeName,
  RegistrationFlag,
  ResolutionFlag,
  TrafficCode,
  TypeLength,
  trafficCodeName,
} from './codec/numbers.js';
export { MessageTemplate } from './codec/template.js';
export { type DecodeOptions, NhrpView } from './codec/view.js';
export {
  type Answer,
  type Authentication,
  type DropReason,
  type EngineCommand,
  type EngineConfig,
  type EngineEnvironment,
  type EngineLimits,
  type EngineOutput,
  type EngineSnapshot,
  type EngineStats,
  type Located,
  type Mac,
  type MulticastTarget,
  type NbmaPair,
  NhrpEngine,
  type NhrpEvent,
  type NhsConfig,
  type NhsState,
  type Onward,
  type Question,
  type RemovalReason,
  type RouteChange,
  SEEN_PORT_EXTENSION,
  type SeenPort,
  type Shortcut,
  type StaticMap,
  seenPortsOf,
  type Takeover,
} from './engine/index.js';
