/** Counters as plain data. */
import type { EngineStats } from '../nhrp/engine/counters.js';
import type { PacketCounters, PacketStats } from './counters.js';
import type { NodeState } from './output.js';
import type { Tunnel } from './tunnel.js';

export interface TunnelStats {
  readonly nhrp: EngineStats;
  readonly packets: PacketStats;
  /** Packets that wait for a next hop. */
  readonly held: number;
  readonly cacheEntries: number;
  readonly routes: number;
}

export interface NodeStats {
  readonly state: NodeState;
  /** Drops of packets that no tunnel could be named for. */
  readonly dropped: PacketStats['dropped'];
  /** By name of the tunnel. */
  readonly tunnels: Readonly<Record<string, TunnelStats>>;
}

export const readStats = (
  state: NodeState,
  counters: PacketCounters,
  tunnels: readonly Tunnel[],
): NodeStats => ({
  state,
  dropped: counters.read().dropped,
  tunnels: Object.fromEntries(tunnels.map((t) => [t.name, statsOf(t)])),
});

const statsOf = ({ engine, counters, datapath }: Tunnel): TunnelStats => ({
  nhrp: engine.stats(),
  packets: counters.read(),
  held: datapath.held.count,
  cacheEntries: engine.cache.size,
  routes: engine.routes.size,
});
