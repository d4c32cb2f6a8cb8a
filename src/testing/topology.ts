/** What there is in a simulated network: stations, hosts, NATs, names and flows, and how they are found. */
import type { TunnelConfig } from '../dmvpn/config.js';
import type { Answer, Question } from '../dmvpn/output.js';
import type { IpAddress } from '../wire/address.js';
import type { Endpoint } from '../wire/path.js';
import { addressesOf, addressOf, interfaceOf } from './addresses.js';
import type { Blueprint } from './blueprint.js';
import { Flow, type FlowOptions, flowIdOf, flowPacket } from './flow.js';
import { Nat, type NatBehaviour, RFC4787_NAT } from './nat.js';
import type { Realm } from './realm.js';
import { IpStack } from './stack.js';
import { Station, type World } from './station.js';

export interface StationOptions {
  /** The NAT that it is behind; none when not given. */
  readonly behind?: string;
  /** Own addresses on LANs, `172.16.1.1/24`; the node answers for the prefixes. */
  readonly lan?: readonly string[];
  /** Answers what the node asks; null leaves it waiting. When not given, names are those of `name`, and all may register. */
  readonly answer?: (question: Question) => Answer | null;
}

/** Where it is, and what differs from RFC 4787's advice. */
export interface NatOptions extends Partial<NatBehaviour> {
  /** Outside. */
  readonly address: string;
  /** The NAT that it is behind itself; none when not given. */
  readonly behind?: string;
}

export class Topology {
  readonly stations: Map<string, Station> = new Map();
  readonly #world: World;
  readonly #hosts = new Map<string, { readonly stack: IpStack; readonly station: Station }>();
  readonly #nats = new Map<string, Nat>();
  readonly #names = new Map<string, readonly string[]>();
  readonly #answers = new Map<string, (question: Question) => Answer | null>();
  readonly #flows: Flow[] = [];
  readonly #hubs: string[] = [];
  readonly #spokes: string[] = [];

