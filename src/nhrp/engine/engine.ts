/**
 * The NHRP protocol machine (RFC 2332 with the Cisco extensions), without I/O: it is told of messages, packets, misses,
 * routes and time, and is polled for what to do. This file routes; each part does one thing.
 */
import { type CacheReader, NhrpCache, NONE } from '../../cache/cache.js';
import { type CacheEntry, CacheFlag } from '../../cache/entry.js';
import { type RouteReader, RouteTable } from '../../cache/routes.js';
import {
  hostBits,
  hostPrefix,
  type IpAddress,
  type IpPrefix,
  maskAddress,
} from '../../wire/address.js';
import type { Endpoint } from '../../wire/path.js';
import { readAnswer } from './answers.js';
import type {
  Answer,
  EngineCommand,
  EngineConfig,
  EngineEnvironment,
  EngineOutput,
  NbmaPair,
  Onward,
  RouteChange,
} from './api.js';
import { EngineContext } from './context.js';
import type { EngineStats } from './counters.js';
import { Dispatcher } from './dispatcher.js';
import { Errors } from './errors.js';
import { GivenMappings } from './given.js';
import { KeptAddresses } from './kept.js';
import type { Located } from './locate.js';
import { Misses } from './misses.js';
import { Multicast } from './multicast.js';
import { NhsSet } from './nhs-set.js';
import { Purges } from './purges.js';
import { Questions } from './questions.js';
import { Redirects } from './redirect.js';
import { Registrar } from './registrar.js';
import type { NhsState } from './registration.js';
import { Resolutions } from './resolution.js';
import { Resolver } from './resolver.js';
import { Responder } from './responder.js';
import { type Shortcut, Shortcuts } from './shortcuts.js';
import { type EngineSnapshot, restoreEngine, snapshotEngine } from './snapshot.js';
import { Transit } from './transit.js';

/** How long a shutdown waits for Purge Replies; FRR sends none. */
const SHUTDOWN_WAIT_MS = 1_000;

export class NhrpEngine {
  /** To be read: the engine alone changes it, and says so by its outputs. */
  readonly cache: CacheReader;
  readonly routes: RouteReader;
  readonly #context: EngineContext;
  readonly #questions: Questions;
  readonly #servers: NhsSet;
  readonly #resolutions: Resolutions;
  readonly #kept: KeptAddresses;
  readonly #shortcuts: Shortcuts;
  readonly #redirects: Redirects;
  readonly #purges: Purges;
  readonly #misses: Misses;
  readonly #multicast: Multicast;
  readonly #dispatcher: Dispatcher;
  #state: 'running' | 'closing' | 'closed' = 'running';
  #awaitedPurgeReplies = 0;

