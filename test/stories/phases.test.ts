/** The three phases of DMVPN, and what the first packets of a conversation do in each. */
import { Simulation, type SimulationOptions } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

const hops = (sim: Simulation, from: string, to: string) =>
  sim.traceroute(from, to).map((hop) => hop.from);

/** A hub, two spokes, and a host behind the second. */
function network(options: SimulationOptions): Simulation {
  const sim = new Simulation(options).hub('hub').spoke('s1').spoke('s2');
  const lan = sim.blueprint.lan(2)?.replace(/1\/.*/, '7') ?? '';
  return sim.host('h2', { behind: 's2', address: lan }).run({ forMs: 1_000 });
}

describe('phase 1', () => {
  it('everything goes by the hub, and nobody asks or is redirected', () => {
    const sim = network({ phase: 1 });
    expect(sim.ping('s1', '172.16.2.7', { count: 20 }).received).toBe(20);
    expect(hops(sim, 's1', '172.16.2.7')).toEqual(['10.255.0.1', '10.0.0.2', '172.16.2.7']);
    const { resolutionRequests, trafficIndications } = sim.messages();
    expect([resolutionRequests, trafficIndications]).toEqual([0, 0]);
    expect(sim.path('s1', '172.16.2.7')).toEqual(['s1', 'hub', 's2']);
  });
});

describe('phase 2', () => {
  it('a spoke resolves the next hop that the routes name; the first packet goes by the hub, the rest direct', () => {
    const sim = network({ phase: 2 });
    expect(sim.path('s1', '172.16.2.7')).toEqual(['s1', 'hub', 's2']);
    expect(sim.ping('s1', '172.16.2.7').received).toBe(1);
    expect(sim.events('s1', 'resolution-started')).toMatchObject([{ destination: '10.0.0.2' }]);
    expect(sim.messages().trafficIndications).toBe(0);
    expect(hops(sim, 's1', '172.16.2.7')).toEqual(['10.0.0.2', '172.16.2.7']);
  });

  it('the hub answers for a registered spoke where it is told to, and the spoke is never asked', () => {
    const sim = network({ phase: 2, tunnel: { answerFromRegistrations: true } });
    expect(sim.ping('s1', '172.16.2.7', { count: 2 }).received).toBe(2);
    expect(sim.path('s1', '172.16.2.7')).toEqual(['s1', 's2']);
    expect(sim.messages('s2').resolutionReplies).toBe(0);
    expect(sim.messages('hub').resolutionReplies).toBeGreaterThan(0);
  });

  it('a request is made after as many packets as `useCount` says', () => {
    const sim = network({ phase: 2, tunnel: { useCount: 3 } });
    sim.ping('s1', '172.16.2.7', { count: 2 });
    expect(sim.events('s1', 'resolution-started')).toEqual([]);
    sim.ping('s1', '172.16.2.7');
    expect(sim.events('s1', 'resolution-started').length).toBe(1);
  });

  it('nobody at that address: a negative entry for three minutes, and no black hole', () => {
    const sim = network({ phase: 2 });
    sim.ping('s1', '10.9.9.9', { count: 3 });
    expect(sim.entries('s1')).toContain('negative 10.9.9.9');
    expect(sim.path('s1', '10.9.9.9').slice(0, 2)).toEqual(['s1', 'hub']);
    expect(sim.events('s1', 'resolution-started').length).toBe(1);
    sim.run({ forMs: 181_000 });
    expect(sim.entries('s1')).not.toContain('negative 10.9.9.9');
  });
});

