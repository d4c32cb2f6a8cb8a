import { describe, expect, it } from 'vitest';
import { listenTo, outbound } from '../../test/transport-conformance.js';
import { type IpAddress, parseAddress } from '../wire/address.js';
import { bindsAt } from './bind.js';
import { virtualClock } from './clock.js';
import { type FaultRates, fault } from './fault.js';
import { MemoryNetwork } from './memory.js';

const address = (text: string): IpAddress => parseAddress(text) as IpAddress;
const [NEAR, FAR] = [address('192.0.2.1'), address('192.0.2.2')];
const COUNT = 1_000;

/** What arrives of a thousand numbered datagrams of 8 octets. */
function carried(rates: FaultRates, seed = 7): Uint8Array[] {
  const clock = virtualClock();
  const network = new MemoryNetwork({ clock });
  const near = fault(network.open(bindsAt(NEAR, ['gre'])), { seed, rates, clock });
  const far = network.open(bindsAt(FAR, ['gre']));
  const { arrived } = listenTo(far);
  const path = {
    carrier: 'gre' as const,
    local: { address: NEAR, port: 0 },
    remote: { address: FAR, port: 0 },
  };
  for (let i = 0; i < COUNT; i++) {
    near.send([outbound(path, Uint8Array.of(i >> 8, i, 0, 0, 0, 0, 0, 0))]);
    clock.advance(1);
  }
  clock.advance(1_000);
  return arrived.map(({ bytes }) => bytes);
}

const numbers = (all: readonly Uint8Array[]): number[] =>
  all.map((b) => ((b[0] ?? 0) << 8) | (b[1] ?? 0));

describe('fault', () => {
  it('passes everything on, in order, when it is told no rate', () => {
    expect(numbers(carried({}))).toEqual(Array.from({ length: COUNT }, (_, i) => i));
  });

  it('loses about as many as it is told, the same ones for the same seed', () => {
    const once = numbers(carried({ loss: 0.3 }));
    expect(once.length).toBeGreaterThan(0.6 * COUNT);
    expect(once.length).toBeLessThan(0.8 * COUNT);
    expect(numbers(carried({ loss: 0.3 }))).toEqual(once);
    expect(numbers(carried({ loss: 0.3 }, 8))).not.toEqual(once);
  });

  it('duplicates', () => {
    const all = numbers(carried({ duplication: 0.1 }));
    expect(new Set(all).size).toBe(COUNT);
    expect(all.length).toBeGreaterThan(1.05 * COUNT);
  });

  it('lets later ones overtake', () => {
    const all = numbers(carried({ reordering: 0.1 }));
    expect(all).toHaveLength(COUNT);
    expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, i) => i));
    expect(all.filter((n, i) => n < (all[i - 1] ?? 0)).length).toBeGreaterThan(50);
  });

  it('turns over one bit of a copy', () => {
    const damaged = carried({ corruption: 1 }).map((b, i) => {
      const expected = Uint8Array.of(i >> 8, i, 0, 0, 0, 0, 0, 0);
      return b.reduce((sum, octet, k) => sum + bits(octet ^ (expected[k] ?? 0)), 0);
    });
    expect(damaged).toEqual(Array(COUNT).fill(1));
  });
});

const bits = (octet: number): number => octet.toString(2).replaceAll('0', '').length;
