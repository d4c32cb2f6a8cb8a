/** What a guest's kernel says: neighbours, routes, and the probes of an ordinary user. */
import type { Guest } from './guest.js';
import { type Finished, until } from './process.js';
import { lanOf, overlayOf, type Role } from './roles.js';

interface Neighbour {
  readonly dst: string;
  readonly lladdr?: string;
  readonly state: readonly string[];
}

interface Route {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol?: string;
}

/** The NBMA address that the guest's kernel sends to for an overlay address; undefined without a usable one. */
export async function neighbourOf(guest: Guest, address: string): Promise<string | undefined> {
  const all = await guest.json<Neighbour[]>('ip -j neigh show dev gre1');
  return all.find((n) => n.dst === address && !n.state.includes('FAILED'))?.lladdr;
}

/** The guest's route for exactly this prefix (a host route is named without its length). */
export async function routeOf(guest: Guest, prefix: string): Promise<Route | undefined> {
  const all = await guest.json<Route[]>(`ip -j ${prefix.includes(':') ? '-6' : '-4'} route`);
  return all.find((route) => route.dst === prefix);
}

/** Runs a command somewhere: in a guest, or in a namespace of this machine. */
export type Shell = (command: string) => Promise<Finished>;

export const shellOf =
  (guest: Guest): Shell =>
  (command) =>
    guest.attempt(command);

/** Sends echo requests and counts the answers. */
export async function ping(
  shell: Shell,
  to: string,
  count = 3,
  options = '',
): Promise<{ received: number; text: string }> {
  const { text } = await shell(`ping -n -i 0.2 -W 1 -c ${count} ${options} ${to}`);
  return { received: Number(/(\d+) received/.exec(text)?.[1] ?? 0), text };
}

/** Pings once there is an answer at all: nhrpd takes part before zebra has the routes for it. */
export async function pingWhenRouted(
  shell: Shell,
  to: string,
  options = '',
): ReturnType<typeof ping> {
  await until(`an answer of ${to}`, async () => (await ping(shell, to, 1, options)).received === 1);
  return ping(shell, to, 3, options);
}

/**
 * What is waited for under traffic, as there is in life: a resolution or an association that was lost is begun anew with
 * the next redirect, and there is none without a packet.
 */
export const flowing =
  <T>(shell: Shell, to: string, options: string, seen: () => Promise<T>): (() => Promise<T>) =>
  async () => {
    const found = await seen();
    if (!found) await ping(shell, to, 2, options);
    return found;
  };

/** The addresses that answered for each hop; `*` where none did. */
export async function traceroute(shell: Shell, to: string, options = ''): Promise<string[]> {
  const { text } = await shell(`traceroute -n -I -N 1 -q 1 -w 3 -m 6 ${options} ${to}`);
  return text.split('\n').flatMap((line) => /^ *\d+ +(\S+)/.exec(line)?.[1] ?? []);
}

/**
 * A spoke that reaches its hub through the tunnel, and everyone else by the hub: zebra installs the static routes
 * later than the hub's own.
 */
export const reachesHub = async (guest: Guest, hub: Role = 'hub'): Promise<boolean> => {
  const others = ['10.0.0.200', '172.16.200.1'].map((to) => `ip route get ${to} | grep -q gre1`);
  const itself = `ip route get ${overlayOf(hub)} | grep -q gre1`;
  const ask = `ping -c1 -W1 ${overlayOf(hub)}`;
  return (await guest.attempt([itself, ...others, ask].join(' && '))).code === 0;
};

/** A hub whose kernel sends the LANs of these spokes to them: zebra does that some time after they have registered. */
export const routesTo = async (hub: Guest, ...spokes: readonly Role[]): Promise<boolean> => {
  const routes = await Promise.all(spokes.map((spoke) => routeOf(hub, lanOf(spoke))));
  return routes.every((route, i) => route?.gateway === overlayOf(spokes[i] ?? 'hub'));
};
