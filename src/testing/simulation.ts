/**
 * A network of real nodes under one virtual clock: NBMA network with its faults and NATs, nodes, and hosts behind
 * them. The same seed gives the same run, octet for octet. A script adds what there is, lets time pass, breaks things,
 * and asks how it stands; times are milliseconds, addresses are text.
 */
import type { CacheEntry, CacheKind } from '../cache/entry.js';
import type { DmvpnConfig, TunnelConfig } from '../dmvpn/config.js';
import type {
  Answer,
  DmvpnEnvironment,
  DmvpnEvent,
  Lookup,
  NodeCommand,
  Question,
} from '../dmvpn/output.js';
import type { NodeSnapshot } from '../dmvpn/snapshot.js';
import type { NodeStats } from '../dmvpn/stats.js';
import type { IpAddress } from '../wire/address.js';
import { ipPacket } from '../wire/ip-packet.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import type { Endpoint } from '../wire/path.js';
import { addressOf, interfaceOf } from './addresses.js';
import { Agenda } from './agenda.js';
import { Blueprint, type BlueprintOptions } from './blueprint.js';
import { Flow, type FlowCount, type FlowOptions, flowIdOf, flowPacket } from './flow.js';
import { checkLink, type Link } from './link.js';
import { Nat, type NatBehaviour, RFC4787_NAT } from './nat.js';
import { type Hop, type PingOptions, type PingResult, ping, traceroute } from './probes.js';
import * as query from './queries.js';
import { SeededRandom } from './random.js';
import type { Realm } from './realm.js';
import { type Heard, IpStack } from './stack.js';
import { Station, type World } from './station.js';
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

export interface StationOptions {
  /** The NAT that it is behind; none when not given. */
  readonly behind?: string;
  /** Own addresses on LANs, `172.16.1.1/24`; the node answers for the prefixes. */
  readonly lan?: readonly string[];
  /** Answers what the node asks; null leaves it waiting. Names of `name` are answered by the simulator when not given. */
  readonly answer?: (question: Question) => Answer | null;
}

const GROUP_TTL = 1;
const MAX_HOPS = 32;

export class Simulation {
  readonly seed: number | string;
  readonly blueprint: Blueprint;
  /** The NBMA network: counts of what was sent, arrived and was lost. */
  readonly underlay: Underlay;
  readonly #agenda = new Agenda();
  readonly #random: SeededRandom;
  readonly #world: World;
  readonly #dropEvents: boolean;
  readonly #stations = new Map<string, Station>();
  readonly #hosts = new Map<string, IpStack>();
  readonly #nats = new Map<string, Nat>();
  readonly #names = new Map<string, readonly string[]>();
  readonly #answers = new Map<string, (question: Question) => Answer | null>();
  readonly #flows: Flow[] = [];
  readonly #hubs: string[] = [];
  readonly #spokes: string[] = [];
  readonly #sleepers = new Map<string, number>();

