import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  IpAddress,
  type IpPrefix,
  maskAddress,
  parseAddress,
  parsePrefix,
  prefixContains,
  prefixEquals,
} from '../wire/address.js';
import { type Route, type RouteKind, RouteTable } from './routes.js';

const ip = (text: string): IpAddress => parseAddress(text) as IpAddress;
const route = (prefix: string, kind: RouteKind, via: string | null, distance = 1): Route => ({
  prefix: parsePrefix(prefix) as IpPrefix,
  kind,
  via: via === null ? null : ip(via),
  distance,
  mode: 'new',
});
const hop = (r: Route | null): string => (r === null ? 'none' : `${r.kind} ${r.via ?? ''}`.trim());

describe('RouteTable', () => {
  it('takes the longest prefix, then shortcut, static by distance, connected', () => {
    const table = new RouteTable();
    table.add(route('0.0.0.0/0', 'static', '10.0.0.100'));
    table.add(route('10.0.0.0/24', 'connected', null));
    table.add(route('10.0.0.0/24', 'static', '10.0.0.100', 5));
    table.add(route('10.0.0.0/24', 'static', '10.0.0.101', 2));
    expect(hop(table.lookup(ip('10.0.0.7')))).toBe('static 10.0.0.101');
    table.add(route('10.0.0.0/24', 'shortcut', '10.0.0.3'));
    expect(hop(table.lookup(ip('10.0.0.7')))).toBe('shortcut 10.0.0.3');
    expect(hop(table.lookupWithout(ip('10.0.0.7'), 'shortcut'))).toBe('static 10.0.0.101');
    expect(hop(table.lookup(ip('10.0.1.7')))).toBe('static 10.0.0.100');
    expect(hop(table.covering(parsePrefix('10.0.0.0/16') as IpPrefix))).toBe('static 10.0.0.100');
  });

  it('falls back to the route that waited when the better one goes', () => {
    const table = new RouteTable();
    table.add(route('192.168.1.0/24', 'static', '10.0.0.1', 1));
    table.add(route('192.168.1.0/24', 'static', '10.0.0.2', 2));
    const prefix = parsePrefix('192.168.1.0/24') as IpPrefix;
    expect(table.remove(prefix, 'static', ip('10.0.0.1'))).toBe(true);
    expect(hop(table.lookup(ip('192.168.1.9')))).toBe('static 10.0.0.2');
    expect(table.remove(prefix, 'static', ip('10.0.0.1'))).toBe(false);
    expect(table.remove(prefix, 'static')).toBe(true);
    expect([table.lookup(ip('192.168.1.9')), table.size]).toEqual([null, 0]);
  });

  it('lets nothing learned override a LAN of our own', () => {
    const table = new RouteTable();
    table.add(route('192.168.1.0/24', 'device', null));
    table.add(route('192.168.1.0/24', 'shortcut', '10.0.0.3'));
    expect(hop(table.lookup(ip('192.168.1.9')))).toBe('device');
  });

  it('agrees with a naive list over any adds and removes', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.array(address, { minLength: 4 }),
        runBoth,
      ),
    );
  });
});

const address = fc.oneof(
  fc.integer({ min: 0, max: 15 }).map((n) => new IpAddress(4, 0x0a00_0000 | (n << 14))),
  fc.integer({ min: 0, max: 15 }).map((n) => new IpAddress(6, 0x2001_0db8, n << 14)),
);
const step = fc
  .record({
    a: address,
    length: fc.constantFrom(0, 8, 15, 16, 17, 32),
    kind: fc.constantFrom<RouteKind>('device', 'shortcut', 'static', 'connected'),
    via: fc.integer({ min: 1, max: 3 }).map((n) => new IpAddress(4, n)),
    distance: fc.integer({ min: 1, max: 3 }),
    remove: fc.boolean(),
  })
  .map(({ a, length, remove, ...r }) => ({
    remove,
    route: { ...r, mode: 'new' as const, prefix: { address: maskAddress(a, length), length } },
  }));

const RANK = { device: 0, shortcut: 1, static: 2, connected: 3 };

function naiveLookup(
  routes: readonly Route[],
  a: IpAddress,
  without: RouteKind | null,
): Route | null {
  const fitting = routes.filter((r) => r.kind !== without && prefixContains(r.prefix, a));
  const order = (x: Route, y: Route): number =>
    y.prefix.length - x.prefix.length || RANK[x.kind] - RANK[y.kind] || x.distance - y.distance;
  return fitting.sort(order)[0] ?? null;
}

function runBoth(
  script: readonly { remove: boolean; route: Route }[],
  probes: readonly IpAddress[],
): void {
  const table = new RouteTable();
  let routes: Route[] = [];
  for (const { remove, route: r } of script) {
    const others = routes.filter(
      (x) =>
        !(
          x.kind === r.kind &&
          prefixEquals(x.prefix, r.prefix) &&
          x.via?.equals(r.via as IpAddress)
        ),
    );
    if (remove) expect(table.remove(r.prefix, r.kind, r.via)).toBe(others.length < routes.length);
    else table.add(r);
    routes = remove ? others : [...others, r];
  }
  expect([...table].length).toBe(routes.length);
  expect(table.size).toBe(routes.length);
  for (const a of probes) {
    const rank = (r: Route | null): unknown => r && [r.prefix.length, r.kind, r.distance];
    expect(rank(table.lookup(a))).toEqual(rank(naiveLookup(routes, a, null)));
    expect(rank(table.lookupWithout(a, 'shortcut'))).toEqual(
      rank(naiveLookup(routes, a, 'shortcut')),
    );
  }
}
