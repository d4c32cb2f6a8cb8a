/**
 * Be a DMVPN node from any program: NHRP, multipoint GRE and IPsec, without a socket, clock or random number of its own.
 *
 * @example
 * A hub and a spoke in one process, with packets passed by hand:
 * ```ts
 * import { DmvpnNode } from 'dmvpn';
 *
 * const random = (octets: number) => crypto.getRandomValues(new Uint8Array(octets));
 * const common = { name: 'tun0', key: 42, protection: { kind: 'insecure-cleartext' } } as const;
 * const hub = new DmvpnNode(
 *   { tunnels: [{ ...common, address: '10.0.0.100/24', local: '192.0.2.100' }] },
 *   { now: 0, random, crypto: null },
 * );
 * const nhs = [{ address: '10.0.0.100', nbma: '192.0.2.100' }];
 * const spoke = new DmvpnNode(
 *   { tunnels: [{ ...common, address: '10.0.0.1/24', local: '192.0.2.1', nhs }] },
 *   { now: 0, random, crypto: null },
 * );
 *
 * function pass(now: number, from: DmvpnNode, to: DmvpnNode) {
 *   for (let o = from.pollOutput(); o.kind !== 'timeout'; o = from.pollOutput()) {
 *     if (o.kind === 'event') console.log(o.event);
 *     if (o.kind !== 'transmit') continue;
 *     const { carrier, local, remote } = o.path;
 *     to.handleDatagram(now, { carrier, local: remote, remote: local }, o.bytes);
 *   }
 * }
 *
 * spoke.handleTimeout(1_000); // the registration is due
 * pass(1_000, spoke, hub);
 * pass(1_000, hub, spoke);
 * pass(1_000, spoke, hub); // prints, among others, { type: 'registered', nhs: '10.0.0.100', … }
 * ```
 *
 * @packageDocumentation
 */
export {
  DEFAULT_LIMITS,
  type DmvpnConfig,
  type DmvpnEnvironment,
  type DmvpnEvent,
  DmvpnNode,
  type ForwardSlot,
  forwardSlot,
  HEADROOM_OCTETS,
  type Lookup,
  type NodeCommand,
  type NodeSnapshot,
  type NodeState,
  type NodeStats,
  type NodeView,
  type Output,
  showDmvpn,
  showNhrpCache,
  showNhs,
  showRoutes,
  TAILROOM_OCTETS,
  type TunnelConfig,
  type UnderlayChange,
} from './dmvpn/index.js';
export {
  type Carrier,
  type Endpoint,
  formatAddress,
  formatPrefix,
  formatWireError,
  IpAddress,
  type IpPrefix,
  type Path,
  parseAddress,
  parsePrefix,
  type Result,
  unwrap,
  type WireError,
} from './wire/index.js';
