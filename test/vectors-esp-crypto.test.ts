/**
 * Third-party vectors for the primitives of IPsec, all through our own wrappers: what a wrapper's shape cannot take
 * (an AEAD nonce that is not 12 octets, say) is counted, not passed over.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { nodeCrypto } from '../src/io/crypto-node.js';
import type { CryptoProvider } from '../src/ipsec/crypto.js';
import { openX25519 } from '../src/ipsec/ike/x25519.js';
import {
  cipherSuite,
  DH_GROUPS,
  type DhGroupNumber,
  type EncryptionName,
  type HashName,
  INTEGRITY,
} from '../src/ipsec/suites.js';
import { fromHex, toHex } from '../src/wire/bytes.js';
import { needs } from './require.js';

const VECTORS = '../shared/vectors';
const crypto = nodeCrypto();
const NONE = new Uint8Array(0);
const MAC_KEY = new Uint8Array(20).fill(7);

const load = <T>(path: string): T => JSON.parse(readFileSync(`${VECTORS}/${path}`, 'utf8')) as T;

interface Wycheproof<T, G> {
  readonly numberOfTests: number;
  readonly testGroups: readonly (G & { readonly tests: readonly (T & Verdict)[] })[];
}
interface Verdict {
  readonly tcId: number;
  readonly comment: string;
  readonly flags: readonly string[];
  readonly result: 'valid' | 'acceptable' | 'invalid';
}

interface StrongswanKat {
  readonly vectors: readonly {
    readonly name: string;
    readonly fields: Readonly<Record<string, string>>;
  }[];
}

/** Field of a strongSwan vector as octets; an absent one is empty. */
const octetsOf = (fields: Readonly<Record<string, string>>, name: string): Uint8Array =>
  fromHex(fields[name] ?? '');

const concat = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

const report = (what: string, counts: Readonly<Record<string, number>>): void =>
  console.info(`vectors: ${what}: ${JSON.stringify(counts)}`);

/** Wycheproof's cases, and how many of them went through a wrapper. */
const wycheproof = { sets: 0, cases: 0, through: 0 };
function tally(what: string, counts: Readonly<Record<string, number>>, through: number): void {
  report(what, counts);
  wycheproof.sets++;
  wycheproof.cases += counts.total ?? 0;
  wycheproof.through += through;
}
afterAll(() => report('Wycheproof, all sets', wycheproof));

interface AeadCase {
  readonly key: Uint8Array; // with salt
  readonly iv: Uint8Array; // 8 octets
  readonly aad: Uint8Array;
  readonly text: Uint8Array;
  readonly sealed: Uint8Array; // with ICV
}

/** Seals and opens in a slab: what came out, and whether the given sealed octets open to the text. */
function runAead(name: EncryptionName, c: AeadCase): { sealed: string; opens: boolean } {
  const cipher = crypto.openCipher(cipherSuite(name, null), c.key, NONE);
  const textAt = c.aad.length + c.iv.length;
  const slab = concat(c.aad, c.iv, c.text, new Uint8Array(c.sealed.length - c.text.length));
  cipher.seal(slab, 0, textAt, c.text.length, null);
  const sealed = toHex(slab.subarray(textAt));
  slab.set(c.sealed, textAt);
  const opened = cipher.open(slab, 0, textAt, c.text.length, null);
  const same = toHex(slab.subarray(textAt, textAt + c.text.length)) === toHex(c.text);
  return { sealed, opens: opened && same };
}

/** CBC under our encrypt-then-MAC: the vector's text must come out, and open when we vouch for it by a MAC. */
function runCbc(
  name: EncryptionName,
  c: { key: Uint8Array; iv: Uint8Array; plain: Uint8Array; sealed: Uint8Array },
): { sealed: string; opened: string } {
  const cipher = crypto.openCipher(cipherSuite(name, 'hmac-sha1-96'), c.key, MAC_KEY);
  const slab = concat(c.iv, c.plain, new Uint8Array(12));
  cipher.seal(slab, 0, c.iv.length, c.plain.length, null);
  const sealed = toHex(slab.subarray(c.iv.length, -12));
  const given = concat(c.iv, c.sealed);
  const icv = crypto.openHmac('sha1', MAC_KEY).compute(given).subarray(0, 12);
  const packet = concat(given, icv);
  const ok = cipher.open(packet, 0, c.iv.length, c.sealed.length, null);
  return { sealed, opened: ok ? toHex(packet.subarray(c.iv.length, -12)) : 'refused' };
}

