/** The three phases of DMVPN, and what the first packets of a conversation do in each. */
import { Simulation } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

describe('phase 3: redirect and shortcut', () => {
  it('the first packet goes by the hub, the hub redirects, and the rest goes direct', () => {
    const sim = new Simulation({ phase: 3 }).hub('hub').spoke('s1').spoke('s2');
    sim.run({ forMs: 1_000 });
    expect(sim.registered('hub')).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(sim.path('s1', '172.16.2.1')).toEqual(['s1', 'hub', 's2']);
    expect(sim.ping('s1', '172.16.2.1').received).toBe(1);
    sim.run({ forMs: 1_000 });
    expect(sim.shortcuts('s1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
    expect(sim.path('s1', '172.16.2.1')).toEqual(['s1', 's2']);
    expect(sim.ping('s1', '172.16.2.1').rttsMs).toEqual([10]);
  });
});
