import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { runInNamespace } from '../../test/in-namespace.js';
import { needs } from '../../test/require.js';
import type { DmvpnConfig, TunnelConfig } from '../dmvpn/config.js';
import type { DmvpnEvent } from '../dmvpn/output.js';
import { unwrap } from '../wire/result.js';
import { decodePcap } from './capture/pcap-format.js';
import { monotonicClock } from './clock.js';
import { Host } from './host.js';
import { type OpenOptions, openNode, type RunningNode } from './open.js';
import type { Clock } from './ports.js';

const folder = mkdtempSync(`${tmpdir()}/dmvpn-open-`);
afterAll(() => rmSync(folder, { recursive: true }));

const running: RunningNode[] = [];
afterEach(() => Promise.all(running.splice(0).map((node) => node.close())));

async function open(tunnel: TunnelConfig, options: OpenOptions): Promise<RunningNode> {
  const node = await openNode({ tunnels: [tunnel] }, options);
  running.push(node);
  return node;
}

async function event<T extends DmvpnEvent['type']>(node: RunningNode, type: T) {
  for await (const next of node.events) {
    if (next.type === type) return next as Extract<DmvpnEvent, { type: T }>;
  }
  throw new Error(`no ${type}`);
}

const HUB: TunnelConfig = {
  name: 'tun0',
  local: '127.78.0.2',
  address: '10.0.0.100/32',
  key: 42,
  protection: { kind: 'insecure-cleartext' },
  routes: [{ prefix: '172.16.1.0/24', via: '10.0.0.1' }],
};
const SPOKE: TunnelConfig = {
  ...HUB,
  local: '127.78.1.2',
  address: '10.0.0.1/32',
  nhs: [{ address: '10.0.0.100', nbma: '127.78.0.2' }],
  routes: [{ prefix: '10.0.0.0/24', via: '10.0.0.100' }, { prefix: '172.16.1.0/24' }],
};

