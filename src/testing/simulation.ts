/**
 * A network of real nodes under one virtual clock: NBMA network with its faults and NATs, nodes, and hosts behind
 * them. The same seed gives the same run, octet for octet. A script adds what there is, lets time pass, breaks things,
 * and asks how it stands; times are milliseconds, addresses are text.
 */
import type { CacheEntry, CacheKind } from '../cache/entry.js';
import type { DmvpnConfig, TunnelConfig } from '../dmvpn/config.js';
import type { DmvpnEnvironment, DmvpnEvent, Lookup, NodeCommand } from '../dmvpn/output.js';
import type { NodeSnapshot } from '../dmvpn/snapshot.js';
import type { NodeStats } from '../dmvpn/stats.js';
import { ipPacket } from '../wire/ip-packet.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import type { Carrier, Endpoint } from '../wire/path.js';
import { addressOf } from './addresses.js';
import { Agenda } from './agenda.js';
import { Blueprint, type BlueprintOptions } from './blueprint.js';
import type { FlowCount, FlowOptions } from './flow.js';
import { checkLink, type Link } from './link.js';
import { type Hop, type PingOptions, type PingResult, ping, traceroute } from './probes.js';
import * as query from './queries.js';
import { SeededRandom } from './random.js';
import type { Heard } from './stack.js';
import { type NatOptions, type StationOptions, Topology } from './topology.js';
import { Underlay } from './underlay.js';

export interface SimulationOptions extends BlueprintOptions {
  /** Same seed, same run; 1. */
  readonly seed?: number | string;
  /** Of every way for which `link` says nothing else. */
  readonly link?: Partial<Link>;
  /** Report every dropped packet as an event; true. */
  readonly dropEvents?: boolean;
  /** For nodes with protection `ipsec`; null. */
  readonly crypto?: DmvpnEnvironment['crypto'];
  /** For nodes with authentication `mac`. */
  readonly mac?: DmvpnEnvironment['mac'];
}

/** A datagram as a station put it into the network. */
export interface SentDatagram {
  readonly at: number;
  readonly carrier: Carrier;
  readonly to: Endpoint;
  /** A copy. */
  readonly bytes: Uint8Array;
}

export interface NetworkCount {
  readonly sent: number;
  /** With duplicates. */
  readonly arrived: number;
  /** By reason: `lost`, `cut`, `nat: filtered`, `nobody there` … */
  readonly lost: Readonly<Record<string, number>>;
}

const GROUP_TTL = 1;
const MAX_HOPS = 32;

export class Simulation {
  readonly seed: number | string;
  readonly blueprint: Blueprint;
  readonly #agenda = new Agenda();
  readonly #underlay: Underlay;
  readonly #net: Topology;
  readonly #sleepers = new Map<string, number>();

  constructor(options: SimulationOptions = {}) {
    const { seed = 1, link = {}, dropEvents = true, crypto = null, mac } = options;
    this.seed = seed;
    this.blueprint = new Blueprint(options);
    const random = new SeededRandom(seed);
    this.#underlay = new Underlay(this.#agenda, random.fork('underlay'));
    this.#underlay.link = { ...this.#underlay.link, ...checkLink(link) };
    const surroundings = {
      agenda: this.#agenda,
      underlay: this.#underlay,
      random: random.fork('stations'),
      crypto,
      mac,
    };
    this.#net = new Topology(surroundings, this.blueprint, dropEvents);
  }

  /** Virtual time, milliseconds from the start. */
  get now(): number {
    return this.#agenda.now;
  }

  // What there is

  /** A node with that configuration. @throws RangeError for a name or NBMA address that is taken */
  node(
    name: string,
    tunnels: TunnelConfig | readonly TunnelConfig[],
    options: StationOptions = {},
  ): this {
    this.#net.node(name, tunnels, options);
    return this;
  }

  /** The next hub of the blueprint; `over` is what differs from it. */
  hub(name: string, over: Partial<TunnelConfig> = {}, options: StationOptions = {}): this {
    this.#net.hub(name, over, options);
    return this;
  }