needs('shared-vectors')('Wycheproof through our wrappers', () => {
  interface AeadTest {
    readonly key: string;
    readonly iv: string;
    readonly aad: string;
    readonly msg: string;
    readonly ct: string;
    readonly tag: string;
  }
  interface AeadGroup {
    readonly ivSize: number;
    readonly keySize: number;
    readonly tagSize: number;
  }

  it.each([
    ['aes_gcm', (bits: number) => `aes-${bits}-gcm-16`],
    ['chacha20_poly1305', () => 'chacha20-poly1305'],
  ] as const)('%s', (file, nameOf) => {
    const set = load<Wycheproof<AeadTest, AeadGroup>>(`wycheproof/${file}_test.json`);
    const counts = { total: set.numberOfTests, checked: 0, otherNonce: 0 };
    for (const group of set.testGroups)
      for (const t of group.tests) {
        if (group.ivSize !== 96 || group.tagSize !== 128) {
          counts.otherNonce++;
          continue;
        }
        counts.checked++;
        const iv = fromHex(t.iv);
        const outcome = runAead(nameOf(group.keySize) as EncryptionName, {
          key: concat(fromHex(t.key), iv.subarray(0, 4)),
          iv: iv.subarray(4),
          aad: fromHex(t.aad),
          text: fromHex(t.msg),
          sealed: fromHex(t.ct + t.tag),
        });
        const valid = t.result === 'valid';
        expect(outcome.opens, `${t.tcId} ${t.comment}`).toBe(valid);
        if (valid) expect(outcome.sealed, `${t.tcId}`).toBe(t.ct + t.tag);
      }
    tally(file, counts, counts.checked);
    expect(counts.checked + counts.otherNonce).toBe(counts.total);
    expect(counts.checked).toBeGreaterThan(190);
  });

  it('aes_cbc_pkcs5', () => {
    interface CbcTest {
      readonly key: string;
      readonly iv: string;
      readonly msg: string;
      readonly ct: string;
    }
    const set = load<Wycheproof<CbcTest, { readonly keySize: number }>>(
      'wycheproof/aes_cbc_pkcs5_test.json',
    );
    const counts = { total: set.numberOfTests, valid: 0, badPaddingSeen: 0, emptyRefused: 0 };
    for (const group of set.testGroups)
      for (const t of group.tests) {
        const name = `aes-${group.keySize}-cbc` as EncryptionName;
        const message = fromHex(t.msg);
        const padding = 16 - (message.length % 16);
        const plain = concat(message, new Uint8Array(padding).fill(padding));
        const sealed = fromHex(t.ct);
        const c = { key: fromHex(t.key), iv: fromHex(t.iv), plain, sealed };
        const outcome = runCbc(name, c);
        if (t.result === 'valid') {
          expect(outcome, `${t.tcId}`).toEqual({ sealed: t.ct, opened: toHex(plain) });
          counts.valid++;
        } else if (sealed.length === 0) {
          expect(outcome.opened).toBe('refused');
          counts.emptyRefused++;
        } else {
          expect(outcome.opened, `${t.tcId}`).not.toBe(toHex(plain)); // the padding is not PKCS #5
          counts.badPaddingSeen++;
        }
      }
    tally('aes_cbc_pkcs5', counts, counts.total);
    expect(counts.valid + counts.badPaddingSeen + counts.emptyRefused).toBe(counts.total);
  });

  it.each([
    ['hmac_sha1', 'sha1'],
    ['hmac_sha256', 'sha256'],
  ] as const)('%s', (file, hash) => {
    const set = load<
      Wycheproof<{ key: string; msg: string; tag: string }, { readonly tagSize: number }>
    >(`wycheproof/${file}_test.json`);
    let checked = 0;
    for (const group of set.testGroups)
      for (const t of group.tests) {
        const mac = crypto.openHmac(hash, fromHex(t.key)).compute(fromHex(t.msg));
        const same = toHex(mac.subarray(0, group.tagSize / 8)) === t.tag;
        expect(same, `${t.tcId} ${t.comment}`).toBe(t.result === 'valid');
        checked++;
      }
    tally(file, { total: set.numberOfTests, checked }, checked);
    expect(checked).toBe(set.numberOfTests);
  });

  interface DhTest {
    readonly public: string;
    readonly private: string;
    readonly shared: string;
  }

  it.each([
    ['node:crypto', (key: Uint8Array) => crypto.openDh(DH_GROUPS[31], key)],
    ['tweetnacl', (key: Uint8Array) => openX25519(crypto, key)],
  ] as const)('x25519 by %s', (library, openKey) => {
    const set = load<Wycheproof<DhTest, object>>('wycheproof/x25519_test.json');
    const counts = { total: set.numberOfTests, agreed: 0, lowOrderRefused: 0 };
    for (const group of set.testGroups)
      for (const t of group.tests) {
        const secret = openKey(fromHex(t.private)).derive(fromHex(t.public));
        const zero = /^0*$/.test(t.shared);
        expect(secret === null ? null : toHex(secret), `${t.tcId} ${t.comment}`).toBe(
          zero ? null : t.shared,
        );
        if (zero) counts.lowOrderRefused++;
        else counts.agreed++;
      }
    if (library === 'tweetnacl') report('x25519 by tweetnacl', counts);
    else tally('x25519 by node:crypto', counts, counts.total);
    expect(counts.agreed + counts.lowOrderRefused).toBe(counts.total);
    expect(counts.lowOrderRefused).toBeGreaterThan(5);
  });

  it('ecdh_secp256r1', () => {
    const set = load<Wycheproof<DhTest, object>>('wycheproof/ecdh_secp256r1_ecpoint_test.json');
    const counts = { total: set.numberOfTests, agreed: 0, refused: 0, otherForm: 0 };
    for (const group of set.testGroups)
      for (const t of group.tests) {
        const point = fromHex(t.public);
        if (point[0] !== 4) {
          counts.otherForm++; // compressed, or the point at infinity: not on IKE's wire
          continue;
        }
        const secret = crypto.openDh(DH_GROUPS[19], scalar(t.private)).derive(point.subarray(1));
        const valid = t.result === 'valid';
        expect(secret === null ? null : toHex(secret), `${t.tcId} ${t.comment}`).toBe(
          valid ? t.shared : null,
        );
        counts[valid ? 'agreed' : 'refused']++;
      }
    tally('ecdh_secp256r1', counts, counts.agreed + counts.refused);
    expect(counts.agreed + counts.refused + counts.otherForm).toBe(counts.total);
    expect(counts.agreed).toBeGreaterThan(200);
  });
});

