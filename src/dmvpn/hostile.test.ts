/** What a forger, or a peer that has gone wrong, tries on a node: none of it may change what it holds. */
import { describe, expect, it } from 'vitest';
import { encapsulateGre } from '../gre/in-place.js';
import { ciscoAuthentication } from '../nhrp/codec/authentication.js';
import type { Cie } from '../nhrp/codec/cie.js';
import { messageBytes, type NhrpMessage } from '../nhrp/codec/message.js';
import { ErrorCode, PacketType, PurgeFlag } from '../nhrp/codec/numbers.js';
import { cieOf, headerOf } from '../nhrp/engine/messages.js';
import type { NodeSnapshot } from './snapshot.js';
import { hubTunnel, ip, type LabNode, spokeTunnel, VirtualLab } from './virtual-lab.js';

const HUB_NBMA = '192.168.0.2';
const extensions = [ciscoAuthentication(new TextEncoder().encode('test123'))];

function inject(node: LabNode, local: string, remote: string, message: NhrpMessage): void {
  const payload = messageBytes(message);
  const slab = new Uint8Array(8 + payload.length);
  slab.set(payload, 8);
  encapsulateGre(slab, 8, 0x2001, 42);
  const at = (nbma: string) => ({ address: ip(nbma), port: 0 });
  node.act((n, now) =>
    n.handleDatagram(now, { carrier: 'gre', local: at(local), remote: at(remote) }, slab),
  );
}

const header = (nbma: string, source: string, destination: string) =>
  headerOf({ nbma: ip(nbma), protocol: ip(source), hopCount: 255 }, ip(destination));

function register(hub: LabNode, fields: Partial<Cie>): void {
  const cies = [cieOf({ prefixLength: 32, holdingTimeSeconds: 300, ...fields })];
  const type = PacketType.REGISTRATION_REQUEST;
  const from = header('192.168.9.2', '10.0.0.9', '10.0.0.100');
  inject(hub, HUB_NBMA, '192.168.9.2', { ...from, type, flags: 0, requestId: 1, cies, extensions });
}

describe('a registration is refused', () => {
  it.each(['0.0.0.0', '224.0.0.1', '255.255.255.255'])('for the protocol address %s', (host) => {
    const hub = new VirtualLab().add(hubTunnel());
    register(hub, { protocolAddress: ip(host) });
    expect(hub.events.at(-1)).toMatchObject({ type: 'registration-refused', code: 4 });
  });
});

it('a registration is authorised address by address', () => {
  const hub = new VirtualLab().add(hubTunnel({ authorize: true }));
  const cies = ['10.0.0.9', '10.0.0.8'].map((host) =>
    cieOf({ prefixLength: 32, holdingTimeSeconds: 300, protocolAddress: ip(host) }),
  );
  const from = header('192.168.9.2', '10.0.0.9', '10.0.0.100');
  const type = PacketType.REGISTRATION_REQUEST;
  inject(hub, HUB_NBMA, '192.168.9.2', { ...from, type, flags: 0, requestId: 1, cies, extensions });
  for (let i = 0; i < hub.asked.length; i++) {
    const { id, question } = hub.asked[i] as (typeof hub.asked)[number];
    const isRight =
      question.kind === 'authorize-registration' && String(question.protocolAddress) === '10.0.0.9';
    hub.act((n, now) => n.handleAnswer(now, id, { kind: isRight ? 'accept' : 'reject' }));
  }
  expect(hub.asked).toHaveLength(2);
  const verdicts = hub.events.filter((e) =>
    /^(spoke-registered|registration-refused)$/.test(e.type),
  );
  expect(verdicts).toMatchObject([
    { type: 'spoke-registered', protocolAddress: '10.0.0.9' },
    { type: 'registration-refused', protocolAddress: '10.0.0.8', code: 4 },
  ]);
});

