/**
 * A node of ours in a host role: test/interop/peer.ts as a child in that role's network namespace. The child prints
 * its events as JSON lines and answers JSON commands; its device gets its overlay addresses and routes from here,
 * as an administrator would give them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { DmvpnEvent } from '../../src/dmvpn/output.js';
import type { Shell } from './kernel.js';
import type { Lab } from './lab.js';
import { Hopeless, until } from './process.js';
import { overlay6Of, overlayOf, type Role } from './roles.js';

/** A line from the child. */
export type Line =
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly event: DmvpnEvent }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'refused'; readonly id: number; readonly message: string };

/** A line to the child. */
export interface Command {
  readonly id: number;
  readonly what: 'stats' | 'view' | 'lookup' | 'clear' | 'move';
  readonly args: readonly string[];
}

type Dropped = Readonly<Record<string, number>>;

/** What the engine counts, as far as it is read here. */
export interface NhrpCounters {
  /** By NHRP type. */
  readonly sent: readonly number[];
  readonly received: readonly number[];
  readonly dropped: Dropped;
  readonly registrationsAccepted: number;
}

/** `node.stats()` after its way through JSON, as far as it is read here. */
interface StatsAsJson {
  readonly tunnels: Readonly<Record<string, { nhrp: NhrpCounters; packets: { dropped: Dropped } }>>;
}

/** `node.view()` after its way through JSON, as far as it is read here. */
interface ViewAsJson {
  readonly tunnels: readonly {
    readonly entries: readonly {
      readonly kind: string;
      readonly prefix: { readonly address: string; readonly length: number };
      readonly nbma: { readonly address: string } | null;
    }[];
  }[];
}

interface Row {
  readonly kind: string;
  readonly prefix: string;
  /** null where it has none. */
  readonly nbma: string | null;
}

type EventType = DmvpnEvent['type'];
type EventOf<T extends EventType> = Extract<DmvpnEvent, { type: T }>;

const ROOT = `${import.meta.dirname}/../..`;
const TUNNEL_MTU = 1400;

export class Node {
  /** Every event since the start, in order. */
  readonly events: DmvpnEvent[] = [];
  readonly #child: ChildProcess;
  readonly #pending = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (why: Error) => void }
  >();
  #readyAt: number | null = null;
  readonly #seenAt: number[] = [];
  #said = '';
  #exitCode: number | null = null;
  #commandCount = 0;

