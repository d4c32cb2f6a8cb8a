/** Phase 2: the routes name spokes as next hops, and a spoke asks for a next hop that it cannot resolve. */
import { describe, expect, it } from 'vitest';
import { expectDirect } from './direct.js';
import { frrEntry, frrHub, frrSpoke, frrVersion } from './frr.js';
import { RELEASES } from './guest.js';
import { ping, reachesHub, routeOf } from './kernel.js';
import { inLab } from './lab.js';
import { story } from './log.js';
import { NHRP } from './numbers.js';
import { ourHub, ourSpoke } from './ours.js';
import { until } from './process.js';
import type { Role } from './roles.js';

/** A spoke with a connected /24, and the other spoke's LAN by way of that spoke. */
const phase2Spoke = (role: 's1' | 's2'): { tunnel: object } => {
  const other: Role = role === 's1' ? 's2' : 's1';
  const [own, its] = [role.slice(1), other.slice(1)];
  return {
    tunnel: {
      address: `10.0.0.${own}/24`,
      shortcut: false,
      routes: [{ prefix: `172.16.${its}.0/24`, via: `10.0.0.${its}` }],
    },
  };
};

describe('Phase 2', () => {
  it('our hub and spokes', () =>
    inLab(async (lab) => {
      await lab.host('hub', 's1', 's2');
      const capture = await lab.capture('hub', 's1', 's2');
      const log = story('Phase 2: our hub and our spokes on kernel interfaces');
      const hub = await ourHub(lab, 'hub', {
        tunnel: { redirect: false, address: '10.0.0.100/24' },
      });
      const s1 = await ourSpoke(lab, 's1', phase2Spoke('s1'));
      const s2 = await ourSpoke(lab, 's2', phase2Spoke('s2'));
      for (const address of ['10.0.0.1', '10.0.0.2'])
        await hub.saw('spoke-registered', { protocolAddress: address });
      expect((await ping(s1.lanShell, '172.16.2.10', 5)).received).toBe(5); // the first ones by the hub
      await s1.saw('resolution-started', { destination: '10.0.0.2' });
      // s2 asks for its part, unless the request of s1 came first and told it (RFC 2332 §5.2.1, S)
      await s2.saw('entry-set', { prefix: '10.0.0.1/32', nbma: '192.168.1.2' });

      const since = Date.now();
      expect((await ping(s1.lanShell, '172.16.2.10', 5)).received).toBe(5);
      const between = ['172.16.1.10', '172.16.2.10'] as const;
      await expectDirect(capture, { spokes: ['s1', 's2'], between, since });
      expect(await capture.nhrp('s1', NHRP.trafficIndication)).toEqual([]);
      for (const role of ['hub', 's1', 's2'] as const)
        expect(await capture.faults(role)).toEqual([]);
      log.say('next hops resolved without a redirect, the flow is direct');
    }));

  it.each(RELEASES)('our spoke; FRR of %s forwards at the hub and answers as a spoke', (release) =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub, s2 } = await lab.boot(release, 'hub', 's2');
      const capture = await lab.capture('hub', 's1', 's2');
      await frrHub(hub);
      await frrSpoke(s2);
      await until('s2 reaches the hub', () => reachesHub(s2));
      const log = story(`Phase 2: our spoke, hub and spoke ${await frrVersion(hub)}`);
      const spoke = await ourSpoke(lab, 's1', phase2Spoke('s1'));
      await spoke.saw('registered');
      await ping(spoke.lanShell, '172.16.2.1', 5);
      await spoke.saw('resolution-started', { destination: '10.0.0.2' });
      await spoke.saw('entry-set', { prefix: '10.0.0.2/32', nbma: '192.168.2.2' });
      expect(await frrEntry(s2, '10.0.0.1')).toMatchObject({ nbma: '192.168.1.2' });
      // FRR never begins a Phase 2 resolution: its way back becomes direct by the hub's redirect
      await ping(spoke.lanShell, '172.16.2.1', 10);
      await until('the way back', () => routeOf(s2, '172.16.1.0/24'), { seconds: 30 });

      const since = Date.now();
      expect((await ping(spoke.lanShell, '172.16.2.1', 5)).received).toBe(5);
      const between = ['172.16.1.10', '172.16.2.1'] as const;
      await expectDirect(capture, { spokes: ['s1', 's2'], between, since });
      expect(await capture.faults('s1')).toEqual([]);
      log.say('resolved by an FRR spoke through an FRR hub, the flow is direct');
    }),
  );
});
