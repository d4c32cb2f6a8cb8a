/**
 * All next hop servers of the tunnel, and which of them are registered with: Cisco's backup model, with FRR's
 * priorities as the case of one cluster and no maximum.
 *
 * In each cluster the best that promise to answer are wanted: all of the best priority, or as many as
 * `maxNhsConnections`. Better ones that are down go on being probed. A worse one is let go when enough better ones
 * are up, after the fallback delay.
 */
import { addressKey, type IpAddress } from '../../wire/address.js';
import { type Endpoint, endpointEquals } from '../../wire/path.js';
import type { CieMessage } from '../codec/message.js';
import type { Answer, NhsConfig } from './api.js';
import type { EngineContext } from './context.js';
import { isUsableNbma } from './messages.js';
import type { Questions } from './questions.js';
import { type NhsState, Registration } from './registration.js';
import type { Timer } from './timers.js';

const RESOLVE_AGAIN_MS = 2 * 3_600_000;
const RESOLVE_RETRY_MS = 5_000;
const RESOLVE_WAIT_MS = 30_000;
/** Addresses of one name that are registered with. */
const MAX_ADDRESSES = 16;

/** A configured server: one registration for each of its NBMA addresses. */
interface Server {
  readonly config: NhsConfig;
  readonly registrations: Map<number | string, Registration>;
  timer: Timer | null;
  asking: boolean;
}

export class NhsSet {
  readonly #servers: readonly Server[];
  /** Worse servers that are let go once their time has come. */
  readonly #fallbacks = new Map<Registration, Timer>();
  #stopped = false;

