/** Scenario 4: the wrong password, the wrong GRE key. No entry on either side, and both sides say why. */
import { describe, expect, it } from 'vitest';
import type { Capture } from './capture.js';
import { frrEntry, frrHub, frrLog, frrSpoke, frrVersion } from './frr.js';
import type { Guest, Release } from './guest.js';
import { neighbourOf, routeOf } from './kernel.js';
import { inLab } from './lab.js';
import { type Story, story } from './log.js';
import type { NhrpCounters, Node } from './node.js';
import { NHRP } from './numbers.js';
import { ourHub, ourSpoke } from './ours.js';
import { until } from './process.js';

const WRONG_KEY = 43;
const WRONG_KEY_SEEN = '0x0000002b';
/** A first registration and its retries after 1 and 2 s: by the third, two refusals have done what they would. */
const ATTEMPTS = 3;

const RELEASES: readonly [Release, { authentication?: string }][] = [
  ['bookworm', {}], // FRR 8.4 knows no authentication
  ['trixie', { authentication: 'test123' }],
];

describe.each(RELEASES)('refusals, FRR of %s, %o', (release, settings) => {
  it('our spokes get no entry at an FRR hub', () =>
    inLab(async (lab) => {
      await lab.host('s1', 's2', 's3');
      const { hub } = await lab.boot(release, 'hub');
      const capture = await lab.capture('s1', 's2', 's3');
      await frrHub(hub, settings);
      const log = story(
        `scenario 4: our spokes at ${await frrVersion(hub)}, key 42, ${JSON.stringify(settings)}`,
      );

      const stranger = await ourSpoke(lab, 's1', { ...settings, key: WRONG_KEY });
      await stranger.saw('registration-failed', { reason: 'no-reply' });
      const sent = await capture.nhrp('s1', NHRP.registrationRequest);
      expect(sent.map((frame) => frame.greKey)).toContain(WRONG_KEY_SEEN);
      expect(await capture.nhrp('s1', NHRP.registrationReply)).toEqual([]);
      await expectNoEntry(hub, stranger, '10.0.0.1');
      const counters = await stranger.nhrpCounters();
      expect(counters.sent[NHRP.registrationRequest]).toBeGreaterThanOrEqual(ATTEMPTS);
      expect(counters.received, 'NHRP received').toEqual(counters.received.map(() => 0));
      // the hub's kernel has no tunnel of that key, and says so
      const refused = await capture.frames('s1', 'icmp.type==3 && icmp.code==3 && gre');
      expect(refused.map(({ sources }) => sources[0])).toContain('192.168.0.2');
      log.say(`key 43: no entry; ${JSON.stringify(stranger.all('registration-failed')[0])}`);
      log.say(`key 43: ${summaryOf(counters)}; ICMP port unreachable from the hub's kernel`);

      if (settings.authentication === undefined) return;
      const impostor = await ourSpoke(lab, 's2', { authentication: 'wrong' });
      await expectRefused(hub, impostor, '10.0.0.2', capture, log);
      const silent = await ourSpoke(lab, 's3', {});
      await expectRefused(hub, silent, '10.0.0.3', capture, log);
      expect(await frrLog(hub)).toMatch(/auth/i);
    }));

  it('FRR spokes get no entry at our hub', () =>
    inLab(async (lab) => {
      await lab.host('hub');
      const { s1, s2 } = await lab.boot(release, 's1', 's2');
      const capture = await lab.capture('s1', 's2');
      const hub = await ourHub(lab, 'hub', settings);
      await frrSpoke(s1, { ...settings, key: WRONG_KEY });
      const log = story(
        `scenario 4: ${await frrVersion(s1)} spokes at our hub, key 42, ${JSON.stringify(settings)}`,
      );
      await until(
        'the wrong key is counted',
        async () => ((await hub.drops())['wrong-key'] ?? 0) > 1,
      );
      await hub.saw('dropped', { tunnel: 'tun0', reason: 'wrong-key', from: '192.168.1.2' });
      const keys = (await capture.frames('s1', 'gre')).map((frame) => frame.greKey);
      expect([...new Set(keys)], 'GRE keys on the leg of s1').toEqual([WRONG_KEY_SEEN]);
      expect(await capture.nhrp('s1', NHRP.registrationRequest)).not.toEqual([]);
      expect(await capture.nhrp('s1', NHRP.registrationReply)).toEqual([]);
      await expectNoHub(s1);
      log.say(`key 43: no reply; ${JSON.stringify(droppedOf(hub, 'wrong-key'))}`);

      if (settings.authentication !== undefined) {
        await frrSpoke(s2, { authentication: 'wrong' });
        await hub.saw('dropped', { reason: 'authentication' });
        await until(
          'it tries again and again',
          async () => ((await hub.drops()).authentication ?? 0) >= ATTEMPTS,
        );
        expect(await capture.nhrp('s2', NHRP.registrationRequest)).not.toEqual([]);
        expect(await capture.nhrp('s2', NHRP.registrationReply)).toEqual([]);
        await expectNoHub(s2);
        const told = await capture.nhrpBy('hub', 's2', NHRP.errorIndication);
        expect(told).not.toEqual([]);
        expect(await frrLog(s2)).toMatch(/authentication failure/);
        log.say(`password: no reply; ${JSON.stringify(droppedOf(hub, 'authentication'))}`);
      }
      expect(hub.all('spoke-registered')).toEqual([]);
      const kinds = (await hub.entries()).map((entry) => entry.kind);
      expect(kinds).toEqual(['local']);
      expect((await hub.nhrpCounters()).registrationsAccepted).toBe(0);
      log.say(`no entry; drop counters: ${JSON.stringify(await hub.drops())}`);
    }));
});

