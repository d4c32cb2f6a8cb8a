import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipPacket } from '../wire/ip-packet.js';
import { HEADROOM_OCTETS, TAILROOM_OCTETS } from './frame.js';
import { forwardSlot } from './node.js';
import { hubTunnel, ip, type LabNode, spokeTunnel, VirtualLab } from './virtual-lab.js';

const destinations = [
  '10.0.0.100',
  '10.0.0.1',
  '192.168.102.5',
  '192.168.101.9',
  '224.0.0.5',
  '8.8.8.8',
  '127.0.0.1',
  '2001:db8::1',
  'ff02::5',
];
const packet = fc
  .record({
    destination: fc.constantFrom(...destinations),
    dscp: fc.integer({ min: 0, max: 63 }),
    payload: fc.uint8Array({ maxLength: 1_500 }),
    dontFragment: fc.boolean(),
    junk: fc.integer({ min: 0, max: 30 }),
    cut: fc.constantFrom(0, 0, 0, 1, 21),
  })
  .map(({ destination, payload, junk, cut, ...rest }) => {
    const ends = {
      source: ip(destination.includes(':') ? '2001:db8::9' : '192.168.101.5'),
      destination: ip(destination),
    };
    const whole = ipPacket({ ...ends, ...rest, protocol: 17, ttl: 64 }, payload);
    return new Uint8Array([...whole.subarray(0, whole.length - cut), ...new Uint8Array(junk)]);
  });

/** A spoke that is registered and has a shortcut. */
function running(carrier: 'gre' | 'gre-udp'): LabNode {
  const lab = new VirtualLab();
  const over = { carrier } as const;
  lab.add(hubTunnel(over));
  const one = lab.add(spokeTunnel(1, over));
  lab.add(spokeTunnel(2, over));
  lab.run(1_000);
  one.ping('192.168.101.5', '192.168.102.5');
  lab.run(1_000);
  return one;
}

describe('forward', () => {
  it.each(['gre', 'gre-udp'] as const)(
    'gives the octets that handlePacket gives, over %s',
    (carrier) => {
      const { node, lab } = running(carrier);
      const slot = forwardSlot('tun100');
      let direct = 0;
      fc.assert(
        fc.property(packet, (bytes) => {
          const slab = new Uint8Array(HEADROOM_OCTETS + bytes.length + TAILROOM_OCTETS).fill(0xa5);
          slab.set(bytes, HEADROOM_OCTETS);
          const before = slab.slice();
          const went = node.forward(lab.now, slab, HEADROOM_OCTETS, bytes.length, slot);
          node.handlePacket(lab.now, 'tun100', bytes);
          const outputs = [];
          for (let o = node.pollOutput(); o.kind !== 'timeout'; o = node.pollOutput())
            if (o.kind === 'transmit') outputs.push({ ...o, bytes: o.bytes.slice() });
          if (!went) {
            expect(slab).toEqual(before);
            return;
          }
          direct++;
          const { path, dscp, at, octets } = slot;
          expect(outputs).toEqual([
            {
              kind: 'transmit',
              path,
              bytes: slab.slice(at, at + octets),
              dscp,
              dontFragment: true,
            },
          ]);
          expect(slab.subarray(at + octets)).toEqual(before.subarray(at + octets));
        }),
        { numRuns: 300 },
      );
      expect(direct).toBeGreaterThan(20);
    },
  );

  it('is for a tunnel of the configuration, and refuses once the node is closed', () => {
    const { node, lab } = running('gre');
    const slab = new Uint8Array(500);
    expect(() => node.forward(lab.now, slab, 96, 20, forwardSlot('tun7'))).toThrow(RangeError);
    node.command(lab.now, { kind: 'shutdown' });
    node.handleTimeout(lab.now + 2_000);
    expect(node.forward(lab.now + 2_000, slab, 96, 20, forwardSlot('tun100'))).toBe(false);
  });
});
