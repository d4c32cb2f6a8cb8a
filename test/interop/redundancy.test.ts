/** Two FRR hubs, one of which dies and returns: the story of FRR's nhrp_redundancy, with our spoke in it. */
import { describe, expect, it } from 'vitest';
import { frrEntry, frrHub, frrSpoke, frrVersion } from './frr.js';
import { RELEASES } from './guest.js';
import { ping, pingWhenRouted, reachesHub } from './kernel.js';
import { inLab } from './lab.js';
import { story } from './log.js';
import { ourSpoke } from './ours.js';
import { until } from './process.js';

const SETTINGS = { holdingTimeSeconds: 10, nhs: ['hub', 'hub2'] } as const;

describe.each(RELEASES)('two hubs, FRR of %s', (release) => {
  it('our spoke goes on through the second while the first is dead', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub, hub2, s2 } = await lab.boot(release, 'hub', 'hub2', 's2');
      const capture = await lab.capture('hub2', 's1');
      await Promise.all([frrHub(hub, SETTINGS), frrHub(hub2, SETTINGS)]);
      await frrSpoke(s2, SETTINGS);
      for (const role of ['hub', 'hub2'] as const)
        await until(`s2 reaches ${role}`, () => reachesHub(s2, role));
      const log = story(`redundancy: our spoke, two hubs ${await frrVersion(hub)}`);
      const spoke = await ourSpoke(lab, 's1', SETTINGS);
      await spoke.saw('registered', { nhs: '10.0.0.100' });
      await spoke.saw('registered', { nhs: '10.0.0.102' });
      for (const guest of [hub, hub2])
        expect(await frrEntry(guest, '10.0.0.1')).toMatchObject({ nbma: '192.168.1.2' });
      expect((await ping(spoke.lanShell, '172.16.2.1', 2)).received).toBeGreaterThan(0);
      log.say('registered with both');

      await lab.kill('hub');
      await spoke.saw('nhs-down', { nhs: '10.0.0.100' });
      await spoke.ask('clear');
      const took = await until(
        'the LAN of s2 answers',
        async () => (await ping(spoke.lanShell, '172.16.2.1', 1)).received === 1,
      );
      expect(await capture.flow('hub2', '172.16.1.10', '172.16.2.1')).not.toEqual([]);
      log.say(`first hub killed: the LAN of s2 answers through the second after ${took} ms`);
      await ping(spoke.lanShell, '172.16.2.1', 10);
      await spoke.saw('shortcut-set', { prefix: '172.16.2.0/24', via: '10.0.0.2' });
      log.say('the shortcut comes up through the second hub');

      const { hub: again } = await lab.boot(release, 'hub');
      await frrHub(again, SETTINGS);
      await until('the first hub has the spoke again', () => frrEntry(again, '10.0.0.1'), {
        seconds: 70,
      });
      expect((await pingWhenRouted(spoke.shell, '10.0.0.100')).received).toBe(3);
      log.say('first hub back: registered with both again');
    }));
});
