/** Uniqueness, address changes and restarts: who holds an overlay address, seen from both sides. */
import { describe, expect, it } from 'vitest';
import { frrEntry, frrHub, frrSpoke, frrVersion } from './frr.js';
import { RELEASES } from './guest.js';
import { neighbourOf, ping, pingWhenRouted, reachesHub, shellOf } from './kernel.js';
import { inLab } from './lab.js';
import { story } from './log.js';
import { ourHub, ourSpoke } from './ours.js';
import { until } from './process.js';

const HOLDING_TIME_SECONDS = 15; // registrations every 5 s

describe.each(RELEASES)('registration, FRR of %s', (release) => {
  it('our spoke sets the unique bit only where it is told to', () =>
    inLab(async (lab) => {
      await lab.host('s1', 's2');
      const { hub } = await lab.boot(release, 'hub');
      const capture = await lab.capture('s1', 's2');
      await frrHub(hub);
      const log = story(`unique and no-unique spokes of ours at ${await frrVersion(hub)}`);
      const unique = await ourSpoke(lab, 's1', { unique: true });
      const other = await ourSpoke(lab, 's2', { unique: false });
      for (const spoke of [unique, other]) await spoke.saw('registered', { nhs: '10.0.0.100' });
      expect(await capture.frames('s1', 'nhrp.hdr.op.type==3 && nhrp.flag.u==0')).toEqual([]);
      expect(await capture.frames('s2', 'nhrp.hdr.op.type==3 && nhrp.flag.u==1')).toEqual([]);
      for (const address of ['10.0.0.1', '10.0.0.2']) {
        expect(await frrEntry(hub, address)).toMatchObject({ type: 'dynamic' });
      }
      log.say('both registered, the U flag as configured');
    }));

  it('our hub keeps a unique address for the one who has it (code 14)', () =>
    inLab(async (lab) => {
      await lab.host('hub');
      const { s1, s2 } = await lab.boot(release, 's1', 's2');
      const capture = await lab.capture('s2');
      const hub = await ourHub(lab, 'hub');
      await frrSpoke(s1, { unique: true });
      const log = story(`two unique spokes ${await frrVersion(s1)} with one address at our hub`);
      await hub.saw('spoke-registered', {
        protocolAddress: '10.0.0.1',
        nbma: '192.168.1.2',
        unique: true,
      });
      await frrSpoke(s2, { unique: true, as: 's1' });
      await hub.saw('registration-refused', {
        protocolAddress: '10.0.0.1',
        nbma: '192.168.2.2',
        code: 14,
      });
      expect(await capture.frames('s2', 'nhrp.hdr.op.type==4 && nhrp.code==14')).not.toEqual([]);
      expect(await hub.entries()).toContainEqual(
        expect.objectContaining({ prefix: '10.0.0.1/32', nbma: '192.168.1.2' }),
      );
      expect((await frrEntry(s2, '10.0.0.100'))?.nbma).toBeUndefined();
      expect((await pingWhenRouted(hub.shell, '10.0.0.1')).received).toBe(3);
      log.say('the second was refused with code 14, the first still answers');
    }));

  it('our hub lets a no-unique address move', () =>
    inLab(async (lab) => {
      await lab.host('hub');
      const { s1, s2 } = await lab.boot(release, 's1', 's2');
      const hub = await ourHub(lab, 'hub');
      await frrSpoke(s1);
      const log = story(
        `a no-unique address moves between spokes ${await frrVersion(s1)} at our hub`,
      );
      await hub.saw('spoke-registered', { protocolAddress: '10.0.0.1', nbma: '192.168.1.2' });
      await lab.kill('s1');
      await frrSpoke(s2, { as: 's1' });
      await hub.saw('spoke-registered', { protocolAddress: '10.0.0.1', nbma: '192.168.2.2' });
      await until('the second reaches the hub', () => reachesHub(s2));
      expect((await pingWhenRouted(hub.shell, '10.0.0.1')).received).toBe(3);
      log.say('moved to 192.168.2.2, which answers');
    }));

  it('our spoke comes with another NBMA address, and the FRR hub follows', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub } = await lab.boot(release, 'hub');
      await frrHub(hub);
      const log = story(`our spoke changes its NBMA address at ${await frrVersion(hub)}`);
      const before = await ourSpoke(lab, 's1');
      await before.saw('registered');
      await before.kill();
      await lab.runIn(
        's1',
        'sh',
        '-ec',
        'ip addr flush dev eth0; ip addr add 192.168.1.3/24 dev eth0; ip route add default via 192.168.1.1',
      );
      const after = await ourSpoke(lab, 's1', { tunnel: { local: '192.168.1.3' } });
      await after.saw('registered');
      expect(await frrEntry(hub, '10.0.0.1')).toMatchObject({ nbma: '192.168.1.3' });
      expect(await neighbourOf(hub, '10.0.0.1')).toBe('192.168.1.3');
      expect((await pingWhenRouted(shellOf(hub), '10.0.0.1')).received).toBe(3);
      log.say('the hub sends to 192.168.1.3');
    }));

  it('our spoke finds an FRR hub again that was restarted', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub } = await lab.boot(release, 'hub');
      await lab.capture('hub');
      await frrHub(hub);
      const log = story(`restart of the hub ${await frrVersion(hub)} under our spoke`);
      const spoke = await ourSpoke(lab, 's1', { holdingTimeSeconds: HOLDING_TIME_SECONDS });
      await spoke.saw('registered');
      await lab.kill('hub');
      await spoke.saw('nhs-down', {});
      log.say('hub killed: our spoke sees it down');
      const { hub: again } = await lab.boot(release, 'hub');
      await frrHub(again);
      const took = await until('the hub has the spoke again', () => frrEntry(again, '10.0.0.1'), {
        seconds: 70,
      });
      await until('ping', async () => (await ping(spoke.shell, '10.0.0.100')).received === 3);
      log.say(`registered again ${took} ms after the hub was back`);
    }));

  it('FRR spokes find our hub again that was restarted', () =>
    inLab(async (lab) => {
      await lab.host('hub');
      const { s1 } = await lab.boot(release, 's1');
      const settings = { holdingTimeSeconds: HOLDING_TIME_SECONDS };
      const before = await ourHub(lab, 'hub', settings);
      await frrSpoke(s1, settings);
      const log = story(`restart of our hub under ${await frrVersion(s1)}`);
      await before.saw('spoke-registered');
      await before.kill();
      const after = await ourHub(lab, 'hub', settings);
      const took = await after.saw('spoke-registered', { protocolAddress: '10.0.0.1' });
      await until('the spoke reaches the hub', () => reachesHub(s1));
      log.say(`registered again ${took} ms after our hub was open`);
    }));
});