  /** @param surroundings - What stations need besides what is answered and counted here. */
  constructor(
    surroundings: Omit<World, 'answer' | 'onFlow'>,
    readonly blueprint: Blueprint,
    readonly dropEvents: boolean,
  ) {
    this.#world = {
      ...surroundings,
      answer: (station, question) => this.#answer(station, question),
      onFlow: (packet) => this.#countFlow(packet),
    };
  }

  node(
    name: string,
    tunnels: TunnelConfig | readonly TunnelConfig[],
    options: StationOptions = {},
  ): void {
    const { behind, lan = [], answer } = options;
    if (this.stations.has(name)) throw new RangeError(`${name}: there is one already`);
    const realm = behind === undefined ? this.#world.underlay.internet : this.natOf(behind).inside;
    const list = 'name' in tunnels ? [tunnels] : tunnels;
    const config = { tunnels: list.map((t) => withLans(t, lan)), dropEvents: this.dropEvents };
    if (answer !== undefined) this.#answers.set(name, answer);
    this.stations.set(name, new Station(name, config, this.#world, { realm, lan }));
  }

  hub(name: string, over: Partial<TunnelConfig> = {}, options: StationOptions = {}): void {
    const k = this.#hubs.push(name);
    this.node(name, { ...this.blueprint.hub(k), ...over }, options);
  }

  spoke(name: string, over: Partial<TunnelConfig> = {}, options: StationOptions = {}): void {
    const n = this.#spokes.push(name);
    const lan = this.blueprint.lan(n);
    const hubs = this.#hubs.map((_, i) => i + 1);
    const tunnel = { ...this.blueprint.spoke(n, hubs), ...over };
    this.node(name, tunnel, { lan: lan === null ? [] : [lan], ...options });
    if (lan !== null) this.#announce(lan, interfaceOf(tunnel.address).address, name);
    if (this.blueprint.phase === 2) this.#announceOthers(name);
  }

  nat(name: string, { address, behind, ...over }: NatOptions): void {
    const outer: Realm =
      behind === undefined ? this.#world.underlay.internet : this.natOf(behind).inside;
    const random = this.#world.random.fork(`nat ${name}`);
    const behaviour = { ...RFC4787_NAT, ...over };
    const dropped = (why: string) => this.#world.underlay.count(why);
    const nat = new Nat(name, addressOf(address), outer, behaviour, random, dropped);
    outer.attach(nat.address, nat);
    this.#nats.set(name, nat);
  }

  host(name: string, { behind, address }: { behind: string; address: string }): void {
    const station = this.station(behind);
    const stack: IpStack = new IpStack(
      [addressOf(address)],
      (packet) => station.forward(packet, stack),
      this.#world.onFlow,
      () => this.#world.agenda.now,
    );
    station.hosts.push(stack);
    this.#hosts.set(name, { stack, station });
  }

  name(name: string, addresses: readonly string[]): void {
    this.#names.set(name, addresses);
  }

  flow(from: string, to: string, options: FlowOptions): Flow {
    const { everyMs, octets = 64, afterMs, source } = options;
    const destination = addressOf(to);
    const stack = this.stackOf(from);
    const ip = { source: source ? addressOf(source) : stack.sourceFor(destination), destination };
    const id = this.#flows.length;
    const flow = new Flow(id, ip.source, destination, everyMs, flowPacket(id, ip, octets));
    this.#flows.push(flow);
    const station = this.#hosts.get(from)?.station ?? this.station(from);
    const beat = (): void => {
      if (flow.isStopped) return;
      flow.sent++;
      station.originate(flow.packet);
      this.#world.agenda.after(flow.everyMs, beat);
    };
    const first = afterMs ?? this.#world.random.fork(`flow ${id}`).fraction() * everyMs;
    this.#world.agenda.after(first, beat);
    return flow;
  }

  has(name: string): boolean {
    return this.stations.has(name) || this.#hosts.has(name) || this.#nats.has(name);
  }

  /** @throws RangeError when there is none. */
  station(name: string): Station {
    const station = this.stations.get(name);
    if (station === undefined) throw new RangeError(`there is no station '${name}'`);
    return station;
  }

  /** @throws RangeError when there is none. */
  natOf(name: string): Nat {
    const nat = this.#nats.get(name);
    if (nat === undefined) throw new RangeError(`there is no NAT '${name}'`);
    return nat;
  }

  /** Of a station or a host. @throws RangeError when there is none. */
  stackOf(name: string): IpStack {
    return this.#hosts.get(name)?.stack ?? this.station(name).stack;
  }

  /** Who is reached at that endpoint, from there. */
  stationAt(from: Realm, nbma: Endpoint): Station | null {
    let found = from.find(nbma.address);
    for (let realm = from; found === undefined && realm.uplink !== null; ) {
      realm = realm.uplink.outer;
      found = realm.find(nbma.address);
    }
    while (found instanceof Nat) found = found.behind(nbma);
    return found instanceof Station ? found : null;
  }

  #announce(lan: string, via: IpAddress, spoke: string): void {
    const prefix = lanPrefix(lan);
    const route = { prefix, via: String(via) };
    for (const hub of this.#hubs) this.#addRoute(this.station(hub), route);
    if (this.blueprint.phase !== 2) return;
    for (const other of this.#spokes)
      if (other !== spoke) this.#addRoute(this.station(other), route);
  }

  /** Phase 2: the new spoke learns the LANs of those before it. */
  #announceOthers(spoke: string): void {
    const station = this.station(spoke);
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
}

const lanPrefix = (lan: string): string => {
  const { prefix } = interfaceOf(lan);
  return `${prefix.address}/${prefix.length}`;
};

/** The tunnel answers for the LANs of its families. */
function withLans(tunnel: TunnelConfig, lans: readonly string[]): TunnelConfig {
  const families = addressesOf(tunnel).map(({ family }) => family);
  const routes = lans
    .filter((lan) => families.includes(interfaceOf(lan).address.family))
    .map((lan) => ({ prefix: lanPrefix(lan), via: null }));
  return { ...tunnel, routes: [...(tunnel.routes ?? []), ...routes] };
}
