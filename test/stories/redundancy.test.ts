/** Several servers: failover and return (reliability goal F6), Cisco's backup model, servers by name, permission. */
import { Simulation } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

const MINUTE = 60_000;

interface Server {
  readonly priority?: number;
  readonly cluster?: number;
}

/** A hub for each server, and a spoke that knows them all by their static addresses. */
function servers(
  list: readonly Server[],
  over: Parameters<Simulation['spoke']>[1] = {},
): Simulation {
  const sim = new Simulation();
  for (const k of list.keys()) sim.hub(`hub${k + 1}`);
  const nhs = list.map((server, i) => ({
    ...server,
    address: sim.blueprint.hubAddress(i + 1),
    nbma: sim.blueprint.hubNbma(i + 1),
  }));
  return sim.spoke('s1', { nhs, ...over }).run({ forMs: 2_000 });
}

const hubs = (...numbers: number[]) => numbers.map((k) => `10.255.0.${k}`);

describe('failover', () => {
  it('15 s after the first server fell silent the second one is used, at a registration interval of 5 s', () => {
    const sim = servers([{ priority: 0 }, { priority: 1 }], { registrationIntervalSeconds: 5 });
    expect(sim.servers('s1')).toEqual(hubs(1));
    expect(sim.path('s1', '172.16.9.1')[1]).toBe('hub1');
    sim.kill('hub1');
    const took = sim.waitFor('hub 2 in use', () => sim.servers('s1').includes('10.255.0.2'), {
      withinMs: 15_000,
    });
    expect(took).toBeLessThanOrEqual(15_000);
    expect(sim.path('s1', '172.16.9.1')[1]).toBe('hub2');
  });

  it('at the default interval the loss shows at the next refresh, and three lost requests, 7 s, are enough', () => {
    const sim = servers([{ priority: 0 }, { priority: 1 }]);
    const requests: number[] = [];
    sim.tap('s1', ({ at, bytes }) => {
      if (bytes[8 + 17] === 3) requests.push(at);
    });
    sim.kill('hub1').run({ forMs: 3 * MINUTE });
    const [first = 0] = requests;
    const [down = 0] = sim.eventTimes('s1', 'nhs-down');
    expect(down - first).toBeLessThanOrEqual(7_000);
    expect(sim.eventTimes('s1', 'nhs-up').at(-1)).toBeLessThanOrEqual(first + 15_000);
    expect(sim.servers('s1')).toEqual(hubs(2));
  });

  it('a server that comes and goes does not drag the spoke along: at most one switch a minute', () => {
    const sim = servers([{ priority: 0 }, { priority: 1 }], {
      registrationIntervalSeconds: 5,
      nhsFallbackSeconds: 60,
    });
    const start = sim.now;
    for (let i = 0; i < 60; i++) {
      sim.partition('hub1').run({ forMs: 20_000 });
      sim.heal().run({ forMs: 10_000 });
    }
    const minutes = (sim.now - start) / MINUTE;
    const switches = sim.events('s1', 'nhs-up').filter((e) => e.nhs === '10.255.0.2').length;
    expect(switches).toBeLessThanOrEqual(minutes);
    expect(sim.servers('s1')).toContain('10.255.0.2');
  });

  it('both servers gone and back: the spoke finds them by itself', () => {
    const sim = servers([{ priority: 0 }, { priority: 1 }]).run({ forMs: 5 * MINUTE });
    sim
      .kill('hub1')
      .kill('hub2')
      .run({ forMs: 30 * MINUTE });
    expect(sim.servers('s1')).toEqual([]);
    sim.restart('hub1').restart('hub2').run({ forMs: 70_000 });
    expect(sim.servers('s1')).toEqual(hubs(1));
  });
});

