/** An IPv6 overlay over the IPv4 internet. */
import { describe, expect, it } from 'vitest';
import { expectDirect } from './direct.js';
import { frrEntry, frrHub, frrShortcuts, frrSpoke, frrVersion } from './frr.js';
import { type Guest, RELEASES } from './guest.js';
import { flowing, ping, pingWhenRouted, shellOf } from './kernel.js';
import { inLab } from './lab.js';
import { story } from './log.js';
import { ourHub, ourSpoke } from './ours.js';
import { until } from './process.js';

const reachesHub6 = async (guest: Guest): Promise<boolean> =>
  (await ping(shellOf(guest), 'fd00:10::100', 1)).received === 1;

/** By FRR's table: FRR 8.4 gives the kernel only the host route of an IPv6 shortcut. */
const hasShortcut = async (guest: Guest, prefix: string, via: string): Promise<boolean> =>
  (await frrShortcuts(guest, 'ipv6')).some(
    (shortcut) => shortcut.prefix === prefix && shortcut.via === via,
  );

describe.each(RELEASES)('IPv6 overlay, FRR of %s', (release) => {
  it('our spoke at an FRR hub, shortcut to an FRR spoke', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub, s2 } = await lab.boot(release, 'hub', 's2');
      const capture = await lab.capture('hub', 's1', 's2');
      await frrHub(hub, { v6: true });
      await frrSpoke(s2, { v6: true });
      await until('s2 reaches the hub', () => reachesHub6(s2));
      const log = story(`IPv6 overlay: our spoke at ${await frrVersion(hub)}`);
      const spoke = await ourSpoke(lab, 's1', { v6: true });
      await spoke.saw('registered', { nhs: 'fd00:10::100', nbma: '192.168.0.2' });
      expect(await frrEntry(hub, 'fd00:10::1')).toMatchObject({
        type: 'dynamic',
        nbma: '192.168.1.2',
      });
      expect((await pingWhenRouted(spoke.shell, 'fd00:10::100')).received).toBe(3);
      log.say('registered, the hub answers');

      await ping(spoke.lanShell, 'fd00:172:2::1', 10);
      await spoke.saw('shortcut-set', {
        prefix: 'fd00:172:2::/64',
        via: 'fd00:10::2',
        nbma: '192.168.2.2',
      });
      await until('the way back', () => hasShortcut(s2, 'fd00:172:1::/64', 'fd00:10::1'));
      const since = Date.now();
      expect((await ping(spoke.lanShell, 'fd00:172:2::1', 5)).received).toBe(5);
      const between = ['fd00:172:1::10', 'fd00:172:2::1'] as const;
      const frames = await expectDirect(capture, { spokes: ['s1', 's2'], between, since });
      expect(await capture.faults('s1')).toEqual([]);
      log.say(`${frames} frames of the flow direct, none at the hub`);
    }));

  it('our hub with FRR spokes', () =>
    inLab(async (lab) => {
      await lab.host('hub');
      const { s1, s2 } = await lab.boot(release, 's1', 's2');
      const capture = await lab.capture('hub', 's1', 's2');
      const hub = await ourHub(lab, 'hub', { v6: true });
      await Promise.all([frrSpoke(s1, { v6: true }), frrSpoke(s2, { v6: true })]);
      const log = story(`IPv6 overlay: our hub with ${await frrVersion(s1)} spokes`);
      for (const spoke of [s1, s2])
        await until(`${spoke.role} reaches the hub`, () => reachesHub6(spoke));
      await hub.saw('spoke-registered', { protocolAddress: 'fd00:10::1', nbma: '192.168.1.2' });

      const flow = <T>(seen: () => Promise<T>) =>
        flowing(shellOf(s1), 'fd00:172:2::1', '-I fd00:172:1::1', seen);
      await ping(shellOf(s1), 'fd00:172:2::1', 10, '-I fd00:172:1::1');
      await until(
        's1 has its shortcut',
        flow(() => hasShortcut(s1, 'fd00:172:2::/64', 'fd00:10::2')),
      );
      await until(
        's2 has its shortcut',
        flow(() => hasShortcut(s2, 'fd00:172:1::/64', 'fd00:10::1')),
      );
      const since = Date.now();
      expect((await ping(shellOf(s1), 'fd00:172:2::1', 5, '-I fd00:172:1::1')).received).toBe(5);
      const between = ['fd00:172:1::1', 'fd00:172:2::1'] as const;
      const frames = await expectDirect(capture, { spokes: ['s1', 's2'], between, since });
      expect(await capture.faults('hub')).toEqual([]);
      log.say(`${frames} frames of the flow direct, none at the hub`);
    }));
});
