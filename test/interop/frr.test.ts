/** FRR against FRR, no node of ours: proves that the lab shows a DMVPN as it is, so that the other tests may trust it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Capture } from './capture.js';
import { expectDirect } from './direct.js';
import { frrEntry, frrHub, frrPeers, frrShortcuts, frrSpoke, frrVersion } from './frr.js';
import type { Guest, Release } from './guest.js';
import {
  flowing,
  neighbourOf,
  ping,
  reachesHub,
  routeOf,
  routesTo,
  shellOf,
  traceroute,
} from './kernel.js';
import { Lab } from './lab.js';
import { type Story, story } from './log.js';
import { until } from './process.js';

const RELEASES: readonly [Release, string | undefined][] = [
  ['bookworm', undefined],
  ['trixie', 'test123'],
];

describe.each(RELEASES)('FRR of %s, authentication %s', (release, authentication) => {
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
    const settings = authentication === undefined ? {} : { authentication };
    await frrHub(hub, settings);
    await Promise.all([frrSpoke(s1, settings), frrSpoke(s2, settings)]);
    log = story(`FRR hub and spokes: ${await frrVersion(hub)}`);
  });
  afterAll(() => lab?.close());

  it('registers both spokes', async () => {
    for (const spoke of [s1, s2])
      await until(`${spoke.role} reaches the hub`, () => reachesHub(spoke));
    await until('the hub reaches their LANs', () => routesTo(hub, 's1', 's2'));
    expect(await frrEntry(hub, '10.0.0.1')).toMatchObject({ type: 'dynamic', nbma: '192.168.1.2' });
    expect(await frrEntry(s1, '10.0.0.100')).toMatchObject({ type: 'nhs', nbma: '192.168.0.2' });
    expect(await neighbourOf(hub, '10.0.0.2')).toBe('192.168.2.2');
    expect(await frrPeers(hub)).toEqual(expect.arrayContaining(['192.168.1.2', '192.168.2.2']));
    log.say('both spokes registered');
  });

  it('goes through the hub first, directly after its redirect', async () => {
    const from = shellOf(s1);
    expect(await traceroute(from, '10.0.0.2', '-s 10.0.0.1')).toEqual(['10.0.0.100', '10.0.0.2']);
    expect(await capture.flow('hub', '10.0.0.1', '10.0.0.2')).not.toEqual([]);
    await ping(from, '172.16.2.1', 5, '-I 172.16.1.1');
    const took = await until(
      'shortcut',
      flowing(from, '172.16.2.1', '-I 172.16.1.1', () => routeOf(s1, '172.16.2.0/24')),
    );
    expect(await frrShortcuts(s1)).toContainEqual(
      expect.objectContaining({ type: 'dynamic', prefix: '172.16.2.0/24', via: '10.0.0.2' }),
    );
    log.say(`shortcut ${took} ms after the pings`);
    expect((await routeOf(s1, '172.16.2.0/24'))?.gateway).toBe('10.0.0.2');
    expect(await neighbourOf(s1, '10.0.0.2')).toBe('192.168.2.2');
    expect(await capture.nhrp('s1', 8)).not.toEqual([]);

    const since = Date.now();
    expect((await ping(from, '172.16.2.1', 5, '-I 172.16.1.1')).received).toBe(5);
    expect(
      await expectDirect(capture, {
        spokes: ['s1', 's2'],
        between: ['172.16.1.1', '172.16.2.1'],
        since,
      }),
    ).toBe(10);
    log.say('5 pings and their answers direct, none at the hub');
  });
});
