/** FRR's own topology tests of nhrpd (nhrp_topo, nhrp_redundancy, nhrp_nhs_priority), told in virtual time. */
import type { TunnelConfig } from 'dmvpn/dmvpn';
import { Simulation } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

const FRR = {
  name: 'gre1',
  key: 42,
  protection: { kind: 'insecure-cleartext' },
  holdingTimeSeconds: 10,
  networkId: 42,
  unique: false,
} as const satisfies Partial<TunnelConfig>;

describe('nhrp_topo', () => {
  const SECRET = { kind: 'cisco', passwords: ['secret'] } as const;

  function topology(over: Partial<TunnelConfig> = {}): Simulation {
    const nhc = (n: number): TunnelConfig => ({
      ...FRR,
      authentication: SECRET,
      address: `10.255.255.${n}/32`,
      local: `10.1.1.${n}`,
      shortcut: true,
      nhs: [{ address: 'dynamic', nbma: '10.2.1.2' }],
      routes: [{ prefix: '0.0.0.0/0', via: '10.255.255.2' }],
    });
    const nhs: TunnelConfig = {
      ...FRR,
      authentication: SECRET,
      address: '10.255.255.2/32',
      local: '10.2.1.2',
      redirect: true,
      routes: [
        { prefix: '192.168.1.0/24', via: '10.255.255.1' },
        { prefix: '192.168.4.0/24', via: '10.255.255.4' },
      ],
    };
    return new Simulation()
      .node('r2', nhs, { lan: ['192.168.2.2/24'] })
      .node('r1', nhc(1), { lan: ['192.168.1.1/24'] })
      .node('r4', { ...nhc(4), ...over }, { lan: ['192.168.4.4/24'] });
  }

  it('within 20 s the clients know themselves and the server, whose address was dynamic, and it knows them', () => {
    const sim = topology().run({ forMs: 20_000 });
    expect(sim.entries('r1')).toEqual(['local 10.255.255.1', 'nhs 10.255.255.2 10.2.1.2']);
    expect(sim.entries('r4')).toEqual(['nhs 10.255.255.2 10.2.1.2', 'local 10.255.255.4']);
    expect(sim.entries('r2')).toEqual([
      'dynamic 10.255.255.1 10.1.1.1',
      'local 10.255.255.2',
      'dynamic 10.255.255.4 10.1.1.4',
    ]);
    for (const to of ['10.255.255.1', '10.255.255.4'])
      expect(sim.lookup('r2', to).kind, to).toBe('direct');
  });

  it('100 pings are answered; with another password at the hub none is; with the old one again all are', () => {
    const sim = topology().run({ forMs: 20_000 });
    const pings = () => sim.ping('r1', '10.255.255.2', { count: 100, everyMs: 100 }).received;
    expect(pings()).toBe(100);
    sim.restart('r2', { tunnel: { authentication: { kind: 'cisco', passwords: ['secret12'] } } });
    sim.restart('r1').restart('r4').run({ forMs: 10_000 });
    expect(sim.registered('r2')).toEqual([]);
    expect(pings()).toBe(0);
    sim
      .restart('r2', { tunnel: { authentication: SECRET } })
      .restart('r1')
      .restart('r4');
    sim.run({ forMs: 10_000 });
    expect(pings()).toBe(100);
  });

  it('ten pings to the other LAN make a shortcut by the other client', () => {
    const sim = topology().run({ forMs: 20_000 });
    const { received } = sim.ping('r1', '192.168.4.4', { count: 10, everyMs: 500 });
    expect(received).toBe(10);
    expect(sim.shortcuts('r1')).toEqual(['192.168.4.0/24 via 10.255.255.4']);
    expect(sim.path('r1', '192.168.4.4')).toEqual(['r1', 'r4']);
  });

  it('when nothing reaches the other client any more, exactly six retries are sent in the 30 s until it is given up', () => {
    // r4's registration outlives the 30 s: without it our hub answers with error 6, where FRR's says nothing
    const sim = topology({ holdingTimeSeconds: 60 }).run({ forMs: 20_000 });
    sim.ping('r1', '192.168.4.4', { count: 10, everyMs: 500 });
    sim.command('r1', { kind: 'clear', what: 'shortcuts' }).cut('*', 'r4');
    sim.ping('r1', '192.168.4.4', { count: 10, everyMs: 500 });

    const [started = 0] = sim.eventTimes('r1', 'resolution-started').slice(-1);
    sim.run({ untilMs: started + 29_999 });
    const retries = () => sim.eventTimes('r1', 'resolution-retried').filter((t) => t > started);
    expect(sim.shortcuts('r1')).toEqual([]);
    expect(sim.cache('r1', 'incomplete').length).toBe(1);
    expect(retries().map((t) => t - started)).toEqual([
      1_000, 3_000, 7_000, 14_000, 21_000, 28_000,
    ]);
    sim.run({ forMs: 10_000 });
    expect(retries().length).toBe(6);
    expect(sim.events('r1', 'resolution-failed')).toMatchObject([{ destination: '192.168.4.4' }]);
  });
});

