/** Times that no other story is about: names asked for again, the domino rule, long holding times. */
import { Simulation } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('a server by name', () => {
  it('is asked for again every two hours: new addresses are registered with, vanished ones left', () => {
    const sim = new Simulation().hub('hub1').hub('hub2').name('hubs.example', ['192.0.2.1']);
    const nhs = [{ address: 'dynamic', nbma: 'hubs.example' }] as const;
    sim.spoke('s1', { nhs }).run({ forMs: 2_000 });
    sim.name('hubs.example', ['192.0.2.2']).run({ forMs: 2 * HOUR - MINUTE });
    expect(sim.servers('s1')).toEqual(['10.255.0.1']);
    sim.run({ forMs: 2 * MINUTE });
    expect(sim.servers('s1')).toEqual(['10.255.0.2']);
    sim.run({ forMs: 6 * MINUTE });
    expect(sim.registered('hub1')).toEqual([]);
  });
});

describe('the domino rule (RFC 2332 §6.4)', () => {
  it('a packet that came over the NBMA network starts no resolution, whatever it is for', () => {
    const sim = new Simulation({ phase: 2 }).hub('hub').spoke('s1').spoke('s2');
    sim.run({ forMs: 1_000 });
    // to the hub all of 10.0.0.0/8 is connected: its own packet for a stranger asks, one that passes does not
    sim.ping('s1', '10.9.9.9');
    expect(sim.events('s1', 'resolution-started').length).toBe(1);
    expect(sim.events('hub', 'resolution-started')).toEqual([]);
    sim.ping('hub', '10.9.9.8');
    expect(sim.events('hub', 'resolution-started').map((e) => e.destination)).toEqual(['10.9.9.8']);
  });
});

describe('registration', () => {
  it('every interval of its own, whatever the holding time is', () => {
    const sim = new Simulation({ tunnel: { holdingTimeSeconds: 7_200 } }).hub('hub');
    sim
      .spoke('s1', { registrationIntervalSeconds: 60 })
      .spoke('s2')
      .run({ forMs: 2 * HOUR });
    const [often, seldom] = ['s1', 's2'].map((s) => sim.messages(s).registrationRequests);
    expect(often).toBeGreaterThanOrEqual(108); // 120, ten per cent either way
    expect(often).toBeLessThanOrEqual(135);
    expect(seldom).toBeGreaterThanOrEqual(3); // a third of the holding time
    expect(seldom).toBeLessThanOrEqual(5);
  });
});
