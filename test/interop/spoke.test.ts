/**
 * Scenarios 1 and 3: our spoke at an FRR hub, with FRR spokes beside it. Judged by FRR's own tables, the guests'
 * kernels and what passed on the legs of the internet.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Capture } from './capture.js';
import { expectDirect } from './direct.js';
import { frrEntry, frrHub, frrPeers, frrShortcuts, frrSpoke, frrVersion } from './frr.js';
import type { Guest, Release } from './guest.js';
import {
  flowing,
  neighbourOf,
  ping,
  pingWhenRouted,
  reachesHub,
  routeOf,
  routesTo,
  shellOf,
  traceroute,
} from './kernel.js';
import { Lab } from './lab.js';
import { type Story, story } from './log.js';
import type { Node } from './node.js';
import { NHRP } from './numbers.js';
import { ourSpoke } from './ours.js';
import { until } from './process.js';
import { nbmaOf, type Role } from './roles.js';

const RELEASES: readonly [Release, { authentication?: string }][] = [
  ['bookworm', {}],
  ['trixie', { authentication: 'test123' }],
];

describe.each(RELEASES)('our spoke at the FRR hub of %s, %o', (release, settings) => {
  let lab: Lab;
  let hub: Guest;
  let s2: Guest;
  let s3: Guest;
  let spoke: Node;
  let capture: Capture;
  let log: Story;

  beforeAll(async () => {
    lab = await Lab.open();
    await lab.host('s1');
    ({ hub, s2, s3 } = await lab.boot(release, 'hub', 's2', 's3'));
    capture = await lab.capture('hub', 's1', 's2', 's3');
    await frrHub(hub, settings);
    await Promise.all([frrSpoke(s2, settings), frrSpoke(s3, settings)]);
    for (const guest of [s2, s3])
      await until(`${guest.role} reaches the hub`, () => reachesHub(guest));
    await until('the hub reaches their LANs', () => routesTo(hub, 's2', 's3'));
    log = story(
      `scenario 1: our spoke, hub and spokes ${await frrVersion(hub)}, ${JSON.stringify(settings)}`,
    );
  });
  afterAll(() => lab?.close());

  it('registers: FRR and its kernel list it, and it lists the hub', async () => {
    spoke = await ourSpoke(lab, 's1', settings);
    const took = await spoke.saw('registered', { nhs: '10.0.0.100', nbma: '192.168.0.2' });
    log.say(`our spoke registered ${took} ms after its start`);
    expect(await frrEntry(hub, '10.0.0.1')).toMatchObject({
      type: 'dynamic',
      nbma: '192.168.1.2',
      claimed_nbma: '192.168.1.2',
    });
    expect(await neighbourOf(hub, '10.0.0.1')).toBe('192.168.1.2');
    expect(await frrPeers(hub)).toContain('192.168.1.2');
    expect((await routeOf(hub, '10.0.0.1'))?.protocol).toBe('nhrp');
  });

  it('pings the hub, from the router and from the LAN', async () => {
    expect((await pingWhenRouted(spoke.shell, '10.0.0.100')).received).toBe(3);
    expect((await pingWhenRouted(spoke.lanShell, '172.16.0.1')).received).toBe(3);
    log.say('pings to the hub and to the LAN behind it answered');
  });

  it('goes through the hub first, directly after its redirect', async () => {
    const first = await traceroute(spoke.lanShell, '172.16.2.1');
    expect(first).toEqual(['172.16.1.1', '10.0.0.100', '172.16.2.1']);
    log.say(`traceroute before: ${first.join(' ')}`);

    await ping(spoke.lanShell, '172.16.2.1', 10);
    await spoke.saw('redirect-received', { from: '192.168.0.2' });
    await spoke.saw('shortcut-set', {
      prefix: '172.16.2.0/24',
      via: '10.0.0.2',
      nbma: '192.168.2.2',
    });
    log.say(await redirectAndResolution(capture));
    await until('the way back is direct', () => routeOf(s2, '172.16.1.0/24'));
    expect(await frrEntry(s2, '10.0.0.1')).toMatchObject({ type: 'dynamic', nbma: '192.168.1.2' });

    const since = Date.now();
    const then = await traceroute(spoke.lanShell, '172.16.2.1');
    expect(then).toEqual(['172.16.1.1', '172.16.2.1']);
    expect((await ping(spoke.lanShell, '172.16.2.1', 5)).received).toBe(5);
    const between = ['172.16.1.10', '172.16.2.1'] as const;
    const frames = await expectDirect(capture, { spokes: ['s1', 's2'], between, since });
    log.say(
      `traceroute after: ${then.join(' ')}; ${frames} frames of the flow direct, none at the hub`,
    );
  });

  it('has built a shortcut with an FRR spoke, beginning itself', async () => {
    log = story(`scenario 3: our spoke begins, s2 is ${await frrVersion(s2)}`);
    const between = ['172.16.1.10', '172.16.2.1'] as const;
    await expectBegan(capture, 's1', between);
    expect(await spoke.entries()).toContainEqual(
      expect.objectContaining({ prefix: '10.0.0.2/32', nbma: '192.168.2.2' }),
    );
    expect(await frrShortcuts(s2)).toContainEqual(
      expect.objectContaining({ type: 'dynamic', prefix: '172.16.1.0/24', via: '10.0.0.1' }),
    );
    expect((await routeOf(s2, '172.16.1.0/24'))?.gateway).toBe('10.0.0.1');
    expect(await neighbourOf(s2, '10.0.0.1')).toBe('192.168.1.2');
    log.say(
      's2 has the shortcut to 172.16.1.0/24 in FRR, its route and its neighbour in the kernel',
    );

    const since = Date.now();
    expect((await ping(spoke.lanShell, '172.16.2.1', 5)).received).toBe(5);
    const frames = await expectDirect(capture, { spokes: ['s1', 's2'], between, since });
    log.say(`our spoke began: ${frames} frames of the flow direct, none at the hub`);
  });

  it('is found by an FRR spoke that begins', async () => {
    log = story(`scenario 3: s3 begins, ${await frrVersion(s3)}, the other is our spoke`);
    const from = shellOf(s3);
    await ping(from, '172.16.1.10', 10, '-I 172.16.3.1');
    await until(
      's3 has its shortcut',
      flowing(from, '172.16.1.10', '-I 172.16.3.1', () => routeOf(s3, '172.16.1.0/24')),
    );
    expect(await frrShortcuts(s3)).toContainEqual(
      expect.objectContaining({ type: 'dynamic', prefix: '172.16.1.0/24', via: '10.0.0.1' }),
    );
    expect(await neighbourOf(s3, '10.0.0.1')).toBe('192.168.1.2');
    await spoke.saw('shortcut-set', { prefix: '172.16.3.0/24', via: '10.0.0.3' });
    log.say(
      's3 has the shortcut to 172.16.1.0/24 in FRR, its route and its neighbour in the kernel',
    );

    const since = Date.now();
    expect((await ping(from, '172.16.1.10', 5, '-I 172.16.3.1')).received).toBe(5);
    const between = ['172.16.3.1', '172.16.1.10'] as const;
    await expectBegan(capture, 's3', between);
    const frames = await expectDirect(capture, { spokes: ['s3', 's1'], between, since });
    log.say(`s3 began: ${frames} frames of the flow direct, none at the hub`);
  });

  it('takes its leave with a Purge, and never sent anything that tshark finds fault with', async () => {
    log = story(`scenario 1: our spoke leaves the hub, ${await frrVersion(hub)}`);
    const since = Date.now();
    expect(await spoke.stop()).toBe(0);
    expect(await capture.nhrp('s1', NHRP.purgeRequest, since)).not.toEqual([]);
    expect(await capture.faults('s1')).toEqual([]);
    log.say('left with a Purge; no malformed packet on its leg');
  });
});

/** On our spoke's leg: the hub's redirect, then our Resolution Request, then the Reply to it. Says so. */
async function redirectAndResolution(capture: Capture): Promise<string> {
  const [redirect] = await capture.nhrpBy('hub', 's1', NHRP.trafficIndication);
  const requests = await capture.nhrpBy('s1', 's1', NHRP.resolutionRequest);
  const asked = requests.map(({ requestId }) => requestId);
  const reply = (await capture.nhrp('s1', NHRP.resolutionReply)).find(
    ({ destinations, requestId }) => destinations[0] === '192.168.1.2' && asked.includes(requestId),
  );
  const seen = { redirect, request: requests[0], reply };
  for (const [what, frame] of Object.entries(seen)) expect(frame, what).toBeDefined();
  const times = Object.values(seen).map((frame) => frame?.timeMs ?? 0);
  expect(times, 'times of redirect, request, reply').toEqual([...times].sort((a, b) => a - b));
  return `redirect from ${redirect?.sources[0]}, Resolution Request ${reply?.requestId}, Reply from ${reply?.sources[0]}`;
}

/** Fails unless the first packet of a flow, as seen on the leg of `role`, was sent by that role. */
async function expectBegan(
  capture: Capture,
  role: Role,
  between: readonly [string, string],
): Promise<void> {
  const [first] = await capture.flow(role, ...between);
  expect(first?.sources[0], 'who began').toBe(nbmaOf(role));
}
