import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../wire/address.js';
import { ICMP_TYPE } from '../wire/icmp.js';
import { ipDestination, ipSource, ipTtl } from '../wire/ip-packet.js';
import type { DmvpnEvent } from './output.js';
import { hubTunnel, ip, type LabNode, spokeTunnel, VirtualLab } from './virtual-lab.js';

function phase3(): { lab: VirtualLab; hub: LabNode; one: LabNode; two: LabNode } {
  const lab = new VirtualLab();
  const hub = lab.add(hubTunnel());
  const one = lab.add(spokeTunnel(1));
  const two = lab.add(spokeTunnel(2));
  lab.run(1_000);
  return { lab, hub, one, two };
}

const types = (node: LabNode): string[] => node.events.map((e) => e.type);
const ofType = <T extends DmvpnEvent['type']>(
  node: LabNode,
  type: T,
): (DmvpnEvent & { type: T })[] =>
  node.events.filter((e): e is DmvpnEvent & { type: T } => e.type === type);
const remotes = (node: LabNode, since: number): string[] =>
  node.sent.slice(since).map((s) => String(s.path.remote.address));

describe('a hub and spokes', () => {
  it('spokes register, and the hub can be pinged', () => {
    const { lab, hub, one } = phase3();
    expect(ofType(hub, 'spoke-registered').map((e) => e.protocolAddress)).toEqual([
      '10.0.0.1',
      '10.0.0.2',
    ]);
    expect(ofType(one, 'registered')).toHaveLength(1);
    one.ping('10.0.0.1', '10.0.0.100');
    lab.run(100);
    expect(hub.delivered.map((p) => String(ipSource(p, 0)))).toEqual(['10.0.0.1']);
    hub.ping('10.0.0.100', '10.0.0.1');
    lab.run(100);
    expect(one.delivered).toHaveLength(1);
  });

  it('the first packet between spokes goes by the hub, which redirects; later ones go direct', () => {
    const { lab, hub, one, two } = phase3();
    one.ping('192.168.101.5', '192.168.102.5');
    lab.run(200);
    expect(two.delivered).toHaveLength(1);
    expect(ipTtl(two.delivered[0] as Uint8Array, 0)).toBe(63); // the hub is a router on the way
    expect(types(hub)).toContain('redirect-sent');
    expect(ofType(one, 'shortcut-set').map((e) => [e.prefix, e.via, e.nbma])).toEqual([
      ['192.168.102.0/24', '10.0.0.2', '192.168.2.2'],
    ]);
    const before = { one: one.sent.length, hub: hub.sent.length };
    one.ping('192.168.101.5', '192.168.102.5', 64, 2);
    lab.run(200);
    expect(remotes(one, before.one)).toEqual(['192.168.2.2']);
    expect(hub.sent).toHaveLength(before.hub);
    expect(ipTtl(two.delivered[1] as Uint8Array, 0)).toBe(64);
  });

  it('a probe that dies at the hub is answered from the tunnel address and causes no redirect', () => {
    const { lab, hub, one } = phase3();
    one.ping('192.168.101.5', '192.168.102.5', 1);
    lab.run(200);
    expect(one.delivered).toHaveLength(1);
    const [answer] = one.delivered;
    expect(String(ipSource(answer as Uint8Array, 0))).toBe('10.0.0.100');
    expect(String(ipDestination(answer as Uint8Array, 0))).toBe('192.168.101.5');
    expect(answer?.[20]).toBe(ICMP_TYPE.TIME_EXCEEDED);
    expect(types(hub)).not.toContain('redirect-sent');
    expect(hub.node.stats().tunnels.tun100?.packets.dropped['ttl-exceeded']).toBe(1);
  });

  it('a spoke with a /24 tunnel address resolves what it has never heard of, by the hub meanwhile (Phase 2)', () => {
    const lab = new VirtualLab();
    lab.add(hubTunnel({ address: '10.0.0.100/24', redirect: false }));
    const one = lab.add(spokeTunnel(1, { address: '10.0.0.1/24', routes: [], shortcut: false }));
    const two = lab.add(spokeTunnel(2, { address: '10.0.0.2/24', routes: [], shortcut: false }));
    lab.run(1_000);
    const before = one.sent.length;
    one.ping('10.0.0.1', '10.0.0.2');
    lab.run(300);
    expect(two.delivered).toHaveLength(1);
    expect(remotes(one, before)).toContain('192.168.0.2');
    expect(types(one)).toContain('resolution-started');
    const later = one.sent.length;
    one.ping('10.0.0.1', '10.0.0.2', 64, 2);
    lab.run(300);
    expect(remotes(one, later)).toEqual(['192.168.2.2']);
  });

  it('packets wait for the registration, at most three seconds', () => {
    const lab = new VirtualLab();
    const one = lab.add(spokeTunnel(1));
    for (let i = 1; i <= 9; i++) one.ping('10.0.0.1', '10.0.0.100', 64, i);
    const dropped = () => one.node.stats().tunnels.tun100?.packets.dropped;
    expect([one.node.stats().tunnels.tun100?.held, dropped()?.['queue-full']]).toEqual([8, 1]);
    const hub = lab.add(hubTunnel());
    lab.run(2_500);
    expect(hub.delivered).toHaveLength(8);
    lab.remove(hub);
    const alone = lab.add(spokeTunnel(3));
    alone.ping('10.0.0.3', '10.0.0.100');
    lab.run(3_001);
    expect(alone.node.stats().tunnels.tun100?.packets.dropped['queue-timeout']).toBe(1);
  });

  it('multicast of the hub reaches every spoke; that of a spoke the hub, and the others only where it reflects', () => {
    const { lab, hub, one, two } = phase3();
    hub.ping('10.0.0.100', '224.0.0.5', 1);
    lab.run(100);
    expect([one.delivered.length, two.delivered.length]).toEqual([1, 1]);
    one.ping('10.0.0.1', '224.0.0.5', 1);
    lab.run(100);
    expect([hub.delivered.length, two.delivered.length]).toEqual([1, 1]);

    const other = new VirtualLab();
    other.add(hubTunnel({ multicastReflect: true }));
    const [a, b] = [other.add(spokeTunnel(1)), other.add(spokeTunnel(2))];
    other.run(1_000);
    a.ping('10.0.0.1', '224.0.0.5', 1);
    other.run(100);
    expect([a.delivered.length, b.delivered.length]).toEqual([0, 1]);
  });

  it('a wrong key and a wrong password leave no entry, and say why', () => {
    const lab = new VirtualLab();
    const hub = lab.add(hubTunnel());
    lab.add(spokeTunnel(1, { key: 43 }));
    const two = lab.add(
      spokeTunnel(2, { authentication: { kind: 'cisco', passwords: ['wrong'] } }),
    );
    lab.run(1_000);
    const { packets, nhrp } = hub.node.stats().tunnels.tun100 ?? {};
    expect(packets?.dropped['wrong-key']).toBeGreaterThan(0);
    expect(nhrp?.dropped.authentication).toBeGreaterThan(0);
    expect(hub.node.view(lab.now).tunnels[0]?.entries.map((e) => e.kind)).toEqual(['local']);
    expect(ofType(hub, 'dropped').map((e) => e.reason)).toContain('wrong-key');
    expect(ofType(two, 'registration-failed')[0]).toMatchObject({
      ...{ reason: 'authentication', code: 11 },
    });
    expect(JSON.stringify([hub.events, two.events])).not.toMatch(/test123|wrong"/);
  });

  it('shutdown takes the registration back, then nothing is sent any more', () => {
    const { lab, hub, one } = phase3();
    one.act((node, now) => node.command(now, { kind: 'shutdown' }));
    expect(one.node.state).toBe('closing');
    lab.run(1_100);
    expect(one.node.state).toBe('closed');
    expect(ofType(one, 'state').map((e) => e.state)).toEqual(['closing', 'closed']);
    const entries = hub.node.view(lab.now).tunnels[0]?.entries ?? [];
    expect(entries.map((e) => formatPrefix(e.prefix))).toEqual(['10.0.0.2/32', '10.0.0.100/32']);
    const before = one.sent.length;
    one.ping('10.0.0.1', '10.0.0.100');
    hub.ping('10.0.0.100', '10.0.0.1');
    lab.run(600_000);
    expect([one.sent.length, one.node.pollOutput()]).toEqual([
      before,
      { kind: 'timeout', at: null, why: 'closed' },
    ]);
  });

  it('a hub that restarts with its snapshot still knows its spokes', () => {
    const { lab, hub, one } = phase3();
    const saved = JSON.parse(JSON.stringify(hub.node.snapshot(lab.now)));
    lab.remove(hub);
    const again = lab.add(hubTunnel(), {}, saved);
    again.ping('10.0.0.100', '10.0.0.1');
    lab.run(100);
    expect(one.delivered).toHaveLength(1);
  });

  it('what a lookup says is what a packet does', () => {
    const { lab, one } = phase3();
    const look = (a: string): string => {
      const found = one.node.lookup('tun100', ip(a), lab.now);
      return 'nbma' in found ? `${found.kind} ${found.nbma.address}` : found.kind;
    };
    expect([look('10.0.0.1'), look('192.168.101.9')]).toEqual(['local', 'local']);
    expect(look('10.0.0.2')).toBe('direct 192.168.0.2');
    expect(look('172.16.0.1')).toBe('unreachable');
    expect(look('224.0.0.9')).toBe('multicast');
    expect(() => one.node.lookup('tun9', ip('10.0.0.1'), lab.now)).toThrow(
      "tunnel: there is no tunnel 'tun9'",
    );
  });
});
