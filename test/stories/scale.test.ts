/** Many spokes; the large runs are in bench/sim.ts. */
import { Simulation } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

const LOSS = 0.01;

describe('forty spokes with three flows each, at 1 % loss', () => {
  it('all are registered, the shortcuts stand, and the messages are as many as computed, within 20 %', () => {
    const [spokes, flows, seconds, holding] = [40, 3, 1_200, 300];
    const sim = new Simulation({ seed: 5, link: { loss: LOSS }, dropEvents: false }).hub('hub');
    for (let n = 1; n <= spokes; n++) sim.spoke(`s${n}`);
    for (let n = 0; n < spokes; n++)
      for (let to = 1; to <= flows; to++)
        sim.flow(`s${n + 1}`, `172.16.${((n + to) % spokes) + 1}.1`, { everyMs: 60_000 });
    sim.run({ untilMs: seconds * 1_000 });

    expect(sim.registered('hub').length).toBe(spokes);
    for (let n = 1; n <= spokes; n++) expect(sim.shortcuts(`s${n}`).length, `s${n}`).toBe(flows);
    const count = sim.messages();
    const asked = count.resolutionRequests - count.forwarded;
    const arrives = 1 - LOSS;
    const registrations = (spokes * (1 + seconds / (holding / 3))) / arrives ** 2;
    const renewals = Math.floor(seconds / ((holding * 2) / 3)); // of shortcuts in use
    const resolutions = (spokes * flows * (1 + renewals)) / arrives ** 3;
    expect(count.registrationRequests / registrations).toBeCloseTo(1, 1);
    expect(Math.abs(asked / resolutions - 1)).toBeLessThan(0.2);
    expect(count.errorIndications).toBe(0);
  });

  it('the same seed gives the same run, octet for octet; another seed another one', () => {
    const trace = (seed: number) => {
      const sim = new Simulation({ seed, link: { loss: 0.1, reorder: 0.1, corrupt: 0.05 } });
      sim.hub('hub').spoke('s1').spoke('s2').flow('s1', '172.16.2.1', { everyMs: 700 });
      const lines: string[] = [];
      for (const name of ['hub', 's1', 's2'])
        sim.tap(name, ({ at, to, bytes }) => lines.push(`${at} ${name} ${to.address} ${bytes}`));
      sim.run({ forMs: 600_000 });
      return [...lines, JSON.stringify(sim.events('hub'))].join('\n');
    };
    expect(trace(1)).toBe(trace(1));
    expect(trace(1)).not.toBe(trace(2));
  });
});

describe('what a restart of the hub does to the rate of registrations', () => {
  it('spokes that once began together have spread: after an outage the peak is at most three times the mean', () => {
    const spokes = 200;
    const sim = new Simulation({ seed: 3, dropEvents: false }).hub('hub');
    for (let n = 1; n <= spokes; n++) sim.spoke(`s${n}`);
    sim.run({ untilMs: 1_500_000 }); // fifteen refreshes, each a tenth early or late
    sim.kill('hub').run({ forMs: 30_000 }).restart('hub');
    const rates: number[] = [];
    for (let before = 0; rates.length < 11; before = sim.messages('hub').registrationReplies) {
      sim.run({ forMs: 10_000 });
      rates.push(sim.messages('hub').registrationReplies - before);
    }
    const mean = rates.reduce((a, b) => a + b) / rates.length;
    expect(sim.registered('hub').length).toBe(spokes);
    expect(Math.max(...rates)).toBeLessThanOrEqual(3 * mean);
  });

  it('an idle network costs nothing: nothing happens between refreshes', () => {
    const sim = new Simulation().hub('hub').spoke('s1').run({ forMs: 10_000 });
    const { steps } = sim;
    sim.run({ forMs: 70_000 });
    expect(sim.steps - steps).toBeLessThanOrEqual(1);
  });
});
