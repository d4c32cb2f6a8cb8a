/** Scenario 4: the wrong password, the wrong GRE key. No entry on either side, and both sides say why. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { frrEntry, frrHub, frrLog, frrSpoke, frrVersion } from './frr.js';
import { type Guest, RELEASES } from './guest.js';
import { Lab } from './lab.js';
import { story } from './log.js';
import { NHRP } from './numbers.js';
import { ourHub, ourSpoke } from './ours.js';
import { sleep, until } from './process.js';

const PASSWORD = 'test123';
const QUIET_MS = 6_000; // first registration and its retries after 1 and 2 s

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.open();
});
afterEach(() => lab?.close());

const entriesOf = async (guest: Guest, address: string): Promise<unknown> =>
  (await frrEntry(guest, address)) ?? 'none';

describe('wrong authentication', () => {
  it.each([
    ['another password', { authentication: 'wrong' }],
    ['no password', {}],
  ])('our spoke with %s is refused by an FRR hub', async (_, settings) => {
    await lab.host('s1');
    const { hub } = await lab.boot('trixie', 'hub');
    const capture = await lab.capture('s1');
    await frrHub(hub, { authentication: PASSWORD });
    const log = story(
      `scenario 4: our spoke with ${JSON.stringify(settings)} at ${await frrVersion(hub)} with ${PASSWORD}`,
    );
    const spoke = await ourSpoke(lab, 's1', settings);
    await spoke.saw('registration-failed', { reason: 'authentication', nbma: '192.168.0.2' });
    expect(await entriesOf(hub, '10.0.0.1')).toBe('none');
    expect(spoke.all('registered')).toEqual([]);
    expect(await spoke.entries()).not.toContainEqual(
      expect.objectContaining({ nbma: '192.168.0.2', kind: 'nhs' }),
    );
    // FRR answers errors with errors; we must not
    expect(
      (await capture.nhrp('s1', NHRP.errorIndication)).every(
        (f) => f.destinations[0] === '192.168.1.2',
      ),
    ).toBe(true);
    log.say(`no entry; events: ${JSON.stringify(spoke.all('registration-failed')[0])}`);
    expect(await frrLog(hub)).toMatch(/auth/i);
  });

  it('our hub refuses an FRR spoke', async () => {
    await lab.host('hub');
    const { s1 } = await lab.boot('trixie', 's1');
    const hub = await ourHub(lab, 'hub', { authentication: PASSWORD });
    await frrSpoke(s1, { authentication: 'wrong' });
    const log = story(
      `scenario 4: ${await frrVersion(s1)} spoke with the wrong password at our hub`,
    );
    await hub.saw('dropped', { reason: 'authentication' });
    await sleep(QUIET_MS);
    expect(hub.all('spoke-registered')).toEqual([]);
    expect(await hub.entries()).not.toContainEqual(
      expect.objectContaining({ nbma: '192.168.1.2' }),
    );
    expect((await frrEntry(s1, '10.0.0.100'))?.nbma).toBeUndefined();
    const drops = await hub.drops();
    expect(drops.authentication).toBeGreaterThan(0);
    log.say(`no entry; drop counters: ${JSON.stringify(drops)}`);
  });
});

describe.each(RELEASES)('the wrong GRE key, FRR of %s', (release) => {
  it('our spoke gets no answer from the hub', async () => {
    await lab.host('s1');
    const { hub } = await lab.boot(release, 'hub');
    const capture = await lab.capture('s1');
    await frrHub(hub);
    const log = story(`scenario 4: our spoke with GRE key 43 at ${await frrVersion(hub)} with 42`);
    const spoke = await ourSpoke(lab, 's1', { key: 43 });
    await spoke.saw('registration-failed', { reason: 'no-reply' });
    const sent = await capture.nhrp('s1', NHRP.registrationRequest);
    expect(sent.map((frame) => frame.greKey)).toContain('0x0000002b');
    expect(await capture.nhrp('s1', NHRP.registrationReply)).toEqual([]);
    expect(await entriesOf(hub, '10.0.0.1')).toBe('none');
    log.say(`no entry; events: ${JSON.stringify(spoke.all('registration-failed')[0])}`);
  });

  it('our hub drops an FRR spoke and counts it', async () => {
    await lab.host('hub');
    const { s1 } = await lab.boot(release, 's1');
    const hub = await ourHub(lab, 'hub');
    await frrSpoke(s1, { key: 43 });
    const log = story(
      `scenario 4: ${await frrVersion(s1)} spoke with GRE key 43 at our hub with 42`,
    );
    await until(
      'the wrong key is counted',
      async () => ((await hub.drops())['wrong-key'] ?? 0) > 1,
    );
    expect(hub.all('spoke-registered')).toEqual([]);
    expect((await frrEntry(s1, '10.0.0.100'))?.nbma).toBeUndefined();
    log.say(`no entry; drop counters: ${JSON.stringify(await hub.drops())}`);
  });
});
