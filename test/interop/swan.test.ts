/** FRR and strongSwan against their like, no node of ours: proves that the lab shows a protected DMVPN as it is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Capture } from './capture.js';
import { frrHub, frrSpoke, frrVersion } from './frr.js';
import { type Guest, RELEASES } from './guest.js';
import { flowing, ping, pingWhenRouted, reachesHub, routeOf, shellOf } from './kernel.js';
import { Lab } from './lab.js';
import { type Story, story } from './log.js';
import { until } from './process.js';
import { kernelSpis, swan, swanAssociations, swanVersion } from './swan.js';

describe.each(RELEASES)('FRR and strongSwan of %s', (release) => {
  let lab: Lab;
  let hub: Guest;
  let s1: Guest;
  let s2: Guest;
  let capture: Capture;
  let log: Story;

  beforeAll(async () => {
    lab = await Lab.open();
    ({ hub, s1, s2 } = await lab.boot(release, 'hub', 's1', 's2'));
    capture = await lab.capture('hub', 's1', 's2');
    await Promise.all([hub, s1, s2].map((guest) => swan(guest)));
    await Promise.all([frrHub(hub), frrSpoke(s1), frrSpoke(s2)]);
    log = story(
      `protected FRR hub and spokes: ${await frrVersion(hub)}, ${await swanVersion(hub)}`,
    );
  });
  afterAll(() => lab?.close());

  it('registers and builds a shortcut, all of it in ESP', async () => {
    for (const spoke of [s1, s2])
      await until(`${spoke.role} reaches the hub`, () => reachesHub(spoke));
    await ping(shellOf(s1), '172.16.2.1', 10, '-I 172.16.1.1');
    await until(
      'the shortcut',
      flowing(shellOf(s1), '172.16.2.1', '-I 172.16.1.1', () => routeOf(s1, '172.16.2.0/24')),
    );
    expect((await pingWhenRouted(shellOf(s1), '172.16.2.1', '-I 172.16.1.1')).received).toBe(3);

    expect(await swanAssociations(s1)).toContainEqual({
      state: 'ESTABLISHED',
      remoteHost: '192.168.2.2',
      suite: 'AES_GCM_16-256/PRF_HMAC_SHA2_256/ECP_256',
      children: [{ state: 'INSTALLED', mode: 'TRANSPORT', suite: 'AES_GCM_16-256' }],
    });
    const direct = await capture.frames('s1', 'esp && ip.addr==192.168.2.2');
    expect(await kernelSpis(s1)).toEqual(
      expect.arrayContaining(direct.map((frame) => frame.espSpi)),
    );
    expect(new Set(direct.map((frame) => frame.espSpi)).size).toBe(2); // one a direction
    for (const role of ['hub', 's1', 's2'] as const)
      expect(await capture.frames(role, 'gre')).toEqual([]);
    log.say('shortcut protected; no GRE in the clear on any leg');
  });
});
