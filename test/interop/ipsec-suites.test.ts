/** Our IKEv2 and ESP against strongSwan and Linux: every suite, from both sides. */
import { describe, expect, it } from 'vitest';
import { frrHub, frrSpoke } from './frr.js';
import { RELEASES } from './guest.js';
import { pingWhenRouted, reachesHub } from './kernel.js';
import { inLab } from './lab.js';
import { story } from './log.js';
import { ourHub, ourSpoke } from './ours.js';
import { until } from './process.js';
import { type SwanAssociation, swan, swanAgain, swanAssociations, swanVersion } from './swan.js';

const PSK = 'secret';
const MANY_MS = 900_000; // fourteen suites, one after the other

/** strongSwan's two proposals; and its names for what was chosen. docs/ipsec.md has a row for each. */
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
  [
    'aes192-sha384-modp4096',
    'aes256-sha384',
    'AES_CBC-192/HMAC_SHA2_384_192/PRF_HMAC_SHA2_384/MODP_4096',
    'AES_CBC-256/HMAC_SHA2_384_192',
  ],
  [
    'aes256-sha512-ecp521',
    'aes256-sha512',
    'AES_CBC-256/HMAC_SHA2_512_256/PRF_HMAC_SHA2_512/ECP_521',
    'AES_CBC-256/HMAC_SHA2_512_256',
  ],
  [
    'aes128gcm12-prfsha256-ecp256',
    'aes192gcm12',
    'AES_GCM_12-128/PRF_HMAC_SHA2_256/ECP_256',
    'AES_GCM_12-192',
  ],
  [
    'aes256gcm8-prfsha256-curve25519',
    'aes256gcm8',
    'AES_GCM_8-256/PRF_HMAC_SHA2_256/CURVE_25519',
    'AES_GCM_8-256',
  ],
  [
    'aes256-sha256-modp2048',
    'aes128-sha1',
    'AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048',
    'AES_CBC-128/HMAC_SHA1_96',
  ],
  [
    'aes128-sha256-ecp256',
    'aes192-sha256',
    'AES_CBC-128/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/ECP_256',
    'AES_CBC-192/HMAC_SHA2_256_128',
  ],
  [
    'aes256gcm16-prfsha256-modp2048',
    'aes256-sha256',
    'AES_GCM_16-256/PRF_HMAC_SHA2_256/MODP_2048',
    'AES_CBC-256/HMAC_SHA2_256_128',
  ],
  [
    '3des-md5-modp1024',
    '3des-md5',
    '3DES_CBC/HMAC_MD5_96/PRF_HMAC_MD5/MODP_1024',
    '3DES_CBC/HMAC_MD5_96',
  ],
  [
    'aes128-sha1-modp1536',
    'null-sha1',
    'AES_CBC-128/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1536',
    'NULL/HMAC_SHA1_96',
  ],
] as const;

/** All of them, from our side: the peer's configuration decides. Its group is seldom our first one. */
const HMACS = [
  'hmac-sha2-256-128',
  'hmac-sha2-384-192',
  'hmac-sha2-512-256',
  'hmac-sha1-96',
  'hmac-md5-96',
] as const;
const AEADS = [
  'aes-256-gcm-16',
  'aes-128-gcm-16',
  'aes-128-gcm-12',
  'aes-192-gcm-12',
  'aes-256-gcm-8',
  'chacha20-poly1305',
] as const;
const BLOCKS = ['aes-256-cbc', 'aes-192-cbc', 'aes-128-cbc', '3des-cbc'] as const;
const PRFS = ['hmac-sha2-256', 'hmac-sha2-384', 'hmac-sha2-512', 'hmac-sha1', 'hmac-md5'] as const;
const GROUPS = [31, 19, 20, 21, 14, 15, 16, 5, 2] as const;
const ipsec = {
  insecureAlgorithms: true,
  ike: [
    { encryption: AEADS, integrity: [], prf: PRFS, groups: GROUPS },
    { encryption: BLOCKS, integrity: HMACS, prf: PRFS, groups: GROUPS },
  ],
  esp: [
    { encryption: AEADS, integrity: [], groups: [31, 19, 'none'], extendedSequence: [true, false] },
    {
      encryption: [...BLOCKS, 'null'],
      integrity: HMACS,
      groups: [14, 'none'],
      extendedSequence: [false],
    },
  ],
} as const;

/** What the kernels of the guests need for the insecure ones. */
const MODULES = 'modprobe -a md5 crypto_null 2>/dev/null; true';

const chosen = (associations: readonly SwanAssociation[]): string[] =>
  associations.map(({ suite, children }) => `${suite} ${children[0]?.suite ?? 'no child'}`);

describe.each(RELEASES)('suites, strongSwan of %s', (release) => {
  it(
    'agrees on every suite as the initiator',
    () =>
      inLab(async (lab) => {
        await lab.host('s1');
        const { hub } = await lab.boot(release, 'hub');
        await lab.capture('hub');
        await swan(hub, { psk: PSK });
        await hub.run(MODULES);
        await frrHub(hub);
        const log = story(`suites, our spoke begins: ${await swanVersion(hub)}`);
        for (const [ike, esp, ...names] of SUITES) {
          await swanAgain(hub, { psk: PSK, ike, esp, start: 'none' });
          const spoke = await ourSpoke(lab, 's1', { psk: PSK, ipsec });
          const took = await spoke.saw('registered');
          expect((await pingWhenRouted(spoke.shell, '10.0.0.100')).received).toBe(3);
          expect(chosen(await swanAssociations(hub))).toEqual([names.join(' ')]);
          expect(await spoke.stop()).toBe(0);
          log.say(`${names.join(' ')}: registered in ${took} ms, pings answered`);
        }
      }),
    MANY_MS,
  );

  it(
    'agrees on every suite as the responder',
    () =>
      inLab(async (lab) => {
        await lab.host('hub');
        const { s1 } = await lab.boot(release, 's1');
        await lab.capture('hub');
        const hub = await ourHub(lab, 'hub', { psk: PSK, ipsec });
        await swan(s1, { psk: PSK });
        await s1.run(MODULES);
        await frrSpoke(s1, { holdingTimeSeconds: 15 });
        const log = story(`suites, strongSwan begins: ${await swanVersion(s1)}`);
        for (const [ike, esp, ...names] of SUITES) {
          await swanAgain(s1, { psk: PSK, ike, esp });
          const took = await until(`the hub by ${ike}`, () => reachesHub(s1));
          expect(chosen(await swanAssociations(s1))).toEqual([names.join(' ')]);
          expect((await pingWhenRouted(hub.shell, '10.0.0.1')).received).toBe(3);
          log.say(`${names.join(' ')}: reached in ${took} ms, pings answered`);
        }
      }),
    MANY_MS,
  );
});