it('an error 11 that is forged again and again does not keep a spoke from refreshing', () => {
  const lab = new VirtualLab();
  const hub = lab.add(hubTunnel());
  const spoke = lab.add(spokeTunnel(1));
  lab.run(1_000);
  const requestId = spoke.node.snapshot(lab.now).tunnels.tun100?.requestId ?? 0;
  const request = {
    ...header('192.168.1.2', '10.0.0.1', '10.0.0.100'),
    flags: 0,
    extensions: null,
  };
  const type = PacketType.REGISTRATION_REQUEST;
  const packet = messageBytes({ ...request, type, requestId, cies: [] });
  for (let i = 0; i < 40; i++) {
    lab.run(20_000);
    inject(spoke, '192.168.1.2', HUB_NBMA, {
      ...header(HUB_NBMA, '10.0.0.100', '10.0.0.1'),
      ...{ type: PacketType.ERROR_INDICATION, unused: 0, errorOffset: 0, extensions: null },
      ...{ errorCode: ErrorCode.AUTHENTICATION_FAILURE, packet },
    });
  }
  expect(spoke.events.filter((e) => e.type === 'error-received')).toHaveLength(40);
  expect(hub.events.filter((e) => e.type === 'entry-removed')).toEqual([]);
});

it('a redirect about a packet of another family starts no resolution', () => {
  const lab = new VirtualLab();
  lab.add(hubTunnel());
  const spoke = lab.add(spokeTunnel(1));
  lab.run(1_000);
  const packet = new Uint8Array(48).fill(1);
  packet[0] = 0x60;
  inject(spoke, '192.168.1.2', HUB_NBMA, {
    ...header(HUB_NBMA, '10.0.0.100', '10.0.0.1'),
    ...{ type: PacketType.TRAFFIC_INDICATION, unused: 0, trafficCode: 0, unused2: 0 },
    ...{ packet, extensions },
  });
  expect(spoke.events.at(-1)).toMatchObject({ type: 'dropped', reason: 'refused' });
});

it('a purge of wide prefixes takes what its sender registered, and nothing else', () => {
  const lab = new VirtualLab();
  const hub = lab.add(hubTunnel());
  for (const n of [1, 2]) lab.add(spokeTunnel(n));
  lab.run(1_000);
  inject(hub, HUB_NBMA, '192.168.1.2', {
    ...header('192.168.1.2', '10.0.0.1', '10.0.0.100'),
    ...{ type: PacketType.PURGE_REQUEST, flags: PurgeFlag.NO_REPLY, requestId: 9, extensions },
    cies: [cieOf({ prefixLength: 8, protocolAddress: ip('10.0.0.0') })],
  });
  const gone = hub.events.filter((e) => e.type === 'entry-removed');
  expect(gone).toMatchObject([{ prefix: '10.0.0.1/32', reason: 'purged' }]);
});

describe('a snapshot that is none', () => {
  const entry = { kind: 'dynamic', prefix: '10.0.0.1/32', claimedNbma: null, ageMs: 0 };
  const tunnel = (over: object) => ({
    version: 1,
    tunnels: { tun100: { version: 1, requestId: 1, cache: { version: 1, entries: [] }, ...over } },
  });
  const withEntry = (one: unknown) => tunnel({ cache: { version: 1, entries: [one] } });
  it.each([
    [{ version: 9 }, 'snapshot.version'],
    [{ version: 1, tunnels: 5 }, 'snapshot.tunnels: an object expected'],
    [{ version: 1, tunnels: null }, 'snapshot.tunnels: an object expected'],
    [{ version: 1 }, 'snapshot.tunnels: an object expected'],
    [tunnel({ version: 2 }), 'snapshot.version'],
    [tunnel({ requestId: -1_000 }), 'snapshot.requestId'],
    [tunnel({ requestId: 1e18 }), 'snapshot.requestId'],
    [tunnel({ cache: undefined }), 'snapshot.cache.entries'],
    [withEntry(null), 'snapshot.cache.entries[0]:'],
    [withEntry({ ...entry, prefix: 7 }), 'snapshot.cache.entries[0].prefix'],
    [withEntry({ ...entry, remainingMs: 1 }), 'snapshot.cache.entries[0].nbma.address'],
  ])('is refused by the path of what is wrong: %j', (saved, path) => {
    const lab = new VirtualLab();
    const restored = saved as unknown as NodeSnapshot;
    expect(() => lab.add(hubTunnel(), {}, restored)).toThrow(path);
  });

  it('has nothing of a tunnel that is named as something that every object inherits', () => {
    const node = new VirtualLab().add(
      hubTunnel({ name: 'constructor' }),
      {},
      {
        version: 1,
        tunnels: {},
      },
    );
    expect(node.node.view(0).tunnels[0]?.name).toBe('constructor');
  });
});
