/** A spoke behind NAT: ours at an FRR hub, FRR's at our hub; shortcuts go to the outside address. */
import { describe, expect, it } from 'vitest';
import { expectDirect } from './direct.js';
import { frrEntry, frrHub, frrSpoke, frrVersion } from './frr.js';
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
import { inLab } from './lab.js';
import { story } from './log.js';
import { ourHub, ourSpoke } from './ours.js';
import { until } from './process.js';
import { NAT_OUTSIDE } from './roles.js';

describe.each(RELEASES)('NAT, FRR of %s', (release) => {
  it('our spoke behind it registers at an FRR hub and talks directly to an FRR spoke', () =>
    inLab(async (lab) => {
      await lab.nat('s1');
      await lab.host('s1');
      const { hub, s2 } = await lab.boot(release, 'hub', 's2');
      const capture = await lab.capture('hub', 's1', 's2');
      await frrHub(hub);
      await frrSpoke(s2);
      await until('s2 reaches the hub', () => reachesHub(s2));
      const log = story(`our spoke behind NAT at ${await frrVersion(hub)}`);
      const spoke = await ourSpoke(lab, 's1');
      await spoke.saw('registered', { behindNat: NAT_OUTSIDE });
      expect(await frrEntry(hub, '10.0.0.1')).toMatchObject({
        nbma: NAT_OUTSIDE,
        claimed_nbma: '192.168.1.2',
      });
      expect((await pingWhenRouted(spoke.shell, '10.0.0.100')).received).toBe(3);
      log.say(`registered: the hub sends to ${NAT_OUTSIDE}, claimed 192.168.1.2`);

      await ping(spoke.lanShell, '172.16.2.1', 10);
      await spoke.saw('shortcut-set', { prefix: '172.16.2.0/24', via: '10.0.0.2' });
      await until('the way back', () => routeOf(s2, '172.16.1.0/24'));
      expect(await neighbourOf(s2, '10.0.0.1')).toBe(NAT_OUTSIDE);
      const since = Date.now();
      expect((await ping(spoke.lanShell, '172.16.2.1', 5)).received).toBe(5);
      const outer = ['192.168.2.2', NAT_OUTSIDE] as const;
      const between = ['172.16.1.10', '172.16.2.1'] as const;
      await expectDirect(capture, { spokes: ['s2', 's1'], outer, between, since });
      expect(await capture.faults('s1')).toEqual([]);
      log.say('direct through the NAT, none at the hub');
    }));

  it('an FRR spoke behind it registers at our hub and is found by another', () =>
    inLab(async (lab) => {
      await lab.nat('s3');
      await lab.host('hub');
      const { s1, s3 } = await lab.boot(release, 's1', 's3');
      const capture = await lab.capture('hub', 's1');
      const hub = await ourHub(lab, 'hub');
      await Promise.all([frrSpoke(s1), frrSpoke(s3)]);
      const log = story(`${await frrVersion(s3)} spoke behind NAT at our hub`);
      await hub.saw('spoke-registered', {
        protocolAddress: '10.0.0.3',
        nbma: NAT_OUTSIDE,
        claimedNbma: '192.168.3.2',
      });
      for (const spoke of [s1, s3])
        await until(`${spoke.role} reaches the hub`, () => reachesHub(spoke));
      expect((await pingWhenRouted(hub.lanShell, '172.16.3.1')).received).toBe(3);
      log.say(`registered as ${NAT_OUTSIDE}, claimed 192.168.3.2; its LAN answers`);

      const flow = <T>(seen: () => Promise<T>) =>
        flowing(shellOf(s3), '172.16.1.1', '-I 172.16.3.1', seen);
      await ping(shellOf(s3), '172.16.1.1', 10, '-I 172.16.3.1');
      await until(
        's3 has its shortcut',
        flow(() => routeOf(s3, '172.16.1.0/24')),
      );
      await until(
        's1 has its shortcut',
        flow(() => routeOf(s1, '172.16.3.0/24')),
      );
      expect(await neighbourOf(s1, '10.0.0.3')).toBe(NAT_OUTSIDE);
      const since = Date.now();
      expect((await ping(shellOf(s3), '172.16.1.1', 5, '-I 172.16.3.1')).received).toBe(5);
      const outer = ['192.168.1.2', NAT_OUTSIDE] as const;
      const between = ['172.16.3.1', '172.16.1.1'] as const;
      await expectDirect(capture, { spokes: ['s1', 's3'], outer, between, since });
      expect(await capture.faults('hub')).toEqual([]);
      log.say('FRR to FRR direct through the NAT, resolved by our hub');
    }));
});
