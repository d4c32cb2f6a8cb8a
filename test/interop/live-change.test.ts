/** What changes under running nodes: a spoke's NBMA address, ours and FRR's, and the password of a network. */
import { describe, expect, it } from 'vitest';
import { frrEntry, frrHub, frrPeers, frrSpoke, frrVersion } from './frr.js';
import { RELEASES } from './guest.js';
import { neighbourOf, ping, pingWhenRouted, reachesHub, shellOf } from './kernel.js';
import { inLab } from './lab.js';
import { story } from './log.js';
import { NHRP } from './numbers.js';
import { ourHub, ourSpoke } from './ours.js';
import { until } from './process.js';

const HOLDING_TIME_SECONDS = 15; // registrations every 5 s
/** Both addresses for a moment, as DHCP and roaming have it. */
const ADDRESS = `ip addr add 192.168.1.3/24 dev eth0`;
const NO_OTHER = `ip addr del 192.168.1.2/24 dev eth0
ip addr replace 192.168.1.3/24 dev eth0
ip route replace default via 192.168.1.1`;

describe.each(RELEASES)('a change of the NBMA address, FRR of %s', (release) => {
  it('of our running spoke: it registers anew, and the FRR hub follows', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub } = await lab.boot(release, 'hub');
      const capture = await lab.capture('s1');
      await frrHub(hub);
      const log = story(`our running spoke changes its NBMA address at ${await frrVersion(hub)}`);
      const spoke = await ourSpoke(lab, 's1');
      await spoke.saw('registered', { nbma: '192.168.0.2' });
      expect(await frrEntry(hub, '10.0.0.1')).toMatchObject({ nbma: '192.168.1.2' });
      await lab.runIn('s1', 'sh', '-ec', ADDRESS);
      const since = Date.now();
      await spoke.ask('move', '192.168.1.3');
      await lab.runIn('s1', 'sh', '-ec', NO_OTHER);
      const took = await until(
        'the hub follows',
        async () => (await frrEntry(hub, '10.0.0.1'))?.nbma === '192.168.1.3',
      );
      expect(await frrEntry(hub, '10.0.0.1')).toMatchObject({ claimed_nbma: '192.168.1.3' });
      expect(await neighbourOf(hub, '10.0.0.1')).toBe('192.168.1.3');
      expect((await pingWhenRouted(shellOf(hub), '10.0.0.1')).received).toBe(3);
      expect((await pingWhenRouted(spoke.lanShell, '172.16.0.1')).received).toBe(3);
      const requests = await capture.nhrp('s1', NHRP.registrationRequest, since);
      expect(new Set(requests.map(({ sources }) => sources[0]))).toEqual(new Set(['192.168.1.3']));
      expect(spoke.all('nhs-down')).toEqual([]);
      log.say(`the hub sends to 192.168.1.3 ${took} ms after the move; the hub was never lost`);
    }));

  it('of a running FRR spoke: our hub follows', () =>
    inLab(async (lab) => {
      await lab.host('hub');
      const { s1 } = await lab.boot(release, 's1');
      const hub = await ourHub(lab, 'hub');
      await frrSpoke(s1, { holdingTimeSeconds: HOLDING_TIME_SECONDS });
      const log = story(
        `a running spoke ${await frrVersion(s1)} changes its NBMA address at our hub`,
      );
      await hub.saw('spoke-registered', { protocolAddress: '10.0.0.1', nbma: '192.168.1.2' });
      await until('the spoke reaches the hub', () => reachesHub(s1));
      await s1.run(`${ADDRESS}
ip tunnel change gre1 mode gre key 42 ttl 64 local 192.168.1.3
${NO_OTHER}`);
      await hub.saw('spoke-registered', {
        protocolAddress: '10.0.0.1',
        nbma: '192.168.1.3',
        claimedNbma: '192.168.1.3',
      });
      expect(await hub.entries()).toContainEqual(
        expect.objectContaining({ prefix: '10.0.0.1/32', nbma: '192.168.1.3' }),
      );
      await until('the spoke reaches the hub again', () => reachesHub(s1));
      expect((await pingWhenRouted(hub.lanShell, '172.16.1.1')).received).toBe(3);
      log.say('our hub sends to 192.168.1.3');
    }));
});

/** FRR 8.4 has no authentication. */
describe('a change of the password, FRR of trixie', () => {
  it('an FRR spoke stays registered while our hub takes both, and when the old one goes', () =>
    inLab(async (lab) => {
      await lab.host('hub');
      const { s1, s2 } = await lab.boot('trixie', 's1', 's2');
      const capture = await lab.capture('s1');
      const hubWith = (...passwords: string[]) =>
        ourHub(lab, 'hub', {
          holdingTimeSeconds: HOLDING_TIME_SECONDS,
          tunnel: { authentication: { kind: 'cisco', passwords } },
        });
      const both = await hubWith('new', 'old');
      const settings = { holdingTimeSeconds: HOLDING_TIME_SECONDS, authentication: 'old' };
      await Promise.all([frrSpoke(s1, settings), frrSpoke(s2, settings)]);
      const log = story(`roll-over of the password: ${await frrVersion(s1)} spokes at our hub`);
      for (const spoke of [s1, s2])
        await until(`${spoke.role} reaches the hub`, () => reachesHub(spoke));
      log.say('both registered with the old password');

      const since = Date.now();
      await s1.run(
        `vtysh -c 'configure terminal' -c 'interface gre1' -c 'ip nhrp authentication new'`,
      );
      const answered = async (password: string): Promise<boolean> => {
        const octets = [...password].map((c) => c.charCodeAt(0).toString(16)).join(':');
        const filter = `nhrp.hdr.op.type==4 && frame contains ${octets}`;
        return (await capture.frames('s1', filter, since)).length >= 2;
      };
      await until('two replies with the new password', () => answered('new'));
      expect(await frrEntry(s1, '10.0.0.100')).toMatchObject({ type: 'nhs', nbma: '192.168.0.2' });
      expect(await frrPeers(s1)).toContain('192.168.0.2');
      expect((await pingWhenRouted(shellOf(s1), '10.0.0.100')).received).toBe(3);
      expect((await ping(shellOf(s1), '10.0.0.2', 3, '-I 10.0.0.1')).received).toBe(3);
      expect(both.all('entry-removed')).toEqual([]);
      expect((await both.drops()).authentication).toBeUndefined();
      log.say('the first spoke changed to the new one: never unregistered, no packet refused');

      await both.stop();
      const one = await hubWith('new');
      await one.saw('spoke-registered', { protocolAddress: '10.0.0.1', nbma: '192.168.1.2' });
      await until('the first spoke reaches the hub', () => reachesHub(s1));
      await one.saw('dropped', { reason: 'authentication', from: '192.168.2.2' });
      expect(one.all('spoke-registered').map((event) => event.protocolAddress)).toEqual([
        '10.0.0.1',
      ]);
      log.say('without the old one: the first spoke is registered, the second is refused');
    }));
});
