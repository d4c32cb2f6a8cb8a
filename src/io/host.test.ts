import { describe, expect, it } from 'vitest';
import { type IpAddress, parseAddress } from '../wire/address.js';
import { icmpErrorPacket } from '../wire/icmp-packet.js';
import { decrementTtl, ipDestination, ipPacket, ipTtl } from '../wire/ip-packet.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import { type VirtualClock, virtualClock } from './clock.js';
import { Host, type HostOptions } from './host.js';
import { viewOf } from './ports.js';

const address = (text: string): IpAddress => parseAddress(text) as IpAddress;

/** Two hosts with a chain of routers between them, each of which answers as a router does. */
function network(routers: readonly string[], far: Partial<HostOptions> = {}) {
  const clock = virtualClock();
  const near = new Host({ addresses: ['10.0.0.1', '2001:db8::1'], clock });
  const other = new Host({ addresses: ['10.0.0.3', '2001:db8::3'], clock, ...far });
  const join = (from: Host, to: Host, chain: readonly string[]) =>
    from.listen({
      onPackets: (batch) => {
        for (const packet of batch) carry(viewOf(packet).slice(), from, to, chain);
      },
      onError: () => {},
    });
  const carry = (packet: Uint8Array, from: Host, to: Host, chain: readonly string[]) => {
    for (const router of chain) {
      if (ipTtl(packet, 0) <= 1) {
        const error = icmpErrorPacket({ kind: 'time-exceeded' }, packet, address(router));
        if (error) clock.callAt(clock.now() + 2, () => from.write([wholeOf(error)]));
        return;
      }
      decrementTtl(packet, 0);
    }
    clock.callAt(clock.now() + 3, () => to.write([wholeOf(packet)]));
  };
  join(near, other, routers);
  join(other, near, [...routers].reverse());
  return { clock, near };
}

const wholeOf = (bytes: Uint8Array) => ({ slab: bytes, at: 0, octets: bytes.length });

/** Lets a promise come true that waits for a virtual clock. */
async function settled<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let over = false;
  const done = promise.finally(() => {
    over = true;
  });
  for (let i = 0; i < 5_000 && !over; i++) {
    clock.advance(1);
    await Promise.resolve();
  }
  return done;
}

describe('a host in the process', () => {
  it.each([
    ['udp', '10.0.0.3', ['10.0.0.100', '10.0.0.101']],
    ['icmp', '10.0.0.3', ['10.0.0.100', '10.0.0.101']],
    ['udp', '2001:db8::3', ['2001:db8::100']],
    ['icmp', '2001:db8::3', ['2001:db8::100']],
  ] as const)('traces a route by %s to %s', async (probe, destination, routers) => {
    const { clock, near } = network(routers);
    const hops = await settled(clock, near.traceroute(destination, { probe }));
    expect(hops.map((hop) => `${hop.ttl} ${hop.from} ${hop.kind}`)).toEqual([
      ...routers.map((router, i) => `${i + 1} ${router} time-exceeded`),
      `${routers.length + 1} ${destination} reply`,
    ]);
    expect(hops[0]?.rttMs).toBe(2);
    expect(hops.at(-1)?.rttMs).toBe(6);
  });

  it('tells a timeout from an answer', async () => {
    const { clock, near } = network([]);
    const reply = await settled(clock, near.ping('10.0.0.77', { timeoutMs: 50 }));
    expect(reply).toEqual({ kind: 'timeout', from: null, code: 0, rttMs: 50 });
    expect(await settled(clock, near.ping('10.0.0.3'))).toMatchObject({ kind: 'reply', rttMs: 6 });
  });

  it('keeps probes that are under way at the same time apart', async () => {
    const { clock, near } = network(['10.0.0.100']);
    const replies = await settled(
      clock,
      Promise.all([
        near.ping('10.0.0.3'),
        near.ping('10.0.0.3', { ttl: 1 }),
        near.ping('2001:db8::3'),
      ]),
    );
    expect(replies.map(({ kind, from }) => `${kind} ${from}`)).toEqual([
      'reply 10.0.0.3',
      'time-exceeded 10.0.0.100',
      'reply 2001:db8::3',
    ]);
  });

  it('hands over what is for it and no answer, and nothing else', () => {
    const seen: IpAddress[] = [];
    const onPacket = (packet: Uint8Array) => void seen.push(ipDestination(packet, 0));
    const host = new Host({ addresses: ['10.0.0.3'], clock: virtualClock(), onPacket });
    const packetTo = (text: string) => {
      const ip = { source: address('10.0.0.1'), destination: address(text) };
      return ipPacket({ ...ip, protocol: IP_PROTOCOL.TCP, ttl: 9 }, new Uint8Array(20));
    };
    host.write(['10.0.0.3', '10.0.0.4'].map((text) => wholeOf(packetTo(text))));
    host.write([wholeOf(Uint8Array.of(0x45, 0)), wholeOf(new Uint8Array(0))]);
    expect(seen.map(String)).toEqual(['10.0.0.3']);
  });

  it('refuses a wrong address by name', () => {
    expect(() => new Host({ addresses: ['10.0.0.3', '10.0.0'] })).toThrow(
      "addresses[1]: '10.0.0' is not an IP address",
    );
  });
});