  constructor(options: SimulationOptions = {}) {
    const { seed = 1, link = {}, dropEvents = true, crypto = null, mac } = options;
    this.seed = seed;
    this.blueprint = new Blueprint(options);
    this.#random = new SeededRandom(seed);
    this.#dropEvents = dropEvents;
    this.underlay = new Underlay(this.#agenda, this.#random.fork('underlay'));
    this.underlay.link = { ...this.underlay.link, ...checkLink(link) };
    this.#world = {
      agenda: this.#agenda,
      underlay: this.underlay,
      random: this.#random.fork('stations'),
      crypto,
      mac,
      answer: (station, question) => this.#answer(station, question),
      onFlow: (packet) => this.#countFlow(packet),
    };
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
    const { behind, lan = [], answer } = options;
    if (this.#stations.has(name)) throw new RangeError(`${name}: there is one already`);
    const realm = behind === undefined ? this.underlay.internet : this.#nat(behind).inside;
    const list = 'name' in tunnels ? [tunnels] : tunnels;
    const config = { tunnels: list.map((t) => withLans(t, lan)), dropEvents: this.#dropEvents };
    if (answer !== undefined) this.#answers.set(name, answer);
    this.#stations.set(name, new Station(name, config, this.#world, { realm, lan }));
    return this;
  }

  /** The next hub of the blueprint; `over` is what differs from it. */
  hub(name: string, over: Partial<TunnelConfig> = {}, options: StationOptions = {}): this {
    const k = this.#hubs.push(name);
    return this.node(name, { ...this.blueprint.hub(k), ...over }, options);
  }

  /** The next spoke of the blueprint, with its LAN; the hubs get a route there, as from a routing protocol. */
  spoke(name: string, over: Partial<TunnelConfig> = {}, options: StationOptions = {}): this {
    const n = this.#spokes.push(name);
    const lan = this.blueprint.lan(n);
    const hubs = this.#hubs.map((_, i) => i + 1);
    const tunnel = { ...this.blueprint.spoke(n, hubs), ...over };
    this.node(name, tunnel, { lan: lan === null ? [] : [lan], ...options });
    if (lan !== null) this.#announce(lan, interfaceOf(tunnel.address).address, name);
    if (this.blueprint.phase === 2) this.#announceOthers(name);
    return this;
  }

  /** A NAT; what it does is RFC 4787's advice where nothing else is said. It may be behind another one. */
  nat(
    name: string,
    { address, behind, ...over }: { address: string; behind?: string } & Partial<NatBehaviour>,
  ): this {
    const outer: Realm = behind === undefined ? this.underlay.internet : this.#nat(behind).inside;
    const random = this.#random.fork(`nat ${name}`);
    const behaviour = { ...RFC4787_NAT, ...over };
    const dropped = (why: string) => this.underlay.count(why);
    const nat = new Nat(name, addressOf(address), outer, behaviour, random, dropped);
    outer.attach(nat.address, nat);
    this.#nats.set(name, nat);
    return this;
  }

  /** A host on the LAN of a station. */
  host(name: string, { behind, address }: { behind: string; address: string }): this {
    const station = this.#station(behind);
    const stack: IpStack = new IpStack(
      [addressOf(address)],
      (packet) => station.forward(packet, stack),
      this.#world.onFlow,
      () => this.now,
    );
    station.hosts.push(stack);
    this.#hosts.set(name, stack);
    return this;
  }

  /** What a host name stands for, from now on; none = it does not resolve. */
  name(name: string, addresses: readonly string[]): this {
    this.#names.set(name, addresses);
    return this;
  }

  /** A stream of packets; `everyMs` apart. From a host or a station. */
  flow(from: string, to: string, options: FlowOptions): FlowCount & { stop(): void } {
    const { everyMs, octets = 64, afterMs, source } = options;
    const destination = addressOf(to);
    const stack = this.#stackOf(from);
    const ip = { source: source ? addressOf(source) : stack.sourceFor(destination), destination };
    const id = this.#flows.length;
    const flow = new Flow(id, ip.source, destination, everyMs, flowPacket(id, ip, octets));
    this.#flows.push(flow);
    const station = this.#hosts.has(from) ? this.#stationOfHost(stack) : this.#station(from);
    const beat = (): void => {
      if (flow.isStopped) return;
      flow.sent++;
      station.originate(flow.packet);
      this.#agenda.after(flow.everyMs, beat);
    };
    const first = afterMs ?? this.#random.fork(`flow ${id}`).fraction() * everyMs;
    this.#agenda.after(first, beat);
    return flow;
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
    if (a === undefined) this.underlay.link = { ...this.underlay.link, ...link };
    else this.underlay.setLink(link, a, b);
    return this;
  }

  /** Nothing passes between the two in either direction; without `b`, between `a` and anyone. */
  partition(a: string, b?: string): this {
    this.underlay.cut(a, b);
    if (b === undefined) this.underlay.cut('*', a);
    else this.underlay.cut(b, a);
    return this;
  }

  /** Nothing passes from `a` to `b`; the other way is open. */
  cut(a: string, b: string): this {
    this.underlay.cut(a, b);
    return this;
  }

  /** Takes back a partition or a cut; without names, all of them. */
  heal(a?: string, b?: string): this {
    if (a === undefined) {
      this.underlay.mendAll();
      return this;
    }
    this.underlay.mend(a, b);
    this.underlay.mend(b ?? '*', a);
    return this;
  }

  /** Power loss: the node is gone, and nobody is told. */
  kill(name: string): this {
    this.#station(name).kill();
    return this;
  }

  /** A new node in the place of the old one: with what that had stored, or another configuration, if given. */
  restart(
    name: string,
    { store, tunnel }: { store?: NodeSnapshot; tunnel?: Partial<TunnelConfig> } = {},
  ): this {
    const station = this.#station(name);
    station.kill();
    if (tunnel !== undefined) station.config = withTunnel(station.config, tunnel);
    station.start(store);
    return this;
  }

  /** What the node would store now, through JSON as a file would have it. */
  snapshot(name: string): NodeSnapshot {
    const station = this.#station(name);
    return JSON.parse(JSON.stringify(station.running.snapshot(station.now))) as NodeSnapshot;
  }

  /** The process stands still and hears nothing until `wake`. */
  sleep(name: string): this {
    this.#station(name).sleep();
    this.#sleepers.set(name, this.now);
    return this;
  }

  /** Goes on; the monotonic clock of its machine `ran` on meanwhile, or `stood`. */
  wake(name: string, clock: 'ran' | 'stood' = 'ran'): this {
    this.#station(name).wake(clock, this.now - (this.#sleepers.get(name) ?? this.now));
    this.#sleepers.delete(name);
    return this;
  }

  /** The station has another NBMA address now, and its node is told. */
  move(name: string, from: string, to: string): this {
    this.#station(name).move(from, to);
    return this;
  }

  /** The NAT forgets its mappings; `address` is a new one outside. */
  rebind(name: string, address?: string): this {
    const nat = this.#nat(name);
    nat.forget();
    if (address === undefined) return this;
    nat.outer.detach(nat.address);
    nat.address = addressOf(address);
    nat.outer.attach(nat.address, nat);
    return this;
  }

  /** Tells the node to do something; the tunnel is the first where the command names none. */
  command(name: string, command: CommandInput): this {
    const station = this.#station(name);
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
    const station = this.#station(sender);
    this.underlay.send(this.now, station, { carrier: 'gre', sender, ...datagram });
    return this;
  }

  /** A packet from a station or host to a group. */
  multicast(from: string, group: string): this {
    const stack = this.#stackOf(from);
    const destination = addressOf(group);
    const source = stack.sourceFor(destination);
    const envelope = { source, destination, protocol: IP_PROTOCOL.UDP, ttl: GROUP_TTL };
    stack.send(ipPacket(envelope, new Uint8Array(16)));
    return this;
  }

  // How it stands

  has(name: string): boolean {
    return this.#stations.has(name) || this.#hosts.has(name) || this.#nats.has(name);
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
    for (let at = this.#station(from); names.length <= MAX_HOPS; ) {
      const name = tunnel ?? at.config.tunnels[0]?.name ?? '';
      const found = at.running.lookup(name, destination, at.now);
      if (found.kind !== 'direct' && found.kind !== 'by-hub') return names;
      const next = this.#stationAt(at.realm, found.nbma);
      names.push(next?.name ?? String(found.nbma.address));
      if (next === null || next.node === null) return names;
      at = next;
    }
    return names;
  }

  /** Where a packet would go. */
  lookup(name: string, to: string, tunnel?: string): Lookup {
    const station = this.#station(name);
    const first = station.config.tunnels[0]?.name ?? '';
    return station.running.lookup(tunnel ?? first, addressOf(to), station.now);
  }

  /** What the node has told the application, from the beginning or of one type. */
  events(name: string): DmvpnEvent[];
  events<T extends DmvpnEvent['type']>(name: string, type: T): Extract<DmvpnEvent, { type: T }>[];
  events(name: string, type?: DmvpnEvent['type']): DmvpnEvent[] {
    const all = this.#station(name).events.map((e) => e.event);
    return type === undefined ? all : all.filter((e) => e.type === type);
  }

  /** When events of that type were, milliseconds. */
  eventTimes(name: string, type: DmvpnEvent['type']): number[] {
    return this.#station(name)
      .events.filter((e) => e.event.type === type)
      .map((e) => e.at);
  }

  /** The cache of the first tunnel, or of the named one. */
  cache(name: string, kind?: CacheKind, tunnel?: string): CacheEntry[] {
    return query.cacheOf(query.tunnelOf(this.#station(name), tunnel), kind);
  }

  /** The cache as text: `dynamic 10.0.0.1 198.18.0.1`. */
  entries(name: string, tunnel?: string): string[] {
    return this.cache(name, undefined, tunnel).map(query.entryText);
  }

  /** `172.16.2.0/24 via 10.0.0.2`. */
  shortcuts(name: string, tunnel?: string): string[] {
    return query.shortcutsOf(query.tunnelOf(this.#station(name), tunnel));
  }

  /** Tunnel addresses that are registered with that hub. */
  registered(name: string, tunnel?: string): string[] {
    return query.registeredOf(query.tunnelOf(this.#station(name), tunnel));
  }

  /** Tunnel addresses of the next hop servers that are up for that spoke. */
  servers(name: string, tunnel?: string): string[] {
    return query.serversOf(query.tunnelOf(this.#station(name), tunnel));
  }

  /** Multicast packets that came to a station or host. */
  heard(name: string): readonly Heard[] {
    return this.#stackOf(name).heard;
  }

  stats(name: string): NodeStats {
    return this.#station(name).running.stats();
  }

  /** `closed` for a node that is down. */
  state(name: string): 'running' | 'closing' | 'closed' {
    return this.#station(name).node?.state ?? 'closed';
  }

  /** NHRP messages sent by that station, or by all that are up now, since they started. */
  messages(name?: string): query.MessageCount {
    return query.messagesOf(name === undefined ? this.#stations.values() : [this.#station(name)]);
  }

  /** Datagrams that the station has put into the network. */
  datagrams(name: string): number {
    return this.#station(name).sent;
  }

  /** Calls back for each datagram that the station sends, with the time. */
  tap(
    name: string,
    onDatagram: (datagram: { at: number; to: Endpoint; bytes: Uint8Array }) => void,
  ): this {
    this.#station(name).onTransmit = ({ path, bytes }) =>
      onDatagram({ at: this.now, to: path.remote, bytes: bytes.slice() });
    return this;
  }

  #announce(lan: string, via: IpAddress, spoke: string): void {
    const prefix = lanPrefix(lan);
    const route = { prefix, via: String(via) };
    for (const hub of this.#hubs) this.#addRoute(this.#station(hub), route);
    if (this.blueprint.phase !== 2) return;
    for (const other of this.#spokes)
      if (other !== spoke) this.#addRoute(this.#station(other), route);
  }

  /** Phase 2: the new spoke learns the LANs of those before it. */
  #announceOthers(spoke: string): void {
    const station = this.#station(spoke);
    for (const [i, other] of this.#spokes.entries()) {
      const lan = this.blueprint.lan(i + 1);
      if (other !== spoke && lan !== null)
        this.#addRoute(station, {
          prefix: lanPrefix(lan),
          via: this.blueprint.spokeAddress(i + 1),
        });
    }
  }

  #addRoute(station: Station, route: { prefix: string; via: string }): void {
    const [first, ...others] = station.config.tunnels;
    if (first === undefined) return;
    const tunnel = { ...first, routes: [...(first.routes ?? []), route] };
    station.config = { ...station.config, tunnels: [tunnel, ...others] };
    station.act((node, now) =>
      node.command(now, { kind: 'addRoute', tunnel: first.name, ...route }),
    );
  }

  #answer(station: Station, question: Question): Answer | null {
    const own = this.#answers.get(station.name);
    if (own !== undefined) return own(question);
    if (question.kind === 'authorize-registration') return { kind: 'accept' };
    const addresses = this.#names.get(question.name) ?? [];
    return { kind: 'addresses', addresses: addresses.map(addressOf) };
  }

  #countFlow(packet: Uint8Array): void {
    const flow = this.#flows[flowIdOf(packet)];
    if (flow !== undefined) flow.received++;
  }

  #ends(from: string, to: string, source?: string) {
    const stack = this.#stackOf(from);
    const destination = addressOf(to);
    const ip = {
      source: source === undefined ? stack.sourceFor(destination) : addressOf(source),
      destination,
    };
    return { stack, ip };
  }

  #station(name: string): Station {
    const station = this.#stations.get(name);
    if (station === undefined) throw new RangeError(`there is no station '${name}'`);
    return station;
  }

  #nat(name: string): Nat {
    const nat = this.#nats.get(name);
    if (nat === undefined) throw new RangeError(`there is no NAT '${name}'`);
    return nat;
  }

  #stackOf(name: string): IpStack {
    return this.#hosts.get(name) ?? this.#station(name).stack;
  }

  #stationOfHost(stack: IpStack): Station {
    for (const station of this.#stations.values())
      if (station.hosts.includes(stack)) return station;
    throw new Error('bug: a host without a station');
  }

  #stationAt(from: Realm, nbma: Endpoint): Station | null {
    let found = from.find(nbma.address);
    for (let realm = from; found === undefined && realm.uplink !== null; ) {
      realm = realm.uplink.outer;
      found = realm.find(nbma.address);
    }
    while (found instanceof Nat) found = found.behind(nbma);
    return found instanceof Station ? found : null;
  }
}

/** A node's command; the tunnel is the node's first when it is left out. */
export type CommandInput = NodeCommand extends infer C
  ? C extends { tunnel: string }
    ? Omit<C, 'tunnel'> & { readonly tunnel?: string }
    : C
  : never;

const lanPrefix = (lan: string): string => {
  const { prefix } = interfaceOf(lan);
  return `${prefix.address}/${prefix.length}`;
};

/** The tunnel answers for the LANs of its family. */
function withLans(tunnel: TunnelConfig, lans: readonly string[]): TunnelConfig {
  const { family } = interfaceOf(tunnel.address).address;
  const routes = lans
    .filter((lan) => interfaceOf(lan).address.family === family)
    .map((lan) => ({ prefix: lanPrefix(lan), via: null }));
  return { ...tunnel, routes: [...(tunnel.routes ?? []), ...routes] };
}

function withTunnel(config: DmvpnConfig, over: Partial<TunnelConfig>): DmvpnConfig {
  const [first, ...others] = config.tunnels;
  return first === undefined ? config : { ...config, tunnels: [{ ...first, ...over }, ...others] };
}