/** A private key as 32 octets: the vectors write it as an ASN.1 integer, with or without a leading zero. */
const scalar = (hex: string): Uint8Array => fromHex(hex.padStart(64, '0').slice(-64));

const KAT_AEAD: Readonly<Record<string, (bits: number) => string>> = {
  ENCR_AES_GCM_ICV8: (bits) => `aes-${bits}-gcm-8`,
  ENCR_AES_GCM_ICV12: (bits) => `aes-${bits}-gcm-12`,
  ENCR_AES_GCM_ICV16: (bits) => `aes-${bits}-gcm-16`,
  ENCR_CHACHA20_POLY1305: () => 'chacha20-poly1305',
};

needs('shared-vectors')("strongSwan's known answers through our wrappers", () => {
  it.each(['aes_gcm', 'chacha20poly1305'])('%s', (file) => {
    const { vectors } = load<StrongswanKat>(`strongswan-kat/${file}.json`);
    for (const { name, fields } of vectors) {
      const suite = KAT_AEAD[fields.alg as string]?.(8 * Number(fields.key_size)) as EncryptionName;
      const outcome = runAead(suite, {
        key: octetsOf(fields, 'key'),
        iv: octetsOf(fields, 'iv'),
        aad: octetsOf(fields, 'adata'),
        text: octetsOf(fields, 'plain'),
        sealed: octetsOf(fields, 'cipher'),
      });
      expect(outcome, name).toEqual({ sealed: fields.cipher, opens: true });
    }
    report(`strongSwan ${file}`, { checked: vectors.length });
  });

  it.each([
    ['aes_cbc', (bits: number) => `aes-${bits}-cbc`],
    ['3des_cbc', () => '3des-cbc'],
  ] as const)('%s', (file, nameOf) => {
    const { vectors } = load<StrongswanKat>(`strongswan-kat/${file}.json`);
    for (const { name, fields } of vectors) {
      const plain = octetsOf(fields, 'plain');
      const outcome = runCbc(nameOf(8 * Number(fields.key_size)) as EncryptionName, {
        key: octetsOf(fields, 'key'),
        iv: octetsOf(fields, 'iv'),
        plain,
        sealed: octetsOf(fields, 'cipher'),
      });
      expect(outcome, name).toEqual({ sealed: fields.cipher, opened: toHex(plain) });
    }
    report(`strongSwan ${file}`, { checked: vectors.length });
  });

  it('null', () => {
    const { vectors } = load<StrongswanKat>('strongswan-kat/null.json');
    for (const { fields } of vectors) {
      const cipher = crypto.openCipher(cipherSuite('null', 'hmac-sha1-96'), NONE, MAC_KEY);
      const plain = octetsOf(fields, 'plain');
      const slab = concat(plain, new Uint8Array(12));
      cipher.seal(slab, 0, 0, plain.length, null);
      expect(toHex(slab.subarray(0, -12))).toBe(fields.cipher);
      expect(cipher.open(slab, 0, 0, plain.length, null)).toBe(true);
    }
    report('strongSwan null', { checked: vectors.length });
  });

  it.each(['md5_hmac', 'sha1_hmac', 'sha2_hmac'])('%s', (file) => {
    const { vectors } = load<StrongswanKat>(`strongswan-kat/${file}.json`);
    for (const { name, fields } of vectors) {
      // Some write more octets than the algorithm has, and compare only as many.
      const bits = Number(/_(96|128|160|192|256)$/.exec(fields.alg as string)?.[1] ?? 512);
      const expected = (fields.mac ?? fields.out ?? '').slice(0, bits / 4);
      const hash = hashOf(fields.alg as string);
      const data = octetsOf(fields, fields.data === undefined ? 'seed' : 'data');
      const result = crypto.openHmac(hash, octetsOf(fields, 'key')).compute(data);
      expect(toHex(result).slice(0, expected.length), name).toBe(expected);
    }
    report(`strongSwan ${file}`, { checked: vectors.length });
  });

  it('modp and curve25519', () => {
    const counts = { agreed: 0, groupsWeRefuse: 0 };
    for (const file of ['modp', 'curve25519'])
      for (const { name, fields } of load<StrongswanKat>(`strongswan-kat/${file}.json`).vectors) {
        const group = KAT_GROUPS[fields.method as string];
        if (group === undefined) {
          counts.groupsWeRefuse++;
          continue;
        }
        const seed = octetsOf(fields, 'seed');
        const half = seed.length / 2; // both private values, one behind the other
        for (const [own, peer, at] of [
          ['pub_i', 'pub_r', 0],
          ['pub_r', 'pub_i', half],
        ] as const) {
          const dh = crypto.openDh(DH_GROUPS[group], seed.subarray(at, at + half));
          expect(toHex(dh.publicValue), name).toBe(fields[own]);
          expect(toHex(dh.derive(octetsOf(fields, peer)) ?? NONE), name).toBe(fields.shared);
        }
        counts.agreed++;
      }
    report('strongSwan modp, curve25519', counts);
    expect(counts).toEqual({ agreed: 7, groupsWeRefuse: 3 });
  });
});

