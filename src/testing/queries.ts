/** What a story asks a station about, as texts and numbers that read well in an assertion. */
import { type CacheEntry, CacheFlag, type CacheKind } from '../cache/entry.js';
import type { TunnelView } from '../dmvpn/view.js';
import { formatAddress, formatPrefix, hostBits } from '../wire/address.js';
import { formatEndpoint } from '../wire/path.js';
import type { Station } from './station.js';

/** NHRP messages by type, as a sum over stations. */
export interface MessageCount {
  readonly resolutionRequests: number;
  readonly resolutionReplies: number;
  readonly registrationRequests: number;
  readonly registrationReplies: number;
  readonly purgeRequests: number;
  readonly purgeReplies: number;
  readonly errorIndications: number;
  readonly trafficIndications: number;
  /** Messages of others that were passed on. */
  readonly forwarded: number;
}

/** The tables of one of its tunnels; the first when no name is given. @throws RangeError */
export function tunnelOf(station: Station, name?: string): TunnelView {
  const { tunnels } = station.running.view(station.now);
  const found = name === undefined ? tunnels[0] : tunnels.find((t) => t.name === name);
  if (found === undefined) throw new RangeError(`${station.name}: has no tunnel ${name}`);
  return found;
}

export const cacheOf = (view: TunnelView, kind?: CacheKind): CacheEntry[] =>
  view.entries.filter((e) => kind === undefined || e.kind === kind);

/** `dynamic 10.0.0.1 198.18.0.1`: kind, address or prefix, NBMA endpoint where there is one. */
export function entryText(entry: CacheEntry): string {
  const { kind, prefix, nbma } = entry;
  const isHost = prefix.length === hostBits(prefix.address.family);
  const what = isHost ? formatAddress(prefix.address) : formatPrefix(prefix);
  return nbma === null ? `${kind} ${what}` : `${kind} ${what} ${formatEndpoint(nbma)}`;
}

/** `172.16.2.0/24 via 10.0.0.2`, in the order of the table. */
export const shortcutsOf = (view: TunnelView): string[] =>
  view.routes
    .filter((r) => r.kind === 'shortcut')
    .map((r) => `${formatPrefix(r.prefix)} via ${r.via}`)
    .sort();

/** Tunnel addresses that are registered here. */
export const registeredOf = (view: TunnelView): string[] =>
  view.entries
    .filter((e) => e.kind === 'dynamic' && e.flags & CacheFlag.REGISTERED)
    .map((e) => formatAddress(e.prefix.address));

/** Tunnel addresses of the servers that are up. */
export const serversOf = (view: TunnelView): string[] =>
  view.servers
    .filter((s) => s.state === 'up' && s.protocolAddress !== null)
    .map((s) => String(s.protocolAddress));

export function messagesOf(stations: Iterable<Station>): MessageCount {
  const sent = new Array<number>(9).fill(0);
  let forwarded = 0;
  for (const { node } of stations) {
    for (const tunnel of Object.values(node?.stats().tunnels ?? {})) {
      forwarded += tunnel.nhrp.forwarded;
      tunnel.nhrp.sent.forEach((count, type) => {
        sent[type] = (sent[type] ?? 0) + count;
      });
    }
  }
  const of = (type: number): number => sent[type] ?? 0;
  return {
    resolutionRequests: of(1),
    resolutionReplies: of(2),
    registrationRequests: of(3),
    registrationReplies: of(4),
    purgeRequests: of(5),
    purgeReplies: of(6),
    errorIndications: of(7),
    trafficIndications: of(8),
    forwarded,
  };
}
