/** IKEv2 that others spoke and recorded with their secrets: every message opened, every key derived, all made again. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../src/io/crypto-node.js';
import {
  deriveIkeKeys,
  type IkeKeys,
  initialSkeyseed,
  prfPlus,
} from '../../src/ipsec/ike/key-schedule.js';
import { decodeIkeMessage } from '../../src/ipsec/ike/message.js';
import { decodePayloads, type IkePayload } from '../../src/ipsec/ike/payload.js';
import { openEncrypted } from '../../src/ipsec/ike/protect.js';
import { pskAuth } from '../../src/ipsec/ike/psk-auth.js';
import { SecretBytes } from '../../src/ipsec/secret.js';
import { cipherSuite, DH_GROUPS, PRF, type PrfName } from '../../src/ipsec/suites.js';
import { fromHex, toHex } from '../../src/wire/bytes.js';
import { unwrap } from '../../src/wire/result.js';
import { needs } from '../require.js';
import { type Counts, ikeDatagrams, Observer, type RecordedSecrets } from './observer.js';

const SECRETS = JSON.parse(readFileSync('test/vectors/ike-keys.json', 'utf8')) as Record<
  string,
  RecordedSecrets
>;
const TCPDUMP = '../shared/vectors/tcpdump';
const report = (what: string, counts: object): void =>
  console.info(`vectors: ${what}: ${JSON.stringify(counts)}`);

describe('recorded IKEv2', () => {
  const total: Counts = new Observer({ psk: ['', ''], ikeSas: [], children: [] }).counts;

  it.each(Object.entries(SECRETS))('%s', (name, secrets) => {
    const observer = new Observer(secrets);
    for (const datagram of ikeDatagrams(`test/vectors/captures/${name}`))
      observer.observe(datagram);
    const { counts } = observer;
    expect(counts.messages).toBeGreaterThan(3);
    expect(counts.sealedAgain).toBe(counts.decrypted);
    expect(counts).toMatchObject({
      ikeSas: secrets.ikeSas.length,
      children: secrets.children.length,
    });
    expect(counts.authReproduced).toBeGreaterThan(0);
    expect(counts.authWrong).toBe(0);
    for (const key of Object.keys(counts) as (keyof Counts)[]) total[key] += counts[key];
  });

  it('is complete', () => {
    report('recorded IKEv2', total);
    expect(total).toMatchObject({ ikeSas: 11, children: 9 });
  });
});

type RubAlways = 'psk_ascii' | 'spi_i' | 'spi_r' | 'ni' | 'nr' | 'g_ir';
/** One has the keys, one what they authenticate. */
type RubOften =
  | `sk_${'d' | 'ai' | 'ar' | 'ei' | 'er' | 'pi' | 'pr'}`
  | ('skeyseed' | 'ike_sa_init_request' | 'idi_body' | 'auth_i');

interface RubVectors {
  readonly ikev2: readonly (Readonly<Record<RubAlways, string>> &
    Readonly<Partial<Record<RubOften, string>>>)[];
  readonly ikev1_psk_main_aes128_sha1_modp1024: readonly Readonly<
    Record<
      | `skeyid${'' | '_d' | '_a' | '_e'}`
      | ('psk_ascii' | 'cky_i' | 'cky_r' | 'ni' | 'nr' | 'g_xy' | 'g_xi' | 'g_xr')
      | ('sai_b' | 'idir_b' | 'hash_r'),
      string
    >
  >[];
}

/** Both are under AES-CBC-128, HMAC-SHA1-96 and PRF HMAC-SHA1. */
function rubKeys(v: RubVectors['ikev2'][number]): IkeKeys {
  const cipher = cipherSuite('aes-128-cbc', 'hmac-sha1-96');
  const suite = { cipher, prf: PRF['hmac-sha1'], group: DH_GROUPS[2] };
  const nonces = { initiatorNonce: fromHex(v.ni), responderNonce: fromHex(v.nr) };
  const skeyseed = initialSkeyseed(nodeCrypto(), suite.prf, { ...nonces, shared: fromHex(v.g_ir) });
  if (v.skeyseed !== undefined) expect(toHex(skeyseed)).toBe(v.skeyseed.toLowerCase());
  return deriveIkeKeys(nodeCrypto(), suite, skeyseed, {
    agreement: { ...nonces, shared: null },
    initiatorSpi: BigInt(`0x${v.spi_i}`),
    responderSpi: BigInt(`0x${v.spi_r}`),
  });
}

