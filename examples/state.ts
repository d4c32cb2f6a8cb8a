/** The state of a running node as one plain object, for a line of JSON: counters, cache, servers and routes. */
import { type CacheEntry, cacheFlagNames } from 'dmvpn/cache';
import type { ServerView, TunnelView } from 'dmvpn/dmvpn';
import type { RunningNode } from 'dmvpn/io/open';
import { type Endpoint, formatEndpoint, formatPrefix, GRE_UDP_PORT } from 'dmvpn/wire';

/** Addresses are texts (by their `toJSON`), prefixes and endpoints too; times are seconds from now. */
export function stateOf(node: Pick<RunningNode, 'stats' | 'view'>): object {
  const { tunnels, now } = node.view();
  return {
    type: 'stats',
    ...node.stats(),
    cache: tunnels.flatMap((t) => t.entries.map((entry) => entryOf(t, entry, now))),
    servers: tunnels.flatMap((t) => t.servers.map((server) => serverOf(t, server))),
    routes: tunnels.flatMap((t) => t.routes.map((route) => routeOf(t, route))),
  };
}

const entryOf = ({ name: tunnel }: TunnelView, entry: CacheEntry, now: number): object => ({
  tunnel,
  kind: entry.kind,
  prefix: formatPrefix(entry.prefix),
  nbma: endpointOf(entry.nbma),
  claimedNbma: entry.claimedNbma,
  expiresInSeconds:
    entry.expiresAt === null ? null : Math.max(0, Math.floor((entry.expiresAt - now) / 1_000)),
  flags: cacheFlagNames(entry.flags),
});

const serverOf = ({ name: tunnel }: TunnelView, server: ServerView): object => ({
  tunnel,
  ...server,
  nbma: endpointOf(server.nbma),
});

const routeOf = ({ name: tunnel }: TunnelView, route: TunnelView['routes'][number]): object => ({
  tunnel,
  ...route,
  prefix: formatPrefix(route.prefix),
});

/** Without its port where that is the usual one, as in events and tables. */
const endpointOf = (nbma: Endpoint | null): string | null =>
  nbma && formatEndpoint(nbma.port === GRE_UDP_PORT ? { ...nbma, port: 0 } : nbma);
