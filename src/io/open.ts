/**
 * The easy way in: a configuration, and a node that runs. It opens ports, joins them to a `DmvpnNode` by `drive`, and
 * is nothing more: whatever it does you can do yourself (docs/driving.md).
 *
 * @module
 */
import { lookup as lookUpName } from 'node:dns/promises';
import type { DmvpnConfig, TunnelConfig } from '../dmvpn/config.js';
import { DmvpnNode } from '../dmvpn/node.js';
import type { Answer, DmvpnEvent, Lookup, NodeCommand, Question } from '../dmvpn/output.js';
import { readConfig, type TunnelSettings } from '../dmvpn/settings.js';
import { showDmvpn, showNhrpCache, showNhs, showRoutes } from '../dmvpn/show.js';
import type { NodeSnapshot } from '../dmvpn/snapshot.js';
import type { NodeStats } from '../dmvpn/stats.js';
import type { NodeView } from '../dmvpn/view.js';
import {
  formatAddress,
  formatPrefix,
  hostBits,
  IpAddress,
  type IpPrefix,
  parseAddress,
} from '../wire/address.js';
import type { Bind } from './bind.js';
import { monotonicClock } from './clock.js';
import { nodeCrypto } from './crypto-node.js';
import { type CallerOutput, type Driver, drive } from './drive.js';
import { EventQueue } from './event-queue.js';
import { Host } from './host.js';
import { MemoryNetwork } from './memory.js';
import { openPcapFile, pcap } from './pcap.js';
import type { Clock, PacketDevice, Transport } from './ports.js';
import { openRaw } from './raw.js';
import { openTun } from './tun.js';
import { openUdp } from './udp.js';

export { AdapterError, type AdapterErrorCode } from './adapter-error.js';

export interface OpenOptions {
  /**
   * `udp`: GRE in UDP, no privilege · `raw`: IP protocol 47, Linux and privilege · `memory`: other nodes of this
   * process · or one of your own. `udp` and `raw` set the carrier of tunnels that name none.
   */
  readonly transport: 'udp' | 'raw' | 'memory' | Transport;
  /**
   * What is behind the tunnel. `tun`: the kernel, by an interface with the tunnel's name, its address and routes ·
   * `host`: a {@link Host} in the process, at the tunnel's address and the first of each LAN · or your own, one a
   * tunnel. `host` when not given.
   */
  readonly device?: 'tun' | 'host' | PacketDevice | DeviceFactory;
  /** Records all that passes into this file. */
  readonly pcap?: string;
  /** Puts middleware around the transport: `(t) => fault(t, …)`. */
  readonly wrap?: (transport: Transport) => Transport;
  /** The state of an earlier life, from `snapshot`. */
  readonly restored?: NodeSnapshot;
  /** Decides whether a spoke may register, where the configuration says `authorize`; without it none may. */
  readonly authorize?: (question: AuthorizeQuestion) => Answer | Promise<Answer>;
  readonly clock?: Clock;
}

/** Makes the device of a tunnel. */
export type DeviceFactory = (tunnel: TunnelConfig) => PacketDevice | Promise<PacketDevice>;
/** Who wants to register. */
export type AuthorizeQuestion = Extract<Question, { kind: 'authorize-registration' }>;

/** A node that runs. */
export interface RunningNode {
  /** What happens, from the start on. Each event is read once; more than 1,024 that nobody reads are dropped. */
  readonly events: AsyncIterable<DmvpnEvent>;
  /** By name of the tunnel. */
  readonly devices: Readonly<Record<string, PacketDevice>>;
  /** The host behind a tunnel, where the device is `host`; the first tunnel when none is named. @throws RangeError */
  host(tunnel?: string): Host;
  /** Where a packet to that address would go; by the first tunnel when none is named. */
  lookup(address: string, tunnel?: string): Lookup;
  /** State that outlives the process: give it back as `restored`. */
  snapshot(): NodeSnapshot;
  stats(): NodeStats;
  /** Entries, routes and servers as values. */
  view(): NodeView;
  /** The same as a table. */
  show(table: 'cache' | 'dmvpn' | 'nhs' | 'routes'): string;
  /** @throws TypeError or RangeError for a wrong argument, by name. */
  command(command: NodeCommand): void;
  /** Takes registrations back by Purge, waits at most a second for replies, closes the ports and ends `events`. */
  close(): Promise<void>;
}

