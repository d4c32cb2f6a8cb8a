/** Scenario 2: our hub serves two FRR spokes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Capture } from './capture.js';
import { expectDirect } from './direct.js';
import { frrEntry, frrPeers, frrShortcuts, frrSpoke, frrVersion } from './frr.js';
import type { Guest, Release } from './guest.js';
import {
  flowing,
  neighbourOf,
  ping,
  pingWhenRouted,
  reachesHub,
  routeOf,
  shellOf,
  traceroute,
} from './kernel.js';
import { Lab } from './lab.js';
import { type Story, story } from './log.js';
import type { Node } from './node.js';
import { NHRP } from './numbers.js';
import { ourHub } from './ours.js';
import { until } from './process.js';

const RELEASES: readonly [Release, { authentication?: string }][] = [
  ['bookworm', {}],
  ['trixie', { authentication: 'test123' }],
];

describe.each(RELEASES)('our hub with FRR spokes of %s, %o', (release, settings) => {
  let lab: Lab;
  let s1: Guest;
  let s2: Guest;
  let hub: Node;
  let capture: Capture;
  let log: Story;

  beforeAll(async () => {
    lab = await Lab.open();
    await lab.host('hub');
    ({ s1, s2 } = await lab.boot(release, 's1', 's2'));
    capture = await lab.capture('hub', 's1', 's2');
    hub = await ourHub(lab, 'hub', settings);
    await Promise.all([frrSpoke(s1, settings), frrSpoke(s2, settings)]);
    log = story(`scenario 2: our hub, spokes ${await frrVersion(s1)}, ${JSON.stringify(settings)}`);
  });
  afterAll(() => lab?.close());

  it('registers both: each lists the other', async () => {
    for (const [guest, address, nbma] of [
      [s1, '10.0.0.1', '192.168.1.2'],
      [s2, '10.0.0.2', '192.168.2.2'],
    ] as const) {
      await hub.saw('spoke-registered', { protocolAddress: address, nbma, claimedNbma: nbma });
      await until(`${guest.role} reaches the hub`, () => reachesHub(guest));
      expect(await frrEntry(guest, '10.0.0.100')).toMatchObject({
        type: 'nhs',
        nbma: '192.168.0.2',
      });
      expect(await frrPeers(guest)).toContain('192.168.0.2');
      expect(await neighbourOf(guest, '10.0.0.100')).toBe('192.168.0.2');
    }
    expect(await hub.entries()).toEqual(
      expect.arrayContaining([
        { kind: 'dynamic', prefix: '10.0.0.1/32', nbma: '192.168.1.2' },
        { kind: 'dynamic', prefix: '10.0.0.2/32', nbma: '192.168.2.2' },
      ]),
    );
    log.say('both spokes registered: dynamic in our cache, and both list us as their NHS');
  });

  it('pings the spokes and the LANs behind them', async () => {
    expect((await pingWhenRouted(hub.shell, '10.0.0.1')).received).toBe(3);
    expect((await pingWhenRouted(hub.lanShell, '172.16.2.1')).received).toBe(3);
    log.say('pings from the hub and its LAN answered');
  });

  it('redirects, and forwards the resolution: the spokes talk directly', async () => {
    const from = shellOf(s1);
    expect(await traceroute(from, '172.16.2.1', '-s 172.16.1.1')).toEqual([
      '10.0.0.100',
      '172.16.2.1',
    ]);
    const flow = <T>(seen: () => Promise<T>) => flowing(from, '172.16.2.1', '-I 172.16.1.1', seen);
    await ping(from, '172.16.2.1', 10, '-I 172.16.1.1');
    for (const [guest, prefix, via, nbma] of [
      [s1, '172.16.2.0/24', '10.0.0.2', '192.168.2.2'],
      [s2, '172.16.1.0/24', '10.0.0.1', '192.168.1.2'],
    ] as const) {
      await until(
        `${guest.role} has its shortcut`,
        flow(() => routeOf(guest, prefix)),
      );
      expect(await frrShortcuts(guest)).toContainEqual(
        expect.objectContaining({ type: 'dynamic', prefix, via }),
      );
      expect(await neighbourOf(guest, via)).toBe(nbma);
    }
    const redirects = await capture.nhrpBy('hub', 's1', NHRP.trafficIndication);
    expect(redirects).not.toEqual([]);
    expect(redirects[0]?.destinations[0]).toBe('192.168.1.2');
    expect(await capture.nhrpBy('s1', 's1', NHRP.resolutionRequest)).not.toEqual([]);
    expect(await capture.nhrpBy('hub', 's2', NHRP.resolutionRequest)).not.toEqual([]);
    log.say(
      `redirects from ${redirects[0]?.sources[0]} to s1, its resolution forwarded to s2, both spokes have their shortcuts`,
    );

    const since = Date.now();
    expect((await ping(from, '172.16.2.1', 5, '-I 172.16.1.1')).received).toBe(5);
    const between = ['172.16.1.1', '172.16.2.1'] as const;
    const frames = await expectDirect(capture, { spokes: ['s1', 's2'], between, since });
    expect(await traceroute(from, '172.16.2.1', '-s 172.16.1.1')).toEqual(['172.16.2.1']);
    log.say(`${frames} frames of the flow direct, none at the hub`);
  });

  it('never sent anything that tshark finds fault with', async () => {
    expect(await capture.faults('hub')).toEqual([]);
  });
});
