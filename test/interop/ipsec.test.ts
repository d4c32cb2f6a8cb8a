/** The whole DMVPN protected: our node among FRR and plain strongSwan, everything in ESP. */
import { describe, expect, it } from 'vitest';
import type { Capture } from './capture.js';
import { frrEntry, frrHub, frrSpoke, frrVersion } from './frr.js';
import { type Guest, RELEASES } from './guest.js';
import {
  flowing,
  ping,
  pingWhenRouted,
  reachesHub,
  routeOf,
  shellOf,
  traceroute,
} from './kernel.js';
import { inLab } from './lab.js';
import { story } from './log.js';
import { ourHub, ourSpoke } from './ours.js';
import { until } from './process.js';
import { NAT_OUTSIDE, type Role } from './roles.js';
import { kernelSpis, swan, swanAssociations, swanVersion } from './swan.js';

const PSK = 'secret';

/** FRR and strongSwan in a guest. */
async function protectedHub(guest: Guest): Promise<void> {
  await swan(guest, { psk: PSK });
  await frrHub(guest);
}
async function protectedSpoke(guest: Guest): Promise<void> {
  await swan(guest, { psk: PSK });
  await frrSpoke(guest);
}

/** Neither GRE nor NHRP in the clear on any of these legs. */
async function expectNothingClear(capture: Capture, ...legs: Role[]): Promise<void> {
  for (const role of legs) expect(await capture.frames(role, 'gre || nhrp')).toEqual([]);
}

const associationWith = async (guest: Guest, remote: string): Promise<unknown> =>
  (await swanAssociations(guest)).find(({ remoteHost }) => remoteHost === remote);

const ESTABLISHED = expect.objectContaining({
  state: 'ESTABLISHED',
  children: expect.arrayContaining([
    expect.objectContaining({ state: 'INSTALLED', mode: 'TRANSPORT' }),
  ]),
});

/**
 * FRR drops a Resolution Reply while its association with the asker is not up, and asks anew no sooner than 30 s later, at
 * the next redirect: after the four of the first 15 s that is the one a minute later.
 */
const UNTIL_REDIRECTED_AGAIN = { seconds: 90 } as const;

