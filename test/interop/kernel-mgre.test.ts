/**
 * Bring your own kernel: our NHRP engine alone beside the multipoint GRE of a guest's kernel, among FRR nodes, which
 * work the same way. Judged by FRR's tables, by the kernels' routes and neighbours, and by what passed on the wire.
 */
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../in-namespace.js';
import { expectDirect } from './direct.js';
import { frrEntry, frrHub, frrShortcuts, frrSpoke, frrVersion } from './frr.js';
import { RELEASES } from './guest.js';
import {
  flowing,
  neighbourOf,
  ping,
  pingWhenRouted,
  reachesHub,
  routeOf,
  shellOf,
} from './kernel.js';
import { KernelNode } from './kernel-node.js';
import { inLab } from './lab.js';
import { story } from './log.js';
import { NHRP } from './numbers.js';
import { hubConfig, spokeConfig } from './ours.js';
import { until } from './process.js';

const ROOT = `${import.meta.dirname}/../..`;

it('packet sockets on multipoint GRE are transports, and say what they lack', () =>
  inLab(async (lab) => {
    const { s1 } = await lab.bootForNode('s1');
    // with checksums: Linux drops GRE packets of less than 12 octets, and some cases have but one of payload
    const said = await s1.run(
      `modprobe ip_gre; for n in 1 2; do ip addr add 192.0.2.$n/32 dev lo
ip link add gre$n type gre key 42 csum local 192.0.2.$n ttl 64; ip link set gre$n up; done
cd ${ROOT}; ${process.execPath} --import tsx test/namespace/packet.ts`,
      120,
    );
    const outcomes = said.match(/^\{.*$/gm)?.map((line) => JSON.parse(line) as Outcome) ?? [];
    expect(outcomes.filter(({ error }) => error !== null)).toEqual([]);
    expect(outcomes.length).toBe(15);
  }));

describe.each(RELEASES)('our engine on kernel GRE, FRR of %s', (release) => {
  it('is a spoke at an FRR hub, with a shortcut to an FRR spoke', () =>
    inLab(async (lab) => {
      const { s1 } = await lab.bootForNode('s1');
      const { hub, s2 } = await lab.boot(release, 'hub', 's2');
      const capture = await lab.capture('hub', 's1', 's2');
      const spoke = await KernelNode.start(s1, spokeConfig('s1'));
      await frrHub(hub);
      await frrSpoke(s2);
      const log = story(`our engine on kernel GRE as a spoke: ${await frrVersion(hub)}`);
      await until('s2 reaches the hub', () => reachesHub(s2));
      await spoke.saw('registered', { nhs: '10.0.0.100', nbma: '192.168.0.2' });
      expect(await frrEntry(hub, '10.0.0.1')).toMatchObject({
        type: 'dynamic',
        nbma: '192.168.1.2',
        claimed_nbma: '192.168.1.2',
      });
      expect(await neighbourOf(hub, '10.0.0.1')).toBe('192.168.1.2');
      expect(await neighbourOf(s1, '10.0.0.100')).toBe('192.168.0.2');
      const from = shellOf(s1);
      expect((await pingWhenRouted(from, '172.16.0.1', '-I 172.16.1.1')).received).toBe(3);
      log.say('registered, the LAN of the hub answers');

      await ping(from, '172.16.2.1', 10, '-I 172.16.1.1');
      await spoke.saw('redirect-received', { from: '192.168.0.2' });
      await until('its kernel has the shortcut', () => routeOf(s1, '172.16.2.0/24'));
      await until('the kernel has the one by the hub too', () => routeOf(s1, '172.16.0.0/16'));
      expect(await routeOf(s1, '172.16.2.0/24')).toMatchObject({
        gateway: '10.0.0.2',
        dev: 'gre1',
      });
      expect(await neighbourOf(s1, '10.0.0.2')).toBe('192.168.2.2');
      await until('the way back', () => routeOf(s2, '172.16.1.0/24'));
      expect(await frrShortcuts(s2)).toContainEqual(
        expect.objectContaining({ type: 'dynamic', prefix: '172.16.1.0/24', via: '10.0.0.1' }),
      );

      const since = Date.now();
      expect((await ping(from, '172.16.2.1', 5, '-I 172.16.1.1')).received).toBe(5);
      const between = ['172.16.1.1', '172.16.2.1'] as const;
      const frames = await expectDirect(capture, { spokes: ['s1', 's2'], between, since });
      log.say(`${frames} frames of the flow direct, none at the hub`);

      const leaving = Date.now();
      await spoke.stop();
      expect(await capture.nhrp('s1', NHRP.purgeRequest, leaving)).not.toEqual([]);
      expect(await routeOf(s1, '172.16.2.0/24')).toBeUndefined();
      expect(await neighbourOf(s1, '10.0.0.2')).toBeUndefined();
      expect(await capture.faults('s1')).toEqual([]);
      log.say('left with a Purge; its kernel has forgotten the others');
    }));

  it('is the hub of FRR spokes: redirects, and they go direct', () =>
    inLab(async (lab) => {
      const { hub } = await lab.bootForNode('hub');
      const { s1, s2 } = await lab.boot(release, 's1', 's2');
      const capture = await lab.capture('hub', 's1', 's2');
      const node = await KernelNode.start(hub, hubConfig('hub'));
      await Promise.all([frrSpoke(s1), frrSpoke(s2)]);
      const log = story(`our engine on kernel GRE as the hub: ${await frrVersion(s1)}`);
      for (const [guest, address, nbma] of [
        [s1, '10.0.0.1', '192.168.1.2'],
        [s2, '10.0.0.2', '192.168.2.2'],
      ] as const) {
        await node.saw('spoke-registered', { protocolAddress: address, nbma });
        await until(`${guest.role} reaches the hub`, () => reachesHub(guest));
        expect(await frrEntry(guest, '10.0.0.100')).toMatchObject({ nbma: '192.168.0.2' });
        expect(await neighbourOf(hub, address)).toBe(nbma);
      }
      log.say('both spokes registered, and stand in our kernel');

      const from = shellOf(s1);
      const flow = <T>(seen: () => Promise<T>) =>
        flowing(from, '172.16.2.1', '-I 172.16.1.1', seen);
      await ping(from, '172.16.2.1', 10, '-I 172.16.1.1');
      await node.saw('redirect-sent', { to: '192.168.1.2' });
      for (const [guest, prefix, via] of [
        [s1, '172.16.2.0/24', '10.0.0.2'],
        [s2, '172.16.1.0/24', '10.0.0.1'],
      ] as const) {
        await until(
          `${guest.role} has its shortcut`,
          flow(() => routeOf(guest, prefix)),
        );
        expect((await routeOf(guest, prefix))?.gateway).toBe(via);
      }
      const since = Date.now();
      expect((await ping(from, '172.16.2.1', 5, '-I 172.16.1.1')).received).toBe(5);
      const between = ['172.16.1.1', '172.16.2.1'] as const;
      const frames = await expectDirect(capture, { spokes: ['s1', 's2'], between, since });
      expect(await capture.faults('hub')).toEqual([]);
      log.say(`${frames} frames of the flow direct, none at the hub`);
    }));
});

it('our engine on kernel GRE resolves the next hops that its kernel misses: Phase 2', () =>
  inLab(async (lab) => {
    const { s1 } = await lab.bootForNode('s1');
    const { hub, s2 } = await lab.boot('bookworm', 'hub', 's2');
    const capture = await lab.capture('s1');
    const routes = [{ prefix: '172.16.2.0/24', via: '10.0.0.2' }];
    const tunnel = { address: '10.0.0.1/24', shortcut: false, routes };
    const spoke = await KernelNode.start(s1, spokeConfig('s1', { tunnel }));
    await frrHub(hub);
    await frrSpoke(s2);
    const log = story(`Phase 2 by the misses of a kernel: ${await frrVersion(hub)}`);
    await until('s2 reaches the hub', () => reachesHub(s2));
    await spoke.saw('registered', { nhs: '10.0.0.100' });
    expect(await neighbourOf(s1, '10.0.0.2')).toBeUndefined();
    const from = shellOf(s1);
    await until('the LAN of s2 answers', async () => {
      return (await ping(from, '172.16.2.1', 1, '-I 172.16.1.1')).received === 1;
    });
    await spoke.saw('resolution-started', { destination: '10.0.0.2' });
    expect(await neighbourOf(s1, '10.0.0.2')).toBe('192.168.2.2');
    const sent = await capture.frames('s1', 'gre && icmp.type==8 && ip.dst==172.16.2.1');
    expect(new Set(sent.map(({ destinations }) => destinations[0]))).toEqual(
      new Set(['192.168.2.2']),
    );
    log.say('the kernel missed 10.0.0.2, we asked for it, and every packet went there');
  }));