  /** The next spoke of the blueprint, with its LAN; the hubs get a route there, as from a routing protocol. */
  spoke(name: string, over: Partial<TunnelConfig> = {}, options: StationOptions = {}): this {
    this.#net.spoke(name, over, options);
    return this;
  }

  /** A NAT; what it does is RFC 4787's advice where nothing else is said. It may be behind another one. */
  nat(name: string, options: NatOptions): this {
    this.#net.nat(name, options);
    return this;
  }

  /** A host on the LAN of a station. */
  host(name: string, place: { readonly behind: string; readonly address: string }): this {
    this.#net.host(name, place);
    return this;
  }

  /** What a host name stands for, from now on; none = it does not resolve. */
  name(name: string, addresses: readonly string[]): this {
    this.#net.name(name, addresses);
    return this;
  }

  /** A stream of packets from a host or a station, `everyMs` apart. */
  flow(from: string, to: string, options: FlowOptions): FlowCount & { stop(): void } {
    return this.#net.flow(from, to, options);
  }

  // Time

  /** Lets time pass. */
  run(time: { readonly untilMs: number } | { readonly forMs: number }): this {
    this.#agenda.runUntil('untilMs' in time ? time.untilMs : this.now + time.forMs);
    return this;
  }

  /**
   * Lets time pass until the condition holds, and returns how many milliseconds that took; it is looked at every
   * `everyMs` (100). @throws Error with the seed when it does not hold in time
   */
  waitFor(
    what: string,
    holds: () => boolean,
    { withinMs, everyMs = 100 }: { withinMs: number; everyMs?: number },
  ): number {
    const start = this.now;
    while (!holds()) {
      if (this.now - start >= withinMs)
        throw new Error(`${what}: not within ${withinMs} ms (seed ${this.seed})`);
      this.#agenda.runUntil(this.now + everyMs);
    }
    return this.now - start;
  }

  /** How many things have happened: a measure of the work of a run. */
  get steps(): number {
    return this.#agenda.done;
  }

  // What goes wrong, and right again

  /** The ways from and to a station or NAT, or between two. */
  link(link: Partial<Link>, a?: string, b?: string): this {
    checkLink(link);
    if (a === undefined) this.#underlay.link = { ...this.#underlay.link, ...link };
    else this.#underlay.setLink(link, a, b);
    return this;
  }

  /** Nothing passes between the two in either direction; without `b`, between `a` and anyone. */
  partition(a: string, b?: string): this {
    this.#underlay.cut(a, b);
    if (b === undefined) this.#underlay.cut('*', a);
    else this.#underlay.cut(b, a);
    return this;
  }

  /** Nothing passes from `a` to `b`; the other way is open. */
  cut(a: string, b: string): this {
    this.#underlay.cut(a, b);
    return this;
  }

  /** Takes back a partition or a cut; without names, all of them. */
  heal(a?: string, b?: string): this {
    if (a === undefined) {
      this.#underlay.mendAll();
      return this;
    }
    this.#underlay.mend(a, b);
    this.#underlay.mend(b ?? '*', a);
    return this;
  }

  /** Power loss: the node is gone, and nobody is told. */
  kill(name: string): this {
    this.#net.station(name).kill();
    return this;
  }

  /** A new node in the place of the old one: with what that had stored, or another configuration, if given. */
  restart(
    name: string,
    { store, tunnel }: { store?: NodeSnapshot; tunnel?: Partial<TunnelConfig> } = {},
  ): this {
    const station = this.#net.station(name);
    station.kill();
    if (tunnel !== undefined) station.config = withTunnel(station.config, tunnel);
    station.start(store);
    return this;
  }

  /** What the node would store now, through JSON as a file would have it. */
  snapshot(name: string): NodeSnapshot {
    const station = this.#net.station(name);
    return JSON.parse(JSON.stringify(station.running.snapshot(station.now))) as NodeSnapshot;
  }

