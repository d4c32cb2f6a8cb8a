/** Our IKEv2 and ESP against strongSwan and Linux: suites, refusals, rekeying under traffic, a peer that dies. */
import { describe, expect, it } from 'vitest';
import { frrEntry, frrHub, frrSpoke } from './frr.js';
import { RELEASES } from './guest.js';
import { ping, reachesHub } from './kernel.js';
import { inLab } from './lab.js';
import { story } from './log.js';
import { ourHub, ourSpoke } from './ours.js';
import { sleep, until } from './process.js';
import {
  type SwanAssociation,
  swan,
  swanAgain,
  swanAssociations,
  swanLog,
  swanVersion,
} from './swan.js';

const PSK = 'secret';

/** strongSwan's two proposals, and the names it gives to what was chosen. */
const SUITES = [
  [
    'aes256gcm16-prfsha256-ecp256',
    'aes256gcm16',
    'AES_GCM_16-256/PRF_HMAC_SHA2_256/ECP_256',
    'AES_GCM_16-256',
  ],
  [
    'aes256-sha1-modp2048',
    'aes256-sha1',
    'AES_CBC-256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_2048',
    'AES_CBC-256/HMAC_SHA1_96',
  ],
  [
    'aes128-sha256-modp3072',
    'aes128-sha256',
    'AES_CBC-128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_3072',
    'AES_CBC-128/HMAC_SHA2_256_128',
  ],
  [
    'chacha20poly1305-prfsha512-curve25519',
    'chacha20poly1305',
    'CHACHA20_POLY1305/PRF_HMAC_SHA2_512/CURVE_25519',
    'CHACHA20_POLY1305',
  ],
  [
    'aes256gcm16-prfsha384-ecp384',
    'aes128gcm16',
    'AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384',
    'AES_GCM_16-128',
  ],
] as const;

/** All of them, from our side: the peer's configuration decides. Its group is seldom our first one. */
const ipsec = {
  ike: [
    {
      encryption: ['aes-256-gcm-16', 'chacha20-poly1305'],
      integrity: [],
      prf: ['hmac-sha2-256', 'hmac-sha2-384', 'hmac-sha2-512'],
      groups: [31, 19, 20],
    },
    {
      encryption: ['aes-256-cbc', 'aes-128-cbc'],
      integrity: ['hmac-sha2-256-128', 'hmac-sha1-96'],
      prf: ['hmac-sha2-256', 'hmac-sha1'],
      groups: [19, 14, 15],
    },
  ],
  esp: [
    {
      encryption: ['aes-256-gcm-16', 'aes-128-gcm-16', 'chacha20-poly1305'],
      integrity: [],
      groups: [31, 19, 'none'],
      extendedSequence: [true, false],
    },
    {
      encryption: ['aes-256-cbc', 'aes-128-cbc'],
      integrity: ['hmac-sha2-256-128', 'hmac-sha1-96'],
      groups: [14, 'none'],
      extendedSequence: [false],
    },
  ],
} as const;

const chosen = (associations: readonly SwanAssociation[]): string[] =>
  associations.map(({ suite, children }) => `${suite} ${children[0]?.suite ?? 'no child'}`);

