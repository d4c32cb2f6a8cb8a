/**
 * Real FRR in guests: the configuration of a hub or spoke of the blueprint, and FRR's own view of what came of it.
 *
 * There is no `tunnel source` in it: gre1 has its local address. On a busy machine nhrpd 8.4 acts on the line before it
 * knows the tunnel, and zebra then sets gre1 to local 0.0.0.0 and down, for good.
 */
import type { Guest } from './guest.js';
import { until } from './process.js';
import {
  lan6Of,
  lanOf,
  lanRouter6Of,
  lanRouterOf,
  nbmaOf,
  overlay6Of,
  overlayOf,
  type Role,
} from './roles.js';

export interface FrrSettings {
  /** GRE key; default 42. */
  readonly key?: number;
  /** Default none: FRR 8.4 knows no authentication. */
  readonly authentication?: string;
  /** Default 300. */
  readonly holdingTimeSeconds?: number;
  /** Default false: registrations carry no U flag. */
  readonly unique?: boolean;
  /** An IPv6 overlay beside the IPv4 one; default false. */
  readonly v6?: boolean;
  /** Of a spoke, best first; default the hub. */
  readonly nhs?: readonly Role[];
  /** Of a hub: whose LANs it routes to; default s1 to s3. */
  readonly spokes?: readonly Role[];
  /** Takes the overlay address of another role; default its own. */
  readonly as?: Role;
  /** More lines under `interface gre1`. */
  readonly interfaceLines?: readonly string[];
}

/** Turns a guest into an FRR hub: mGRE with redirects, a LAN, routes to the spokes' LANs. */
export async function frrHub(guest: Guest, settings: FrrSettings = {}): Promise<void> {
  const { spokes = ['s1', 's2', 's3'], v6 = false } = settings;
  const lines = [
    'nhrp nflog-group 1',
    ...interfaceLines(guest.role, settings),
    ' ip nhrp map multicast dynamic',
    ' ip nhrp redirect',
    v6 && ' ipv6 nhrp redirect',
    'exit',
    ...spokes.map((spoke) => `ip route ${lanOf(spoke)} ${overlayOf(spoke)}`),
    ...(v6 ? spokes.map((spoke) => `ipv6 route ${lan6Of(spoke)} ${overlay6Of(spoke)}`) : []),
  ];
  await start(guest, settings, lines, `redirect_rule ${v6 ? 'v6' : ''}`);
}

/** Turns a guest into an FRR spoke: everything goes to its hub until a shortcut is better. */
export async function frrSpoke(guest: Guest, settings: FrrSettings = {}): Promise<void> {
  const { nhs = ['hub'], v6 = false } = settings;
  const lines = [
    ...interfaceLines(guest.role, settings),
    ...nhs.flatMap((hub) => [
      ` ip nhrp map multicast ${nbmaOf(hub)}`,
      ` ip nhrp nhs ${overlayOf(hub)} nbma ${nbmaOf(hub)}`,
      v6 && ` ipv6 nhrp nhs ${overlay6Of(hub)} nbma ${nbmaOf(hub)}`,
    ]),
    ' ip nhrp shortcut',
    v6 && ' ipv6 nhrp shortcut',
    'exit',
    ...nhs.flatMap((hub, rank) => [
      `ip route 10.0.0.0/24 ${overlayOf(hub)} ${50 + rank}`,
      `ip route 172.16.0.0/16 ${overlayOf(hub)} ${50 + rank}`,
      v6 && `ipv6 route fd00:10::/64 ${overlay6Of(hub)} ${50 + rank}`,
      v6 && `ipv6 route fd00:172::/32 ${overlay6Of(hub)} ${50 + rank}`,
    ]),
  ];
  await start(guest, settings, lines);
}

