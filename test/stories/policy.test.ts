/** What an operator may set for a whole network: groups (Cisco's vendor extension, facts A.4) and `ip nhrp max-send`. */
import type { Question } from 'dmvpn/dmvpn';
import { Simulation } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

const MINUTE = 60_000;
const SPOKES = ['s1', 's2', 's3'];

describe('ip nhrp group: a spoke names its group, the hub decides by it', () => {
  const asked: string[] = [];
  /** Gold is let in for ten minutes, silver for one, and nobody else. */
  const answer = (question: Question) => {
    if (question.kind !== 'authorize-registration') return null;
    asked.push(`${question.protocolAddress} ${question.group}`);
    if (question.group === null) return { kind: 'reject' } as const;
    return { kind: 'accept', holdingTimeSeconds: question.group === 'gold' ? 600 : 60 } as const;
  };
  const network = () => {
    asked.length = 0;
    const sim = new Simulation().hub('hub', { authorize: true }, { answer });
    return sim.spoke('s1', { group: 'gold' }).spoke('s2', { group: 'silver' }).spoke('s3');
  };

  it('is asked about with the group, and holds for as long as the answer says', () => {
    const sim = network().run({ forMs: 2_000 });
    expect(new Set(asked)).toEqual(new Set(['10.0.0.1 gold', '10.0.0.2 silver', '10.0.0.3 null']));
    const groups = sim.cache('hub', 'dynamic').map((e) => [e.group, e.holdingTimeSeconds]);
    expect(groups).toEqual([
      ['gold', 600],
      ['silver', 60],
    ]);
    expect(sim.events('hub', 'registration-refused')).toMatchObject([
      { protocolAddress: '10.0.0.3', code: 4 },
    ]);
  });

  it('the group goes with the registration into the store, and comes back', () => {
    const sim = network().run({ forMs: 2_000 });
    const store = sim.snapshot('hub');
    sim.kill('hub').restart('hub', { store });
    expect(sim.cache('hub', 'dynamic').map((e) => e.group)).toEqual(['gold', 'silver']);
  });
});

describe('ip nhrp max-send: a limit on NHRP packets, own and forwarded', () => {
  const limited = (packets: number, seconds: number) => {
    const sim = new Simulation({ seed: 3 }).hub('hub', {
      limits: { maxSend: { packets, seconds } },
    });
    const sentAt: number[] = [];
    sim.tap('hub', ({ at, bytes }) => {
      if (bytes[2] === 0x20 && bytes[3] === 0x01) sentAt.push(at); // GRE protocol type of NHRP
    });
    return { sim, sentAt };
  };

  it('five in ten seconds: never more in any window; all are registered in the end', () => {
    const { sim, sentAt } = limited(5, 10);
    for (let n = 1; n <= 20; n++) sim.spoke(`s${n}`);
    sim.run({ untilMs: 10 * MINUTE });
    for (const from of sentAt)
      expect(sentAt.filter((at) => at >= from && at < from + 10_000).length).toBeLessThanOrEqual(5);
    expect(sentAt.filter((at) => at < 1_000).length).toBe(5);
    expect(sim.stats('hub').tunnels.tun0?.nhrp.dropped['rate-limited']).toBeGreaterThan(0);
    expect(sim.registered('hub').length).toBe(20);
  });

  it('forwarded requests count as own ones: with none left a resolution waits for a retry', () => {
    const { sim } = limited(4, 20);
    for (const name of SPOKES) sim.spoke(name);
    sim.run({ forMs: 500 }); // three replies: one packet is left, and the redirect takes it
    const flow = sim.flow('s1', '172.16.2.1', { everyMs: 100, afterMs: 0 });
    sim.run({ forMs: 5_000 });
    expect(sim.shortcuts('s1')).toEqual([]);
    sim.run({ forMs: 30_000 });
    expect(sim.shortcuts('s1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
    expect(flow.received / flow.sent).toBeGreaterThan(0.95); // by the hub meanwhile: data is not limited
  });
});
