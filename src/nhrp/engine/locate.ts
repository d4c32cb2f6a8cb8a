/**
 * Where a packet for an overlay address goes: the forwarding procedure's lookups (facts C.9, steps 2 and 3), for the
 * datapath of the node and for NHRP packets alike. No allocation: one result object is filled anew in each call.
 */
import { type NhrpCache, NONE } from '../../cache/cache.js';
import { CacheFlag } from '../../cache/entry.js';
import type { Route, RouteTable } from '../../cache/routes.js';
import { hostBits, type IpAddress } from '../../wire/address.js';
import type { Endpoint } from '../../wire/path.js';

export interface Located {
  /**
   * `local`: an own address, or behind this node's device. `direct`: send to `nbma`. `pending`: the next hop is known
   * and its NBMA address is not usable yet. `unreachable`: no route.
   */
  kind: 'local' | 'direct' | 'pending' | 'unreachable';
  nextHop: IpAddress | null;
  nbma: Endpoint | null;
  /** The next hop's cache entry, or NONE. */
  slot: number;
  route: Route | null;
}

/** What is this node's. */
export interface Own {
  isOwn(address: IpAddress): boolean;
  isBehindUs(route: Route | null): boolean;
}

export class Locator {
  readonly #found: Located = {
    kind: 'unreachable',
    nextHop: null,
    nbma: null,
    slot: NONE,
    route: null,
  };

  constructor(
    readonly cache: NhrpCache,
    readonly routes: RouteTable,
    readonly own: Own,
  ) {}

  /** The result is valid until the next call. */
  locate(now: number, destination: IpAddress): Located {
    if (this.own.isOwn(destination)) return this.#answer('local', null, NONE, null);
    return this.#follow(now, destination, this.routes.lookup(destination));
  }

  /** As `locate`, past all shortcuts: the way by the hub. */
  locateWithoutShortcut(now: number, destination: IpAddress): Located {
    if (this.own.isOwn(destination)) return this.#answer('local', null, NONE, null);
    return this.#follow(now, destination, this.routes.lookupWithout(destination, 'shortcut'));
  }

  /** A usable host entry is a connected host route of its own, what a kernel is told as /32 or /128; our own networks come first. */
  #follow(now: number, destination: IpAddress, route: Route | null): Located {
    const isHostRoute = route !== null && route.prefix.length === hostBits(destination.family);
    if (!isHostRoute && !this.own.isBehindUs(route)) {
      const slot = this.cache.find(destination, now);
      if (slot !== NONE && this.#usable(slot))
        return this.#answer('direct', destination, slot, route);
    }
    if (route === null) return this.#answer('unreachable', null, NONE, null);
    if (route.kind === 'device') return this.#answer('local', null, NONE, route);
    const nextHop = route.via ?? destination;
    const slot = this.cache.match(nextHop, now);
    return this.#answer(
      slot !== NONE && this.#usable(slot) ? 'direct' : 'pending',
      nextHop,
      slot,
      route,
    );
  }

  #usable(slot: number): boolean {
    const flags = this.cache.flagsOf(slot);
    return (flags & CacheFlag.UP) !== 0 && (flags & CacheFlag.NO_SOCKET) === 0;
  }

  #answer(
    kind: Located['kind'],
    nextHop: IpAddress | null,
    slot: number,
    route: Route | null,
  ): Located {
    const found = this.#found;
    found.kind = kind;
    found.nextHop = nextHop;
    found.slot = slot;
    found.nbma = kind === 'direct' ? this.cache.nbmaOf(slot) : null;
    found.route = route;
    return found;
  }
}