  /** The process stands still and hears nothing until `wake`. */
  sleep(name: string): this {
    this.#net.station(name).sleep();
    this.#sleepers.set(name, this.now);
    return this;
  }

  /** Goes on; the monotonic clock of its machine `ran` on meanwhile, or `stood`. */
  wake(name: string, clock: 'ran' | 'stood' = 'ran'): this {
    this.#net.station(name).wake(clock, this.now - (this.#sleepers.get(name) ?? this.now));
    this.#sleepers.delete(name);
    return this;
  }

  /** The station has another NBMA address now, and its node is told. */
  move(name: string, from: string, to: string): this {
    this.#net.station(name).move(from, to);
    return this;
  }

  /** The NAT forgets its mappings; `address` is a new one outside. */
  rebind(name: string, address?: string): this {
    const nat = this.#net.natOf(name);
    nat.forget();
    if (address === undefined) return this;
    nat.outer.detach(nat.address);
    nat.address = addressOf(address);
    nat.outer.attach(nat.address, nat);
    return this;
  }

  /** Tells the node to do something; the tunnel is the first where the command names none. */
  command(name: string, command: CommandInput): this {
    const station = this.#net.station(name);
    const tunnel = station.config.tunnels[0]?.name ?? '';
    const whole = command.kind === 'shutdown' ? command : { tunnel, ...command };
    station.act((node, now) => node.command(now, whole as NodeCommand));
    return this;
  }

  /** Puts a datagram into the network as if `sender`'s machine had made it; the source may be forged. */
  inject(
    sender: string,
    datagram: { carrier?: 'gre' | 'gre-udp'; from: Endpoint; to: Endpoint; bytes: Uint8Array },
  ): this {
    const station = this.#net.station(sender);
    this.#underlay.send(this.now, station, { carrier: 'gre', sender, ...datagram });
    return this;
  }

  /** A packet from a station or host to a group, with time to live 1 unless another is given. */
  multicast(from: string, group: string, ttl: number = GROUP_TTL): this {
    const stack = this.#net.stackOf(from);
    const destination = addressOf(group);
    const source = stack.sourceFor(destination);
    const envelope = { source, destination, protocol: IP_PROTOCOL.UDP, ttl };
    stack.send(ipPacket(envelope, new Uint8Array(16)));
    return this;
  }

  // How it stands

  has(name: string): boolean {
    return this.#net.has(name);
  }

