/** The NHRP protocol machine, usable alone by a program whose kernel does GRE and IPsec. */
export type {
  Answer,
  Authentication,
  DropReason,
  EngineCommand,
  EngineConfig,
  EngineEnvironment,
  EngineLimits,
  EngineOutput,
  Mac,
  MulticastTarget,
  NbmaPair,
  NhrpEvent,
  NhsConfig,
  Onward,
  Question,
  RemovalReason,
  RouteChange,
  StaticMap,
  Takeover,
} from './api.js';
export type { EngineStats } from './counters.js';
export { NhrpEngine } from './engine.js';
export type { Located } from './locate.js';
export type { NhsState } from './registration.js';
export { SEEN_PORT_EXTENSION, type SeenPort, seenPortsOf } from './seen-port.js';
export type { Shortcut } from './shortcuts.js';
export type { EngineSnapshot } from './snapshot.js';
