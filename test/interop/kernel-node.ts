/**
 * A guest whose own kernel does multipoint GRE, with our engine for its NHRP: examples/kernel-mgre.ts as a user runs
 * it. To the others it is one more router; its routes and neighbours are read where FRR's are.
 */
import type { DmvpnConfig } from '../../src/dmvpn/config.js';
import type { NhrpEvent } from '../../src/nhrp/engine/api.js';
import type { Guest } from './guest.js';
import { until } from './process.js';
import { lanRouterOf } from './roles.js';

const ROOT = `${import.meta.dirname}/../..`;
/** What nhrpd does to an interface, and here the administrator. */
const INTERFACE = `ip link set gre1 arp on
sysctl -qw net.ipv4.conf.gre1.send_redirects=0 net.ipv4.neigh.gre1.app_solicit=1 net.ipv4.neigh.gre1.mcast_solicit=0`;

type EventType = NhrpEvent['type'];
type EventOf<T extends EventType> = Extract<NhrpEvent, { type: T }>;

export class KernelNode {
  private constructor(readonly guest: Guest) {}

  /** Makes gre1 and the LAN, and starts the example with the first tunnel of a node's configuration. */
  static async start(guest: Guest, { tunnels: [tunnel] }: DmvpnConfig): Promise<KernelNode> {
    if (!tunnel) throw new Error('a tunnel expected');
    const [address] = tunnel.address.split('/');
    await guest.run(`tunnel ${address} ${tunnel.key}; lan ${lanRouterOf(guest.role)}/24; ${INTERFACE}
${tunnel.address.endsWith('/32') ? '' : `ip addr replace ${tunnel.address} dev gre1; ip addr del ${address}/32 dev gre1`}
cat >/tmp/gre1.json <<'JSON'
${JSON.stringify({ ...tunnel, name: 'gre1' })}
JSON
cd ${ROOT}
setsid nohup ${process.execPath} --import tsx examples/kernel-mgre.ts /tmp/gre1.json \
  >/tmp/node.out 2>/tmp/node.err </dev/null & echo $! >/tmp/node.pid`);
    return new KernelNode(guest);
  }

  async events(): Promise<NhrpEvent[]> {
    const text = await this.guest.run('cat /tmp/node.out');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as NhrpEvent);
  }

  /** Waits until an event of that type, with these fields, has happened. Node starts slowly in a guest. */
  async saw<T extends EventType>(type: T, fields: Partial<EventOf<T>> = {}): Promise<void> {
    const wanted = Object.entries({ type, ...fields });
    const isIt = (event: NhrpEvent): boolean =>
      wanted.every(([key, value]) => (event as unknown as Record<string, unknown>)[key] === value);
    const what = `${this.guest.role}: ${JSON.stringify(Object.fromEntries(wanted))}`;
    await until(what, async () => (await this.#lives()) && (await this.events()).some(isIt), {
      seconds: 90,
      everyMs: 500,
    });
  }

  /** Asks it to leave, and waits for its end. */
  async stop(): Promise<void> {
    await this.guest.run('kill $(cat /tmp/node.pid)');
    await until('it ends', async () => (await this.guest.attempt(IS_THERE)).code !== 0);
  }

  async #lives(): Promise<true> {
    const { code, text } = await this.guest.attempt(`${IS_THERE} || { cat /tmp/node.err; false; }`);
    if (code !== 0) throw new Error(`${this.guest.role} has ended: ${text}`);
    return true;
  }
}

const IS_THERE = 'kill -0 $(cat /tmp/node.pid) 2>/dev/null';