  /** From a station or host; the clock runs until the answers are in or waited for in vain. */
  ping(from: string, to: string, options: PingOptions = {}): PingResult {
    const { stack, ip } = this.#ends(from, to, options.source);
    return ping({ agenda: this.#agenda, stack }, ip, options);
  }

  /** One probe for each hop. */
  traceroute(from: string, to: string, options: { readonly source?: string } = {}): Hop[] {
    const { stack, ip } = this.#ends(from, to, options.source);
    return traceroute({ agenda: this.#agenda, stack }, ip);
  }

  /** The stations that a packet from `from` would pass by now, itself first, as their tables say; nothing is sent. */
  path(from: string, to: string, tunnel?: string): string[] {
    const destination = addressOf(to);
    const names = [from];
    for (let at = this.#net.station(from); names.length <= MAX_HOPS; ) {
      const name = tunnel ?? at.config.tunnels[0]?.name ?? '';
      const found = at.running.lookup(name, destination, at.now);
      if (found.kind !== 'direct' && found.kind !== 'by-hub') return names;
      const next = this.#net.stationAt(at.realm, found.nbma);
      names.push(next?.name ?? String(found.nbma.address));
      if (next === null || next.node === null) return names;
      at = next;
    }
    return names;
  }

  /** Where a packet would go. */
  lookup(name: string, to: string, tunnel?: string): Lookup {
    const station = this.#net.station(name);
    const first = station.config.tunnels[0]?.name ?? '';
    return station.running.lookup(tunnel ?? first, addressOf(to), station.now);
  }

  /** What the node has told the application, from the beginning or of one type. */
  events(name: string): DmvpnEvent[];
  events<T extends DmvpnEvent['type']>(name: string, type: T): Extract<DmvpnEvent, { type: T }>[];
  events(name: string, type?: DmvpnEvent['type']): DmvpnEvent[] {
    const all = this.#net.station(name).events.map((e) => e.event);
    return type === undefined ? all : all.filter((e) => e.type === type);
  }

  /** All of them with their times: what a story that fails should be read by. */
  eventLog(name: string): readonly { readonly at: number; readonly event: DmvpnEvent }[] {
    return this.#net.station(name).events;
  }

  /** When events of that type were, milliseconds. */
  eventTimes(name: string, type: DmvpnEvent['type']): number[] {
    return this.#net
      .station(name)
      .events.filter((e) => e.event.type === type)
      .map((e) => e.at);
  }

  /** The cache of the first tunnel, or of the named one. */
  cache(name: string, kind?: CacheKind, tunnel?: string): CacheEntry[] {
    return query.cacheOf(query.tunnelOf(this.#net.station(name), tunnel), kind);
  }

  /** The cache as text: `dynamic 10.0.0.1 198.18.0.1`. */
  entries(name: string, tunnel?: string): string[] {
    return this.cache(name, undefined, tunnel).map(query.entryText);
  }

  /** `172.16.2.0/24 via 10.0.0.2`. */
  shortcuts(name: string, tunnel?: string): string[] {
    return query.shortcutsOf(query.tunnelOf(this.#net.station(name), tunnel));
  }

  /** Tunnel addresses that are registered with that hub. */
  registered(name: string, tunnel?: string): string[] {
    return query.registeredOf(query.tunnelOf(this.#net.station(name), tunnel));
  }

  /** Tunnel addresses of the next hop servers that are up for that spoke. */
  servers(name: string, tunnel?: string): string[] {
    return query.serversOf(query.tunnelOf(this.#net.station(name), tunnel));
  }

  /** Multicast packets that came to a station or host. */
  heard(name: string): readonly Heard[] {
    return this.#net.stackOf(name).heard;
  }

  stats(name: string): NodeStats {
    return this.#net.station(name).running.stats();
  }

  /** `closed` for a node that is down. */
  state(name: string): 'running' | 'closing' | 'closed' {
    return this.#net.station(name).node?.state ?? 'closed';
  }

  /** NHRP messages sent by that station, or by all that are up now, since they started. */
  messages(name?: string): query.MessageCount {
    return query.messagesOf(
      name === undefined ? this.#net.stations.values() : [this.#net.station(name)],
    );
  }

  /** What became of all datagrams so far. */
  network(): NetworkCount {
    const { sent, arrived, lost } = this.#underlay;
    return { sent, arrived, lost: Object.fromEntries(lost) };
  }

  /** Datagrams that the station has put into the network. */
  datagrams(name: string): number {
    return this.#net.station(name).sent;
  }

  /** Calls back for each datagram that the station sends, with the time. */
  tap(name: string, onDatagram: (datagram: SentDatagram) => void): this {
    this.#net.station(name).onTransmit = ({ path, bytes }) =>
      onDatagram({
        at: this.now,
        carrier: path.carrier,
        to: path.remote,
        bytes: bytes.slice(),
      });
    return this;
  }

  #ends(from: string, to: string, source?: string) {
    const stack = this.#net.stackOf(from);
    const destination = addressOf(to);
    const ip = {
      source: source === undefined ? stack.sourceFor(destination) : addressOf(source),
      destination,
    };
    return { stack, ip };
  }
}

/** A node's command; the tunnel is the node's first when it is left out. */
export type CommandInput = NodeCommand extends infer C
  ? C extends { tunnel: string }
    ? Omit<C, 'tunnel'> & { readonly tunnel?: string }
    : C
  : never;

function withTunnel(config: DmvpnConfig, over: Partial<TunnelConfig>): DmvpnConfig {
  const [first, ...others] = config.tunnels;
  return first === undefined ? config : { ...config, tunnels: [{ ...first, ...over }, ...others] };
}
