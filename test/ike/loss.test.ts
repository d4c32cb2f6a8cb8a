/** A bad network: reliability F1. `IKE_SEEDS=10000` plays as many seeds as the goal names. */
import { describe, expect, it } from 'vitest';
import { type Machine, Network, seeded, usablePairs } from './pair.js';

const SEEDS = Number(process.env.IKE_SEEDS ?? 90);
const BAD = { loss: 0.3, duplication: 0.1, minMs: 5, maxMs: 200 };
const TIMEOUT = { timeout: 60_000 + 100 * SEEDS };
const CLEAN_MS = 150_000; // retransmissions end, leftovers are deleted, half-open ones forgotten

interface Run {
  readonly upAt: number;
  readonly shape: string;
}

function play(seed: number, begin: (net: Network, a: Machine, b: Machine) => void): Run {
  const net = new Network(seeded(seed), BAD);
  const a = net.add('a', '192.0.2.1');
  const b = net.add('b', '192.0.2.2');
  begin(net, a, b);
  net.run(300_000, () => usablePairs(a, b) > 0);
  const upAt = usablePairs(a, b) > 0 ? net.now : Number.POSITIVE_INFINITY;
  net.options = { loss: 0, duplication: 0, minMs: 5, maxMs: 5 };
  net.run(net.now + CLEAN_MS);
  const counts = [usablePairs(a, b), a.installed.size, b.installed.size];
  return { upAt, shape: [...counts, a.ike.stats().ikeSas, b.ike.stats().ikeSas].join('/') };
}

const STORIES: readonly [string, (net: Network, a: Machine, b: Machine) => void][] = [
  ['one end begins', (_net, a, b) => a.want(0, b)],
  [
    'both ends begin',
    (_net, a, b) => {
      a.want(0, b);
      b.want(0, a);
    },
  ],
];

describe.each(STORIES)(
  '30 percent lost each way, 10 percent twice, reordered: %s',
  (name, begin) => {
    it(`comes up in time for ${SEEDS} seeds, and leaves one pair`, TIMEOUT, () => {
      const runs = Array.from({ length: SEEDS }, (_, i) => play(i + 1, begin));
      const wrong = runs.flatMap(({ shape }, i) =>
        shape === '1/1/1/1/1' ? [] : [`${i + 1}: ${shape}`],
      );
      expect(wrong).toEqual([]);
      const within = (ms: number): number => runs.filter(({ upAt }) => upAt <= ms).length / SEEDS;
      const shares = { seeds: SEEDS, in90s: within(90_000), in300s: within(300_000) };
      console.info(`loss: ${name}: ${JSON.stringify(shares)}`);
      expect(shares.in90s).toBeGreaterThanOrEqual(0.94);
      expect(shares.in300s).toBe(1);
    });
  },
);

describe('30 % loss', () => {
  it('of an established pair that is rekeyed from both ends ends with one pair', TIMEOUT, () => {
    const wrong: string[] = [];
    for (let seed = 1; seed <= SEEDS / 6; seed++) {
      const net = new Network(seeded(seed));
      const a = net.add('a', '192.0.2.1', { ikeLifetimeSeconds: 60 });
      const b = net.add('b', '192.0.2.2', { ikeLifetimeSeconds: 60 });
      a.want(0, b);
      b.want(0, a);
      net.run(20_000);
      net.options = BAD;
      for (const [m, peer] of [
        [a, b],
        [b, a],
      ] as const)
        m.ike.rekey(net.now, { address: peer.address, port: 0 }, [...m.installed.keys()][0] ?? 0);
      net.run(200_000);
      net.options = { loss: 0, duplication: 0, minMs: 5, maxMs: 5 };
      net.run(net.now + CLEAN_MS);
      // an IKE SA of a minute is always about to be replaced: only the pairs have to be one
      const shape = [usablePairs(a, b), a.installed.size, b.installed.size].join('/');
      if (shape !== '1/1/1') wrong.push(`${seed}: ${shape}`);
    }
    expect(wrong).toEqual([]);
  });
});