needs('shared-vectors')('third parties’ IKE', () => {
  interface PrfPlusVector {
    readonly fields: Readonly<Record<'arg.prf' | 'key' | 'salt' | 'out', string>>;
  }
  const NAMES: Readonly<Record<string, PrfName>> = {
    PRF_HMAC_SHA1: 'hmac-sha1',
    PRF_HMAC_SHA2_256: 'hmac-sha2-256',
    PRF_HMAC_SHA2_384: 'hmac-sha2-384',
    PRF_HMAC_SHA2_512: 'hmac-sha2-512',
  };

  it('prf+ of RFC 4868 and NIST CAVP', () => {
    const path = '../shared/vectors/strongswan-kat/kdf_prf_plus.json';
    const { vectors } = JSON.parse(readFileSync(path, 'utf8')) as { vectors: PrfPlusVector[] };
    for (const { fields } of vectors) {
      const prf = PRF[NAMES[fields['arg.prf']] ?? expect.fail(fields['arg.prf'])];
      const out = fromHex(fields.out);
      const ours = prfPlus(
        nodeCrypto(),
        prf,
        fromHex(fields.key),
        [fromHex(fields.salt)],
        out.length,
      );
      expect(toHex(ours)).toBe(fields.out);
    }
    report('prf+', { equal: vectors.length });
    expect(vectors.length).toBeGreaterThan(5);
  });

  it('the key schedules of RUB’s state machine extractor: IKEv2, and the HMACs of IKEv1', () => {
    const path = '../shared/vectors/rub-statemachineextractor/ike-psk-key-derivation.json';
    const set = JSON.parse(readFileSync(path, 'utf8')) as RubVectors;
    for (const v of set.ikev2) {
      const keys = rubKeys(v);
      for (const name of ['d', 'ai', 'ar', 'ei', 'er', 'pi', 'pr'] as const) {
        const expected = v[`sk_${name}`];
        if (expected !== undefined)
          expect(toHex(keys[name].octets), `SK_${name}`).toBe(expected.toLowerCase());
      }
      if (v.auth_i === undefined) continue;
      const [type = 0, , , , ...data] = fromHex(v.idi_body ?? '');
      const auth = pskAuth(
        nodeCrypto(),
        PRF['hmac-sha1'],
        new SecretBytes(Buffer.from(v.psk_ascii)),
        {
          message: fromHex(v.ike_sa_init_request ?? ''),
          nonce: fromHex(v.nr),
          skP: keys.pi,
          id: { type, reserved: 0, data: Uint8Array.from(data) },
        },
      );
      expect(toHex(auth)).toBe(v.auth_i.toLowerCase());
    }
    for (const v of set.ikev1_psk_main_aes128_sha1_modp1024) {
      const hmac = (key: string, ...parts: string[]): string =>
        toHex(
          nodeCrypto()
            .openHmac('sha1', fromHex(key))
            .compute(fromHex(parts.join(''))),
        );
      const cookies = v.cky_i + v.cky_r;
      const psk = toHex(new Uint8Array(Buffer.from(v.psk_ascii)));
      const got = {
        skeyid: hmac(psk, v.ni, v.nr),
        skeyid_d: hmac(v.skeyid, v.g_xy, cookies, '00'),
        skeyid_a: hmac(v.skeyid, v.skeyid_d, v.g_xy, cookies, '01'),
        skeyid_e: hmac(v.skeyid, v.skeyid_a, v.g_xy, cookies, '02'),
        hash_r: hmac(v.skeyid, v.g_xr, v.g_xi, v.cky_r, v.cky_i, v.sai_b, v.idir_b),
      };
      for (const [name, value] of Object.entries(got))
        expect(value, name).toBe(v[name as keyof typeof got].toLowerCase());
    }
    report('RUB', {
      ikev2: set.ikev2.length,
      ikev1: set.ikev1_psk_main_aes128_sha1_modp1024.length,
    });
    expect([set.ikev2.length, set.ikev1_psk_main_aes128_sha1_modp1024.length]).toEqual([2, 2]);
  });

  it('tcpdump’s ikev2pI2.pcap: nobody has its ICV, with ours it opens', () => {
    const secrets = readFileSync(`${TCPDUMP}/ikev2pI2-secrets.txt`, 'utf8');
    const [, integrity, encryption] = /sha1:0x(\w+) aes128:0x(\w+)/.exec(secrets) ?? [];
    const suite = cipherSuite('aes-128-cbc', 'hmac-sha1-96');
    const keys = [fromHex(encryption ?? ''), fromHex(integrity ?? '')] as const;
    const sk = { cipher: nodeCrypto().openCipher(suite, ...keys), suite };
    const [, datagram] = ikeDatagrams(`${TCPDUMP}/ikev2pI2.pcap`);
    const open = (bytes: Uint8Array): readonly IkePayload[] | string => {
      const payload = unwrap(decodeIkeMessage(bytes)).payloads.at(-1);
      if (payload?.kind !== 'sk') return 'no SK';
      const opened = openEncrypted(sk, bytes, payload);
      return opened.ok
        ? unwrap(decodePayloads(opened.value.content, payload.inner))
        : opened.error.code;
    };
    const bytes = datagram ?? expect.fail();
    expect(open(bytes.slice())).toBe('bad-icv'); // tcpdump does not check it
    const icvAt = bytes.length - 12;
    const icv = nodeCrypto().openHmac('sha1', keys[1]).compute(bytes.subarray(0, icvAt));
    bytes.set(icv.subarray(0, 12), icvAt);
    expect(open(bytes)).toMatchObject([
      { kind: 'id', id: { type: 2, data: new Uint8Array(Buffer.from('west')) } },
      { kind: 'auth', auth: { type: 1 } },
    ]);
  });

  it('malformed ISAKMP is refused with a place, never thrown', () => {
    const files = readdirSync(TCPDUMP).filter((name) => /^(isakmp|ikev2).*\.pcap(ng)?$/.test(name));
    const refused = files.map((name) => {
      const bytes = readFileSync(`${TCPDUMP}/${name}`);
      let refusals = 0;
      // every offset as the beginning of a message, and every message as it is
      for (const datagram of safeDatagrams(`${TCPDUMP}/${name}`))
        if (!decodeIkeMessage(datagram).ok) refusals++;
      for (let at = 0; at < bytes.length; at++) {
        const result = decodeIkeMessage(bytes.subarray(at));
        if (!result.ok) expect(result.error.field).toMatch(/^ike\./);
      }
      return `${name}: ${refusals}`;
    });
    report('malformed ISAKMP', { files: files.length, refused });
    expect(files.length).toBeGreaterThan(5);
  });
});

function safeDatagrams(path: string): Uint8Array[] {
  try {
    return ikeDatagrams(path);
  } catch {
    return []; // the capture file itself is cut short
  }
}
