/**
 * The IKEv2 key schedule: RFC 7296 §2.13 (prf+), §2.14 (IKE SA), §2.17 (Child SA), §2.18 (rekeyed IKE SA);
 * RFC 5282 §7 and RFC 4106 §8.1 for the salts of AEADs. Every result is secret; the caller wipes it.
 */
import { writeU64 } from '../../wire/bytes.js';
import type { CryptoProvider } from '../crypto.js';
import { SecretBytes, secretOctets } from '../secret.js';
import {
  type CipherSuite,
  type DhGroup,
  encryptionKeyOctets,
  integrityKeyOctets,
  type Prf,
} from '../suites.js';

/** What an IKE SA is protected with. `cipher.integrity` is null for an AEAD. */
export interface IkeSuite {
  readonly cipher: CipherSuite;
  readonly prf: Prf;
  readonly group: DhGroup;
}

/** SK_d, SK_ai, SK_ar, SK_ei, SK_er, SK_pi, SK_pr. The two `a` are empty for an AEAD. */
export interface IkeKeys {
  readonly d: SecretBytes;
  readonly ai: SecretBytes;
  readonly ar: SecretBytes;
  readonly ei: SecretBytes;
  readonly er: SecretBytes;
  readonly pi: SecretBytes;
  readonly pr: SecretBytes;
}

/** Keys of one direction: the encryption key has its salt behind it. */
export interface DirectionKeys {
  readonly encryption: SecretBytes;
  readonly integrity: SecretBytes;
}

/** Keys of a Child SA; "initiator" is who asked for this child (§2.17). */
export interface ChildKeys {
  readonly fromInitiator: DirectionKeys;
  readonly fromResponder: DirectionKeys;
}

/** What both ends put into an exchange, and its result. */
export interface Agreement {
  readonly initiatorNonce: Uint8Array;
  readonly responderNonce: Uint8Array;
  /** g^ir, or null for a Child SA without a key exchange of its own. */
  readonly shared: Uint8Array | null;
}

const MAX_BLOCKS = 255; // the counter of prf+ is one octet

/** prf+(key, seed), `octets` long: T1 | T2 | … with Tn = prf(key, Tn-1 | seed | n). */
export function prfPlus(
  crypto: CryptoProvider,
  prf: Prf,
  key: Uint8Array,
  ...rest: readonly [seed: readonly Uint8Array[], octets: number]
): Uint8Array {
  const [seed, octets] = rest;
  if (octets > MAX_BLOCKS * prf.octets) throw new Error('bug: prf+ has an end');
  const keyed = crypto.openHmac(prf.hash, key);
  const out = secretOctets(octets);
  let last: Uint8Array = new Uint8Array(0);
  for (let at = 0, n = 1; at < octets; n++) {
    const block = keyed.compute(last, ...seed, Uint8Array.of(n));
    last.fill(0);
    out.set(block.subarray(0, octets - at), at);
    at += block.length;
    last = block;
  }
  last.fill(0);
  keyed.wipe();
  return out;
}

/** SKEYSEED = prf(Ni | Nr, g^ir), §2.14. */
export function initialSkeyseed(crypto: CryptoProvider, prf: Prf, a: Agreement): Uint8Array {
  const key = concat(a.initiatorNonce, a.responderNonce);
  const skeyseed = prfOnce(crypto, prf, key, a.shared ?? EMPTY);
  key.fill(0);
  return skeyseed;
}

/** SKEYSEED = prf(SK_d of the old SA, g^ir of the new | Ni | Nr), by the old SA's prf, §2.18. */
export function rekeyedSkeyseed(
  crypto: CryptoProvider,
  oldPrf: Prf,
  oldD: SecretBytes,
  a: Agreement,
): Uint8Array {
  const parts = [a.shared ?? EMPTY, a.initiatorNonce, a.responderNonce];
  return prfOnce(crypto, oldPrf, oldD.octets, ...parts);
}

/** The seven keys from SKEYSEED, §2.14. */
export function deriveIkeKeys(
  crypto: CryptoProvider,
  suite: IkeSuite,
  skeyseed: Uint8Array,
  context: {
    readonly agreement: Agreement;
    readonly initiatorSpi: bigint;
    readonly responderSpi: bigint;
  },
): IkeKeys {
  const encryptionKey = encryptionKeyOctets(suite.cipher);
  const integrityKey = integrityKeyOctets(suite.cipher);
  const prfKey = suite.prf.octets;
  const spis = new Uint8Array(16);
  writeU64(spis, 0, context.initiatorSpi);
  writeU64(spis, 8, context.responderSpi);
  const { initiatorNonce, responderNonce } = context.agreement;
  const octets = 3 * prfKey + 2 * integrityKey + 2 * encryptionKey;
  const seed = [initiatorNonce, responderNonce, spis];
  const take = taker(prfPlus(crypto, suite.prf, skeyseed, seed, octets));
  return {
    d: take(prfKey),
    ai: take(integrityKey),
    ar: take(integrityKey),
    ei: take(encryptionKey),
    er: take(encryptionKey),
    pi: take(prfKey),
    pr: take(prfKey),
  };
}

/** KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr): initiator's direction first, encryption before integrity, §2.17. */
export function deriveChildKeys(
  crypto: CryptoProvider,
  prf: Prf,
  d: SecretBytes,
  child: { readonly agreement: Agreement; readonly suite: CipherSuite },
): ChildKeys {
  const encryptionKey = encryptionKeyOctets(child.suite);
  const integrityKey = integrityKeyOctets(child.suite);
  const { shared, initiatorNonce, responderNonce } = child.agreement;
  const seed = [shared ?? EMPTY, initiatorNonce, responderNonce];
  const take = taker(prfPlus(crypto, prf, d.octets, seed, 2 * (encryptionKey + integrityKey)));
  const direction = (): DirectionKeys => ({
    encryption: take(encryptionKey),
    integrity: take(integrityKey),
  });
  return { fromInitiator: direction(), fromResponder: direction() };
}

export function wipeIkeKeys(keys: IkeKeys): void {
  for (const key of Object.values(keys)) (key as SecretBytes).wipe();
}

/** prf(key, parts) with a key that is used once. */
export function prfOnce(
  crypto: CryptoProvider,
  prf: Prf,
  key: Uint8Array,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  const keyed = crypto.openHmac(prf.hash, key);
  const out = keyed.compute(...parts);
  keyed.wipe();
  return out;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = secretOctets(parts.reduce((total, p) => total + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const EMPTY = new Uint8Array(0);

/** Cuts keys off the front of the material; the last cut wipes it. */
function taker(material: Uint8Array): (octets: number) => SecretBytes {
  let at = 0;
  return (octets) => {
    const key = new SecretBytes(material.subarray(at, at + octets));
    at += octets;
    if (at === material.length) material.fill(0);
    return key;
  };
}