/** FRR says that the password is wrong, and nobody has an entry; FRR answers errors with errors, and we must not. */
async function expectRefused(
  hub: Guest,
  spoke: Node,
  address: string,
  capture: Capture,
  log: Story,
): Promise<void> {
  await spoke.saw('registration-failed', { reason: 'authentication', nbma: '192.168.0.2' });
  await expectNoEntry(hub, spoke, address);
  const errors = await capture.nhrp(spoke.role, NHRP.errorIndication);
  expect(errors.filter(({ sources }) => sources[0] !== '192.168.0.2')).toEqual([]);
  expect(errors).not.toEqual([]);
  expect(await capture.nhrp(spoke.role, NHRP.registrationReply)).toEqual([]);
  const counters = await spoke.nhrpCounters();
  expect(counters.sent[NHRP.registrationRequest]).toBeGreaterThan(0);
  expect(counters.received[NHRP.errorIndication]).toBeGreaterThan(0);
  expect(counters.received[NHRP.registrationReply]).toBe(0);
  log.say(`no entry for ${address}; ${JSON.stringify(spoke.all('registration-failed')[0])}`);
  log.say(`${address}: ${summaryOf(counters)}`);
}

async function expectNoEntry(hub: Guest, spoke: Node, address: string): Promise<void> {
  expect(await frrEntry(hub, address)).toBeUndefined();
  expect(spoke.all('registered')).toEqual([]);
  expect((await spoke.entries()).map((entry) => entry.kind)).toEqual(['local']);
  expect(await neighbourOf(hub, address)).toBeUndefined();
  expect(await routeOf(hub, address)).toBeUndefined();
}

/** An FRR spoke that has not become a client of our hub: neither nhrpd nor its kernel has a way to it. */
async function expectNoHub(spoke: Guest): Promise<void> {
  expect((await frrEntry(spoke, '10.0.0.100'))?.nbma).toBeUndefined();
  expect(await neighbourOf(spoke, '10.0.0.100')).toBeUndefined();
  expect(await routeOf(spoke, '10.0.0.100')).toBeUndefined();
}

const droppedOf = (node: Node, reason: string) =>
  node.all('dropped').find((event) => event.reason === reason);

const summaryOf = ({ sent, received }: NhrpCounters): string =>
  `${sent[NHRP.registrationRequest]} Registration Requests sent, ${received[NHRP.registrationReply]} Replies and ${received[NHRP.errorIndication]} Error Indications received`;
