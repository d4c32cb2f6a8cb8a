/** IPv6 as routing protocols use it: next hops are link-local addresses. */
import { Simulation } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

describe('link-local next hops', () => {
  it('are registered beside the tunnel address, and routes of the hub lead by them', () => {
    const sim = new Simulation({ overlay: 6, phase: 3, tunnel: { unique: false } });
    sim.hub('hub', { alsoRegister: ['fe80::100/128'] });
    sim.node(
      's1',
      {
        ...sim.blueprint.spoke(1, [1]),
        alsoRegister: ['fe80::1/128'],
        nhs: [{ address: sim.blueprint.hubAddress(1), nbma: sim.blueprint.hubNbma(1) }],
      },
      { lan: ['fd01:0:0:1::1/64'] },
    );
    sim.command('hub', { kind: 'addRoute', prefix: 'fd01:0:0:1::/64', via: 'fe80::1' });
    sim.run({ forMs: 1_000 });
    expect(sim.registered('hub')).toContain('fe80::1');
    expect(sim.path('hub', 'fd01:0:0:1::1')).toEqual(['hub', 's1']);
    expect(sim.ping('hub', 'fd01:0:0:1::1').received).toBe(1);
  });

  it('that nobody here knows are resolved (Phase 2): the packets then go direct', () => {
    const sim = new Simulation({ overlay: 6, phase: 2, tunnel: { unique: false } }).hub('hub');
    const hub = { address: sim.blueprint.hubAddress(1), nbma: sim.blueprint.hubNbma(1) };
    for (const n of [1, 2])
      sim.node(
        `s${n}`,
        { ...sim.blueprint.spoke(n, [1]), alsoRegister: [`fe80::${n}/128`], nhs: [hub] },
        { lan: [`fd01:0:0:${n}::1/64`] },
      );
    sim.command('s1', { kind: 'addRoute', prefix: 'fd01:0:0:2::/64', via: 'fe80::2' });
    sim.command('s2', { kind: 'addRoute', prefix: 'fd01:0:0:1::/64', via: 'fe80::1' });
    sim.run({ forMs: 1_000 });
    sim.flow('s1', 'fd01:0:0:2::1', { everyMs: 100, afterMs: 0 });
    sim.run({ forMs: 5_000 });
    expect(sim.path('s1', 'fd01:0:0:2::1')).toEqual(['s1', 's2']);
  });
});
