/** The state of a node as values for people and tests: a copy, nothing in it changes afterwards. */
import type { CacheEntry } from '../cache/entry.js';
import type { Route } from '../cache/routes.js';
import type { IpAddress } from '../wire/address.js';
import type { Carrier, Endpoint } from '../wire/path.js';
import type { NodeState } from './output.js';
import type { Tunnel } from './tunnel.js';

export interface ServerView {
  readonly nbma: Endpoint;
  /** null until it is known. */
  readonly protocolAddress: IpAddress | null;
  readonly priority: number;
  readonly state: string;
}

export interface TunnelView {
  readonly name: string;
  readonly address: IpAddress;
  readonly prefixLength: number;
  readonly local: Endpoint;
  readonly carrier: Carrier;
  readonly key: number | null;
  readonly protection: string;
  readonly entries: readonly CacheEntry[];
  readonly routes: readonly Route[];
  readonly servers: readonly ServerView[];
  readonly multicastTargets: readonly Endpoint[];
}

export interface NodeView {
  readonly state: NodeState;
  /** The time of the view, milliseconds. */
  readonly now: number;
  readonly tunnels: readonly TunnelView[];
}

export const viewOfTunnel = ({ settings, engine, local }: Tunnel, now: number): TunnelView => ({
  name: settings.name,
  address: settings.engine.address,
  prefixLength: settings.engine.prefixLength,
  local,
  carrier: settings.carrier,
  key: settings.key,
  protection: settings.protection.kind,
  entries: [...engine.cache.entries(now)].sort(byPrefix),
  routes: [...engine.routes],
  servers: engine.nhsStates().map((s) => ({ ...s, state: String(s.state) })),
  multicastTargets: [...engine.multicastTargets(now)],
});

function byPrefix({ prefix: a }: CacheEntry, { prefix: b }: CacheEntry): number {
  const words = (x: IpAddress): number[] => [x.w0, x.w1, x.w2, x.w3].map((w) => w >>> 0);
  const mine = words(a.address);
  const theirs = words(b.address);
  const at = mine.findIndex((w, i) => w !== theirs[i]);
  return (
    a.address.family - b.address.family ||
    (at < 0 ? a.length - b.length : (mine[at] ?? 0) - (theirs[at] ?? 0))
  );
}
