/** IPv4 and IPv6 on one tunnel: one key, one device, one association with each peer (issue: all families, one tunnel). */
import type { TunnelConfig } from 'dmvpn/dmvpn';
import { nodeCrypto } from 'dmvpn/io/crypto-node';
import { Simulation, type SimulationOptions } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

const IPSEC = {
  kind: 'ipsec',
  keys: [{ peer: null, secret: 'a secret that nobody else has' }],
} as const;
const HUB = [
  { address: '10.255.0.1', nbma: '192.0.2.1' },
  { address: 'fd00:ffff::1', nbma: '192.0.2.1' },
];

const spokeOver = (n: number): Partial<TunnelConfig> => ({
  otherAddress: `fd00::${n}/128`,
  nhs: HUB,
  routes: [
    ...['10.0.0.0/8', '172.16.0.0/12'].map((prefix) => ({ prefix, via: '10.255.0.1' })),
    ...['fd00::/16', 'fd01::/16'].map((prefix) => ({ prefix, via: 'fd00:ffff::1' })),
  ],
});
const lanOf = (n: number): string[] => [`172.16.${n}.1/24`, `fd01:0:0:${n}::1/64`];

/** A hub and two spokes, all of both families; the hub knows the LANs behind them. */
function network(options: SimulationOptions = {}, hub: Partial<TunnelConfig> = {}): Simulation {
  const routes = [1, 2].flatMap((n) => [
    { prefix: `172.16.${n}.0/24`, via: `10.0.0.${n}` },
    { prefix: `fd01:0:0:${n}::/64`, via: `fd00::${n}` },
  ]);
  const sim = new Simulation({ crypto: nodeCrypto(), ...options });
  sim.hub('hub', { otherAddress: 'fd00:ffff::1/128', routes, ...hub });
  for (const n of [1, 2]) sim.spoke(`s${n}`, spokeOver(n), { lan: lanOf(n) });
  return sim;
}

describe.each([
  ['in the clear', {}],
  ['in IPsec', { tunnel: { protection: IPSEC } }],
])('a tunnel of both families, %s', (_, options) => {
  it('registers both addresses of each spoke, each with a message of its own protocol type', () => {
    const sim = network(options).run({ forMs: 5_000 });
    expect(sim.registered('hub')).toEqual(['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2']);
    expect(sim.servers('s1')).toEqual(['10.255.0.1', 'fd00:ffff::1']);
    expect(sim.messages('s1').registrationRequests).toBe(2);
  });

  it('redirects, resolves and goes direct in both; nothing is lost on the way', () => {
    const sim = network(options).run({ forMs: 5_000 });
    expect(sim.ping('s1', '172.16.2.1', { count: 5 }).received).toBe(5);
    expect(sim.ping('s1', 'fd01:0:0:2::1', { count: 5 }).received).toBe(5);
    expect([...sim.shortcuts('s1')].sort()).toEqual([
      '172.16.2.0/24 via 10.0.0.2',
      'fd01:0:0:2::/64 via fd00::2',
    ]);
    expect(sim.path('s1', '172.16.2.1')).toEqual(['s1', 's2']);
    expect(sim.path('s1', 'fd01:0:0:2::1')).toEqual(['s1', 's2']);
  });

  it('multicast of each family reaches who registered in it', () => {
    const sim = network(options).run({ forMs: 5_000 });
    sim.multicast('hub', '224.0.0.5');
    sim.multicast('hub', 'ff02::5');
    sim.run({ forMs: 1_000 });
    for (const s of ['s1', 's2'])
      expect([...sim.heard(s)].map((h) => h.group)).toEqual(['224.0.0.5', 'ff02::5']);
  });

  it('survives a restart of the hub with its store: both families are known at once', () => {
    const sim = network(options).run({ forMs: 60_000 });
    const store = sim.snapshot('hub');
    sim.kill('hub').restart('hub', { store });
    expect(sim.registered('hub')).toEqual(['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2']);
  });

  it('shuts down in both: the hub is told of each address', () => {
    const sim = network(options).run({ forMs: 5_000 });
    sim.command('s1', { kind: 'shutdown' }).run({ forMs: 2_000 });
    expect(sim.registered('hub')).toEqual(['10.0.0.2', 'fd00::2']);
  });
});

describe('one association carries both families', () => {
  it('is asked for once, and stays while one of them needs it', () => {
    const sim = network({ tunnel: { protection: IPSEC } }).run({ forMs: 5_000 });
    expect(sim.events('s1', 'peer-up').length).toBe(1);
    sim.ping('s1', '172.16.2.1', { count: 5 });
    sim.ping('s1', 'fd01:0:0:2::1', { count: 5 });
    expect(sim.events('s1', 'peer-up').length).toBe(2);
    const tunnel = 'tun0';
    sim.command('s1', { kind: 'clear', tunnel, what: 'cache', prefix: 'fd00::2/128' });
    sim.run({ forMs: 60_000 });
    expect(sim.events('s1', 'peer-down')).toEqual([]);
    expect(sim.ping('s1', '172.16.2.1', { count: 3 }).received).toBe(3);
    sim.command('s1', { kind: 'clear', tunnel, what: 'cache' }).run({ forMs: 60_000 });
    sim.command('s2', { kind: 'clear', tunnel, what: 'cache' }).run({ forMs: 60_000 });
    expect(sim.events('s1', 'peer-down').length).toBe(1);
  });

  it('is made anew for both when the hub lost it: servers of both families are up again', () => {
    const sim = network({ tunnel: { protection: IPSEC } }).run({ forMs: 5_000 });
    sim
      .kill('hub')
      .run({ forMs: 60_000 })
      .restart('hub')
      .run({ forMs: 5 * 60_000 });
    expect(sim.registered('hub')).toEqual(['10.0.0.1', '10.0.0.2', 'fd00::1', 'fd00::2']);
  });
});

describe('what belongs to one family', () => {
  it('a dynamic server is registered with in both', () => {
    const sim = network();
    const nhs = [{ address: 'dynamic', nbma: '192.0.2.1' }];
    sim.spoke('s3', { ...spokeOver(3), nhs }, { lan: [] }).run({ forMs: 5_000 });
    expect(sim.servers('s3')).toEqual(['10.255.0.1', 'fd00:ffff::1']);
  });

  it('a spoke of one family registers with a hub of both, and the other way round', () => {
    const sim = network();
    sim.spoke('s3', {}, { lan: [] }).run({ forMs: 5_000 });
    expect(sim.registered('hub')).toContain('10.0.0.3');
    const single = new Simulation().hub('hub').spoke('s1', spokeOver(1), { lan: lanOf(1) });
    single.run({ forMs: 60_000 });
    expect(single.registered('hub')).toEqual(['10.0.0.1']);
    expect(single.servers('s1')).toEqual(['10.255.0.1']);
    expect(single.ping('s1', '10.255.0.1').received).toBe(1);
  });
});
