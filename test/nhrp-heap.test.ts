/**
 * Nothing stays behind: refused packets and engines that were closed cost no memory (FRR ba113ac64e, 7df171f59a).
 * A fifth of the reliability figures, for the time it takes; the whole was run once, with the same bound.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NhrpEngine } from '../src/nhrp/engine/engine.js';
import { address, blueprint, HUB } from '../src/nhrp/engine/engine-network.test-support.js';
import { hostileNhrpOctets } from '../src/testing/arbitraries/index.js';

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

const usedOctets = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

const MIB = 1_048_576;
const at = (text: string) => ({ address: address(text), port: 0 });

function drain(engine: NhrpEngine): void {
  while (engine.pollOutput().kind !== 'timeout');
}

describe('memory', { timeout: 120_000 }, () => {
  it('after 200,000 refused packets from 8,192 sources is what it was after 20,000', () => {
    const net = blueprint();
    net.run(2_000);
    const hub = net.engine('hub');
    const packets = fc.sample(hostileNhrpOctets(), { numRuns: 1_000, seed: 7 });
    let now = net.now;
    const refuse = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const remote = at(`203.${(i >> 8) & 31}.${i & 255}.9`);
        const packet = packets[i % packets.length] ?? new Uint8Array();
        hub.handleMessage(now++, { local: at(HUB.nbma), remote }, packet);
        drain(hub);
      }
    };
    refuse(20_000);
    const before = usedOctets();
    refuse(180_000);
    const { dropped } = hub.stats();
    expect(dropped.malformed).toBeGreaterThan(100_000);
    expect(usedOctets() - before).toBeLessThan(2 * MIB);
  });

  it('after 2,000 networks were opened, registered and closed is what it was after 200', () => {
    const cycle = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const net = blueprint();
        net.run(10);
        net.command('s1', { kind: 'shutdown' });
        net.run(10);
        if (net.engine('s1').state !== 'closed') throw new Error('bug: still open');
      }
    };
    cycle(200);
    const before = usedOctets();
    cycle(1_800);
    expect(usedOctets() - before).toBeLessThan(2 * MIB);
  });
});
