import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encapsulateGre } from '../gre/in-place.js';
import { encodeKeepalive } from '../gre/keepalive.js';
import { decodeGrePacket } from '../gre/packet.js';
import { decodeIcmp } from '../wire/icmp.js';
import {
  ipDestination,
  ipHeaderOctets,
  ipPacket,
  ipPacketOctets,
  ipSource,
} from '../wire/ip-packet.js';
import { decodeIpv4Header } from '../wire/ipv4.js';
import { unwrap } from '../wire/result.js';
import { fragmentIpv4 } from './fragment.js';
import type { PacketDropReason } from './output.js';
import { hubTunnel, ip, type LabNode, spokeTunnel, VirtualLab } from './virtual-lab.js';

function pair(hubOver = {}, spokeOver = {}): { lab: VirtualLab; hub: LabNode; one: LabNode } {
  const lab = new VirtualLab();
  const hub = lab.add(hubTunnel(hubOver));
  const one = lab.add(spokeTunnel(1, spokeOver));
  lab.run(1_000);
  return { lab, hub, one };
}
const udp = (source: string, destination: string, octets: number, over: object = {}): Uint8Array =>
  ipPacket(
    { source: ip(source), destination: ip(destination), protocol: 17, ttl: 64, ...over },
    new Uint8Array(octets),
  );
const drops = (node: LabNode): Readonly<Record<PacketDropReason, number>> | undefined =>
  node.node.stats().tunnels.tun100?.packets.dropped;
const gre = (inner: Uint8Array, protocolType = 0x0800, key: number | null = 42): Uint8Array => {
  const slab = new Uint8Array(8 + inner.length);
  slab.set(inner, 8);
  return slab.subarray(encapsulateGre(slab, 8, protocolType, key));
};
/** As if spoke 1 had sent it to the hub. */
const inject = (hub: LabNode, bytes: Uint8Array): void => {
  const path = {
    carrier: 'gre',
    local: { address: ip('192.168.0.2'), port: 0 },
    remote: { address: ip('192.168.1.2'), port: 0 },
  } as const;
  hub.act((node, now) => node.handleDatagram(now, path, bytes));
};

