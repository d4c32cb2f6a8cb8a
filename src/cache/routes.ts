/**
 * The overlay route table: longest prefix; at equal length our own LAN, then a shortcut (next-hop override), then
 * statics by distance, then the connected prefix. What is not best waits and takes over when the best goes.
 */
import { type IpAddress, type IpPrefix, prefixEquals } from '../wire/address.js';
import { AddressIndex } from './address-index.js';
import { NONE } from './host-table.js';

export type RouteKind = 'device' | 'shortcut' | 'static' | 'connected';

export interface Route {
  readonly prefix: IpPrefix;
  /** `device`: a LAN behind this node · `shortcut`: learned by resolution · `connected`: the tunnel's own prefix. */
  readonly kind: RouteKind;
  /** Next hop on the tunnel; null for `device`, and for `connected`, where the destination itself is the next hop. */
  readonly via: IpAddress | null;
  /** Between statics of one prefix the lower wins; 1 is usual. */
  readonly distance: number;
  /** Of a shortcut: whether it overrides the next hop of another route or is a route of its own. */
  readonly mode: 'new' | 'override';
}

/** Smaller wins among routes of one prefix. */
const RANK: Readonly<Record<RouteKind, number>> = {
  device: 0,
  shortcut: 1,
  static: 2,
  connected: 3,
};

export class RouteTable {
  private readonly index = new AddressIndex(); // prefix → group
  private readonly best: Route[] = []; // of each group: what the packet path reads
  private readonly groups: Route[][] = []; // best first
  private readonly free: number[] = [];
  private count = 0;

  get size(): number {
    return this.count;
  }

  /** Adds a route, or puts it in the place of the one with the same prefix, kind and next hop. */
  add(route: Route): void {
    const group = this.groupOf(route.prefix);
    const routes = (this.groups[group] ?? []).filter((r) => !isSameRoute(r, route));
    this.count += 1 + routes.length - (this.groups[group]?.length ?? 0);
    routes.push(route);
    routes.sort(byPreference);
    this.store(group, routes);
  }

  /** Takes out the route of this prefix and kind (and next hop, when `via` is given); false when there is none. */
  remove(prefix: IpPrefix, kind: RouteKind, via?: IpAddress | null): boolean {
    const group = this.index.find(prefix);
    if (group === NONE) return false;
    const old = this.groups[group] as Route[];
    const routes = old.filter(
      (r) => r.kind !== kind || (via !== undefined && !isSameHop(r.via, via)),
    );
    if (routes.length === old.length) return false;
    this.count -= old.length - routes.length;
    if (routes.length > 0) this.store(group, routes);
    else this.forget(group, prefix);
    return true;
  }

  /** The route that a packet to this address takes. */
  lookup(address: IpAddress): Route | null {
    const group = this.index.match(address);
    return group === NONE ? null : (this.best[group] as Route);
  }

  /** The route that it would take were there none of this kind: what led to the hub before the shortcut. */
  lookupWithout(address: IpAddress, kind: RouteKind): Route | null {
    for (let group = this.index.match(address); group !== NONE; ) {
      const routes = this.groups[group] as Route[];
      const other = routes.find((r) => r.kind !== kind);
      if (other !== undefined) return other;
      group = this.index.matchWithin(address, (routes[0] as Route).prefix.length - 1);
    }
    return null;
  }

  /** The best route of exactly this prefix. */
  find(prefix: IpPrefix): Route | null {
    const group = this.index.find(prefix);
    return group === NONE ? null : (this.best[group] as Route);
  }

  /** As `find`, were there none of this kind. */
  findWithout(prefix: IpPrefix, kind: RouteKind): Route | null {
    const group = this.index.find(prefix);
    return group === NONE
      ? null
      : ((this.groups[group] as Route[]).find((r) => r.kind !== kind) ?? null);
  }

  /** The route of the longest prefix that contains all of this one, itself included. */
  covering(prefix: IpPrefix): Route | null {
    const group = this.index.matchWithin(prefix.address, prefix.length);
    return group === NONE ? null : (this.best[group] as Route);
  }

  /** All routes, those that wait included, the best of each prefix first. */
  *[Symbol.iterator](): IterableIterator<Route> {
    for (const routes of [...this.groups]) yield* routes;
  }

  private groupOf(prefix: IpPrefix): number {
    const found = this.index.find(prefix);
    if (found !== NONE) return found;
    const group = this.free.pop() ?? this.groups.length;
    this.index.set(prefix, group);
    this.groups[group] = [];
    return group;
  }

  private store(group: number, routes: Route[]): void {
    this.groups[group] = routes;
    this.best[group] = routes[0] as Route;
  }

  private forget(group: number, prefix: IpPrefix): void {
    this.groups[group] = [];
    this.index.delete(prefix);
    this.free.push(group);
  }
}

/** The table for those who look at it only. */
export type RouteReader = Omit<RouteTable, 'add' | 'remove'>;

const byPreference = (a: Route, b: Route): number =>
  RANK[a.kind] - RANK[b.kind] || a.distance - b.distance;

const isSameHop = (a: IpAddress | null, b: IpAddress | null): boolean =>
  a === null || b === null ? a === b : a.equals(b);

const isSameRoute = (a: Route, b: Route): boolean =>
  a.kind === b.kind && isSameHop(a.via, b.via) && prefixEquals(a.prefix, b.prefix);
