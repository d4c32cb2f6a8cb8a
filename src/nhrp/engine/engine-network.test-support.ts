/** A network of engines under a virtual clock, for the engine's own tests: every packet takes a millisecond. */
import {
  type IpAddress,
  type IpPrefix,
  parseAddress,
  parsePrefix,
  writeAddress,
} from '../../wire/address.js';
import { toHex, writeU8, writeU16 } from '../../wire/bytes.js';
import type { Endpoint } from '../../wire/path.js';
import type {
  Answer,
  EngineCommand,
  EngineConfig,
  EngineLimits,
  NhrpEvent,
  Question,
} from './api.js';
import { NhrpEngine } from './engine.js';
import type { EngineSnapshot } from './snapshot.js';

export const address = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`bug: ${text}`);
  return parsed;
};

export const prefix = (text: string): IpPrefix => {
  const parsed = parsePrefix(text);
  if (parsed === null) throw new Error(`bug: ${text}`);
  return parsed;
};

export const LIMITS: EngineLimits = {
  maxEntries: 10_000,
  maxEntriesPerPeer: 64,
  maxPendingResolutions: 256,
  maxPendingAuthorizations: 16,
  maxRedirectPairs: 4_096,
  maxShortcuts: 1_024,
  maxQueuedEvents: 1_024,
  maxQueuedSends: 4_096,
  errorsPerSecond: 100,
  errorsPerSourcePerSecond: 1,
  maxSend: null,
};

export interface Station {
  readonly address: string;
  readonly nbma: string;
  readonly nhs?: boolean | readonly EngineConfig['nhs'][number][];
  readonly lan?: string;
  readonly password?: string | null;
  readonly unique?: boolean;
  readonly more?: Partial<EngineConfig>;
}

interface Flight {
  readonly at: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

export const HUB = { address: '10.0.0.100', nbma: '192.168.0.2' };

export class Network {
  now = 0;
  /** What was sent, a line each. */
  readonly trace: string[] = [];
  readonly #configs = new Map<string, EngineConfig>();
  readonly #engines = new Map<string, NhrpEngine>();
  readonly #events = new Map<string, NhrpEvent[]>();
  readonly #questions = new Map<string, { id: number; question: Question }[]>();
  readonly #targets = new Map<string, (readonly string[])[]>();
  readonly #wakeAt = new Map<string, number | null>();
  readonly #cut = new Set<string>();
  #flights: Flight[] = [];
  #seed = 1;

  add(name: string, station: Station): void {
    this.#configs.set(name, configOf(name, station));
    this.restart(name);
  }

  restart(name: string, saved?: EngineSnapshot): void {
    const config = this.#configs.get(name);
    if (config === undefined) throw new Error(`bug: no ${name}`);
    const environment = { now: this.now, random: (n: number) => this.#random(n), mac: null };
    this.#engines.set(name, new NhrpEngine(config, environment, saved));
    this.#drain(name);
  }

  engine(name: string): NhrpEngine {
    const engine = this.#engines.get(name);
    if (engine === undefined) throw new Error(`bug: no ${name}`);
    return engine;
  }

  eventsOf(name: string): readonly NhrpEvent[] {
    return this.#events.get(name) ?? [];
  }

  questionsOf(name: string): readonly { id: number; question: Question }[] {
    return this.#questions.get(name) ?? [];
  }

  /** The lists of multicast targets that it has put out, NBMA addresses as text. */
  targetsOf(name: string): readonly (readonly string[])[] {
    return this.#targets.get(name) ?? [];
  }

  answer(name: string, id: number, answer: Answer): void {
    this.engine(name).handleAnswer(this.now, id, answer);
    this.#drain(name);
  }

  command(name: string, command: EngineCommand): void {
    this.engine(name).command(this.now, command);
    this.#drain(name);
  }

  /** Nothing reaches it or leaves it any more. */
  cut(name: string): void {
    this.#cut.add(name);
  }

  mend(name: string): void {
    this.#cut.delete(name);
  }

  /** A data packet that `at` forwards for `from`. */
  forwarded(at: string, from: string, source: string, destination: string): void {
    const nbma = this.#configs.get(from)?.nbmaAddress;
    if (nbma === undefined) throw new Error(`bug: no ${from}`);
    this.engine(at).handleForwarded(this.now, ipv4Packet(source, destination), {
      address: nbma,
      port: 0,
    });
    this.#drain(at);
  }

  miss(at: string, nextHop: string): void {
    this.engine(at).handleMiss(this.now, address(nextHop));
    this.#drain(at);
  }

  /** Puts octets on the wire as if `from` had sent them. */
  inject(from: string, to: string, bytes: Uint8Array): void {
    this.#flights.push({
      at: this.now + 1,
      from: { address: address(from), port: 0 },
      to: { address: address(to), port: 0 },
      bytes,
    });
  }