describe('the datapath', () => {
  it('copies DSCP to the outer header, sends NHRP as network control, and forbids fragments', () => {
    const { lab, one } = pair();
    const before = one.sent.length;
    one.packet(udp('10.0.0.1', '10.0.0.100', 10, { dscp: 46 }));
    expect(one.sent[before]?.dscp).toBe(46);
    expect(one.sent.slice(0, before).map((s) => s.dscp)).toEqual(
      one.sent.slice(0, before).map(() => 48),
    );
    lab.run(10);
  });

  it('answers a packet that does not fit and may not be cut by "fragmentation needed" from the tunnel address', () => {
    const { lab, one, hub } = pair();
    one.packet(udp('192.168.101.5', '10.0.0.100', 1_381, { dontFragment: true }));
    const [error] = one.delivered;
    const ends = {
      source: ipSource(error as Uint8Array, 0),
      destination: ipDestination(error as Uint8Array, 0),
    };
    expect([String(ends.source), String(ends.destination)]).toEqual(['10.0.0.1', '192.168.101.5']);
    const icmp = unwrap(decodeIcmp((error as Uint8Array).subarray(20), ends));
    expect([icmp.type, icmp.code, icmp.rest]).toEqual([3, 4, 1_400]);
    expect(drops(one)?.['too-big']).toBe(1);
    one.packet(udp('192.168.101.5', '10.0.0.100', 1_380, { dontFragment: true }));
    lab.run(10);
    expect(hub.delivered.map((p) => p.length)).toEqual([1_400]);
  });

  it('cuts a packet that may be cut before GRE', () => {
    const { lab, one, hub } = pair();
    one.packet(udp('192.168.101.5', '10.0.0.100', 3_000));
    lab.run(10);
    expect(hub.delivered.map((p) => p.length)).toEqual([1_396, 1_396, 268]);
  });

  it('learns a smaller path MTU from the network, forgets it after ten minutes, and never goes below 552', () => {
    const { lab, one } = pair();
    const remote = ip('192.168.0.2');
    one.act((node, now) => node.handleUnderlay(now, { kind: 'path-mtu', remote, mtu: 1_300 }));
    expect(one.events.at(-1)).toMatchObject({ type: 'path-mtu', mtu: 1_300 - 20 - 8 });
    const tooBig = (octets: number): number => {
      const before = drops(one)?.['too-big'] ?? 0;
      one.packet(udp('192.168.101.5', '10.0.0.100', octets - 20, { dontFragment: true }));
      return (drops(one)?.['too-big'] ?? 0) - before;
    };
    expect([tooBig(1_272), tooBig(1_273)]).toEqual([0, 1]);
    one.act((node, now) => node.handleUnderlay(now, { kind: 'path-mtu', remote, mtu: 68 }));
    expect([tooBig(552), tooBig(553)]).toEqual([0, 1]);
    lab.run(600_001);
    expect(tooBig(1_400)).toBe(0);
  });

  it('says why it drops what peers send', () => {
    const { hub } = pair();
    const from = (source: string, destination: string, over = {}): Uint8Array =>
      udp(source, destination, 8, over);
    const cases: readonly [PacketDropReason, Uint8Array][] = [
      ['not-gre', gre(from('10.0.0.1', '10.0.0.100')).subarray(0, 3)],
      ['wrong-key', gre(from('10.0.0.1', '10.0.0.100'), 0x0800, 43)],
      ['wrong-key', gre(from('10.0.0.1', '10.0.0.100'), 0x0800, null)],
      ['unknown-protocol', gre(from('10.0.0.1', '10.0.0.100'), 0x6558)],
      ['not-ip', gre(from('10.0.0.1', '10.0.0.100').subarray(0, 27))],
      ['own-source', gre(from('10.0.0.100', '10.0.0.1'))],
      ['not-forwardable', gre(from('192.168.101.5', '127.0.0.1'))],
      ['not-forwardable', gre(from('169.254.1.1', '10.0.0.1'))],
      ['no-route', gre(from('192.168.101.5', '8.8.8.8'))],
      ['no-peer', gre(from('192.168.101.5', '192.168.103.5'))],
      ['ttl-exceeded', gre(from('192.168.101.5', '192.168.101.6', { ttl: 1 }))],
    ];
    for (const [reason, bytes] of cases) {
      const before = drops(hub)?.[reason] ?? 0;
      inject(hub, bytes);
      expect([reason, (drops(hub)?.[reason] ?? 0) - before]).toEqual([reason, 1]);
      expect(hub.events.at(-1)).toMatchObject({ type: 'dropped', reason });
    }
    expect(hub.delivered).toEqual([]);
  });

  it('drops what is for no tunnel here, and counts it for the node', () => {
    const { hub } = pair();
    const local = { address: ip('192.168.0.9'), port: 0 };
    hub.act((node, now) =>
      node.handleDatagram(now, { carrier: 'gre', local, remote: local }, gre(new Uint8Array(20))),
    );
    expect(hub.node.stats().dropped['no-tunnel']).toBe(1);
  });

  it('tells several tunnels apart by their key', () => {
    const lab = new VirtualLab();
    const second = { ...hubTunnel({ key: 7, address: '10.7.0.100/32' }), name: 'tun7' };
    const hub = lab.add(hubTunnel(), { tunnels: [hubTunnel(), second] });
    inject(hub, gre(udp('10.7.0.1', '10.7.0.100', 8), 0x0800, 7));
    inject(hub, gre(udp('10.0.0.1', '10.0.0.100', 8), 0x0800, 9));
    const { tunnels, dropped } = hub.node.stats();
    expect([tunnels.tun7?.packets.toDevice, tunnels.tun100?.packets.toDevice]).toEqual([1, 0]);
    expect(dropped['wrong-key']).toBe(1);
  });

  it('answers a GRE keepalive only where that is enabled, and once a second', () => {
    const ends = { local: ip('192.168.1.2'), remote: ip('192.168.0.2') };
    const silent = pair().hub;
    inject(silent, encodeKeepalive(ends, 42));
    expect(drops(silent)?.keepalive).toBe(1);
    const { lab, hub } = pair({ answerKeepalives: true });
    const before = hub.sent.length;
    inject(hub, encodeKeepalive(ends, 42));
    inject(hub, encodeKeepalive(ends, 42));
    expect(hub.sent.length - before).toBe(1);
    const answer = unwrap(decodeGrePacket(hub.sent[before]?.bytes ?? new Uint8Array()));
    expect([answer.header.protocolType, answer.payload.length]).toEqual([0, 0]);
    lab.run(1_000);
    inject(hub, encodeKeepalive(ends, 42));
    expect(hub.sent.length - before).toBe(2);
  });

  it('lets no datagram throw', () => {
    const { hub } = pair();
    const head = fc.constantFrom(
      [],
      [0x20, 0, 0x20, 0x01, 0, 0, 0, 42],
      [0x20, 0, 0x08, 0, 0, 0, 0, 42],
      [0x20, 0, 0x86, 0xdd, 0, 0, 0, 42],
    );
    fc.assert(
      fc.property(head, fc.uint8Array({ maxLength: 200 }), (h, tail) =>
        inject(hub, Uint8Array.from([...h, ...tail])),
      ),
    );
  });
});

describe('fragmentIpv4', () => {
  it('cuts so that the pieces are sound, fit, and make the whole again', () => {
    const options = fc.constantFrom([], [0x83, 7, 4, 10, 0, 0, 1, 0], [1, 0x07, 3, 4]);
    const size = fc.integer({ min: 1, max: 4_000 });
    fc.assert(
      fc.property(size, fc.integer({ min: 68, max: 1_500 }), options, (octets, mtu, opts) => {
        const packet = withOptions(udp('10.0.0.1', '10.0.0.2', octets), opts);
        const data = packet.subarray(20 + opts.length).map((_, i) => i);
        packet.set(data, 20 + opts.length);
        const pieces = fragmentIpv4(packet, mtu);
        const whole = new Uint8Array(data.length);
        pieces.forEach((piece, i) => {
          expect(ipPacketOctets(piece, 0, piece.length)).toBe(piece.length);
          expect(piece.length).toBeLessThanOrEqual(mtu);
          const header = unwrap(decodeIpv4Header(piece));
          expect(header.moreFragments).toBe(i < pieces.length - 1);
          whole.set(piece.subarray(ipHeaderOctets(piece, 0)), header.fragmentOffset * 8);
        });
        expect(whole).toEqual(data);
      }),
    );
  });
});

function withOptions(packet: Uint8Array, options: readonly number[]): Uint8Array {
  const out = new Uint8Array(packet.length + options.length);
  out.set(packet.subarray(0, 20));
  out.set(options, 20);
  out[0] = 0x45 + options.length / 4;
  out[2] = out.length >>> 8;
  out[3] = out.length;
  return out;
}