describe.each(RELEASES)('protected, FRR and strongSwan of %s', (release) => {
  it('our spoke registers at such a hub and builds a shortcut to such a spoke', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub, s2 } = await lab.boot(release, 'hub', 's2');
      const capture = await lab.capture('hub', 's1', 's2');
      await Promise.all([protectedHub(hub), protectedSpoke(s2)]);
      await until('s2 reaches the hub', () => reachesHub(s2));
      const log = story(
        `protected: our spoke, ${await frrVersion(hub)}, ${await swanVersion(hub)}`,
      );
      const spoke = await ourSpoke(lab, 's1', { psk: PSK });
      const took = await spoke.saw('registered', { nhs: '10.0.0.100' });
      expect(await frrEntry(hub, '10.0.0.1')).toMatchObject({
        type: 'dynamic',
        nbma: '192.168.1.2',
      });
      expect(await associationWith(hub, '192.168.1.2')).toEqual(ESTABLISHED);
      expect((await pingWhenRouted(spoke.shell, '10.0.0.100')).received).toBe(3);
      log.say(`registered ${took} ms after its start, IKE included`);

      expect(await traceroute(spoke.lanShell, '172.16.2.1')).toContain('10.0.0.100');
      await ping(spoke.lanShell, '172.16.2.1', 10);
      await spoke.saw('shortcut-set', { prefix: '172.16.2.0/24', via: '10.0.0.2' });
      await until('the way back', () => routeOf(s2, '172.16.1.0/24'));
      await ping(spoke.lanShell, '172.16.2.1', 10);
      expect(await associationWith(s2, '192.168.1.2')).toEqual(ESTABLISHED);
      const since = Date.now();
      expect((await ping(spoke.lanShell, '172.16.2.1', 5)).received).toBe(5);
      expect(await traceroute(spoke.lanShell, '172.16.2.1')).toEqual(['172.16.1.1', '172.16.2.1']);
      const direct = await capture.frames('s1', 'esp && ip.addr==192.168.2.2', since);
      expect(direct.length).toBeGreaterThanOrEqual(10);
      expect(await kernelSpis(s2)).toEqual(
        expect.arrayContaining(direct.map((frame) => frame.espSpi)),
      );
      expect(await capture.frames('hub', 'esp && ip.addr==192.168.1.2', since)).toEqual([]);
      await expectNothingClear(capture, 'hub', 's1', 's2');
      log.say(`${direct.length} frames direct in ESP, none at the hub, no GRE in the clear`);
      expect(await spoke.stop()).toBe(0);
    }));

  it('our hub serves two such spokes', () =>
    inLab(async (lab) => {
      await lab.host('hub');
      const { s1, s2 } = await lab.boot(release, 's1', 's2');
      const capture = await lab.capture('hub', 's1', 's2');
      const hub = await ourHub(lab, 'hub', { psk: PSK });
      await Promise.all([protectedSpoke(s1), protectedSpoke(s2)]);
      const log = story(
        `protected: our hub, ${await frrVersion(s1)} spokes, ${await swanVersion(s1)}`,
      );
      for (const spoke of [s1, s2]) {
        await until(`${spoke.role} reaches the hub`, () => reachesHub(spoke));
        expect(await associationWith(spoke, '192.168.0.2')).toEqual(ESTABLISHED);
      }
      await hub.saw('spoke-registered', { protocolAddress: '10.0.0.1', nbma: '192.168.1.2' });
      log.say('both spokes registered');

      const from = shellOf(s1);
      const flow = <T>(seen: () => Promise<T>) =>
        flowing(from, '172.16.2.1', '-I 172.16.1.1', seen);
      await ping(from, '172.16.2.1', 10, '-I 172.16.1.1');
      for (const [spoke, lan] of [
        [s1, '172.16.2.0/24'],
        [s2, '172.16.1.0/24'],
      ] as const)
        await until(
          `${spoke.role} has its shortcut`,
          flow(() => routeOf(spoke, lan)),
          UNTIL_REDIRECTED_AGAIN,
        );
      await ping(from, '172.16.2.1', 5, '-I 172.16.1.1');
      const since = Date.now();
      expect((await ping(from, '172.16.2.1', 5, '-I 172.16.1.1')).received).toBe(5);
      expect(await capture.frames('s1', 'esp && ip.addr==192.168.2.2', since)).not.toEqual([]);
      expect(await capture.frames('hub', 'esp && ip.addr==192.168.1.2', since)).toEqual([]);
      await expectNothingClear(capture, 'hub', 's1', 's2');
      log.say('shortcut between them, no GRE in the clear');
    }));

  it('our spoke behind NAT floats to 4500', () =>
    inLab(async (lab) => {
      await lab.nat('s1');
      await lab.host('s1');
      const { hub } = await lab.boot(release, 'hub');
      const capture = await lab.capture('hub');
      await protectedHub(hub);
      const log = story(`protected: our spoke behind NAT, ${await swanVersion(hub)}`);
      const spoke = await ourSpoke(lab, 's1', { psk: PSK });
      await spoke.saw('registered', { nhs: '10.0.0.100' });
      expect((await pingWhenRouted(spoke.shell, '10.0.0.100')).received).toBe(3);
      expect(await associationWith(hub, NAT_OUTSIDE)).toEqual(ESTABLISHED);
      expect(await capture.frames('hub', 'udp.port==500 && isakmp')).not.toEqual([]);
      expect(await capture.frames('hub', 'udp.port==4500 && esp')).not.toEqual([]);
      expect(await capture.frames('hub', 'esp && !udp')).toEqual([]);
      await expectNothingClear(capture, 'hub');
      log.say('registered; ESP in UDP 4500 only');
    }));

  it('our spoke begins on 4500 and is encapsulated without a NAT', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub } = await lab.boot(release, 'hub');
      const capture = await lab.capture('hub');
      await protectedHub(hub);
      const log = story(`protected: our spoke on 4500 from the start, ${await swanVersion(hub)}`);
      const ipsec = { startOnNattPort: true, forceEncapsulation: true };
      const spoke = await ourSpoke(lab, 's1', { psk: PSK, ipsec });
      await spoke.saw('registered', { nhs: '10.0.0.100' });
      expect((await pingWhenRouted(spoke.shell, '10.0.0.100')).received).toBe(3);
      expect(await associationWith(hub, '192.168.1.2')).toEqual(ESTABLISHED);
      expect(await capture.frames('hub', 'udp.port==500 || (esp && !udp)')).toEqual([]);
      await expectNothingClear(capture, 'hub');
      log.say('registered; nothing but UDP 4500');
    }));
});
