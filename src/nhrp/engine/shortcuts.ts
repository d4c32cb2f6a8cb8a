/**
 * Shortcuts: overlay prefixes that are reached directly instead of by the hub (Cisco Phase 3). A shortcut is a route
 * by a peer that the cache knows; it ends with the peer's entry, when its time is over, or when the route that it
 * improves on changes. One that is in use is resolved again at two thirds of its time, without a gap.
 *
 *   (none) ──answer──▶ held ──2/3, used──▶ being renewed ──answer──▶ held
 *                       │ ├──2/3, unused──▶ left to expire ──────▶ (none)
 *                       │ └──route changed──▶ 3 s to be renewed ──▶ held, or (none)
 *                       └──its peer, its route or what it overrides goes; purge──▶ (none)
 */
import { type CacheEntry, CacheFlag } from '../../cache/entry.js';
import type { PrefixSet } from '../../cache/prefix-set.js';
import type { Route } from '../../cache/routes.js';
import {
  formatPrefix,
  hostBits,
  type IpAddress,
  type IpPrefix,
  maskAddress,
  prefixContains,
} from '../../wire/address.js';
import { AddressSets } from './address-sets.js';
import type { RemovalReason } from './api.js';
import type { EngineContext } from './context.js';
import type { Timer } from './timers.js';

const RENEW_AT = 2 / 3;
/** No reply widens a shortcut past this (facts C.9, step 6). */
const SHORTEST_PREFIX = 8;
/** A route that changed under a shortcut: it stays so long while it is resolved again (facts A.9, "soft purge"). */
const SOFT_PURGE_MS = 3_000;

export interface Shortcut {
  readonly prefix: IpPrefix;
  /** The peer that it goes by. */
  readonly via: IpAddress;
  /** The address that was asked for: the renewal asks for it again. */
  readonly destination: IpAddress;
  /** Whether it overrides the next hop of a route of the same prefix. */
  readonly mode: 'new' | 'override';
  /** Milliseconds on the caller's clock. */
  readonly expiresAt: number;
}

interface Held extends Shortcut {
  expiresAt: number;
  timer: Timer | null;
}

export class Shortcuts {
  readonly #table = new Map<string, Held>();
  readonly #byVia = new AddressSets<Held>();

