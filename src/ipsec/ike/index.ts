/** IKE: the built-in key exchange and its payload codec. Named re-exports only. */
export type { IkeHeader } from './header.js';
export {
  decodeIkeMessage,
  encodeIkeMessage,
  type IkeMessage,
  ikeMessageOctets,
} from './message.js';
export { exchangeName, notifyName, payloadName } from './numbers.js';
export type {
  AuthPayload,
  DeletePayload,
  IdPayload,
  IkePayload,
  KePayload,
  NoncePayload,
  NotifyPayload,
  OtherPayload,
  SaPayload,
  SkfPayload,
  SkPayload,
  TsPayload,
  VendorPayload,
} from './payload.js';
export type {
  DeleteData,
  FragmentData,
  KeyExchangeData,
  NotifyData,
  TypedData,
} from './payload-body.js';
export type { Attribute, Proposal, Transform } from './proposal.js';
export type {
  AnySelector,
  OtherSelector,
  SelectorList,
  TrafficSelector,
} from './traffic-selector.js';
export { formatIdentity, type Identity } from './v2/identity.js';
export { IkeV2 } from './v2/ike-v2.js';
export type { IkeNotice } from './v2/notice.js';
export {
  DEFAULT_ESP_PROPOSALS,
  DEFAULT_IKE_PROPOSALS,
  type EspProposal,
  type IkeProposal,
} from './v2/proposals.js';
export type { PresharedKey } from './v2/psk.js';
export type { IkeConfig, IkeLimits, NatTraversal, Retransmission } from './v2/settings.js';