describe('phase 3', () => {
  it('the first packet goes by the hub, the hub redirects, and the rest goes direct', () => {
    const sim = network({ phase: 3 });
    expect(sim.path('s1', '172.16.2.7')).toEqual(['s1', 'hub', 's2']);
    expect(sim.ping('s1', '172.16.2.7').rttsMs).toEqual([20]);
    sim.run({ forMs: 100 });
    expect(sim.shortcuts('s1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
    expect(sim.ping('s1', '172.16.2.7').rttsMs).toEqual([10]);
    expect(hops(sim, 's1', '172.16.2.7')).toEqual(['10.0.0.2', '172.16.2.7']);
    expect(sim.events('s1', 'resolution-started').length).toBe(1);
  });

  it('a probe that dies at the hub causes no redirect: the first trace shows the hub', () => {
    const sim = network({ phase: 3 });
    expect(hops(sim, 's1', '172.16.2.7')[0]).toBe('10.255.0.1');
    const first = sim.events('hub', 'redirect-sent')[0];
    expect(first).toBeDefined(); // by the second probe, which passed
    expect(hops(sim, 's1', '172.16.2.7')).toEqual(['10.0.0.2', '172.16.2.7']);
  });

  it('with nothing but a default route from the hub, shortcuts are no shorter than the other LAN', () => {
    const defaultRoute = { routes: [{ prefix: '0.0.0.0/0', via: '10.255.0.1' }] };
    const sim = new Simulation().hub('hub').spoke('s1', defaultRoute).spoke('s2', defaultRoute);
    sim.run({ forMs: 1_000 });
    expect(sim.ping('s1', '172.16.2.1', { count: 2 }).received).toBe(2);
    expect(sim.shortcuts('s1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
  });

  it('a LAN that the spoke has a route of its own for becomes a next-hop override', () => {
    const routes = [
      { prefix: '10.0.0.0/8', via: '10.255.0.1' },
      { prefix: '172.16.2.0/24', via: '10.255.0.1' },
    ];
    const sim = new Simulation().hub('hub').spoke('s1', { routes }).spoke('s2');
    sim.run({ forMs: 1_000 }).ping('s1', '172.16.2.1', { count: 2 });
    expect(sim.events('s1', 'shortcut-set')).toMatchObject([
      { prefix: '172.16.2.0/24', mode: 'override' },
    ]);
    sim.command('s1', { kind: 'clear', what: 'shortcuts' });
    expect(sim.path('s1', '172.16.2.1')).toEqual(['s1', 'hub', 's2']);
  });

  it('the override ends with the route that it overrides, and begins with it', () => {
    const lan = { prefix: '172.16.2.0/24', via: '10.255.0.1' };
    const routes = [
      { prefix: '10.0.0.0/8', via: '10.255.0.1' },
      { ...lan, prefix: '172.16.0.0/12' },
    ];
    const sim = new Simulation().hub('hub').spoke('s1', { routes }).spoke('s2');
    sim.run({ forMs: 1_000 }).ping('s1', '172.16.2.1', { count: 2 });
    const modes = (): unknown[] => sim.events('s1', 'shortcut-set').map(({ mode }) => mode);
    expect(modes()).toEqual(['new']);
    sim.command('s1', { kind: 'addRoute', ...lan });
    sim.run({ forMs: 1_000 });
    expect(modes()).toEqual(['new', 'override']);
    expect(sim.path('s1', '172.16.2.1')).toEqual(['s1', 's2']);
    sim.command('s1', { kind: 'removeRoute', ...lan });
    expect(sim.shortcuts('s1')).toEqual([]);
    expect(sim.events('s1', 'shortcut-removed').at(-1)).toMatchObject({ reason: 'route-changed' });
    sim.run({ forMs: 60_000 }).ping('s1', '172.16.2.1', { count: 2 }); // the hub sends one redirect in so long
    expect(modes()).toEqual(['new', 'override', 'new']);
  });

  it('a shortcut in use is renewed without a lost packet; one that is not ends with its time', () => {
    const sim = network({ phase: 3 });
    const flow = sim.flow('s1', '172.16.2.7', { everyMs: 5_000, afterMs: 0 });
    sim.run({ forMs: 3_600_000 });
    flow.stop();
    expect(flow.received).toBeGreaterThanOrEqual(flow.sent - 1);
    expect(sim.events('s1', 'shortcut-removed')).toEqual([]);
    expect(sim.events('s1', 'shortcut-set').length).toBe(1);
    sim.run({ forMs: 600_000 });
    expect(sim.shortcuts('s1')).toEqual([]);
  });

  it('the route under a shortcut goes: the shortcut goes with it', () => {
    const sim = network({ phase: 3 });
    sim.ping('s1', '172.16.2.7', { count: 2 });
    sim.command('s1', { kind: 'removeRoute', prefix: '172.16.0.0/12', via: '10.255.0.1' });
    expect(sim.shortcuts('s1')).toEqual([]);
    expect(sim.path('s1', '172.16.2.7')).toEqual(['s1']);
  });

  it('a spoke that shuts down takes its addresses back, and everyone who had been told forgets them at once', () => {
    const sim = new Simulation().hub('hub').spoke('s1').spoke('s2').spoke('s3').spoke('s4');
    sim.run({ forMs: 1_000 });
    for (const s of ['s1', 's2', 's4']) sim.ping(s, '172.16.3.1', { count: 2 });
    for (const s of ['s1', 's2', 's4']) expect(sim.shortcuts(s).length, s).toBe(1);
    sim.command('s3', { kind: 'shutdown' }).run({ forMs: 1_500 });
    expect(sim.state('s3')).toBe('closed');
    expect(sim.registered('hub')).not.toContain('10.0.0.3');
    for (const s of ['s1', 's2', 's4']) expect(sim.shortcuts(s), s).toEqual([]);
  });
});

describe('several hubs', () => {
  it('with two hubs, a spoke is registered with both and resolves by either', () => {
    const sim = new Simulation().hub('hub1').hub('hub2').spoke('s1').spoke('s2');
    sim.run({ forMs: 1_000 });
    expect([sim.registered('hub1'), sim.registered('hub2')]).toEqual([
      ['10.0.0.1', '10.0.0.2'],
      ['10.0.0.1', '10.0.0.2'],
    ]);
    expect(sim.ping('s1', '172.16.2.1', { count: 2 }).received).toBe(2);
    expect(sim.path('s1', '172.16.2.1')).toEqual(['s1', 's2']);
    sim.kill('hub1').run({ forMs: 130_000 }); // until the loss shows at a refresh
    sim.command('s1', { kind: 'clear', what: 'shortcuts' });
    expect(sim.path('s1', '172.16.2.1')).toEqual(['s1', 'hub2', 's2']);
    expect(sim.ping('s1', '172.16.2.1', { count: 2 }).received).toBe(2);
    expect(sim.path('s1', '172.16.2.1')).toEqual(['s1', 's2']);
  });

  it('two clouds: when the hub of the first tunnel dies, traffic takes the second tunnel', () => {
    const sim = new Simulation();
    sim.hub('hub1').hub('hub2', { key: 43 });
    const spoke = (n: number) => {
      const first = { ...sim.blueprint.spoke(n, [1]), name: 'tun1' };
      const second = {
        ...sim.blueprint.spoke(n, [2]),
        name: 'tun2',
        key: 43,
        address: `10.1.0.${n}/32`,
      };
      sim.node(`s${n}`, [first, second], { lan: [`172.16.${n}.1/24`] });
      const lan = `172.16.${n}.0/24`;
      sim.command('hub1', { kind: 'addRoute', prefix: lan, via: `10.0.0.${n}` });
      sim.command('hub2', { kind: 'addRoute', prefix: lan, via: `10.1.0.${n}` });
    };
    spoke(1);
    spoke(2);
    sim.run({ forMs: 1_000 });
    const source = '172.16.1.1';
    expect(sim.ping('s1', '172.16.2.1', { count: 2, source }).received).toBe(2);
    expect(sim.shortcuts('s1', 'tun1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
    sim.kill('hub1').run({ forMs: 700_000 });
    expect(sim.servers('s1', 'tun1')).toEqual([]);
    expect(sim.ping('s1', '172.16.2.1', { count: 2, source }).received).toBe(2);
    expect(sim.shortcuts('s1', 'tun2')).toEqual(['172.16.2.0/24 via 10.1.0.2']);
  });

  it('hubs in a hierarchy: a shortcut between spokes of two regions, resolved across three hubs', () => {
    const sim = new Simulation();
    const region = (k: number) => ({
      nhs: [{ address: '10.255.0.1', nbma: '192.0.2.1' }],
      routes: [
        { prefix: '10.0.0.0/8', via: '10.255.0.1' },
        { prefix: '172.16.0.0/12', via: '10.255.0.1' },
        { prefix: `172.16.${k - 1}.0/24`, via: `10.0.0.${k - 1}` },
      ],
    });
    sim.hub('centre', {
      routes: [
        { prefix: '172.16.1.0/24', via: '10.255.0.2' },
        { prefix: '172.16.2.0/24', via: '10.255.0.3' },
        { prefix: '10.0.0.1/32', via: '10.255.0.2' },
        { prefix: '10.0.0.2/32', via: '10.255.0.3' },
      ],
    });
    sim
      .hub('north', { ...region(2), shortcut: true })
      .hub('south', { ...region(3), shortcut: true });
    for (const [n, k] of [
      [1, 2],
      [2, 3],
    ] as const)
      sim.node(`s${n}`, sim.blueprint.spoke(n, [k]), { lan: [`172.16.${n}.1/24`] });
    sim.run({ forMs: 2_000 });
    expect(sim.path('s1', '172.16.2.1')).toEqual(['s1', 'north', 'centre', 'south', 's2']);
    expect(sim.ping('s1', '172.16.2.1', { count: 10, everyMs: 2_000 }).received).toBe(10);
    expect(sim.shortcuts('s1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
    expect(sim.path('s1', '172.16.2.1')).toEqual(['s1', 's2']);
  });
});

describe('addresses', () => {
  const families = [
    [4, 4],
    [6, 4],
    [4, 6],
    [6, 6],
  ] as const;
  it.each(families)(
    'phase 3 with IPv%i inside over IPv%i: registered, pinged, redirected, direct',
    (overlay, nbma) => {
      const sim = network({ phase: 3, overlay, nbma });
      const to = overlay === 4 ? '172.16.2.7' : 'fd01:0:0:2::7';
      expect(sim.registered('hub').length).toBe(2);
      expect(sim.ping('s1', to, { count: 3 }).received).toBe(3);
      expect(sim.shortcuts('s1').length).toBe(1);
      expect(sim.path('s1', to)).toEqual(['s1', 's2']);
      expect(hops(sim, 's1', to)).toEqual([sim.blueprint.spokeAddress(2), to]);
    },
  );

  it.each(families)(
    'phase 2 with IPv%i inside over IPv%i: resolved and direct',
    (overlay, nbma) => {
      const sim = network({ phase: 2, overlay, nbma });
      const to = overlay === 4 ? '172.16.2.7' : 'fd01:0:0:2::7';
      expect(sim.ping('s1', to, { count: 3 }).received).toBe(3);
      expect(sim.path('s1', to)).toEqual(['s1', 's2']);
    },
  );
});

describe('multicast', () => {
  const groups = (sim: Simulation, name: string) =>
    sim.heard(name).map(({ source, group }) => `${source} > ${group}`);

  it("a hub's packet reaches every registered spoke, each once; a spoke's the hub alone", () => {
    const sim = new Simulation()
      .hub('hub')
      .spoke('s1')
      .spoke('s2')
      .spoke('s3')
      .run({ forMs: 1_000 });
    sim.multicast('hub', '224.0.0.5').multicast('s1', '224.0.0.6').run({ forMs: 100 });
    for (const s of ['s1', 's2', 's3']) expect(groups(sim, s)).toEqual(['10.255.0.1 > 224.0.0.5']);
    expect(groups(sim, 'hub')).toEqual(['10.0.0.1 > 224.0.0.6']);
  });

  it('a hub that reflects sends it on to the others, and never back to where it came from', () => {
    const sim = new Simulation().hub('hub', { multicastReflect: true });
    sim.spoke('s1').spoke('s2').spoke('s3').run({ forMs: 1_000 });
    sim.multicast('s1', '239.1.2.3', 2).run({ forMs: 100 });
    expect(['hub', 's1', 's2', 's3'].map((n) => sim.heard(n).length)).toEqual([1, 0, 1, 1]);
    expect(sim.stats('hub').tunnels.tun0?.packets.replicated).toBe(2); // a copy of its own s1 would drop unheard
  });

  it('hubs that reflect to each other do not keep a packet for ever', () => {
    const hubs = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];
    const sim = new Simulation();
    for (const own of hubs) {
      const others = hubs.filter((hub) => hub !== own);
      const multicast = ['dynamic', ...others] as const;
      sim.hub(`hub${1 + hubs.indexOf(own)}`, { multicastReflect: true, multicast });
    }
    sim.spoke('s1', { multicastReflect: true }).spoke('s2', { multicastReflect: true });
    sim.run({ forMs: 3_000 });
    const sent = (): number =>
      ['hub1', 'hub2', 'hub3', 's1', 's2'].reduce((sum, name) => sum + sim.datagrams(name), 0);
    sim.multicast('s1', '239.1.2.3', 8).run({ forMs: 1_000 });
    const soon = sent();
    sim.run({ forMs: 1_000 });
    expect(sent()).toBe(soon);
    expect(sim.heard('s2').length).toBeGreaterThan(0);
  });

  it('hubs that are registered with each other reflect a group of the link once', () => {
    const hubs = [1, 2, 3];
    const nhsOf = (n: number) => ({ address: `10.255.0.${n}`, nbma: `192.0.2.${n}` });
    const sim = new Simulation();
    for (const own of hubs) {
      const nhs = hubs.filter((n) => n !== own).map(nhsOf);
      sim.hub(`hub${own}`, { multicastReflect: true, nhs, multicast: ['dynamic', 'nhs'] });
    }
    sim.spoke('s1', { nhs: [nhsOf(1)] }).spoke('s2', { nhs: [nhsOf(2)] });
    sim.run({ forMs: 3_000 });
    expect(hubs.map((n) => sim.servers(`hub${n}`).length)).toEqual([2, 2, 2]);
    sim.multicast('s1', '224.0.0.5').run({ forMs: 1_000 });
    expect(['hub1', 'hub2', 'hub3', 's2'].map((n) => sim.heard(n).length)).toEqual([1, 1, 1, 1]);
    expect(sim.heard('s1')).toEqual([]);
  });

  it('IPv6 groups are carried as well, and a spoke that has gone gets no copy', () => {
    const sim = new Simulation({ overlay: 6 })
      .hub('hub')
      .spoke('s1')
      .spoke('s2')
      .run({ forMs: 1_000 });
    sim.command('s2', { kind: 'shutdown' }).run({ forMs: 1_500 });
    sim.multicast('hub', 'ff02::5').run({ forMs: 100 });
    expect([groups(sim, 's1'), groups(sim, 's2')]).toEqual([['fd00:ffff::1 > ff02::5'], []]);
    expect(sim.stats('hub').tunnels.tun0?.packets.replicated).toBe(1);
  });
});