  constructor(
    readonly context: EngineContext,
    readonly renew: (now: number, destination: IpAddress) => void,
    /** Whether somebody wants the prefix without using it. */
    readonly isKept: (prefix: IpPrefix) => boolean,
  ) {
    context.bindings.onRemoved((_now, entry, reason) => this.#viaGone(entry, reason));
  }

  get size(): number {
    return this.#table.size;
  }

  values(): IterableIterator<Shortcut> {
    return this.#table.values();
  }

  /** The shortest prefix that may be installed for this answer: inside the route by the hub, and no shorter than /8. */
  clamp(destination: IpAddress, length: number): IpPrefix {
    const route = this.context.routes.lookupWithout(destination, 'shortcut');
    const bits = hostBits(destination.family);
    const shortest = Math.max(SHORTEST_PREFIX, route?.prefix.length ?? bits);
    const clamped = Math.min(Math.max(length, shortest), bits);
    return { address: maskAddress(destination, clamped), length: clamped };
  }

  install(
    now: number,
    destination: IpAddress,
    prefix: IpPrefix,
    via: IpAddress,
    holdingTimeSeconds: number,
  ): void {
    const key = formatPrefix(prefix);
    const old = this.#table.get(key);
    if (old === undefined && this.#table.size >= this.context.config.limits.maxShortcuts) {
      this.context.counters.dropped.limit++;
      return;
    }
    const expiresAt = now + holdingTimeSeconds * 1_000;
    const mode = this.#equalRoute(prefix) === null ? 'new' : 'override';
    if (old?.via.equals(via) && old.mode === mode) {
      old.expiresAt = expiresAt;
      return this.#armRenewal(now, old);
    }
    if (old !== undefined) this.remove(old, 'replaced');
    const shortcut: Held = { prefix, via, destination, mode, expiresAt, timer: null };
    this.#table.set(key, shortcut);
    this.#byVia.add(via, shortcut);
    this.context.routes.add({ prefix, kind: 'shortcut', via, distance: 0, mode });
    this.context.out.push({ kind: 'route', action: 'set', prefix, via, mode });
    this.#announce(now, shortcut);
    this.#armRenewal(now, shortcut);
  }

  remove(shortcut: Held, reason: RemovalReason): void {
    const key = formatPrefix(shortcut.prefix);
    if (this.#table.get(key) !== shortcut) return;
    shortcut.timer?.cancel();
    this.#table.delete(key);
    this.#byVia.delete(shortcut.via, shortcut);
    const { prefix, via, mode } = shortcut;
    this.context.routes.remove(prefix, 'shortcut', via);
    this.context.out.push({ kind: 'route', action: 'remove', prefix, via, mode });
    const { tunnel } = this.context.config;
    this.context.event({
      type: 'shortcut-removed',
      tunnel,
      prefix: key,
      via: via.toString(),
      reason,
    });
  }

  removeWithin(prefix: IpPrefix | null, reason: RemovalReason): void {
    for (const one of [...this.#table.values()]) {
      if (prefix === null || prefixContains(prefix, one.prefix.address)) this.remove(one, reason);
    }
  }

  /** Shortcuts which lie in the prefixes that a Purge Request names: all, or those by one peer. One walk at most. */
  removePurged(prefixes: PrefixSet, via: IpAddress | null): void {
    for (const one of via === null ? [...this.#table.values()] : this.#byVia.at(via))
      if (prefixes.has(one.prefix.address)) this.remove(one, 'purged');
  }

  removeVia(via: IpAddress, reason: RemovalReason): void {
    for (const one of this.#byVia.at(via)) this.remove(one, reason);
  }

  /**
   * A route was added, replaced or removed. Shortcuts that improve on it hold no longer: without any route, or without
   * the one whose next hop they override (facts C.9, step 6), they go at once; else they are resolved again and go if
   * the answer does not renew them in time.
   */
  routeChanged(now: number, prefix: IpPrefix): void {
    for (const one of [...this.#table.values()]) {
      const overlaps =
        prefixContains(prefix, one.prefix.address) || prefixContains(one.prefix, prefix.address);
      if (!overlaps) continue;
      const below: Route | null = this.context.routes.lookupWithout(one.destination, 'shortcut');
      const overridesNothing = one.mode === 'override' && this.#equalRoute(one.prefix) === null;
      if (below === null || below.kind === 'device' || overridesNothing)
        this.remove(one, 'route-changed');
      else this.#softPurge(now, one);
    }
  }

  #softPurge(now: number, shortcut: Held): void {
    shortcut.timer?.cancel();
    shortcut.expiresAt = Math.min(shortcut.expiresAt, now + SOFT_PURGE_MS);
    this.renew(now, shortcut.destination);
    this.#armExpiry(shortcut, 'route-changed');
  }

  #armRenewal(now: number, shortcut: Held): void {
    shortcut.timer?.cancel();
    const at = now + (shortcut.expiresAt - now) * RENEW_AT;
    shortcut.timer = this.context.timers.arm(at, 'shortcut renewal', (then) => {
      this.#armExpiry(shortcut, 'expired');
      if (this.#wasUsed(then, shortcut) || this.isKept(shortcut.prefix))
        this.renew(then, shortcut.destination);
    });
  }

  #armExpiry(shortcut: Held, reason: RemovalReason): void {
    shortcut.timer = this.context.timers.arm(shortcut.expiresAt, 'shortcut expiry', () =>
      this.remove(shortcut, reason),
    );
  }

  /** Whether data went to the peer since this was last asked. */
  #wasUsed(now: number, shortcut: Held): boolean {
    const { cache } = this.context;
    const slot = cache.find(shortcut.via, now);
    if (slot < 0 || !(cache.flagsOf(slot) & CacheFlag.USED)) return false;
    cache.setFlags(slot, 0, CacheFlag.USED);
    return true;
  }

  #viaGone(entry: CacheEntry, reason: RemovalReason): void {
    if (entry.nbma === null || entry.prefix.length !== hostBits(entry.prefix.address.family))
      return;
    this.removeVia(entry.prefix.address, reason);
  }

  #equalRoute(prefix: IpPrefix): Route | null {
    return this.context.routes.findWithout(prefix, 'shortcut');
  }

  #announce(now: number, shortcut: Held): void {
    const { cache, config } = this.context;
    const slot = cache.find(shortcut.via, now);
    const nbma = slot < 0 ? null : cache.nbmaOf(slot);
    this.context.event({
      type: 'shortcut-set',
      tunnel: config.tunnel,
      prefix: formatPrefix(shortcut.prefix),
      via: shortcut.via.toString(),
      nbma: nbma === null ? '' : this.context.text(nbma),
      mode: shortcut.mode,
    });
  }
}
