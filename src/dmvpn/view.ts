/** The state of a node as values for people and tests: a copy, nothing in it changes afterwards. */
import type { CacheEntry } from '../cache/entry.js';
import type { Route } from '../cache/routes.js';
import type { EngineConfig } from '../nhrp/engine/api.js';
import type { IpAddress } from '../wire/address.js';
import { type Carrier, type Endpoint, endpointKey } from '../wire/path.js';
import type { NodeState } from './output.js';
import type { Overlay } from './overlay.js';
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
  /** Where the tunnel carries the other IP family too: its address in that. */
  readonly other: { readonly address: IpAddress; readonly prefixLength: number } | null;
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

export const viewOfTunnel = ({ settings, overlays, local }: Tunnel, now: number): TunnelView => ({
  name: settings.name,
  ...ownOf(overlays[0], settings.engine),
  other: overlays[1] && settings.otherEngine ? ownOf(overlays[1], settings.otherEngine) : null,
  local,
  carrier: settings.carrier,
  key: settings.key,
  protection: settings.protection.kind,
  entries: overlays.flatMap(({ engine }) => [...engine.cache.entries(now)]).sort(byPrefix),
  routes: overlays.flatMap(({ engine }) => [...engine.routes]),
  servers: overlays.flatMap(({ engine }) =>
    engine.nhsStates().map((s) => ({ ...s, state: String(s.state) })),
  ),
  multicastTargets: distinct(overlays.flatMap(({ multicastTargets }) => multicastTargets)),
});

const ownOf = ({ engine }: Overlay, { address, prefixLength }: EngineConfig) => ({
  address: engine.ownAddresses[0] ?? address,
  prefixLength,
});

const distinct = (all: readonly Endpoint[]): readonly Endpoint[] => [
  ...new Map(all.map((nbma) => [endpointKey(nbma), nbma])).values(),
];

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