describe.each(RELEASES)('IKEv2 and ESP, strongSwan of %s', (release) => {
  it('agrees on every suite as the initiator', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub } = await lab.boot(release, 'hub');
      await lab.capture('hub');
      await swan(hub, { psk: PSK });
      await frrHub(hub);
      const log = story(`suites, our spoke begins: ${await swanVersion(hub)}`);
      for (const [ike, esp, ...names] of SUITES) {
        await swanAgain(hub, { psk: PSK, ike, esp, start: 'none' });
        const spoke = await ourSpoke(lab, 's1', { psk: PSK, ipsec });
        const took = await spoke.saw('registered');
        expect((await ping(spoke.shell, '10.0.0.100')).received).toBe(3);
        expect(chosen(await swanAssociations(hub))).toEqual([names.join(' ')]);
        expect(await spoke.stop()).toBe(0);
        log.say(`${names.join(' ')}: registered in ${took} ms, pings answered`);
      }
    }));

  it('agrees on every suite as the responder', () =>
    inLab(async (lab) => {
      await lab.host('hub');
      const { s1 } = await lab.boot(release, 's1');
      await lab.capture('hub');
      const hub = await ourHub(lab, 'hub', { psk: PSK, ipsec });
      await swan(s1, { psk: PSK });
      await frrSpoke(s1, { holdingTimeSeconds: 15 });
      const log = story(`suites, strongSwan begins: ${await swanVersion(s1)}`);
      for (const [ike, esp, ...names] of SUITES) {
        await swanAgain(s1, { psk: PSK, ike, esp });
        const took = await until(`the hub by ${ike}`, () => reachesHub(s1));
        expect(chosen(await swanAssociations(s1))).toEqual([names.join(' ')]);
        expect((await ping(hub.shell, '10.0.0.1')).received).toBe(3);
        log.say(`${names.join(' ')}: reached in ${took} ms, pings answered`);
      }
    }));

  it('fails closed with the wrong key or no common proposal, and says why', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub } = await lab.boot(release, 'hub');
      const capture = await lab.capture('hub');
      await swan(hub, { psk: PSK });
      await frrHub(hub);
      const log = story(`refusals: ${await swanVersion(hub)}`);
      const wrong = await ourSpoke(lab, 's1', { psk: 'wrong' });
      await wrong.saw('protection-failed', { nbma: '192.168.0.2' });
      log.say(`wrong PSK: ${wrong.all('protection-failed')[0]?.why}`);
      expect(await swanLog(hub)).toMatch(/AUTH_FAILED/);
      expect(JSON.stringify(wrong.events)).not.toContain('wrong');
      await wrong.kill();

      await swanAgain(hub, { psk: PSK, ike: 'aes128-sha1-modp1024', esp: 'aes128-sha1' });
      const other = await ourSpoke(lab, 's1', { psk: PSK });
      await other.saw('protection-failed', { nbma: '192.168.0.2' });
      log.say(`no common proposal: ${other.all('protection-failed')[0]?.why}`);
      expect(await swanLog(hub)).toMatch(/NO_PROP/);
      expect(await frrEntry(hub, '10.0.0.1')).toBeUndefined();
      expect(await capture.frames('hub', 'gre || nhrp || esp')).toEqual([]);

      await swanAgain(hub, { psk: PSK });
      await other.saw('registered', {}, 90);
      log.say('registered by itself once strongSwan was willing');
    }));

  it('rekeys from both sides under traffic without a lost packet', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub } = await lab.boot(release, 'hub');
      const capture = await lab.capture('hub');
      await swan(hub, { psk: PSK });
      await frrHub(hub);
      const log = story(`rekeying: ${await swanVersion(hub)}`);
      const lifetimes = { lifetimeSeconds: 60, ikeLifetimeSeconds: 60 };
      const spoke = await ourSpoke(lab, 's1', { psk: PSK, ipsec: lifetimes });
      await spoke.saw('registered');
      expect((await ping(spoke.shell, '10.0.0.100')).received).toBe(3);
      const count = 450; // a fifth of a second apart
      const traffic = ping(spoke.shell, '10.0.0.100', count);
      await sleep(5_000);
      await hub.run('swanctl --rekey --child dmvpn');
      await sleep(5_000);
      await hub.run('swanctl --rekey --ike dmvpn');
      const { received } = await traffic;
      const outbound = await capture.frames('hub', 'esp && ip.src==192.168.1.2');
      const spis = new Set(outbound.map((frame) => frame.espSpi));
      log.say(`${received} of ${count} pings answered under ${spis.size} outbound SPIs`);
      expect(received).toBe(count);
      expect(spis.size).toBeGreaterThanOrEqual(3); // the first, theirs, ours
      expect(await swanLog(hub)).toMatch(/IKE_SA dmvpn\[\d+\] rekeyed/);
      expect(await swanAssociations(hub)).toHaveLength(1);
    }));
});
