import { describe, expect, it } from 'vitest';
import { Agenda } from './agenda.js';
import { damaged, delayOf, LOST, PERFECT_LINK } from './link.js';
import { SeededRandom } from './random.js';
import { Simulation } from './simulation.js';

describe('the agenda', () => {
  it('carries out in the order of time, and of entry at the same time, as sorting would', () => {
    const random = new SeededRandom(1);
    const agenda = new Agenda();
    const done: [number, number][] = [];
    const planned = Array.from({ length: 2_000 }, (_, i) => [random.below(300), i] as const);
    for (const [at, i] of planned) agenda.at(at, () => done.push([at, i]));
    agenda.runUntil(1_000);
    expect(done).toEqual([...planned].sort(([a, i], [b, j]) => a - b || i - j));
    expect([agenda.now, agenda.size]).toEqual([1_000, 0]);
  });

  it('never goes back, and says so when something does not come to rest', () => {
    const agenda = new Agenda();
    agenda.runUntil(100);
    const at: number[] = [];
    agenda.at(50, () => at.push(agenda.now));
    agenda.runUntil(100);
    expect(at).toEqual([100]);
    const again = (): void => agenda.at(0, again);
    again();
    expect(() => agenda.runUntil(101)).toThrow('bug: no rest at 100 ms');
  });
});

describe('randomness', () => {
  it('is even, the same for the same seed, and apart for forks', () => {
    const buckets = new Array<number>(10).fill(0);
    const random = new SeededRandom('seed');
    for (let i = 0; i < 10_000; i++) {
      const bucket = random.below(10);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    for (const count of buckets) expect(Math.abs(count - 1_000)).toBeLessThan(150);
    expect(new SeededRandom(5).octets(8)).toEqual(new SeededRandom(5).octets(8));
    const root = new SeededRandom(5);
    expect(root.fork('a').word()).not.toBe(root.fork('b').word());
  });
});

describe('a link', () => {
  it('loses, holds back and damages as often as it is told', () => {
    const random = new SeededRandom(2);
    const link = { ...PERFECT_LINK, loss: 0.3, reorder: 0.2, corrupt: 0.1 };
    const delays = Array.from({ length: 10_000 }, () => delayOf(link, random));
    const lost = delays.filter((d) => d === LOST).length;
    const held = delays.filter((d) => d > link.latencyMs).length;
    expect([lost / 10_000, held / (10_000 - lost)].map((x) => Math.round(x * 20) / 20)).toEqual([
      0.3, 0.2,
    ]);
    const bytes = new Uint8Array(20);
    const bits = Array.from({ length: 1_000 }, () => damaged(link, random, bytes))
      .filter((b) => b !== bytes)
      .map((b) => b.reduce((sum, octet) => sum + octet.toString(2).replaceAll('0', '').length, 0));
    expect(new Set(bits)).toEqual(new Set([1]));
    expect(Math.abs(bits.length - 100)).toBeLessThan(40);
    expect(bytes).toEqual(new Uint8Array(20));
  });

  it('is refused when it is none', () => {
    expect(() => new Simulation({ link: { loss: 1.5 } })).toThrow('link.loss: 1.5 is not in 0..1');
    expect(() => new Simulation().link({ latencyMs: -1 })).toThrow(
      'link.latencyMs: -1 is negative',
    );
  });
});

describe('a script', () => {
  it('is told by name what is wrong with it', () => {
    const sim = new Simulation().hub('hub');
    expect(() => sim.hub('hub')).toThrow('hub: there is one already');
    expect(() => sim.ping('nobody', '10.0.0.1')).toThrow("there is no station 'nobody'");
    expect(() => sim.spoke('s1', { local: '192.0.2.1' })).toThrow(
      '192.0.2.1 is the address of hub',
    );
    expect(() => sim.kill('hub').entries('hub')).toThrow('hub: is down');
  });

  it('partitions cut both ways, cuts one way, and both heal', () => {
    const sim = new Simulation().hub('hub').spoke('s1').run({ forMs: 1_000 });
    const answers = () => sim.ping('s1', '10.255.0.1').received;
    expect(answers()).toBe(1);
    expect([sim.partition('s1', 'hub') && answers(), sim.heal('s1', 'hub') && answers()]).toEqual([
      0, 1,
    ]);
    expect([sim.partition('hub') && answers(), sim.heal('hub') && answers()]).toEqual([0, 1]);
    sim.cut('hub', 's1');
    expect(answers()).toBe(0);
    expect(sim.heal() && answers()).toBe(1);
  });

  it('a condition that does not come true in time is an error with the seed', () => {
    const sim = new Simulation({ seed: 42 });
    expect(() => sim.waitFor('rain', () => false, { withinMs: 500 })).toThrow(
      'rain: not within 500 ms (seed 42)',
    );
  });

  it('traceroute from a host shows its router, and stars where nobody answers', () => {
    const sim = new Simulation({ phase: 1 }).hub('hub').spoke('s1').spoke('s2');
    sim.host('h1', { behind: 's1', address: '172.16.1.9' }).run({ forMs: 1_000 });
    const hops = sim.traceroute('h1', '172.16.2.1').map((h) => h.from);
    expect(hops).toEqual(['172.16.1.1', '10.255.0.1', '172.16.2.1']);
    sim.kill('hub');
    expect(
      sim
        .traceroute('h1', '172.16.2.1')
        .slice(0, 2)
        .map((h) => h.kind),
    ).toEqual(['time-exceeded', 'timeout']);
  });
});
