import { describe, expect, it } from 'vitest';
import { CASES, listenTo, outbound, turned } from '../../test/transport-conformance.js';
import { type IpAddress, parseAddress } from '../wire/address.js';
import { bindsAt } from './bind.js';
import { virtualClock } from './clock.js';
import { joined } from './joined.js';
import { MemoryDevice, MemoryNetwork } from './memory.js';
import { HEADROOM_OCTETS, type Packet, TAILROOM_OCTETS, viewOf } from './ports.js';

const address = (text: string): IpAddress => parseAddress(text) as IpAddress;

const NEAR = address('192.0.2.1');
const FAR = address('192.0.2.2');

function linked(options: { maxOctets?: number; latencyMs?: number } = {}) {
  const clock = virtualClock();
  const network = new MemoryNetwork({ clock, ...options });
  const near = network.open(bindsAt(NEAR, ['gre-udp']));
  const far = network.open(bindsAt(FAR, ['gre-udp']));
  const path = {
    carrier: 'gre-udp' as const,
    local: { address: NEAR, port: 4754 },
    remote: { address: FAR, port: 4754 },
  };
  return { clock, network, near, far, path, settle: async () => clock.advance(1_000) };
}

describe('a transport in memory', () => {
  for (const { name, run } of CASES) it(name, () => run(linked()));

  it('delivers after the latency and not before', () => {
    const { clock, near, far, path } = linked({ latencyMs: 20 });
    const { arrived } = listenTo(far);
    near.send([outbound(path, Uint8Array.of(1))]);
    clock.advance(19);
    expect(arrived).toHaveLength(0);
    clock.advance(1);
    expect(arrived).toHaveLength(1);
  });

  it('drops what is larger than the network carries', () => {
    const { clock, near, far, path } = linked({ maxOctets: 100 });
    const { arrived } = listenTo(far);
    near.send([101, 100].map((octets) => outbound(path, new Uint8Array(octets))));
    clock.advance(10);
    expect(arrived.map(({ bytes }) => bytes.length)).toEqual([100]);
  });

  it('refuses an address that is taken, until it is released', async () => {
    const { network, near } = linked();
    const again = () => network.open(bindsAt(NEAR, ['gre-udp']));
    expect(again).toThrow(/^Carrier gre-udp, port 4754, on 192\.0\.2\.1 is in use .*\.$/);
    await near.close();
    expect(again).not.toThrow();
  });
});

describe('a device in memory', () => {
  it('hands packets over with room around them, and copies what is written', async () => {
    const written: Uint8Array[] = [];
    const read: Packet[] = [];
    const device = new MemoryDevice((packet) => written.push(packet));
    device.listen({ onPackets: (batch) => read.push(...batch), onError: () => {} });
    device.send(Uint8Array.of(0x45, 1, 2));
    const reused = Uint8Array.of(9, 8, 7, 6);
    device.write([{ slab: reused, at: 1, octets: 2 }]);
    reused.fill(0);
    expect(read.map((packet) => [...viewOf(packet)])).toEqual([[0x45, 1, 2]]);
    expect(read[0]?.at).toBeGreaterThanOrEqual(HEADROOM_OCTETS);
    expect(read[0]?.slab.length).toBe(HEADROOM_OCTETS + 3 + TAILROOM_OCTETS);
    expect(written.map((packet) => [...packet])).toEqual([[8, 7]]);
    await device.close();
    device.send(Uint8Array.of(1));
    expect(read).toHaveLength(1);
  });
});

describe('joined transports', () => {
  it('are one: each sends what is its own', async () => {
    const clock = virtualClock();
    const network = new MemoryNetwork({ clock });
    const near = joined([
      network.open(bindsAt(NEAR, ['esp'])),
      network.open(bindsAt(NEAR, ['ike-natt'])),
    ]);
    const far = network.open(bindsAt(FAR, ['esp', 'ike-natt']));
    const [here, there] = [listenTo(near), listenTo(far)];
    const paths = (['esp', 'ike-natt'] as const).map((carrier) => {
      const port = carrier === 'esp' ? 0 : 4500;
      return { carrier, local: { address: NEAR, port }, remote: { address: FAR, port } };
    });
    near.send(paths.map((path, i) => outbound(path, Uint8Array.of(i))));
    far.send(paths.map((path, i) => outbound(turned(path), Uint8Array.of(i))));
    clock.advance(10);
    const carriers = ({ arrived }: typeof here) => arrived.map(({ path }) => path.carrier);
    expect([carriers(here), carriers(there)]).toEqual([
      ['esp', 'ike-natt'],
      ['esp', 'ike-natt'],
    ]);
    await near.close();
    far.send(paths.map((path) => outbound(turned(path), Uint8Array.of(9))));
    clock.advance(10);
    expect(here.arrived).toHaveLength(2);
  });
});
