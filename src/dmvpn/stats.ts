/** Counters as plain data. */
import { type EngineStats, joinStats } from '../nhrp/engine/counters.js';
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

const statsOf = ({ overlays, counters }: Tunnel): TunnelStats => ({
  nhrp: joinStats(overlays.map(({ engine }) => engine.stats())),
  packets: counters.read(),
  held: sum(overlays.map(({ datapath }) => datapath.held.count)),
  cacheEntries: sum(overlays.map(({ engine }) => engine.cache.size)),
  routes: sum(overlays.map(({ engine }) => engine.routes.size)),
});

const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
