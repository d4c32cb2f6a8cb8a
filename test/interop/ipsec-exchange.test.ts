/** Our IKEv2 against strongSwan: refusals, wrong groups, rekeying under traffic, what tshark reads of it, a peer that dies. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { tsharkRows } from '../tshark.js';
import { frrEntry, frrHub, frrSpoke } from './frr.js';
import { type Guest, RELEASES } from './guest.js';
import { ping, pingWhenRouted, reachesHub } from './kernel.js';
import { inLab } from './lab.js';
import { story } from './log.js';
import { ourHub, ourSpoke } from './ours.js';
import { sleep, until } from './process.js';
import { swan, swanAgain, swanAssociations, swanIkeSpis, swanLog, swanVersion } from './swan.js';

const PSK = 'secret';
const AEAD = { encryption: ['aes-256-gcm-16'], integrity: [], prf: ['hmac-sha2-256'] } as const;
const ECP_256 = 19;
const MODP_2048 = 14;
const INVALID_KE_PAYLOAD = 'isakmp.notify.msgtype==17';

describe.each(RELEASES)('IKEv2, strongSwan of %s', (release) => {
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

  it('begins with a group that the other end does not want, and goes on with its', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub } = await lab.boot(release, 'hub');
      const capture = await lab.capture('hub');
      await swan(hub, { psk: PSK, ike: 'aes256gcm16-prfsha256-modp2048', start: 'none' });
      await frrHub(hub);
      const log = story(`wrong group, our spoke begins: ${await swanVersion(hub)}`);
      const ipsec = { ike: [{ ...AEAD, groups: [ECP_256, MODP_2048] }] } as const;
      const spoke = await ourSpoke(lab, 's1', { psk: PSK, ipsec });
      await spoke.saw('registered');
      expect((await swanAssociations(hub))[0]?.suite).toMatch(/MODP_2048$/);
      const refused = await capture.frames('hub', `${INVALID_KE_PAYLOAD} && ip.src==192.168.0.2`);
      expect(refused).toHaveLength(1);
      expect(spoke.all('protection-failed')).toEqual([]);
      log.say('INVALID_KE_PAYLOAD came from strongSwan, then MODP 2048');
      expect(await spoke.stop()).toBe(0);

      const none = { ike: [{ ...AEAD, groups: [ECP_256] }] } as const;
      const wrong = await ourSpoke(lab, 's1', { psk: PSK, ipsec: none });
      await wrong.saw('protection-failed', { nbma: '192.168.0.2' });
      log.say(`no group in common: ${wrong.all('protection-failed')[0]?.why}`);
      await swanAgain(hub, { psk: PSK, ike: 'aes256gcm16-prfsha256-ecp256', start: 'none' });
      await wrong.saw('registered', {}, 90);
      log.say('registered by itself once strongSwan took ECP 256');
    }));

  it('refuses a wrong group, and the other end goes on with ours', () =>
    inLab(async (lab) => {
      await lab.host('hub');
      const { s1 } = await lab.boot(release, 's1');
      const capture = await lab.capture('hub');
      const ipsec = { ike: [{ ...AEAD, groups: [MODP_2048] }] } as const;
      const hub = await ourHub(lab, 'hub', { psk: PSK, ipsec });
      await swan(s1, { psk: PSK, ike: 'aes256gcm16-prfsha256-ecp256-modp2048' });
      await frrSpoke(s1, { holdingTimeSeconds: 15 });
      const log = story(`wrong group, strongSwan begins: ${await swanVersion(s1)}`);
      await hub.saw('spoke-registered', { protocolAddress: '10.0.0.1' });
      await until('s1 reaches the hub', () => reachesHub(s1));
      expect((await swanAssociations(s1))[0]?.suite).toMatch(/MODP_2048$/);
      const refused = await capture.frames('hub', `${INVALID_KE_PAYLOAD} && ip.src==192.168.0.2`);
      expect(refused).not.toEqual([]);
      expect(await swanLog(s1)).toMatch(
        /peer didn't accept (DH group|key exchange method) ECP_256, it requested MODP_2048/,
      );
      log.say('INVALID_KE_PAYLOAD came from us, then MODP 2048');
    }));

  it('rekeys child and IKE SA from both sides under traffic without a lost packet', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub } = await lab.boot(release, 'hub');
      const capture = await lab.capture('hub');
      await swan(hub, { psk: PSK, start: 'none' });
      await frrHub(hub);
      const log = story(`rekeying: ${await swanVersion(hub)}`);
      const lifetimes = { lifetimeSeconds: 60, ikeLifetimeSeconds: 90 };
      const spoke = await ourSpoke(lab, 's1', { psk: PSK, ipsec: lifetimes });
      await spoke.saw('registered');
      expect((await pingWhenRouted(spoke.shell, '10.0.0.100')).received).toBe(3);
      const [first = ''] = await swanIkeSpis(hub);
      expect(first).toMatch(/^[0-9a-f]{16}_i [0-9a-f]{16}_r\*$/); // ours
      const count = 700; // a fifth of a second apart
      const traffic = ping(spoke.shell, '10.0.0.100', count);
      await sleep(3_000);
      await hub.run('swanctl --rekey --child dmvpn');
      await sleep(3_000);
      await hub.run('swanctl --rekey --ike dmvpn');
      const theirs = await newIkeSpis(hub, first, 30);
      expect(theirs).toMatch(/_i\* [0-9a-f]{16}_r$/); // begun by strongSwan
      log.say(`strongSwan rekeyed the IKE SA: ${first} → ${theirs}`);
      const ours = await newIkeSpis(hub, theirs, 110);
      expect(ours).toMatch(/_i [0-9a-f]{16}_r\*$/); // begun by us
      log.say(`we rekeyed it: ${ours}`);
      const { received } = await traffic;
      const outbound = await capture.frames('hub', 'esp && ip.src==192.168.1.2');
      const spis = new Set(outbound.map((frame) => frame.espSpi));
      log.say(`${received} of ${count} pings answered under ${spis.size} outbound SPIs`);
      expect(received).toBe(count);
      expect(spis.size).toBeGreaterThanOrEqual(3); // the first, theirs, ours
      expect(await swanLog(hub)).toMatch(/IKE_SA dmvpn\[\d+\] rekeyed/);
      expect(await swanAssociations(hub)).toHaveLength(1);
      expect(spoke.all('peer-down')).toEqual([]);
    }));

  it('is read by tshark, IKE and ESP, with the keys that our node hands out', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub } = await lab.boot(release, 'hub');
      const capture = await lab.capture('hub');
      await swan(hub, { psk: PSK, start: 'none' });
      await frrHub(hub);
      const log = story(`keys for tshark: ${await swanVersion(hub)}`);
      const spoke = await ourSpoke(lab, 's1', { psk: PSK, ipsec: { exportKeys: true } });
      await spoke.saw('registered');
      expect((await pingWhenRouted(spoke.shell, '10.0.0.100')).received).toBe(3);
      expect(spoke.all('protection-warning')).not.toEqual([]);
      expect(await spoke.stop()).toBe(0);
      await sleep(1_000);

      const tables = spoke.all('keys-exported').map(({ table, line }) => `uat:${table}:${line}`);
      const folder = mkdtempSync(`${tmpdir()}/dmvpn-`);
      capture.save('hub', `${folder}/hub.pcap`);
      const recorded = readFileSync(`${folder}/hub.pcap`);
      rmSync(folder, { recursive: true });
      const fields = [
        'isakmp.exchangetype',
        'isakmp.typepayload',
        'esp.spi',
        'esp.icv_good',
        'gre.key',
        'nhrp.hdr.op.type',
        'icmp.type',
      ];
      const decode = ['esp.enable_encryption_decode:TRUE', 'esp.enable_authentication_check:TRUE'];
      const rows = tsharkRows(recorded, fields, [...decode, ...tables]).filter(isNoIcmpError);
      const closed = tsharkRows(recorded, fields).filter(isNoIcmpError);
      const ike = rows.filter(([exchange = '']) => exchange !== '');
      const auth = ike
        .filter(([exchange]) => exchange === '35')
        .map(([, types = '']) => types.split(','));
      expect(auth[0]).toEqual(expect.arrayContaining(['46', '35', '39', '33', '44', '45'])); // SK { IDi, AUTH, SA, TSi, TSr }
      expect(auth[1]).toEqual(expect.arrayContaining(['46', '36', '39', '33', '44', '45']));
      expect(
        ike.some(([exchange, types = '']) => exchange === '37' && types.split(',').includes('42')),
      ).toBe(true);
      const esp = rows.filter(([, , spi = '']) => spi !== '');
      for (const [, , , icv, key] of esp)
        expect([icv, Number(key)]).toEqual([expect.stringMatching(/^(1|True)$/), 42]);
      const nhrp = esp.map((row) => row[5]).filter((type) => type !== '');
      expect(nhrp).toEqual(expect.arrayContaining(['3', '4'])); // Registration Request and Reply
      const icmp = esp.map((row) => row[6]);
      const [echoes, replies] = ['8', '0'].map((type) => icmp.filter((t) => t === type).length);
      expect(replies).toBeGreaterThanOrEqual(3);
      expect(echoes).toBeGreaterThanOrEqual(replies ?? 0); // there may be more: the hub's route may come after the first
      // without the keys there is nothing to see
      const hidden = closed.filter(
        ([, types = '', spi = '']) => spi !== '' || types.startsWith('46'),
      );
      expect(
        hidden.filter(
          ([, types = '', , ...inside]) => inside.join('') !== '' || !/^(46)?$/.test(types),
        ),
      ).toEqual([]);
      log.say(
        `${ike.length} IKE messages and ${esp.length} ESP packets read: NHRP ${nhrp.join(' ')}, ICMP 3 + 3`,
      );
    }));

  it('notices a dead peer by liveness within 40 seconds, and finds it again', () =>
    inLab(async (lab) => {
      await lab.host('s1');
      const { hub } = await lab.boot(release, 'hub');
      await lab.capture('s1');
      await swan(hub, { psk: PSK, start: 'none' });
      await frrHub(hub);
      const log = story(`a dead peer: ${await swanVersion(hub)}`);
      // registered for two hours, and anew after forty minutes: NHRP would notice nothing for long
      const spoke = await ourSpoke(lab, 's1', { psk: PSK, holdingTimeSeconds: 7_200 });
      await spoke.saw('registered');
      await lab.kill('hub');
      const began = performance.now();
      await spoke.saw('peer-down', { nbma: '192.168.0.2', why: 'peer-dead' }, 40);
      log.say(`seen down ${Math.round(performance.now() - began)} ms after the hub was killed`);
      const { hub: again } = await lab.boot(release, 'hub');
      await swan(again, { psk: PSK, start: 'none' });
      await frrHub(again);
      const took = await until('the hub has the spoke again', () => frrEntry(again, '10.0.0.1'), {
        seconds: 90,
      });
      await until('ping', async () => (await ping(spoke.shell, '10.0.0.100')).received === 3);
      log.say(`registered again ${took} ms after the hub was back`);
    }));
});

/** An unreachable port quotes what was sent there: nothing of its own. The ICMP type is the last column. */
const isNoIcmpError = (row: readonly string[]): boolean => row.at(-1) !== '3';

/** Waits until the guest has another IKE SA than that one alone. */
async function newIkeSpis(guest: Guest, old: string, seconds: number): Promise<string> {
  let now: readonly string[] = [];
  const isNew = async (): Promise<boolean> => {
    now = await swanIkeSpis(guest);
    return now.length === 1 && now[0] !== old;
  };
  await until('another IKE SA', isNew, { seconds });
  return now[0] ?? '';
}