  private constructor(
    readonly lab: Lab,
    readonly role: Role,
    config: object,
  ) {
    const command = ['netns', 'exec', lab.namespaceOf(role), process.execPath, '--import', 'tsx'];
    this.#child = spawn(
      'ip',
      [...command, `${import.meta.dirname}/peer.ts`, JSON.stringify(config)],
      {
        cwd: ROOT,
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    );
    this.#child.stderr?.on('data', (text) => {
      this.#said += text;
    });
    this.#child.on('exit', (code, signal) => this.#onExit(code ?? (signal === null ? 0 : 128)));
    if (this.#child.stdout)
      createInterface(this.#child.stdout).on('line', (line) => this.#onLine(line));
    lab.onClose(() => this.kill());
  }

  /** Starts a node with this configuration, and resolves when its ports are open and its devices have addresses. */
  static async start(lab: Lab, role: Role, config: object): Promise<Node> {
    const node = new Node(lab, role, config);
    await until(`${role} opens its ports`, async () => node.#readyAt !== null || node.#mustLive(), {
      everyMs: 50,
    });
    await plumb(lab, role, 'tun0');
    return node;
  }

  /** Events of one type, oldest first. */
  all<T extends EventType>(type: T): EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> => event.type === type);
  }

  /** Waits until an event of that type, with these fields, has happened; gives the milliseconds from the start to it. */
  async saw<T extends EventType>(
    type: T,
    fields: Partial<EventOf<T>> = {},
    seconds = 40,
  ): Promise<number> {
    const wanted = Object.entries({ type, ...fields });
    const find = (): number =>
      this.events.findIndex((event) =>
        wanted.every(
          ([name, value]) => (event as unknown as Record<string, unknown>)[name] === value,
        ),
      );
    const what = `${this.role}: ${JSON.stringify(Object.fromEntries(wanted))}`;
    await until(what, async () => find() >= 0 || this.#mustLive(), { seconds, everyMs: 50 });
    return Math.round((this.#seenAt[find()] ?? 0) - (this.#readyAt ?? 0));
  }

  /** Asks the child; `lookup` with an address, `move` with the local one that it shall have. */
  ask<T>(what: Command['what'], ...args: string[]): Promise<T> {
    const id = this.#commandCount++;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve: (value) => resolve(value as T), reject });
      const command: Command = { id, what, args };
      this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    });
  }

  /** Its cache: one row an entry. */
  async entries(): Promise<Row[]> {
    const { tunnels } = await this.ask<ViewAsJson>('view');
    return tunnels.flatMap(({ entries }) =>
      entries.map(({ kind, prefix, nbma }) => ({
        kind,
        prefix: `${prefix.address}/${prefix.length}`,
        nbma: nbma?.address ?? null,
      })),
    );
  }

  /** Its counters of dropped packets that are not 0. */
  async drops(): Promise<Record<string, number>> {
    const { tunnels } = await this.ask<StatsAsJson>('stats');
    const counters = Object.values(tunnels).flatMap(({ nhrp, packets }) =>
      [nhrp.dropped, packets.dropped].flatMap((dropped) => Object.entries(dropped)),
    );
    return Object.fromEntries(counters.filter(([, count]) => count > 0));
  }

  /** What its NHRP has counted. */
  async nhrpCounters(): Promise<NhrpCounters> {
    const [tunnel] = Object.values((await this.ask<StatsAsJson>('stats')).tunnels);
    if (tunnel === undefined) throw new Error(`${this.role} has no tunnel`);
    return tunnel.nhrp;
  }

  /** Runs a command in the node's namespace, as its administrator. */
  readonly shell: Shell = (command) => this.lab.attemptIn(this.role, 'sh', '-c', command);
  /** Runs a command on the host in the LAN behind the node. */
  readonly lanShell: Shell = (command) =>
    this.lab.attemptIn(`${this.role}-lan`, 'sh', '-c', command);

  /** Asks it to leave: SIGTERM, and waits for its end. Resolves with its exit status. */
  async stop(): Promise<number> {
    this.#child.kill('SIGTERM');
    await until(`${this.role} ends`, async () => this.#exitCode !== null, { everyMs: 50 });
    return this.#exitCode ?? 1;
  }

  /** Ends it without a word to anyone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await until(`${this.role} ends`, async () => this.#exitCode !== null, { everyMs: 20 });
  }

  #mustLive(): false {
    if (this.#exitCode === null) return false;
    throw new Hopeless(`the node ${this.role} has ended with ${this.#exitCode}: ${this.#said}`);
  }

  #onLine(text: string): void {
    const line = JSON.parse(text) as Line;
    if (line.type === 'ready') this.#readyAt = performance.now();
    else if (line.type === 'event') this.#onEvent(line.event);
    else {
      const waiting = this.#pending.get(line.id);
      this.#pending.delete(line.id);
      if (line.type === 'answer') waiting?.resolve(line.value);
      else waiting?.reject(new Error(`${this.role}: ${line.message}`));
    }
  }

  #onEvent(event: DmvpnEvent): void {
    this.events.push(event);
    this.#seenAt.push(performance.now());
  }

  #onExit(code: number): void {
    this.#exitCode = code;
    for (const { reject } of this.#pending.values())
      reject(new Error(`${this.role} has ended: ${this.#said}`));
    this.#pending.clear();
  }
}

/** Gives a tunnel device its overlay addresses, and the routes of the blueprint. */
async function plumb(lab: Lab, role: Role, device: string): Promise<void> {
  const commands = [
    `ip addr replace ${overlayOf(role)}/32 dev ${device}`,
    `ip link set ${device} up mtu ${TUNNEL_MTU}`,
    `ip route replace 10.0.0.0/24 dev ${device} src ${overlayOf(role)}`,
    `ip route replace 172.16.0.0/16 dev ${device}`,
    `ip -6 addr replace ${overlay6Of(role)}/128 dev ${device} nodad`,
    `ip -6 route replace fd00:10::/64 dev ${device}`,
    `ip -6 route replace fd00:172::/32 dev ${device}`,
  ];
  await lab.runIn(role, 'sh', '-ec', commands.join('\n'));
}
