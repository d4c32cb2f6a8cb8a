/**
 * IPsec: ESP, security associations, IKE. Named re-exports only.
 * @packageDocumentation
 */
export {
  type CryptoProvider,
  type DhExchange,
  type KeyedHash,
  type PacketCipher,
  randomOctets,
} from './crypto.js';
export { decodeEspHeader, type EspHeader } from './esp/header.js';
export { EspInbound, type InboundOptions, type OpenedSlot, openedSlot } from './esp/inbound.js';
export { EspOutbound, type OutboundOptions } from './esp/outbound.js';
export { MAX_REPLAY_WINDOW, MIN_REPLAY_WINDOW, ReplayWindow } from './esp/replay-window.js';
export { classifyUdpPayload, type UdpPayload } from './esp/udp-encapsulation.js';
export type {
  AnySelector,
  Attribute,
  AuthPayload,
  DeleteData,
  DeletePayload,
  FragmentData,
  IdPayload,
  KePayload,
  KeyExchangeData,
  NoncePayload,
  NotifyData,
  NotifyPayload,
  OtherPayload,
  OtherSelector,
  Proposal,
  SaPayload,
  SelectorList,
  SkfPayload,
  SkPayload,
  TrafficSelector,
  Transform,
  TsPayload,
  TypedData,
  VendorPayload,
} from './ike/index.js';
export {
  DEFAULT_ESP_PROPOSALS,
  DEFAULT_IKE_PROPOSALS,
  decodeIkeMessage,
  type EspProposal,
  encodeIkeMessage,
  exchangeName,
  formatIdentity,
  type Identity,
  type IkeConfig,
  type IkeHeader,
  type IkeLimits,
  type IkeMessage,
  type IkeNotice,
  type IkePayload,
  type IkeProposal,
  IkeV2,
  ikeMessageOctets,
  type NatTraversal,
  notifyName,
  type PresharedKey,
  payloadName,
  type Retransmission,
} from './ike/index.js';
export { openX25519 } from './ike/x25519.js';
export type {
  AssociationOffer,
  DeletionReason,
  DirectionKeys,
  Encapsulation,
  FailureReason,
  KeyExchange,
  KeyExchangeOutput,
  Lifetimes,
  Selector,
} from './key-exchange.js';
export { type KeyRequest, ManualKeys } from './manual-keys.js';
export { DEFAULT_PROFILE, type ProtectionProfile } from './profile.js';
export {
  IpsecProtection,
  type ProtectionOutput,
  type ProtectionParts,
  type Unopened,
} from './protection.js';
export type { ProtectionCounters } from './protection-counters.js';
export {
  Association,
  type AssociationOptions,
  type AssociationStats,
  type PacketFrame,
} from './sa/association.js';
export { SecurityAssociationDatabase } from './sa/database.js';
export type { Scheduled } from './sa/deadlines.js';
export { Lifetime, type LifetimeState, UNLIMITED } from './sa/lifetime.js';
export type { Peer } from './sa/peer.js';
export { SecretBytes } from './secret.js';
export { selfTest } from './self-test.js';
export {
  type AesBits,
  type CipherSuite,
  cipherSuite,
  DH_GROUPS,
  type DhGroup,
  type DhGroupNumber,
  ENCRYPTION,
  type Encryption,
  type EncryptionName,
  encryptionKeyOctets,
  formatSuite,
  type HashName,
  INTEGRITY,
  type Integrity,
  type IntegrityName,
  icvOctets,
  integrityKeyOctets,
  isInsecure,
  PRF,
  type Prf,
  type PrfName,
} from './suites.js';