  constructor(
    readonly context: EngineContext,
    readonly questions: Questions,
  ) {
    this.#servers = context.config.nhs.map((config) => ({
      config,
      registrations: new Map(),
      timer: null,
      asking: false,
    }));
  }

  start(now: number): void {
    for (const server of this.#servers) {
      const { nbma } = server.config;
      if (typeof nbma === 'string') this.#resolve(now, server, nbma);
      else this.#use(now, server, [nbma]);
    }
    this.select(now);
  }

  *registrations(): IterableIterator<Registration> {
    for (const server of this.#servers) yield* server.registrations.values();
  }

  /** The best server that is up: where packets go whose next hop is not known. */
  best(): Registration | null {
    let best: Registration | null = null;
    for (const one of this.registrations()) {
      if (one.state === 'up' && (best === null || one.nhs.priority < best.nhs.priority)) best = one;
    }
    return best;
  }

  /** The server at that NBMA endpoint, if it is one that we use. */
  at(nbma: Endpoint): Registration | null {
    for (const one of this.registrations()) {
      if (one.state !== 'down' && endpointEquals(one.nbma, nbma)) return one;
    }
    return null;
  }

  /**
   * Our endpoint as the outside sees it, when a NAT changes it. Two servers that see the same one show that the
   * mapping does not depend on whom we send to.
   */
  outside(): { readonly nbma: Endpoint; readonly independent: boolean } | null {
    const seen: Endpoint[] = [];
    for (const one of this.registrations()) if (one.outside !== null) seen.push(one.outside);
    const [nbma] = seen;
    if (nbma === undefined) return null;
    const independent = seen.length > 1 && seen.every((other) => endpointEquals(other, nbma));
    return { nbma, independent };
  }

  /** Finds the registration that a reply answers; false when nobody asked. */
  handleReply(now: number, message: CieMessage): boolean {
    for (const one of this.registrations()) {
      if (!one.isFor(message.requestId)) continue;
      one.handleReply(now, message);
      return true;
    }
    return false;
  }

  /** Error 11 from the server about the registration with this id. */
  handleAuthenticationError(now: number, requestId: number, from: Endpoint): void {
    for (const one of this.registrations())
      if (one.isFor(requestId) && endpointEquals(one.nbma, from))
        one.handleAuthenticationError(now);
  }

  reregister(now: number): void {
    for (const one of this.registrations()) one.register(now);
  }

  peerUp(now: number, nbma: Endpoint): void {
    for (const one of this.registrations()) one.peerUp(now, nbma);
  }

  peerDown(now: number, nbma: Endpoint): void {
    for (const one of this.registrations()) one.peerDown(now, nbma);
    this.select(now);
    for (const one of this.registrations()) one.takeOver(now);
  }

  /** Deregisters everywhere; the number of Purge Requests that went out. */
  purge(now: number, asked = false): number {
    let sent = 0;
    for (const one of this.registrations()) if (one.purge(now, asked)) sent++;
    return sent;
  }

  /** Whether a Purge Reply answers a purge of ours. */
  handlePurgeReply(requestId: number): boolean {
    return [...this.registrations()].some((one) => one.wasPurged(requestId));
  }

  stop(now: number): void {
    this.#stopped = true;
    for (const timer of this.#fallbacks.values()) timer.cancel();
    for (const server of this.#servers) server.timer?.cancel();
    for (const one of this.registrations()) one.stop(now, 'shutdown');
  }

  states(): readonly { readonly registration: Registration; readonly state: NhsState }[] {
    return [...this.registrations()].map((registration) => ({
      registration,
      state: registration.state,
    }));
  }

  /** Starts what is wanted and lets go what is not, cluster by cluster. */
  select(now: number): void {
    if (this.#stopped) return;
    for (const cluster of new Set(this.#servers.map((s) => s.config.cluster)))
      this.#selectIn(now, cluster);
  }

  #selectIn(now: number, cluster: number): void {
    const all = [...this.registrations()].filter((one) => one.nhs.cluster === cluster);
    all.sort((a, b) => a.nhs.priority - b.nhs.priority);
    const wanted = this.#wantedOf(all);
    for (const one of all) {
      if (wanted.includes(one) || this.#isProbed(one, wanted)) one.start(now);
      else if (!this.#waitsForFallback(now, one, wanted)) one.stop(now, 'replaced');
    }
  }

  /** Whoever would be wanted if it answered: everyone while there is room, else those that are better. */
  #isProbed(one: Registration, wanted: readonly Registration[]): boolean {
    const max = this.context.config.maxNhsConnections;
    const worst = wanted.at(-1)?.nhs.priority;
    if (worst === undefined) return true;
    if (max === null) return one.nhs.priority <= worst;
    return one.nhs.priority < worst || (wanted.length < max && !one.isPromising);
  }

  #wantedOf(all: readonly Registration[]): readonly Registration[] {
    const promising = all.filter((one) => one.isPromising);
    const max = this.context.config.maxNhsConnections;
    if (max !== null) return promising.slice(0, max);
    return promising.filter((one) => one.nhs.priority === promising[0]?.nhs.priority);
  }

  /** A worse server that works stays until the better ones do, and the fallback delay has passed. */
  #waitsForFallback(now: number, worse: Registration, wanted: readonly Registration[]): boolean {
    if (worse.state !== 'up') return false;
    if (!wanted.every((one) => one.state === 'up')) return true;
    const delayMs = this.context.config.nhsFallbackSeconds * 1_000;
    if (delayMs === 0) return false;
    if (this.#fallbacks.has(worse)) return true;
    const why = 'fallback to the better next hop server';
    const timer = this.context.timers.arm(now + delayMs, why, (at) => {
      this.#fallbacks.delete(worse);
      if (wanted.every((one) => one.state === 'up')) worse.stop(at, 'replaced');
      this.select(at);
    });
    this.#fallbacks.set(worse, timer);
    return true;
  }

  #resolve(now: number, server: Server, name: string): void {
    if (server.asking || this.#stopped) return;
    server.timer?.cancel();
    server.asking = this.questions.ask(
      now,
      { kind: 'resolve-name', name },
      RESOLVE_WAIT_MS,
      (at, answer) => this.#resolved(at, server, name, answer),
    );
  }

  #resolved(now: number, server: Server, name: string, answer: Answer | null): void {
    server.asking = false;
    const found = answer?.kind === 'addresses' ? answer.addresses : [];
    const addresses = found.filter((one) => this.#canBeServer(one)).slice(0, MAX_ADDRESSES);
    if (addresses.length > 0) this.#use(now, server, addresses);
    else this.#hasNoAddress(server, name);
    const wait = addresses.length > 0 ? RESOLVE_AGAIN_MS : RESOLVE_RETRY_MS;
    server.timer = this.context.timers.arm(now + wait, `resolve ${name}`, (at) =>
      this.#resolve(at, server, name),
    );
    this.select(now);
  }

  /** A name may have addresses of either family, and once had this node's: neither can be registered with. */
  #canBeServer(address: IpAddress): boolean {
    const { nbmaAddress: own } = this.context;
    return address.family === own.family && isUsableNbma(address) && !address.equals(own);
  }

  #hasNoAddress({ config }: Server, name: string): void {
    const { tunnel } = this.context.config;
    const nhs = config.protocolAddress === 'dynamic' ? null : String(config.protocolAddress);
    const about = { tunnel, nhs, nbma: name } as const;
    this.context.event({ type: 'registration-failed', ...about, reason: 'no-address', code: null });
  }

  /** The server's addresses from now on: new ones are registered with, vanished ones left. */
  #use(now: number, server: Server, addresses: readonly IpAddress[]): void {
    const keys = new Set(addresses.map(addressKey));
    for (const [key, one] of server.registrations) {
      if (keys.has(key)) continue;
      one.stop(now, 'replaced');
      server.registrations.delete(key);
    }
    for (const address of addresses) {
      const key = addressKey(address);
      if (server.registrations.has(key)) continue;
      const nbma = this.context.endpoint(address);
      const one = new Registration(this.context, server.config, nbma, (at) =>
        this.#changed(at, server),
      );
      server.registrations.set(key, one);
    }
  }

  #changed(now: number, server: Server): void {
    const { nbma } = server.config;
    const anyUp = [...server.registrations.values()].some((one) => one.state === 'up');
    if (typeof nbma === 'string' && !anyUp) this.#resolve(now, server, nbma);
    this.select(now);
    for (const one of this.registrations()) one.takeOver(now);
  }
}