/** Three servers and two clients, each with a LAN and a host on it. */
function redundancy(priorities: Readonly<Record<number, readonly number[]>>): Simulation {
  const sim = new Simulation();
  for (const k of [1, 2, 3]) {
    sim.node(`nhs${k}`, {
      ...FRR,
      address: `172.16.1.${k}/32`,
      local: `192.168.1.${k}`,
      redirect: true,
      routes: [
        { prefix: '10.4.4.0/24', via: '172.16.1.4' },
        { prefix: '10.5.5.0/24', via: '172.16.1.5' },
      ],
    });
  }
  for (const n of [4, 5]) {
    const nhc: TunnelConfig = {
      ...FRR,
      address: `172.16.1.${n}/32`,
      local: `192.168.2.${n}`,
      shortcut: true,
      nhs: [1, 2, 3].map((k, i) => ({
        address: 'dynamic',
        nbma: `192.168.1.${k}`,
        priority: priorities[n]?.[i] ?? 0,
      })),
      routes: [1, 2, 3].map((k) => ({
        prefix: '0.0.0.0/0',
        via: `172.16.1.${k}`,
        distance: 40 + 10 * k,
      })),
    };
    sim.node(`nhc${n - 3}`, nhc, { lan: [`10.${n}.${n}.${n}/24`] });
    sim.host(`host${n}`, { behind: `nhc${n - 3}`, address: `10.${n}.${n}.7` });
  }
  return sim;
}

const nhsEntries = (sim: Simulation, name: string) =>
  sim.entries(name).filter((e) => e.startsWith('nhs'));

describe('nhrp_redundancy', () => {
  it('every client has three servers and every server two clients, at the addresses that they claim', () => {
    const sim = redundancy({}).run({ forMs: 20_000 });
    for (const nhc of ['nhc1', 'nhc2']) {
      expect(nhsEntries(sim, nhc)).toEqual(
        [1, 2, 3].map((k) => `nhs 172.16.1.${k} 192.168.1.${k}`),
      );
      expect(sim.cache(nhc, 'local').length).toBe(1);
    }
    for (const nhs of ['nhs1', 'nhs2', 'nhs3']) {
      expect(sim.registered(nhs)).toEqual(['172.16.1.4', '172.16.1.5']);
      expect(sim.cache(nhs, 'dynamic').map((e) => e.claimedNbma)).toEqual([null, null]);
    }
  });

  it("a host's ping makes a shortcut, which is gone within the holding time and a little without traffic", () => {
    const sim = redundancy({}).run({ forMs: 20_000 });
    expect(sim.ping('host4', '10.5.5.5', { count: 5 }).received).toBe(5);
    expect(sim.shortcuts('nhc1')).toEqual(['10.5.5.0/24 via 172.16.1.5']);
    sim.run({ forMs: 21_000 }); // renewed once for the pings, then not
    expect(sim.shortcuts('nhc1')).toEqual([]);
  });

  it('with server 1 down the clients have two within 20 s, and a shortcut comes up by a backup', () => {
    const sim = redundancy({}).run({ forMs: 20_000 });
    expect(sim.path('nhc1', '10.5.5.5')).toEqual(['nhc1', 'nhs1', 'nhc2']);
    sim.kill('nhs1').run({ forMs: 20_000 });
    for (const nhc of ['nhc1', 'nhc2']) {
      expect(nhsEntries(sim, nhc)).toEqual([2, 3].map((k) => `nhs 172.16.1.${k} 192.168.1.${k}`));
      expect(sim.lookup(nhc, '172.16.1.1').kind).not.toBe('direct');
    }
    expect(sim.ping('host4', '10.5.5.5', { count: 5 }).received).toBe(5);
    expect(sim.shortcuts('nhc1')).toEqual(['10.5.5.0/24 via 172.16.1.5']);
    sim.run({ forMs: 21_000 });
    expect(sim.shortcuts('nhc1')).toEqual([]);
  });
});

describe('nhrp_nhs_priority', () => {
  const PRIORITIES = { 4: [0, 50, 255], 5: [10, 100, 100] } as const;
  const registrations = (sim: Simulation, names: readonly string[]) =>
    names.map((name) => sim.registered(name));

  it('both clients register with server 1 alone', () => {
    const sim = redundancy(PRIORITIES).run({ forMs: 20_000 });
    for (const nhc of ['nhc1', 'nhc2'])
      expect(nhsEntries(sim, nhc)).toEqual(['nhs 172.16.1.1 192.168.1.1']);
    expect(registrations(sim, ['nhs1', 'nhs2', 'nhs3'])).toEqual([
      ['172.16.1.4', '172.16.1.5'],
      [],
      [],
    ]);
  });

  it('when it is down, client 1 moves to its second, and client 2 to both of its second priority', () => {
    const sim = redundancy(PRIORITIES).run({ forMs: 20_000 }).kill('nhs1').run({ forMs: 20_000 });
    expect(sim.servers('nhc1')).toEqual(['172.16.1.2']);
    expect(sim.servers('nhc2')).toEqual(['172.16.1.2', '172.16.1.3']);
    expect(registrations(sim, ['nhs2', 'nhs3'])).toEqual([
      ['172.16.1.4', '172.16.1.5'],
      ['172.16.1.5'],
    ]);
    expect(sim.ping('host4', '10.5.5.5', { count: 5 }).received).toBe(5);
    expect(sim.shortcuts('nhc1')).toEqual(['10.5.5.0/24 via 172.16.1.5']);
  });

  it('when it is back, both return to it and drop the worse ones', () => {
    const sim = redundancy(PRIORITIES).run({ forMs: 20_000 }).kill('nhs1').run({ forMs: 20_000 });
    sim.restart('nhs1').run({ forMs: 70_000 }); // it is probed every 64 s at the most
    expect([sim.servers('nhc1'), sim.servers('nhc2')]).toEqual([['172.16.1.1'], ['172.16.1.1']]);
    sim.run({ forMs: 10_000 });
    expect(registrations(sim, ['nhs1', 'nhs2', 'nhs3'])).toEqual([
      ['172.16.1.4', '172.16.1.5'],
      [],
      [],
    ]);
  });
});
