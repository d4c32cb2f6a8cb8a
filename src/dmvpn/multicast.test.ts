import { describe, expect, it } from 'vitest';
import { echoPacket } from '../wire/icmp-packet.js';
import { DmvpnNode } from './node.js';
import type { Output } from './output.js';
import type { NodeSnapshot } from './snapshot.js';
import { hubTunnel, ip } from './virtual-lab.js';

const SPOKES = 10_000;
const SPOKES_FEW = 200;
const REGISTERED = 0x0002;
const nbmaOf = (i: number): string => `172.${16 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;

/** A hub as it comes back from a snapshot with that many spokes. */
function hubWith(spokes: number): DmvpnNode {
  const entries = Array.from({ length: spokes }, (_, n) => ({
    kind: 'dynamic' as const,
    prefix: `10.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}/32`,
    nbma: { address: nbmaOf(n), port: 0 },
    claimedNbma: null,
    flags: REGISTERED,
    ...{ mtu: 1_400, holdingTimeSeconds: 300, remainingMs: 300_000, ageMs: 0 },
    ...{ requestId: 1, preference: 0, group: null },
  }));
  const engine = { version: 1 as const, requestId: 1, cache: { version: 1 as const, entries } };
  const saved: NodeSnapshot = { version: 1, tunnels: { tun100: engine } };
  const environment = { now: 0, random: (n: number) => new Uint8Array(n), crypto: null };
  const node = new DmvpnNode(
    { tunnels: [hubTunnel({ address: '10.0.0.100/8' })] },
    environment,
    saved,
  );
  drain(node);
  return node;
}

function drain(node: DmvpnNode, each: (output: Output) => void = () => {}): void {
  for (let o = node.pollOutput(); o.kind !== 'timeout'; o = node.pollOutput()) each(o);
}

const hello = (sequence: number): Uint8Array => {
  const ends = { source: ip('10.0.0.100'), destination: ip('224.0.0.10') };
  return echoPacket(
    { isReply: false, identifier: 1, sequence, data: new Uint8Array(900) },
    ends,
    1,
  );
};

describe('multicast to more spokes than packets may wait', () => {
  it('reaches each of 10,000 registered spokes once, packet after packet', () => {
    const node = hubWith(SPOKES);
    for (let i = 0; i < 3; i++) {
      const to = new Map<string, number>();
      node.handlePacket(i, 'tun100', hello(i));
      drain(node, (o) => {
        if (o.kind !== 'transmit') return;
        const key = String(o.path.remote.address);
        to.set(key, (to.get(key) ?? 0) + 1);
        expect(o.bytes.at(8 + 20 + 7)).toBe(i); // GRE with key, IPv4, ICMP: the sequence
      });
      expect(to.size).toBe(SPOKES);
      expect([...to.values()].every((count) => count === 1)).toBe(true);
    }
    const { packets } = node.stats().tunnels.tun100 ?? {};
    expect([packets?.replicated, packets?.dropped['not-drained']]).toEqual([3 * SPOKES, 0]);
  });

  it('makes copies only as they are polled: a caller who never polls piles up packets, not copies', () => {
    const node = hubWith(SPOKES_FEW);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 1_000; i++) node.handlePacket(0, 'tun100', hello(i));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20);
    expect(node.stats().tunnels.tun100?.packets.dropped['not-drained']).toBeGreaterThan(0);
    let copies = 0;
    drain(node, (o) => {
      if (o.kind === 'transmit') copies++;
    });
    expect(copies).toBe(256 * SPOKES_FEW);
  });
});
