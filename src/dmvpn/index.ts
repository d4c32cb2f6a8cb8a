/**
 * The whole node: multipoint GRE, NHRP and protection in one synchronous object.
 *
 * @module
 */

export type {
  DropReason,
  EngineLimits,
  EngineSnapshot,
  EngineStats,
  RemovalReason,
  Takeover,
} from '../nhrp/engine/index.js';
export type {
  AuthenticationConfig,
  DmvpnConfig,
  NhsEntry,
  ProtectionConfig,
  RouteEntry,
  TunnelConfig,
} from './config.js';
export type { PacketStats } from './counters.js';
export { type EngineSettings, engineSettings } from './engine-settings.js';
export { HEADROOM_OCTETS, TAILROOM_OCTETS } from './frame.js';
export type {
  IpsecConfig,
  KeyExchangeConfig,
  PresharedKeyConfig,
} from './ipsec-config.js';
export { DmvpnNode, type ForwardSlot, forwardSlot } from './node.js';
export type {
  Answer,
  DmvpnEnvironment,
  DmvpnEvent,
  InsidePacket,
  Lookup,
  Mac,
  NhrpEvent,
  NodeCommand,
  NodeState,
  Output,
  PacketDropReason,
  Question,
  UnderlayChange,
} from './output.js';
export { DEFAULT_LIMITS } from './settings.js';
export { showDmvpn, showNhrpCache, showNhs, showRoutes } from './show.js';
export type { NodeSnapshot } from './snapshot.js';
export type { NodeStats, TunnelStats } from './stats.js';
export type { NodeView, ServerView, TunnelView } from './view.js';