function interfaceLines(role: Role, settings: FrrSettings): (string | false)[] {
  const { authentication, holdingTimeSeconds = 300, unique = false, v6 = false } = settings;
  return [
    'interface gre1',
    ` ip address ${overlayOf(settings.as ?? role)}/32`,
    ' ip nhrp network-id 1',
    authentication !== undefined && ` ip nhrp authentication ${authentication}`,
    ` ip nhrp holdtime ${holdingTimeSeconds}`,
    !unique && ' ip nhrp registration no-unique',
    v6 && ' ipv6 nhrp network-id 1',
    v6 && ` ipv6 nhrp holdtime ${holdingTimeSeconds}`,
    v6 && !unique && ' ipv6 nhrp registration no-unique',
    ...(settings.interfaceLines ?? []).map((line) => ` ${line}`),
  ];
}

async function start(
  guest: Guest,
  { key = 42, v6 = false, as = guest.role }: FrrSettings,
  lines: readonly (string | false)[],
  before = '',
): Promise<void> {
  const { role } = guest;
  const v6Addresses = `ip -6 addr add ${overlay6Of(as)}/128 dev gre1; ip -6 addr add ${lanRouter6Of(role)}/64 dev lan0`;
  const said = await guest.run(`
tunnel ${overlayOf(as)} ${key}; lan ${lanRouterOf(role)}/24; ${before}
${v6 ? v6Addresses : ''}
frr <<'CONF'
no ip nht resolve-via-default
no ipv6 nht resolve-via-default
${lines.filter((line) => line !== false).join('\n')}
CONF`);
  if (/Unknown command|does not start/.test(said)) throw new Error(`${role}: FRR refuses: ${said}`);
  await until(`${role}: nhrpd serves gre1`, () => serves(guest, overlayOf(as)));
}

/** nhrpd knows its interface and its addresses, and asks and answers from now on. */
async function serves(guest: Guest, address: string): Promise<boolean> {
  const { code } = await guest.attempt('ip link show up dev gre1 | grep -q gre1');
  const entry = code === 0 ? await frrEntry(guest, address) : undefined;
  // FRR 10 behind a NAT soon lists the outside address as its own, and claims this one
  return [entry?.nbma, entry?.claimed_nbma].includes(nbmaOf(guest.role));
}

/** `FRRouting 10.3`. */
export async function frrVersion(guest: Guest): Promise<string> {
  const said = await guest.run('vtysh -c "show version"');
  return /FRRouting \S+/.exec(said)?.[0] ?? said;
}

/** A row of `show ip nhrp cache json`. */
export interface FrrCacheEntry {
  readonly type: 'local' | 'static' | 'dynamic' | 'nhs' | 'incomplete' | 'negative' | 'cached';
  readonly protocol: string;
  readonly nbma: string;
  readonly claimed_nbma: string;
}

/** A row of `show ip nhrp shortcut json`. */
export interface FrrShortcut {
  readonly type: string;
  readonly prefix: string;
  readonly via: string;
}

type Family = 'ip' | 'ipv6';

const frrCache = async (guest: Guest, family: Family = 'ip'): Promise<FrrCacheEntry[]> =>
  (await guest.json<{ table: FrrCacheEntry[] }>(`vtysh -c 'show ${family} nhrp cache json'`)).table;

/** FRR 8.4 prints the heading of the text table before the JSON. */
export async function frrShortcuts(guest: Guest, family: Family = 'ip'): Promise<FrrShortcut[]> {
  const text = await guest.run(`vtysh -c 'show ${family} nhrp shortcut json'`);
  return (JSON.parse(text.slice(text.indexOf('{'))) as { table: FrrShortcut[] }).table;
}

/** FRR's entry for one overlay address. */
export const frrEntry = async (guest: Guest, address: string): Promise<FrrCacheEntry | undefined> =>
  (await frrCache(guest, address.includes(':') ? 'ipv6' : 'ip')).find(
    (entry) => entry.protocol === address,
  );

/** `show dmvpn json`: the NBMA addresses that FRR holds a session with. */
export async function frrPeers(guest: Guest): Promise<string[]> {
  const rows = await guest.json<{ dst: string }[]>("vtysh -c 'show dmvpn json'");
  return rows.map((row) => row.dst);
}

/** What nhrpd wrote to its log. */
export const frrLog = (guest: Guest): Promise<string> =>
  guest.run('grep NHRP: /var/log/frr/frr.log || true');