  run(forMs: number): void {
    const until = this.now + forMs;
    for (const name of this.#engines.keys()) this.#drain(name);
    for (;;) {
      const at = this.#nextAt();
      if (at === null || at > until) break;
      this.now = Math.max(this.now, at);
      this.#deliver();
      for (const [name, wake] of [...this.#wakeAt]) {
        if (wake === null || wake > this.now) continue;
        this.engine(name).handleTimeout(this.now);
        this.#drain(name);
      }
    }
    this.now = until;
  }

  #nextAt(): number | null {
    const times = [...this.#wakeAt.values(), ...this.#flights.map((f) => f.at)].filter(
      (t) => t !== null,
    );
    return times.length === 0 ? null : Math.min(...times);
  }

  #deliver(): void {
    const due = this.#flights.filter((f) => f.at <= this.now);
    this.#flights = this.#flights.filter((f) => f.at > this.now);
    for (const { from, to, bytes } of due) {
      for (const [name, config] of this.#configs) {
        if (!config.nbmaAddress.equals(to.address) || this.#cut.has(name)) continue;
        this.engine(name).handleMessage(this.now, { local: to, remote: from }, bytes);
        this.#drain(name);
      }
    }
  }

  #drain(name: string): void {
    const engine = this.engine(name);
    const config = this.#configs.get(name);
    for (;;) {
      const output = engine.pollOutput();
      if (output.kind === 'timeout') {
        this.#wakeAt.set(name, output.at);
        return;
      }
      if (output.kind === 'event') listIn(this.#events, name).push(output.event);
      if (output.kind === 'multicast')
        listIn(this.#targets, name).push(output.targets.map((nbma) => String(nbma.address)));
      if (output.kind === 'ask')
        listIn(this.#questions, name).push({ id: output.id, question: output.question });
      if (output.kind !== 'send' || this.#cut.has(name) || config === undefined) continue;
      this.trace.push(`${this.now} ${name} > ${output.to.address} ${toHex(output.bytes)}`);
      const from = { address: config.nbmaAddress, port: 0 };
      this.#flights.push({ at: this.now + 1, from, to: output.to, bytes: output.bytes.slice() });
    }
  }

  #random(octets: number): Uint8Array {
    return Uint8Array.from({ length: octets }, () => {
      this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) >>> 0;
      return this.#seed >>> 16;
    });
  }
}

/** The blueprint: hub 10.0.0.100, spokes 10.0.0.1 and 10.0.0.2, LANs 172.16.n.0/24. */
export function blueprint(more: Partial<EngineConfig> = {}): Network {
  const net = new Network();
  net.add('hub', {
    ...HUB,
    lan: '172.16.0.0/24',
    more: { ...more, redirect: true, multicast: ['dynamic'] },
  });
  for (const n of [1, 2]) {
    net.add(`s${n}`, {
      address: `10.0.0.${n}`,
      nbma: `192.168.${n}.2`,
      nhs: true,
      lan: `172.16.${n}.0/24`,
      more: { ...more, shortcut: true, authorize: false },
    });
    route(net, 'hub', `172.16.${n}.0/24`, `10.0.0.${n}`);
    for (const to of ['10.0.0.0/24', '172.16.0.0/16']) {
      if (to === '10.0.0.0/24' && (more.prefixLength ?? 32) < 32) continue;
      route(net, `s${n}`, to, '10.0.0.100');
    }
  }
  return net;
}

function route(net: Network, name: string, to: string, via: string): void {
  const change = { action: 'add', prefix: prefix(to), via: address(via), kind: 'static' } as const;
  net.engine(name).handleRoutes(net.now, [change]);
}

function configOf(name: string, station: Station): EngineConfig {
  const password = station.password === undefined ? 'test123' : station.password;
  const hub = {
    protocolAddress: address(HUB.address),
    nbma: address(HUB.nbma),
    priority: 0,
    cluster: 0,
  };
  const octets = password === null ? null : Uint8Array.from(password, (c) => c.charCodeAt(0));
  return {
    tunnel: name,
    networkId: 1,
    address: address(station.address),
    prefixLength: 32,
    alsoRegister: [],
    localPrefixes: station.lan === undefined ? [] : [prefix(station.lan)],
    nbmaAddress: address(station.nbma),
    defaultPort: 0,
    holdingTimeSeconds: 300,
    registrationIntervalSeconds: null,
    unique: station.unique ?? true,
    minPrefixLength: 8,
    authentication: octets === null ? null : { kind: 'cisco', passwords: [octets] },
    authenticationFailure: 'error',
    authenticateErrors: false,
    mtu: 1_400,
    hopCount: 255,
    redirect: false,
    shortcut: false,
    useCount: 1,
    interest: null,
    record: true,
    answerFromRegistrations: false,
    takeover: 'refuse',
    authorize: false,
    nhs: station.nhs === true ? [hub] : station.nhs ? [...station.nhs] : [],
    maxNhsConnections: null,
    nhsFallbackSeconds: 0,
    maps: [],
    multicast: [],
    protected: false,
    group: null,
    lenientOddChecksum: false,
    ciscoPurgeId: false,
    limits: LIMITS,
    ...station.more,
  };
}

function ipv4Packet(source: string, destination: string): Uint8Array {
  const packet = new Uint8Array(84);
  writeU8(packet, 0, 0x45);
  writeU16(packet, 2, packet.length);
  writeU8(packet, 8, 63);
  writeU8(packet, 9, 1);
  writeAddress(address(source), packet, 12);
  writeAddress(address(destination), packet, 16);
  return packet;
}

function listIn<T>(map: Map<string, T[]>, key: string): T[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}
