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
});