describe('backup servers (Cisco)', () => {
  const FOUR = [{ priority: 0 }, { priority: 1 }, { priority: 2 }, { priority: 3 }];

  it('of a cluster as many are registered with as `maxNhsConnections` says, the best first', () => {
    const sim = servers(FOUR, { maxNhsConnections: 2 });
    expect(sim.servers('s1')).toEqual(hubs(1, 2));
    expect(sim.registered('hub3')).toEqual([]);
  });

  it('one that is lost is replaced by the next best; when it is back, the replacement is let go', () => {
    const sim = servers(FOUR, { maxNhsConnections: 2, registrationIntervalSeconds: 10 });
    sim.kill('hub1').run({ forMs: 30_000 });
    expect(sim.servers('s1')).toEqual(hubs(2, 3));
    sim.restart('hub1').run({ forMs: 70_000 });
    expect(sim.servers('s1')).toEqual(hubs(1, 2));
  });

  it('a better one that is back is returned to only after the fallback delay', () => {
    const over = { registrationIntervalSeconds: 10, nhsFallbackSeconds: 120 };
    const sim = servers([{ priority: 0 }, { priority: 1 }], over);
    sim.kill('hub1').run({ forMs: 30_000 }).restart('hub1');
    sim.waitFor('hub 1 is back', () => sim.servers('s1').includes('10.255.0.1'), {
      withinMs: 70_000,
    });
    sim.run({ forMs: 115_000 });
    expect(sim.servers('s1')).toEqual(hubs(1, 2));
    sim.run({ forMs: 10_000 });
    expect(sim.servers('s1')).toEqual(hubs(1));
  });

  it('clusters stand beside each other: one server of each', () => {
    const sim = servers(
      [
        { priority: 0, cluster: 0 },
        { priority: 1, cluster: 0 },
        { priority: 5, cluster: 1 },
        { priority: 6, cluster: 1 },
      ],
      { maxNhsConnections: 1, registrationIntervalSeconds: 10 },
    );
    expect(sim.servers('s1')).toEqual(hubs(1, 3));
    sim.kill('hub3').run({ forMs: 30_000 });
    expect(sim.servers('s1')).toEqual(hubs(1, 4));
  });
});

describe('servers by name', () => {
  it('all addresses of the name are registered with', () => {
    const sim = new Simulation()
      .hub('hub1')
      .hub('hub2')
      .name('hubs.example', ['192.0.2.1', '192.0.2.2']);
    sim.spoke('s1', { nhs: [{ address: 'dynamic', nbma: 'hubs.example' }] }).run({ forMs: 2_000 });
    expect(sim.servers('s1')).toEqual(hubs(1, 2));
  });

  it('the hub moves: when it no longer answers the name is asked for again', () => {
    const sim = new Simulation().hub('hub').name('hub.example', ['192.0.2.1']);
    sim.spoke('s1', { nhs: [{ address: '10.255.0.1', nbma: 'hub.example' }], unique: false });
    sim.run({ forMs: 5 * MINUTE });
    sim.move('hub', '192.0.2.1', '192.0.2.200').name('hub.example', ['192.0.2.200']);
    sim.run({ forMs: 2 * MINUTE });
    expect(sim.servers('s1')).toEqual(hubs(1));
    expect(sim.entries('s1')).toContain('nhs 10.255.0.1 192.0.2.200');
  });

  it('a name that does not resolve is asked for until it does', () => {
    const sim = new Simulation().hub('hub');
    sim.spoke('s1', { nhs: [{ address: '10.255.0.1', nbma: 'hub.example' }] });
    sim.run({ forMs: MINUTE });
    expect(sim.servers('s1')).toEqual([]);
    const failed = { reason: 'no-address', nhs: '10.255.0.1', nbma: 'hub.example', code: null };
    expect(sim.events('s1', 'registration-failed')[0]).toMatchObject(failed);
    sim.name('hub.example', ['192.0.2.1']).run({ forMs: 10_000 });
    expect(sim.servers('s1')).toEqual(hubs(1));
  });
});

describe('permission', () => {
  it('the hub asks for each registration, and takes in only those that are allowed, for as long as it is told', () => {
    const asked: string[] = [];
    const sim = new Simulation().hub(
      'hub',
      { authorize: true },
      {
        answer: (question) => {
          if (question.kind !== 'authorize-registration') return null;
          asked.push(String(question.protocolAddress));
          const isAllowed = String(question.protocolAddress) !== '10.0.0.2';
          return isAllowed ? { kind: 'accept', holdingTimeSeconds: 60 } : { kind: 'reject' };
        },
      },
    );
    sim.spoke('s1').spoke('s2').run({ forMs: 2_000 });
    expect(new Set(asked)).toEqual(new Set(['10.0.0.1', '10.0.0.2']));
    expect(sim.registered('hub')).toEqual(['10.0.0.1']);
    expect(sim.servers('s2')).toEqual([]);
    expect(sim.cache('hub', 'dynamic')[0]?.holdingTimeSeconds).toBe(60);
  });

  it('whoever is asked says nothing: nobody is taken in, and nothing piles up', () => {
    const sim = new Simulation().hub('hub', { authorize: true }, { answer: () => null });
    sim
      .spoke('s1')
      .spoke('s2')
      .run({ forMs: 10 * MINUTE });
    expect(sim.registered('hub')).toEqual([]);
    expect(sim.events('s1', 'registered')).toEqual([]);
  });
});
