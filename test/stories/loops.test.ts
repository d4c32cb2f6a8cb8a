/** Hubs whose routes run in a circle (reliability goal S14). */
import { Simulation } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

/** So many hubs, each with its default route by the next and the way back by the one before, and a spoke at the first. */
function ring(size: number, hopCount: number): Simulation {
  const sim = new Simulation();
  const next = (k: number) => (k % size) + 1;
  for (let k = 1; k <= size; k++) {
    const { blueprint } = sim;
    const address = blueprint.hubAddress(next(k));
    const back = { prefix: '10.0.0.1/32', via: blueprint.hubAddress(k - 1) };
    sim.hub(`hub${k}`, {
      hopCount,
      nhs: [{ address, nbma: blueprint.hubNbma(next(k)) }],
      routes: [{ prefix: '0.0.0.0/0', via: address }, ...(k > 1 ? [back] : [])],
    });
  }
  const spoke = sim.blueprint.spoke(1, [1]);
  const routes = [{ prefix: '0.0.0.0/0', via: '10.255.0.1' }];
  return sim.node('s1', { ...spoke, hopCount, routes, address: '10.0.0.1/8', shortcut: true });
}

/** The spoke asks for an address that nobody has; all that is sent in the second after is counted. */
function ask(sim: Simulation): { requests: number; errors: number; later: number } {
  sim.run({ forMs: 5_000 });
  sim.command('s1', { kind: 'removeRoute', prefix: '0.0.0.0/0', via: '10.255.0.1' });
  const before = sim.messages().resolutionRequests;
  sim.ping('s1', '10.77.7.7', { timeoutMs: 1 });
  sim.run({ forMs: 900 });
  const requests = sim.messages().resolutionRequests - before;
  const hubs = Array.from({ length: 10 }, (_, i) => `hub${i + 1}`).filter((h) => sim.has(h));
  const errors = hubs
    .flatMap((hub) => sim.events(hub, 'error-sent'))
    .filter((e) => e.code === 3).length;
  const sent = sim.network().sent;
  sim.run({ forMs: 1_000 });
  return { requests, errors, later: sim.network().sent - sent };
}

describe.each([3, 4, 5, 6, 7, 8, 9, 10])('a ring of %i hubs', (size) => {
  it('a resolution request dies on its first way round, is reported once by error 3, and a second later all is still', () => {
    const sim = ring(size, 255);
    const { requests, errors, later } = ask(sim);
    expect([requests, errors, later]).toEqual([1 + size, 1, 0]); // by the spoke, and by each hub
    expect(sim.events('s1', 'error-received').map((e) => e.code)).toEqual([3]);
    expect(sim.entries('s1')).toContain('negative 10.77.7.7');
  });

  it('a data packet dies of its TTL, with one ICMP error to its sender', () => {
    const sim = ring(size, 255).run({ forMs: 5_000 });
    const { received, errors } = sim.ping('s1', '192.168.7.7', { ttl: 64, timeoutMs: 2_000 });
    expect(received).toBe(0);
    expect(errors.map((e) => e.kind)).toEqual(['time-exceeded']);
    expect(sim.stats('hub1').tunnels.tun0?.packets.forwarded).toBeLessThanOrEqual(64);
  });
});

describe('a ring larger than the hop count', () => {
  it('the request ends with error 15, once', () => {
    const sim = ring(10, 4);
    expect(ask(sim).requests).toBe(4);
    expect(sim.events('s1', 'error-received').map((e) => e.code)).toEqual([15]);
  });
});
