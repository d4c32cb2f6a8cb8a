/** The state of a node as tables, in the manner of `show ip nhrp` and `show dmvpn`. Text only; nothing is printed. */
import { type CacheEntry, CacheFlag, cacheFlagNames } from '../cache/entry.js';
import { formatAddress, formatPrefix } from '../wire/address.js';
import { type Endpoint, formatEndpoint, GRE_UDP_PORT } from '../wire/path.js';
import type { NodeView, TunnelView } from './view.js';

/** `show ip nhrp cache`: every entry of every tunnel. */
export function showNhrpCache({ tunnels, now }: NodeView): string {
  const rows = tunnels.flatMap((t) =>
    t.entries.map((e) => [
      t.name,
      e.kind,
      formatPrefix(e.prefix),
      nbmaText(e.nbma),
      e.claimedNbma === null ? '' : formatAddress(e.claimedNbma),
      remaining(e, now),
      cacheFlagNames(e.flags).join(' '),
    ]),
  );
  return table(['Tunnel', 'Type', 'Protocol', 'NBMA', 'Claimed NBMA', 'Expires', 'Flags'], rows);
}

/** `show dmvpn`: one row for each peer, and how it was learned. */
export function showDmvpn({ tunnels, now }: NodeView): string {
  const rows = tunnels.flatMap((t) =>
    t.entries
      .filter((e) => e.nbma !== null)
      .map((e) => [
        t.name,
        nbmaText(e.nbma),
        formatAddress(e.prefix.address),
        e.flags & CacheFlag.UP ? 'UP' : 'DOWN',
        duration(now - e.createdAt),
        attributeOf(e, t),
      ]),
  );
  return table(['Tunnel', 'NBMA', 'Tunnel address', 'State', 'Up for', 'Attrb'], rows);
}

/** `show ip nhrp nhs`: the next hop servers. */
export function showNhs({ tunnels }: NodeView): string {
  const rows = tunnels.flatMap((t) =>
    t.servers.map((s) => [
      t.name,
      s.protocolAddress === null ? 'dynamic' : formatAddress(s.protocolAddress),
      nbmaText(s.nbma),
      String(s.priority),
      s.state,
    ]),
  );
  return table(['Tunnel', 'NHS', 'NBMA', 'Priority', 'State'], rows);
}

/** The overlay routes, shortcuts among them. */
export function showRoutes({ tunnels }: NodeView): string {
  const rows = tunnels.flatMap((t) =>
    t.routes.map((r) => [
      t.name,
      formatPrefix(r.prefix),
      r.kind === 'shortcut' && r.mode === 'override' ? 'shortcut (override)' : r.kind,
      r.via === null ? '' : formatAddress(r.via),
    ]),
  );
  return table(['Tunnel', 'Prefix', 'Route', 'Via'], rows);
}

/** Columns as wide as their widest cell, two spaces between them, none at the ends of lines. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((w) => '-'.repeat(w))), ...rows.map(line)].join('\n');
}

/** The usual port is not worth a column's width. */
const nbmaText = (nbma: Endpoint | null): string =>
  nbma === null ? '-' : formatEndpoint(nbma.port === GRE_UDP_PORT ? { ...nbma, port: 0 } : nbma);

const remaining = (e: CacheEntry, now: number): string =>
  e.expiresAt === null ? 'never' : duration(e.expiresAt - now);

/** `00:04:59`, or `2d03h` from a day on. */
function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  const days = Math.floor(seconds / 86_400);
  if (days > 0) return `${days}d${two((seconds % 86_400) / 3_600)}h`;
  return `${two(seconds / 3_600)}:${two((seconds % 3_600) / 60)}:${two(seconds % 60)}`;
}

/** IOS letters: S static, D dynamic, I incomplete, N behind NAT, L local, T1 route installed, T2 next-hop override. */
function attributeOf(e: CacheEntry, t: TunnelView): string {
  const letter = {
    static: 'S',
    nhs: 'S',
    dynamic: 'D',
    cached: 'D',
    incomplete: 'I',
    negative: 'I',
    local: 'L',
  };
  const shortcut = t.routes.find((r) => r.kind === 'shortcut' && r.via?.equals(e.prefix.address));
  const mode = shortcut === undefined ? '' : shortcut.mode === 'override' ? 'T2' : 'T1';
  return `${letter[e.kind]}${e.flags & CacheFlag.NAT ? 'N' : ''}${mode}`;
}
