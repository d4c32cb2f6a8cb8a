import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../wire/bytes.js';
import { ipPacket } from '../wire/ip-packet.js';
import type { Path } from '../wire/path.js';
import { DmvpnNode } from './node.js';
import type { NodeCommand, Output } from './output.js';
import { hubTunnel, ip, type LabNode, spokeTunnel, VirtualLab } from './virtual-lab.js';

const CALM = { now: 0, random: (octets: number) => new Uint8Array(octets), crypto: null };
const HUB_FROM_SPOKE: Path = {
  carrier: 'gre',
  local: { address: ip('192.168.0.2'), port: 0 },
  remote: { address: ip('192.168.1.2'), port: 0 },
};

function drain(node: DmvpnNode): Output[] {
  const outputs: Output[] = [];
  for (let o = node.pollOutput(); ; o = node.pollOutput()) {
    outputs.push(o);
    if (o.kind === 'timeout') return outputs;
  }
}

/** The outputs of a hub and two spokes over five minutes, as one text. */
function story(disturb: (node: LabNode) => void = () => {}): string {
  const lab = new VirtualLab();
  const nodes = [lab.add(hubTunnel()), lab.add(spokeTunnel(1)), lab.add(spokeTunnel(2))];
  for (let i = 0; i < 10; i++) {
    lab.run(30_000);
    nodes[1]?.ping('192.168.101.5', '192.168.102.5', 64, i);
    for (const node of nodes) disturb(node);
  }
  const told = nodes.map(({ sent, events, delivered }) => ({
    events,
    sent: sent.map((s) => [s.at, String(s.path.remote.address), toHex(s.bytes)]),
    delivered: delivered.map((p) => toHex(p)),
  }));
  return JSON.stringify(told);
}

describe('the contract', () => {
  it('5: the same inputs, times and randomness give the same outputs, octet for octet', () => {
    expect(story()).toBe(story());
  });

  it('1: waking early or again has no effect', () => {
    const woken = story((lab) => {
      for (let i = 0; i < 3; i++) lab.act((node, now) => node.handleTimeout(now));
    });
    expect(woken).toBe(story());
  });

  it('3: input is borrowed for the call, output is there until the next', () => {
    const node = new DmvpnNode({ tunnels: [hubTunnel()] }, CALM);
    node.command(0, { kind: 'map', tunnel: 'tun100', prefix: '10.0.0.9/32', nbma: '192.168.9.2' });
    node.command(0, { kind: 'addRoute', tunnel: 'tun100', prefix: '10.0.0.0/24', via: '10.0.0.9' });
    drain(node);
    const ends = { source: ip('10.0.0.100'), destination: ip('10.0.0.9') };
    const packet = ipPacket({ ...ends, protocol: 17, ttl: 9 }, new Uint8Array(40).fill(7));
    const expected = packet.slice();
    node.handlePacket(0, 'tun100', packet);
    packet.fill(0xa5);
    const [sent] = drain(node);
    expect(sent?.kind === 'transmit' && sent.bytes.subarray(8)).toEqual(expected);
    node.handlePacket(0, 'tun100', expected);
    node.handlePacket(0, 'tun100', expected); // not polled in between: nothing is lost or overwritten
    const both = drain(node).filter((o) => o.kind === 'transmit');
    expect(both.map((o) => o.kind === 'transmit' && o.bytes.subarray(8))).toEqual([
      expected,
      expected,
    ]);
  });

  it('4: nothing that comes from the network or the device throws', () => {
    const node = new DmvpnNode({ tunnels: [hubTunnel()], dropEvents: true }, CALM);
    const bytes = fc.uint8Array({ maxLength: 120 });
    const head = fc.constantFrom('', '2000200100000 02a', '200008000000002a', '45000014');
    fc.assert(
      fc.property(head, bytes, fc.boolean(), (hex, tail, fromDevice) => {
        const start = fromHex(hex);
        const all = Uint8Array.from([...start, ...tail]);
        if (fromDevice) node.handlePacket(1, 'tun100', all);
        else node.handleDatagram(1, HUB_FROM_SPOKE, all);
        drain(node);
      }),
    );
  });

  it('5: a caller that does not poll meets named limits, and the loss is said', () => {
    const node = new DmvpnNode({ tunnels: [hubTunnel()], dropEvents: true }, CALM);
    drain(node);
    for (let i = 0; i < 1_100; i++) node.handleDatagram(1, HUB_FROM_SPOKE, new Uint8Array(3));
    const events = drain(node).flatMap((o) => (o.kind === 'event' ? [o.event] : []));
    expect(events[0]).toEqual({ type: 'events-lost', tunnel: '', count: 76 });
    expect(events).toHaveLength(1_025);
    expect(node.stats().tunnels.tun100?.packets.dropped['not-gre']).toBe(1_100);
  });

  it('8: what was closed stays closed', () => {
    const node = new DmvpnNode({ tunnels: [hubTunnel()] }, CALM);
    node.command(0, { kind: 'shutdown' });
    drain(node);
    expect(node.state).toBe('closed');
    node.handleDatagram(1, HUB_FROM_SPOKE, new Uint8Array(30));
    node.command(1, { kind: 'reregister', tunnel: 'tun100' });
    node.handleTimeout(2);
    expect(drain(node)).toEqual([{ kind: 'timeout', at: null, why: 'closed' }]);
    expect(node.stats().dropped.closed).toBe(3);
  });
});