const TABLES = {
  cache: showNhrpCache,
  dmvpn: showDmvpn,
  nhs: showNhs,
  routes: showRoutes,
} as const;

/** Longest wait for a node that is told to shut down; it takes a second itself. */
const MAX_CLOSE_MS = 2_000;

/** The network of all nodes in this process whose transport is `memory`. */
let sharedMemory: MemoryNetwork | null = null;

/**
 * Opens a node and lets it run.
 * @throws TypeError or RangeError for a wrong configuration, by path.
 * @throws AdapterError when a port cannot be opened: its message is one sentence that says what to do.
 */
export async function openNode(config: DmvpnConfig, options: OpenOptions): Promise<RunningNode> {
  const whole = withCarriers(config, options.transport);
  const { tunnels } = readConfig(whole);
  const opened = new Opened();
  try {
    const transport = wrapped(opened.add(await transportFor(tunnels, options)), options);
    const devices: Record<string, PacketDevice> = {};
    for (const tunnel of whole.tunnels) {
      devices[tunnel.name] = opened.add(await deviceFor(tunnel, whole, options));
    }
    return new Runner(whole, options, { transport, devices });
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** What has to be closed again when something after it cannot be opened. */
class Opened {
  readonly #all: { close(): Promise<void> }[] = [];

  add<T extends { close(): Promise<void> }>(port: T): T {
    this.#all.push(port);
    return port;
  }

  async close(): Promise<void> {
    for (const port of this.#all.splice(0).reverse()) await port.close();
  }
}

interface OpenedPorts {
  readonly transport: Transport;
  readonly devices: Readonly<Record<string, PacketDevice>>;
}

class Runner implements RunningNode {
  readonly events: EventQueue<DmvpnEvent>;
  readonly devices: Readonly<Record<string, PacketDevice>>;
  readonly #node: DmvpnNode;
  readonly #clock: Clock;
  readonly #driver: Driver;
  readonly #authorize: OpenOptions['authorize'];
  #onClosed: () => void = () => {};

  constructor(config: DmvpnConfig, options: OpenOptions, ports: OpenedPorts) {
    const { clock = monotonicClock, restored } = options;
    const { transport, devices } = ports;
    this.devices = devices;
    this.events = new EventQueue((count) => ({ type: 'events-lost', tunnel: '', count }));
    this.#clock = clock;
    this.#authorize = options.authorize;
    const random = (octets: number) => globalThis.crypto.getRandomValues(new Uint8Array(octets));
    const environment = { now: clock.now(), random, crypto: nodeCrypto() };
    this.#node = new DmvpnNode(config, environment, restored);
    this.#driver = drive(this.#node, { clock, transport, devices }, (o) => this.#onOutput(o));
  }

  host(tunnel = Object.keys(this.devices)[0] ?? ''): Host {
    const device = this.devices[tunnel];
    if (device instanceof Host) return device;
    throw new RangeError(`tunnel: there is no host behind '${tunnel}'`);
  }

  lookup(text: string, tunnel = Object.keys(this.devices)[0] ?? ''): Lookup {
    const address = parseAddress(text);
    if (address === null) throw new TypeError(`address: '${text}' is not an IP address`);
    return this.#node.lookup(tunnel, address, this.#clock.now());
  }

  snapshot(): NodeSnapshot {
    return this.#node.snapshot(this.#clock.now());
  }

  stats(): NodeStats {
    return this.#node.stats();
  }

  view(): NodeView {
    return this.#node.view(this.#clock.now());
  }

  show(table: 'cache' | 'dmvpn' | 'nhs' | 'routes'): string {
    return TABLES[table](this.view());
  }

  command(command: NodeCommand): void {
    this.#driver.act((now) => this.#node.command(now, command));
  }

  async close(): Promise<void> {
    if (this.#node.state === 'running') {
      const closed = new Promise<void>((resolve) => {
        this.#onClosed = resolve;
        this.#clock.callAt(this.#clock.now() + MAX_CLOSE_MS, resolve);
      });
      this.command({ kind: 'shutdown' });
      await closed;
    }
    await this.#driver.close();
    this.events.end();
  }

  #onOutput(output: CallerOutput<ReturnType<DmvpnNode['pollOutput']>>): void {
    if (output.kind === 'ask') {
      void this.#answer(output.question).then((answer) =>
        this.#driver.act((now) => this.#node.handleAnswer(now, output.id, answer)),
      );
      return;
    }
    this.events.push(output.event);
    if (output.event.type === 'state' && output.event.state === 'closed') this.#onClosed();
  }

  async #answer(question: Question): Promise<Answer> {
    if (question.kind === 'resolve-name') return resolveName(question.name);
    return (await this.#authorize?.(question)) ?? { kind: 'reject' };
  }
}

async function resolveName(name: string): Promise<Answer> {
  const found = await lookUpName(name, { all: true }).catch(() => []);
  const addresses = found.flatMap(({ address }) => parseAddress(address) ?? []);
  return { kind: 'addresses', addresses };
}

function withCarriers(config: DmvpnConfig, transport: OpenOptions['transport']): DmvpnConfig {
  if (transport !== 'udp' && transport !== 'raw') return config;
  const carrier = transport === 'udp' ? 'gre-udp' : 'gre';
  for (const [i, tunnel] of config.tunnels.entries()) {
    if (tunnel.carrier !== undefined && tunnel.carrier !== carrier)
      throw new TypeError(
        `tunnels[${i}].carrier: '${tunnel.carrier}' does not go by the transport '${transport}'`,
      );
  }
  return { ...config, tunnels: config.tunnels.map((tunnel) => ({ ...tunnel, carrier })) };
}

function transportFor(
  tunnels: readonly TunnelSettings[],
  { transport, clock = monotonicClock }: OpenOptions,
): Transport | Promise<Transport> {
  if (typeof transport === 'object') return transport;
  const binds = bindsOf(tunnels);
  switch (transport) {
    case 'udp':
      return openUdp(binds);
    case 'raw':
      return openRaw(binds);
    case 'memory':
      sharedMemory ??= new MemoryNetwork({ clock });
      return sharedMemory.open(binds);
    default:
      throw new TypeError("transport: 'udp', 'raw', 'memory' or a Transport expected");
  }
}

/** One for each local end: tunnels that differ in their key alone share it. */
function bindsOf(tunnels: readonly TunnelSettings[]): Bind[] {
  const ends = tunnels.map(({ carrier, local }) => ({ carrier, local }));
  const keys = ends.map(({ carrier, local }) => `${carrier} ${local.address} ${local.port}`);
  return ends.filter((_, i) => keys.indexOf(keys[i] ?? '') === i);
}

function wrapped(
  transport: Transport,
  { wrap = (given) => given, pcap: path }: OpenOptions,
): Transport {
  if (path === undefined) return wrap(transport);
  const file = openPcapFile(path);
  const closeBoth = async () => {
    await transport.close();
    await file.close();
  };
  return wrap({ ...pcap(transport, file.sink), close: closeBoth });
}

async function deviceFor(
  tunnel: TunnelConfig,
  config: DmvpnConfig,
  { device = 'host', clock = monotonicClock }: OpenOptions,
): Promise<PacketDevice> {
  if (typeof device === 'function') return device(tunnel);
  if (typeof device === 'object') {
    if (config.tunnels.length === 1) return device;
    throw new RangeError('device: one device cannot serve several tunnels');
  }
  const settings = readConfig({ tunnels: [tunnel] }).tunnels[0];
  if (!settings) throw new Error('bug: a tunnel without settings');
  switch (device) {
    case 'tun':
      return openTun(tunOptionsOf(settings));
    case 'host':
      return new Host({ addresses: hostAddressesOf(settings), clock });
    default:
      throw new TypeError("device: 'tun', 'host', a PacketDevice or a function expected");
  }
}

const tunOptionsOf = ({ name, mtu, engine, routes }: TunnelSettings) => ({
  name,
  mtu,
  addresses: [`${engine.address}/${engine.prefixLength}`],
  routes: routes.map(({ prefix }) => formatPrefix(prefix)),
});

/** The tunnel's own address, and the first of each LAN. */
const hostAddressesOf = ({ engine }: TunnelSettings): string[] => [
  formatAddress(engine.address),
  ...engine.localPrefixes.map(firstAddressOf),
];

function firstAddressOf({ address: a, length }: IpPrefix): string {
  if (length === hostBits(a.family)) return formatAddress(a);
  const first =
    a.family === 4 ? new IpAddress(4, a.w0 | 1) : new IpAddress(6, a.w0, a.w1, a.w2, a.w3 | 1);
  return formatAddress(first);
}