  /** The configuration has been checked by whoever made it (see `dmvpn/config`). */
  constructor(config: EngineConfig, environment: EngineEnvironment, restored?: EngineSnapshot) {
    const { maxEntries, maxEntriesPerPeer, maxPendingAuthorizations } = config.limits;
    const cache = new NhrpCache({ maxEntries, maxEntriesPerPeer });
    const routes = new RouteTable();
    this.cache = cache;
    this.routes = routes;
    const context = new EngineContext(config, environment, cache, routes);
    this.#context = context;
    this.#questions = new Questions(context, maxPendingAuthorizations);
    this.#servers = new NhsSet(context, this.#questions);
    this.#multicast = new Multicast(context, this.#servers);
    const errors = new Errors(context);
    const given = new GivenMappings();
    this.#resolutions = new Resolutions(context, this.#servers);
    this.#kept = new KeptAddresses(context, this.#resolutions);
    this.#shortcuts = new Shortcuts(
      context,
      (now, address) => this.#resolutions.start(now, address, 'renewal'),
      (prefix) => this.#kept.isIn(prefix),
    );
    this.#redirects = new Redirects(context, this.#resolutions, this.#servers);
    this.#misses = new Misses(context, this.#resolutions);
    const parts = { context, errors, given, servers: this.#servers };
    const { redirects, shortcuts, resolutions, questions } = this.#byName();
    this.#purges = new Purges({ ...parts, redirects, shortcuts });
    const transit = new Transit(context, this.#servers, errors);
    this.#dispatcher = new Dispatcher({
      ...parts,
      transit,
      redirects,
      purges: this.#purges,
      responder: new Responder({ ...parts, transit }),
      resolver: new Resolver({ ...parts, resolutions, shortcuts }),
      registrar: new Registrar({
        ...parts,
        questions,
        moved: (now, entry) => this.#moved(now, entry),
      }),
      onPurgeReply: (now, requestId) => this.#purgeReplied(now, requestId),
    });
    this.#begin(environment.now, restored);
  }

  get state(): 'running' | 'closing' | 'closed' {
    return this.#state;
  }

  /** An NHRP message as it came over GRE, with the outer addresses. The octets are borrowed for the call. */
  handleMessage(now: number, nbma: NbmaPair, octets: Uint8Array): void {
    if (this.#state === 'closed') return;
    this.#dispatcher.handle(now, nbma, octets);
  }

  /**
   * A data packet that came in from `fromNbma` and goes out on the same network: maybe a redirect.
   * @param toNbma - Where it goes, when that is by another tunnel of the network
   */
  handleForwarded(
    now: number,
    packet: Uint8Array,
    fromNbma: Endpoint,
    toNbma: Endpoint | null = null,
  ): void {
    if (this.#state === 'running') this.#redirects.handleForwarded(now, packet, fromNbma, toNbma);
  }

  /** A packet from the device has a next hop on the tunnel that the cache does not know: Phase 2. */
  handleMiss(now: number, nextHop: IpAddress): void {
    if (this.#state === 'running') this.#misses.handle(now, nextHop);
  }

  /** Data was sent by the entry of this protocol address: it is worth renewing. */
  handleUsed(now: number, address: IpAddress): void {
    const slot = this.cache.match(address, now);
    if (slot !== NONE) this.handleSent(slot);
  }

  /** As `handleUsed`, of the entry in a slot that `locate` has found. */
  handleSent(slot: number): void {
    const { cache } = this.#context;
    if ((cache.flagsOf(slot) & CacheFlag.USED) === 0) cache.setFlags(slot, CacheFlag.USED);
  }

  handleRoutes(now: number, changes: readonly RouteChange[]): void {
    for (const { action, prefix, via, kind, distance } of changes) {
      const { routes } = this.#context;
      if (action === 'add') routes.add({ prefix, kind, via, distance: distance ?? 1, mode: 'new' });
      else routes.remove(prefix, kind, via);
      this.#shortcuts.routeChanged(now, prefix);
    }
  }

  /** Protection of the peer came up or went down; without `protected` in the configuration it has no effect. */
  handlePeer(now: number, nbma: Endpoint, state: 'up' | 'down'): void {
    if (this.#state === 'closed' || !this.#context.peers.set(nbma, state === 'up')) return;
    this.#context.targetsChanged = true;
    if (this.#state === 'closing') {
      const { peers } = this.#context;
      const mayReply = this.#servers.states().some((s) => peers.isUp(s.registration.nbma));
      if (!mayReply) this.#close(now); // nobody is registered with any more, either
    } else if (state === 'up') {
      this.#context.bindings.peerUp(now, nbma);
      this.#servers.peerUp(now, nbma);
    } else {
      this.#context.bindings.peerDown(now, nbma);
      this.#servers.peerDown(now, nbma);
    }
  }

  /**
   * Late, unknown and second answers are without effect.
   * @throws TypeError or RangeError that begins with the name of the offending value: `answer.holdingTimeSeconds`.
   */
  handleAnswer(now: number, id: number, answer: Answer): void {
    const read = readAnswer(answer);
    if (this.#state !== 'closed') this.#questions.answer(now, id, read);
  }

  /** Early or repeated calls have no effect. */
  handleTimeout(now: number): void {
    if (this.#state === 'closed') return;
    this.#context.bindings.expire(now);
    this.#context.timers.ring(now);
  }

  command(now: number, command: EngineCommand): void {
    if (this.#state !== 'running') return;
    const { bindings, counters } = this.#context;
    switch (command.kind) {
      case 'map':
        bindings.set(now, this.#staticEntry(command.prefix, command.nbma));
        return;
      case 'unmap': {
        const slot = this.cache.findPrefix(command.prefix, now);
        if (slot >= 0 && this.cache.kindOf(slot) === 'static')
          bindings.remove(now, slot, 'cleared');
        return;
      }
      case 'clear':
        if (command.what === 'counters') return counters.clear();
        return this.#clear(now, command);
      case 'reregister':
        return this.#servers.reregister(now);
      case 'purge':
        return this.#purges.purge(now, command.prefix);
      case 'keep-resolved':
        return this.#kept.keep(now, command.destination, command.keep);
      case 'own-address':
        return this.#renumber(now, command.address);
      case 'mtu':
        this.#context.change({ mtu: command.mtu });
        return this.#servers.reregister(now);
      case 'local-nbma':
        return this.#moveTo(now, command.address);
      case 'shutdown':
        return this.#shutdown(now);
    }
  }

  /** The next thing to do; `timeout` says that there is nothing more, and when to call again. */
  pollOutput(): EngineOutput {
    const output = this.#context.out.poll() ?? this.#multicast.poll();
    if (output !== null) return output;
    if (this.#state === 'closed') return { kind: 'timeout', at: null, why: 'closed' };
    const alarm = this.#context.timers.next();
    const expiry = this.cache.nextExpiry();
    if (expiry !== null && (alarm === null || expiry < alarm.at)) {
      return { kind: 'timeout', at: expiry, why: 'cache expiry' };
    }
    return { kind: 'timeout', at: alarm?.at ?? null, why: alarm?.why ?? 'idle' };
  }

  /** This node's addresses on the tunnel, that of the tunnel first. */
  get ownAddresses(): readonly IpAddress[] {
    return this.#context.own;
  }

  /** Where a packet to this overlay address goes; the result is valid until the next call. */
  locate(now: number, destination: IpAddress): Located {
    return this.#context.locator.locate(now, destination);
  }

  /** On the tunnel's own network: only such a next hop can be resolved (facts C.9 step 4). */
  isOnLink(nextHop: IpAddress): boolean {
    return this.#context.isOnLink(nextHop);
  }

  /** The way from here to the address, for an engine of the same network that has none. */
  onward(now: number, target: IpAddress): Onward | null {
    const { nbma } = this.locate(now, target);
    if (nbma === null || this.#state !== 'running') return null;
    return { nbma, send: (at, message) => this.#context.send(at, message, nbma) };
  }

  /** The NBMA endpoint of the best next hop server that is up: the way for what has no better one. */
  get bestNhs(): Endpoint | null {
    return this.#servers.best()?.nbma ?? null;
  }

  /** Whether it is a next hop server of ours, up or tried. */
  isServer(nbma: Endpoint): boolean {
    return this.#servers.at(nbma) !== null;
  }

  /** The next hop servers and how they stand: for tables. */
  nhsStates(): readonly {
    readonly nbma: Endpoint;
    readonly protocolAddress: IpAddress | null;
    readonly priority: number;
    readonly state: NhsState;
  }[] {
    return this.#servers.states().map(({ registration, state }) => ({
      nbma: registration.nbma,
      protocolAddress: registration.protocolAddress,
      priority: registration.nhs.priority,
      state,
    }));
  }

  shortcuts(): readonly Shortcut[] {
    return [...this.#shortcuts.values()];
  }

  stats(): EngineStats {
    return this.#context.counters.read();
  }

  /** Plain data with remaining times. */
  snapshot(now: number): EngineSnapshot {
    return snapshotEngine(now, this.#context);
  }

  #byName() {
    return {
      redirects: this.#redirects,
      shortcuts: this.#shortcuts,
      resolutions: this.#resolutions,
      questions: this.#questions,
    };
  }

  #begin(now: number, restored: EngineSnapshot | undefined): void {
    const { config, bindings, routes } = this.#context;
    for (const prefix of config.localPrefixes) {
      routes.add({ prefix, kind: 'device', via: null, distance: 0, mode: 'new' });
    }
    this.#attach(now);
    for (const prefix of config.alsoRegister)
      bindings.set(now, { kind: 'local', nbma: null, expiresAt: null, prefix });
    for (const map of config.maps) bindings.set(now, this.#staticEntry(map.prefix, map.nbma));
    if (restored !== undefined) restoreEngine(now, this.#context, restored);
    this.#servers.start(now);
  }

  /** The tunnel address and the network that it lies in. */
  #attach(now: number): void {
    const { config, bindings, routes } = this.#context;
    const prefix = connectedOf(config);
    if (prefix !== null)
      routes.add({ prefix, kind: 'connected', via: null, distance: 0, mode: 'new' });
    const own = hostPrefix(config.address);
    bindings.set(now, { kind: 'local', nbma: null, expiresAt: null, prefix: own });
  }

  /** Servers, and those who were told the old address, hear that it is no longer so. */
  #renumber(now: number, address: IpAddress): void {
    const { config, bindings, routes } = this.#context;
    const old = hostPrefix(config.address);
    const connected = connectedOf(config);
    this.#purges.spread(now, old);
    this.#servers.purge(now, true);
    this.#resolutions.clear(now);
    bindings.remove(now, this.cache.findPrefix(old, now), 'replaced');
    if (connected !== null) routes.remove(connected, 'connected', null);
    this.#context.change({ address });
    this.#attach(now);
    this.#servers.reregister(now);
  }

  #staticEntry(prefix: { address: IpAddress; length: number }, nbma: IpAddress) {
    return { kind: 'static', prefix, nbma: this.#context.endpoint(nbma), expiresAt: null } as const;
  }

  /** Clears what was learned; what is configured stays, and the servers are registered with anew. */
  #clear(now: number, { what, prefix }: EngineCommand & { kind: 'clear' }): void {
    if (what === 'shortcuts' || prefix === undefined) this.#resolutions.clear(now);
    this.#shortcuts.removeWithin(prefix ?? null, 'cleared');
    if (what === 'shortcuts') return;
    for (const entry of [...this.cache.entries(now)]) {
      const isLearned = entry.kind !== 'static' && entry.kind !== 'local' && entry.kind !== 'nhs';
      if (!isLearned || (prefix !== undefined && !within(prefix, entry))) continue;
      this.#context.bindings.remove(now, this.cache.findPrefix(entry.prefix, now), 'cleared');
    }
    this.#servers.reregister(now);
  }

  /** The servers first: they pass on to those who were told the old address that it is no longer so. */
  #moveTo(now: number, nbma: IpAddress): void {
    this.#context.nbmaAddress = nbma;
    this.#servers.reregister(now);
    this.#purges.spread(now, hostPrefix(this.#context.config.address), this.bestNhs);
  }

  #moved(now: number, entry: CacheEntry): void {
    this.#purges.spread(now, entry.prefix);
    this.#redirects.forget(entry.prefix.address);
  }

  #shutdown(now: number): void {
    this.#state = 'closing';
    this.#purges.spread(now, hostPrefix(this.#context.config.address));
    this.#awaitedPurgeReplies = this.#servers.purge(now);
    if (this.#awaitedPurgeReplies === 0) return this.#close(now);
    this.#context.timers.arm(now + SHUTDOWN_WAIT_MS, 'purge replies', (at) => this.#close(at));
  }

  /** Whether the reply was to a purge of ours. */
  #purgeReplied(now: number, requestId: number): boolean {
    if (!this.#servers.handlePurgeReply(requestId)) return false;
    if (this.#state === 'closing' && --this.#awaitedPurgeReplies <= 0) this.#close(now);
    return true;
  }

  #close(now: number): void {
    this.#servers.stop(now);
    this.#shortcuts.removeWithin(null, 'shutdown');
    for (const entry of [...this.cache.entries(now)]) {
      this.#context.bindings.remove(now, this.cache.findPrefix(entry.prefix, now), 'shutdown');
    }
    this.#context.timers.clear();
    this.#state = 'closed';
  }
}

/** Null where the tunnel's network is its address alone. */
const connectedOf = ({ address, prefixLength: length }: EngineConfig): IpPrefix | null =>
  length < hostBits(address.family) ? { address: maskAddress(address, length), length } : null;

const within = (prefix: { address: IpAddress; length: number }, entry: CacheEntry): boolean =>
  maskAddress(entry.prefix.address, prefix.length).equals(prefix.address);