needs('shared-vectors')('every set of vectors', () => {
  it('for what ESP and IKE use is named in a test', () => {
    const tests = [
      ...['vectors-esp-crypto.test.ts', 'vectors-esp.test.ts', 'ike/recordings.test.ts'],
    ].map((name) => readFileSync(`${import.meta.dirname}/${name}`, 'utf8'));
    const stems = ['wycheproof', 'strongswan-kat', 'rfc', 'rub-statemachineextractor'].flatMap(
      (folder) =>
        readdirSync(`${VECTORS}/${folder}`)
          .filter((name) => name.endsWith('.json'))
          .map((name) => name.replace(/(_test)?\.json$/, '')),
    );
    expect(stems.length).toBeGreaterThan(20);
    expect(stems.filter((stem) => !tests.some((text) => text.includes(stem)))).toEqual([]);
  });
});

const KAT_GROUPS: Readonly<Record<string, DhGroupNumber>> = {
  MODP_1024_BIT: 2,
  MODP_1536_BIT: 5,
  MODP_2048_BIT: 14,
  MODP_3072_BIT: 15,
  MODP_4096_BIT: 16,
  CURVE_25519: 31,
};

const hashOf = (alg: string): HashName =>
  (({ MD5: 'md5', SHA1: 'sha1', SHA2_256: 'sha256', SHA2_384: 'sha384', SHA2_512: 'sha512' })[
    /MD5|SHA1|SHA2_\d+/.exec(alg)?.[0] ?? ''
  ] ?? 'md5') as HashName;

it('a provider says which key is of the wrong size', () => {
  const provider: CryptoProvider = crypto;
  const suite = cipherSuite('aes-128-cbc', 'hmac-sha1-96');
  expect(() => provider.openCipher(suite, new Uint8Array(15), MAC_KEY)).toThrow('encryptionKey');
  expect(() => provider.openCipher(suite, new Uint8Array(16), NONE)).toThrow('integrityKey');
  expect(INTEGRITY['hmac-sha1-96'].keyOctets).toBe(20);
});
