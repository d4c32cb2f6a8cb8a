import { describe, expect, it } from 'vitest';
import { ipHeaderOctets, ipSource, ipVersion } from '../wire/ip-packet.js';
import type { TunnelConfig } from './config.js';
import { type LabNode, spokeTunnel, VirtualLab } from './virtual-lab.js';

type Family = 4 | 6;
const overlay = (family: Family, n: number): string =>
  family === 4 ? `10.0.0.${n}` : `2001:db8:a::${n}`;
const lan = (family: Family, n: number): string =>
  family === 4 ? `192.168.${100 + n}.0/24` : `2001:db8:1${n}::/64`;
const host = (family: Family, n: number): string =>
  family === 4 ? `192.168.${100 + n}.5` : `2001:db8:1${n}::5`;
const underlay = (family: Family, n: number): string =>
  family === 4 ? `192.0.2.${n}` : `2001:db8:ffff::${n}`;
const ALL: readonly [Family, Family][] = [
  [4, 4],
  [6, 4],
  [4, 6],
  [6, 6],
];

function tunnel(
  inner: Family,
  outer: Family,
  n: number,
  over: Partial<TunnelConfig>,
): TunnelConfig {
  const { name, protection, authentication, holdingTimeSeconds } = spokeTunnel(n);
  const bits = inner === 4 ? 32 : 128;
  return {
    ...{ name, protection, holdingTimeSeconds, key: 42 },
    authentication: authentication ?? null,
    address: `${overlay(inner, n)}/${bits}`,
    local: underlay(outer, n),
    carrier: outer === 6 ? 'gre-udp' : 'gre',
    ...over,
  } as TunnelConfig;
}

function phase3(
  inner: Family,
  outer: Family,
): { lab: VirtualLab; hub: LabNode; one: LabNode; two: LabNode } {
  const lab = new VirtualLab();
  const hubRoutes = [1, 2].map((n) => ({ prefix: lan(inner, n), via: overlay(inner, n) }));
  const hub = lab.add(
    tunnel(inner, outer, 100, { redirect: true, routes: hubRoutes, multicast: ['dynamic'] }),
  );
  const spoke = (n: number): LabNode => {
    const byHub =
      inner === 4 ? ['10.0.0.0/24', '192.168.0.0/16'] : ['2001:db8:a::/64', '2001:db8::/32'];
    const routes = [
      ...byHub.map((prefix) => ({ prefix, via: overlay(inner, 100) })),
      { prefix: lan(inner, n), via: null },
    ];
    const nhs = [{ address: overlay(inner, 100), nbma: underlay(outer, 100) }];
    return lab.add(tunnel(inner, outer, n, { shortcut: true, nhs, routes, multicast: ['nhs'] }));
  };
  const [one, two] = [spoke(1), spoke(2)];
  lab.run(1_000);
  return { lab, hub, one, two };
}

describe.each(ALL)('IPv%i carried over IPv%i', (inner, outer) => {
  it('registers, redirects, resolves and goes direct', () => {
    const { lab, hub, one, two } = phase3(inner, outer);
    one.ping(host(inner, 1), host(inner, 2));
    lab.run(500);
    expect(two.delivered.map((p) => ipVersion(p, 0))).toEqual([inner]);
    expect(one.events.filter((e) => e.type === 'shortcut-set')).toMatchObject([
      { prefix: lan(inner, 2), via: overlay(inner, 2), mode: 'new' },
    ]);
    const before = hub.sent.length;
    one.ping(host(inner, 1), host(inner, 2), 64, 2);
    lab.run(500);
    expect([two.delivered.length, hub.sent.length]).toEqual([2, before]);
  });

  it('answers a probe that dies at the hub from the tunnel address', () => {
    const { lab, one } = phase3(inner, outer);
    one.ping(host(inner, 1), host(inner, 2), 1);
    lab.run(100);
    const [error] = one.delivered;
    expect(String(ipSource(error as Uint8Array, 0))).toBe(overlay(inner, 100));
    expect(error?.[ipHeaderOctets(error, 0)]).toBe(inner === 4 ? 11 : 3);
  });

  it('replicates multicast', () => {
    const { lab, hub, one, two } = phase3(inner, outer);
    hub.ping(overlay(inner, 100), inner === 4 ? '224.0.0.10' : 'ff02::a', 1);
    lab.run(100);
    expect([one.delivered.length, two.delivered.length]).toEqual([1, 1]);
  });
});