describe('commands', () => {
  it('are refused by the path of the wrong value', () => {
    const node = new DmvpnNode({ tunnels: [hubTunnel()] }, CALM);
    const tunnel = 'tun100';
    expect(() =>
      node.command(0, { kind: 'map', tunnel, prefix: '10.0.0.9', nbma: '192.168' }),
    ).toThrow("command.nbma: '192.168' is not an IPv4 address");
    expect(() => node.command(0, { kind: 'purge', tunnel, prefix: '10.0.0.9/24' })).toThrow(
      "command.prefix: '10.0.0.9/24' is not a prefix; did you mean '10.0.0.0/24'?",
    );
    expect(() => node.command(0, { kind: 'reregister', tunnel: 'tun1' })).toThrow(
      "there is no tunnel 'tun1'",
    );
  });

  it('about a family that the tunnel does not carry are refused', () => {
    const node = new DmvpnNode({ tunnels: [hubTunnel()] }, CALM);
    const tunnel = 'tun100';
    const add = (prefix: string, via: string | null) => () =>
      node.command(0, { kind: 'addRoute', tunnel, prefix, via });
    expect(add('2001:db8::/64', null)).toThrow(
      "command.prefix: '2001:db8::' is of a family that the tunnel does not carry",
    );
    expect(add('172.16.0.0/16', '2001:db8::1')).toThrow(
      "command.via: '2001:db8::1' is not of the prefix's family",
    );
  });

  it('of an unknown kind are refused as that, before anything else is looked at', () => {
    const node = new DmvpnNode({ tunnels: [hubTunnel()] }, CALM);
    const send = (command: unknown) => () => node.command(0, command as NodeCommand);
    const kinds = "'addRoute' or 'removeRoute' or 'map' or 'unmap' or 'clear' or 'reregister'";
    const expected = `command.kind: ${kinds} or 'purge' or 'keepResolved' or 'setAddress' or 'setMtu' or 'shutdown' expected, got`;
    expect(send({ kind: 'bogus', tunnel: 'tun100' })).toThrow(new TypeError(`${expected} 'bogus'`));
    expect(send({})).toThrow(new TypeError(`${expected} nothing`));
    expect(send(null)).toThrow(new TypeError('command: an object expected'));
  });

  it('setAddress and setMtu change the tunnel under way', () => {
    const node = new DmvpnNode({ tunnels: [hubTunnel({ address: '10.0.0.100/24' })] }, CALM);
    const tunnel = 'tun100';
    node.command(0, { kind: 'setAddress', tunnel, address: '10.0.0.200' });
    node.command(0, { kind: 'setMtu', tunnel, mtu: 1_300 });
    expect(node.lookup(tunnel, ip('10.0.0.200'), 0).kind).toBe('local');
    expect(node.lookup(tunnel, ip('10.0.0.100'), 0).kind).not.toBe('local');
    expect(String(node.view(0).tunnels[0]?.address)).toBe('10.0.0.200');
    expect(() => node.command(0, { kind: 'setAddress', tunnel, address: '2001:db8::1' })).toThrow(
      "command.address: '2001:db8::1' is of a family that the tunnel does not carry",
    );
    expect(() => node.command(0, { kind: 'setMtu', tunnel, mtu: 100 })).toThrow('command.mtu');
  });

  it('addRoute and removeRoute change where packets go, unmap takes a mapping away', () => {
    const node = new DmvpnNode({ tunnels: [hubTunnel({ routes: [] })] }, CALM);
    const tunnel = 'tun100';
    const kind = (): string => node.lookup(tunnel, ip('172.16.5.1'), 0).kind;
    expect(kind()).toBe('unreachable');
    node.command(0, { kind: 'map', tunnel, prefix: '10.0.0.9/32', nbma: '192.168.9.2' });
    node.command(0, { kind: 'addRoute', tunnel, prefix: '172.16.0.0/16', via: '10.0.0.9' });
    expect(kind()).toBe('direct');
    node.command(0, { kind: 'addRoute', tunnel, prefix: '172.16.5.0/24', via: null });
    expect(kind()).toBe('local');
    node.command(0, { kind: 'removeRoute', tunnel, prefix: '172.16.5.0/24', via: null });
    node.command(0, { kind: 'unmap', tunnel, prefix: '10.0.0.9/32' });
    expect(kind()).toBe('pending');
    node.command(0, { kind: 'removeRoute', tunnel, prefix: '172.16.0.0/16', via: '10.0.0.9' });
    expect(kind()).toBe('unreachable');
  });
});

describe('a spoke whose NBMA address changes', () => {
  it('registers again from the new one, and packets for it follow', () => {
    const lab = new VirtualLab();
    const hub = lab.add(hubTunnel({ takeover: 'always' }));
    const one = lab.add(spokeTunnel(1, { unique: false }));
    lab.run(1_000);
    const [from, to] = [ip('192.168.1.2'), ip('192.168.1.77')];
    one.act((node, now) => node.handleUnderlay(now, { kind: 'local-address', from, to }));
    lab.run(1_000);
    const before = hub.sent.length;
    hub.ping('10.0.0.100', '10.0.0.1');
    lab.run(100);
    expect(hub.sent.slice(before).map((s) => String(s.path.remote.address))).toEqual([
      '192.168.1.77',
    ]);
    expect(one.delivered).toHaveLength(1);
  });
});
