/**
 * The easy way in: a configuration, and a node that runs. It opens ports, joins them to a `DmvpnNode` by `drive`, and
 * is nothing more: whatever it does you can do yourself (docs/driving.md).
 *
 * @module
 */
import { lookup as lookUpName } from 'node:dns/promises';
import type { DmvpnConfig } from '../dmvpn/config.js';
import { DmvpnNode } from '../dmvpn/node.js';
import type { Answer, DmvpnEvent, Lookup, NodeCommand, Question } from '../dmvpn/output.js';
import { showDmvpn, showNhrpCache, showNhs, showRoutes } from '../dmvpn/show.js';
import type { NodeSnapshot } from '../dmvpn/snapshot.js';
import type { NodeStats } from '../dmvpn/stats.js';
import type { NodeView } from '../dmvpn/view.js';
import { parseAddress } from '../wire/address.js';
import { monotonicClock } from './clock.js';
import { nodeCrypto } from './crypto-node.js';
import { type CallerOutput, type Driver, drive } from './drive.js';
import { EventQueue } from './event-queue.js';
import { Host } from './host.js';
import { type OpenedPorts, type OpenOptions, openPorts } from './open-ports.js';
import type { Cancel, Clock, PacketDevice } from './ports.js';

export { AdapterError, type AdapterErrorCode } from './adapter-error.js';
export type { AuthorizeQuestion, DeviceFactory, OpenOptions } from './open-ports.js';
export {
  loadRegistrations,
  type RegistrationStore,
  type StoreOptions,
  type StoreRow,
  type StoreWrite,
  storeRegistrations,
} from './registration-store.js';

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

/**
 * Opens a node and lets it run.
 * @throws TypeError or RangeError for a wrong configuration, by path, and for wrong options, by name.
 * @throws AdapterError when a port cannot be opened: its message is one sentence that says what to do.
 */
export async function openNode(config: DmvpnConfig, options: OpenOptions): Promise<RunningNode> {
  const { whole, ports } = await openPorts(config, options);
  try {
    return new Runner(whole, options, ports);
  } catch (error) {
    await ports.close();
    throw error;
  }
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
    const { clock = monotonicClock, restored, inside } = options;
    const { transport, devices } = ports;
    this.devices = devices;
    this.events = new EventQueue((count) => ({ type: 'events-lost', tunnel: '', count }));
    this.#clock = clock;
    this.#authorize = options.authorize;
    const random = (octets: number) => globalThis.crypto.getRandomValues(new Uint8Array(octets));
    const environment = { now: clock.now(), random, crypto: nodeCrypto() };
    const watch = inside ? { watchInside: inside } : {};
    this.#node = new DmvpnNode(config, { ...environment, ...watch }, restored);
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
      let cancel: Cancel = () => {};
      const closed = new Promise<void>((resolve) => {
        this.#onClosed = resolve;
        cancel = this.#clock.callAt(this.#clock.now() + MAX_CLOSE_MS, resolve);
      });
      this.command({ kind: 'shutdown' });
      await closed;
      cancel();
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