describe('openNode', () => {
  it.each(['memory', 'udp'] as const)('makes a hub and a spoke talk over %s', async (transport) => {
    const hub = await open(HUB, { transport });
    const spoke = await open(SPOKE, { transport, device: 'host' });
    expect(await event(spoke, 'registered')).toMatchObject({ nhs: '10.0.0.100' });
    expect(await spoke.host().ping('10.0.0.100')).toMatchObject({ kind: 'reply' });
    expect(await hub.host('tun0').ping('172.16.1.1')).toMatchObject({ kind: 'reply' });
    expect(hub.lookup('172.16.1.77')).toMatchObject({ kind: 'direct' });
    expect(spoke.lookup('192.0.2.1', 'tun0')).toEqual({ kind: 'unreachable' });
    expect(hub.stats().tunnels.tun0?.cacheEntries).toBe(2);
    expect(hub.view().tunnels[0]?.entries).toHaveLength(2);
    expect(hub.show('cache')).toMatch(/dynamic +10\.0\.0\.1\/32 +127\.78\.1\.2/);
    await spoke.close();
    expect(await event(hub, 'purge-received')).toMatchObject({ prefix: '10.0.0.1/32' });
  });

  it('goes on where a snapshot of it ended', async () => {
    const transport = 'memory';
    const hub = await open(HUB, { transport });
    const spoke = await open(SPOKE, { transport });
    await event(spoke, 'registered');
    const snapshot = JSON.parse(JSON.stringify(hub.snapshot()));
    await hub.close();
    const again = await open(HUB, { transport, restored: snapshot });
    expect(again.lookup('10.0.0.1')).toMatchObject({ kind: 'direct' });
  });

  it('ends its events when it is closed, and may be closed twice', async () => {
    const hub = await open(HUB, { transport: 'memory' });
    await hub.close();
    await hub.close();
    const types: string[] = [];
    for await (const { type } of hub.events) types.push(type);
    expect(types.at(-1)).toBe('state');
  });

  it('resolves the name of a hub', async () => {
    await open({ ...HUB, local: '127.0.0.1' }, { transport: 'memory' });
    const nhs = [{ address: 'dynamic', nbma: 'localhost' }];
    const spoke = await open({ ...SPOKE, nhs }, { transport: 'memory' });
    expect(await event(spoke, 'registered')).toMatchObject({ nbma: '127.0.0.1' });
  });

  it('asks whether a spoke may register', async () => {
    const asked: string[] = [];
    const hub = await open(
      { ...HUB, authorize: true },
      {
        transport: 'memory',
        authorize: ({ protocolAddress }) => {
          asked.push(`${protocolAddress}`);
          return { kind: asked.length > 1 ? 'accept' : 'reject' };
        },
      },
    );
    const spoke = await open(SPOKE, { transport: 'memory' });
    expect(await event(spoke, 'registration-failed')).toMatchObject({ reason: 'refused' });
    spoke.command({ kind: 'reregister', tunnel: 'tun0' });
    expect(await event(hub, 'spoke-registered')).toMatchObject({ protocolAddress: '10.0.0.1' });
    expect(asked).toEqual(['10.0.0.1', '10.0.0.1']);
  });

  it('records what passes', async () => {
    const path = `${folder}/spoke.pcap`;
    await open(HUB, { transport: 'udp' });
    const spoke = await open(SPOKE, { transport: 'udp', pcap: path });
    await event(spoke, 'registered');
    await spoke.close();
    const { frames } = unwrap(decodePcap(readFileSync(path)));
    expect(frames.length).toBeGreaterThanOrEqual(4); // registration and purge, request and reply
  });

  it('takes devices and middleware of your own', async () => {
    let wrappedOnce = 0;
    const host = new Host({ addresses: ['10.0.0.1'] });
    await open(HUB, { transport: 'memory' });
    const spoke = await open(SPOKE, {
      transport: 'memory',
      device: ({ name }) => (name === 'tun0' ? host : new Host({ addresses: [] })),
      wrap: (transport) => {
        wrappedOnce += 1;
        return transport;
      },
    });
    await event(spoke, 'registered');
    expect(await host.ping('10.0.0.100')).toMatchObject({ kind: 'reply' });
    expect(spoke.host()).toBe(host);
    expect(wrappedOnce).toBe(1);
  });

  it.each([
    [{ ...HUB, local: '127.78.0' }, {}, "tunnels[0].local: '127.78.0' is not an IP"],
    [{ ...HUB, carrier: 'gre' as const }, {}, "tunnels[0].carrier: 'gre' does not go by"],
    [HUB, { pcap: `${folder}/nosuch/a.pcap` }, 'The recording '],
    [{ ...HUB, local: '192.0.2.1' }, {}, 'No interface here has the address 192.0.2.1'],
  ])('refuses %j %j and leaves nothing open', async (tunnel, options, message) => {
    await expect(open(tunnel, { transport: 'udp', ...options })).rejects.toThrow(message);
    await open(HUB, { transport: 'udp' }); // its port is free
    expect(existsSync(`${folder}/nosuch`)).toBe(false);
  });

  it.each([
    [undefined, 'config: an object expected, got nothing'],
    [{}, 'tunnels: a list expected, got nothing'],
    [{ tunnels: {} }, 'tunnels: a list expected, got an object'],
    [{ tunnels: [null] }, 'tunnels[0]: an object expected, got null'],
    [{ tunnels: ['xy'] }, 'tunnels[0]: an object expected, got a text'],
    [{ tunnels: [[]] }, 'tunnels[0]: an object expected, got a list'],
  ])('refuses the configuration %j by its path, over every transport', async (config, message) => {
    for (const transport of ['memory', 'udp', 'raw'] as const)
      await expect(openNode(config as DmvpnConfig, { transport })).rejects.toThrow(message);
  });

  it.each([
    [undefined, 'options: an object expected, got nothing'],
    [{}, "transport: 'udp', 'raw', 'memory' or a Transport expected, got nothing"],
    [{ transport: 'tcp' }, "or a Transport expected, got 'tcp'"],
    [{ transport: null }, 'or a Transport expected, got null'],
    [{ transport: {} }, 'or a Transport expected, got an object'],
    [
      { transport: 'udp', device: 'tap' },
      "device: 'tun', 'host', a PacketDevice or a function expected, got 'tap'",
    ],
    [{ transport: 'udp', device: null }, 'a PacketDevice or a function expected, got null'],
    [{ transport: 'udp', device: {} }, 'a PacketDevice or a function expected, got an object'],
    [{ transport: 'udp', device: () => null }, 'device: a PacketDevice expected, got null'],
    [{ transport: 'udp', devce: 'tun' }, 'devce: there is no such option'],
    [{ transport: 'udp', wrap: 5 }, 'wrap: a function expected, got 5'],
    [{ transport: 'udp', wrap: () => undefined }, 'wrap: a Transport expected, got nothing'],
    [{ transport: 'udp', authorize: 5 }, 'authorize: a function expected, got 5'],
    [{ transport: 'udp', inside: 5 }, 'inside: a function expected, got 5'],
    [{ transport: 'udp', pcap: 5 }, 'pcap: a text expected, got 5'],
    [{ transport: 'udp', clock: {} }, 'clock: a Clock expected, got an object'],
  ])('refuses the options %j by name, and leaves nothing open', async (wrong, message) => {
    await expect(openNode({ tunnels: [HUB] }, wrong as OpenOptions)).rejects.toThrow(message);
    await open(HUB, { transport: 'udp' }); // its port is free
  });

  it('says in a word which address is in use in memory', async () => {
    await open(HUB, { transport: 'memory' });
    await expect(open(HUB, { transport: 'memory' })).rejects.toMatchObject({
      code: 'port-in-use',
      message: expect.stringMatching(/on 127\.78\.0\.2 is in use/),
    });
  });

  it('refuses one device for several tunnels, and arguments that name nothing', async () => {
    const device = new Host({ addresses: [] });
    const tunnels = [HUB, { ...HUB, name: 'tun1', key: 43 }];
    await expect(openNode({ tunnels }, { transport: 'memory', device })).rejects.toThrow(
      'device: one device cannot serve several tunnels',
    );
    const both = await openNode({ tunnels }, { transport: 'udp' });
    running.push(both);
    expect(Object.keys(both.devices)).toEqual(['tun0', 'tun1']);
    expect(() => both.host('tun2')).toThrow("tunnel: there is no host behind 'tun2'");
    expect(() => both.lookup('10.0.0')).toThrow("address: '10.0.0' is not an IP address");
    expect(() => both.command({ kind: 'reregister', tunnel: 'tun2' })).toThrow(RangeError);
  });

  it('leaves no alarm behind when it is closed: nothing holds the process', async () => {
    const set = new Set<number>();
    let calls = 0;
    const clock: Clock = {
      now: monotonicClock.now,
      callAt: (at, run) => {
        const id = calls++;
        set.add(id);
        const cancel = monotonicClock.callAt(at, () => {
          set.delete(id);
          run();
        });
        return () => {
          set.delete(id);
          cancel();
        };
      },
    };
    const hub = await openNode({ tunnels: [HUB] }, { transport: 'memory', clock });
    await hub.close();
    expect([calls > 0, set.size]).toEqual([true, 0]);
  });
});

needs('root')('openNode in a network namespace', () => {
  it('joins kernels by raw GRE and TUN devices', async () => {
    const outcomes = await runInNamespace('open.ts', [
      'address add 192.0.2.1/32 dev lo',
      'address add 192.0.2.2/32 dev lo',
    ]);
    expect(outcomes.filter(({ error }) => error !== null)).toEqual([]);
    expect(outcomes.length).toBe(2);
  }, 60_000);
});
