/**
 * Every algorithm that IPsec and IKE may use here, with its sizes, in one place.
 * The `insecure` ones are never proposed, accepted or configured unless the caller opts in by name.
 * Numbers are those of the IANA registry "IKEv2 Parameters", transform types 1 to 4.
 */

/** Transform type 1. An AEAD brings its own integrity check and stands alone. */
export interface Encryption {
  readonly name: EncryptionName;
  readonly transformId: number;
  /** The IKE Key Length attribute in bits; null for an algorithm that has one size only (RFC 7296 §3.3.5). */
  readonly keyBits: number | null;
  readonly kind: 'cbc' | 'aead' | 'null';
  /** What cipher libraries call it: `aes-128-gcm`. Empty for `null`. */
  readonly cipher: string;
  readonly keyOctets: number;
  /** Octets of salt that follow the key in the keying material (RFC 4106 §8.1, RFC 7634 §2). */
  readonly saltOctets: number;
  /** Octets of IV carried in every packet. */
  readonly ivOctets: number;
  /** The text is padded to a multiple of this; never below the 4 octets that ESP asks for (RFC 4303 §2.4). */
  readonly alignOctets: number;
  /** Octets of integrity check value; 0 where a separate algorithm gives it. */
  readonly icvOctets: number;
  readonly insecure: boolean;
}

/** Transform type 3. */
export interface Integrity {
  readonly name: IntegrityName;
  readonly transformId: number;
  readonly hash: HashName;
  readonly keyOctets: number;
  readonly icvOctets: number;
  readonly insecure: boolean;
}

/** Transform type 2: HMAC, its result whole. */
export interface Prf {
  readonly name: PrfName;
  readonly transformId: number;
  readonly hash: HashName;
  /** Both the preferred key size and the size of the result. */
  readonly octets: number;
  readonly insecure: boolean;
}

/** Transform type 4: a Diffie-Hellman group. */
export interface DhGroup {
  readonly number: DhGroupNumber;
  readonly kind: 'modp' | 'ecp' | 'x25519';
  /** What key agreement libraries call it: `modp14`, `prime256v1`, `x25519`. */
  readonly curve: string;
  /** Octets of a public value on the wire (RFC 7296 §3.4, RFC 5903 §7, RFC 8031 §2). */
  readonly publicOctets: number;
  readonly sharedOctets: number;
  readonly insecure: boolean;
}

export type HashName = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';
export type AesBits = 128 | 192 | 256;
export type EncryptionName =
  | `aes-${AesBits}-cbc`
  | `aes-${AesBits}-gcm-${8 | 12 | 16}`
  | 'chacha20-poly1305'
  | '3des-cbc'
  | 'null';
export type IntegrityName =
  | 'hmac-sha1-96'
  | 'hmac-sha2-256-128'
  | 'hmac-sha2-384-192'
  | 'hmac-sha2-512-256'
  | 'hmac-md5-96';
export type PrfName =
  | 'hmac-sha1'
  | 'hmac-sha2-256'
  | 'hmac-sha2-384'
  | 'hmac-sha2-512'
  | 'hmac-md5';
export type DhGroupNumber = 2 | 5 | 14 | 15 | 16 | 19 | 20 | 21 | 31;

export const ENCRYPTION: Readonly<Record<EncryptionName, Encryption>> = {
  'aes-128-cbc': aesCbc(128),
  'aes-192-cbc': aesCbc(192),
  'aes-256-cbc': aesCbc(256),
  'aes-128-gcm-16': aesGcm(128, 16),
  'aes-192-gcm-16': aesGcm(192, 16),
  'aes-256-gcm-16': aesGcm(256, 16),
  'aes-128-gcm-12': aesGcm(128, 12),
  'aes-192-gcm-12': aesGcm(192, 12),
  'aes-256-gcm-12': aesGcm(256, 12),
  'aes-128-gcm-8': aesGcm(128, 8),
  'aes-192-gcm-8': aesGcm(192, 8),
  'aes-256-gcm-8': aesGcm(256, 8),
  'chacha20-poly1305': {
    ...aesGcm(256, 16),
    name: 'chacha20-poly1305', // RFC 7634
    cipher: 'chacha20-poly1305',
    transformId: 28,
    keyBits: null,
  },
  '3des-cbc': {
    ...aesCbc(192),
    name: '3des-cbc', // RFC 2451
    cipher: 'des-ede3-cbc',
    transformId: 3,
    keyBits: null,
    ivOctets: 8,
    alignOctets: 8,
    insecure: true,
  },
  null: {
    ...aesCbc(128),
    name: 'null', // RFC 2410
    kind: 'null',
    cipher: '',
    transformId: 11,
    keyBits: null,
    keyOctets: 0,
    ivOctets: 0,
    alignOctets: 4,
    insecure: true,
  },
};

export const INTEGRITY: Readonly<Record<IntegrityName, Integrity>> = {
  'hmac-sha1-96': hmac96('hmac-sha1-96', 2, 'sha1', 20), // RFC 2404
  'hmac-sha2-256-128': hmacHalf('hmac-sha2-256-128', 12, 'sha256', 32), // RFC 4868
  'hmac-sha2-384-192': hmacHalf('hmac-sha2-384-192', 13, 'sha384', 48),
  'hmac-sha2-512-256': hmacHalf('hmac-sha2-512-256', 14, 'sha512', 64),
  'hmac-md5-96': { ...hmac96('hmac-md5-96', 1, 'md5', 16), insecure: true }, // RFC 2403
};

export const PRF: Readonly<Record<PrfName, Prf>> = {
  'hmac-sha1': prf('hmac-sha1', 2, 'sha1', 20), // RFC 2104
  'hmac-sha2-256': prf('hmac-sha2-256', 5, 'sha256', 32), // RFC 4868
  'hmac-sha2-384': prf('hmac-sha2-384', 6, 'sha384', 48),
  'hmac-sha2-512': prf('hmac-sha2-512', 7, 'sha512', 64),
  'hmac-md5': { ...prf('hmac-md5', 1, 'md5', 16), insecure: true },
};

export const DH_GROUPS: Readonly<Record<DhGroupNumber, DhGroup>> = {
  2: { ...modp(2, 1024), insecure: true }, // RFC 2409 §6.2
  5: { ...modp(5, 1536), insecure: true }, // RFC 3526
  14: modp(14, 2048),
  15: modp(15, 3072),
  16: modp(16, 4096),
  19: ecp(19, 256, 'prime256v1'), // RFC 5903
  20: ecp(20, 384, 'secp384r1'),
  21: ecp(21, 521, 'secp521r1'),
  31: { ...ecp(31, 256, 'x25519'), kind: 'x25519', publicOctets: 32 }, // RFC 8031
};

/** What protects one direction of an association; `integrity` is null exactly when `encryption` is an AEAD. */
export interface CipherSuite {
  readonly encryption: Encryption;
  readonly integrity: Integrity | null;
}

/** @throws TypeError when an AEAD is given an integrity algorithm, or anything else is given none. */
export function cipherSuite(
  encryption: EncryptionName,
  integrity: IntegrityName | null,
): CipherSuite {
  if ((integrity === null) !== (ENCRYPTION[encryption].kind === 'aead'))
    throw new TypeError(`integrity: ${encryption} with ${integrity} is not exactly one ICV`);
  return {
    encryption: ENCRYPTION[encryption],
    integrity: integrity === null ? null : INTEGRITY[integrity],
  };
}

/** Octets of the encryption key with its salt, as key derivation hands it out. */
export const encryptionKeyOctets = (s: CipherSuite): number =>
  s.encryption.keyOctets + s.encryption.saltOctets;

/** Octets of the integrity key; 0 for an AEAD. */
export const integrityKeyOctets = (s: CipherSuite): number => s.integrity?.keyOctets ?? 0;

/** Octets of integrity check value behind each packet. */
export const icvOctets = (s: CipherSuite): number =>
  s.integrity?.icvOctets ?? s.encryption.icvOctets;

/** Whether a part of the suite needs the insecure opt-in. */
export const isInsecure = (s: CipherSuite): boolean =>
  s.encryption.insecure || (s.integrity?.insecure ?? false);

/** `aes-256-cbc/hmac-sha1-96`, `aes-256-gcm-16`. */
export const formatSuite = (s: CipherSuite): string =>
  s.integrity === null ? s.encryption.name : `${s.encryption.name}/${s.integrity.name}`;

/** RFC 3602. */
function aesCbc(bits: AesBits): Encryption {
  return {
    name: `aes-${bits}-cbc`,
    transformId: 12,
    keyBits: bits,
    kind: 'cbc',
    cipher: `aes-${bits}-cbc`,
    keyOctets: bits / 8,
    saltOctets: 0,
    ivOctets: 16,
    alignOctets: 16,
    icvOctets: 0,
    insecure: false,
  };
}

/** RFC 4106. */
function aesGcm(bits: AesBits, icv: 8 | 12 | 16): Encryption {
  return {
    name: `aes-${bits}-gcm-${icv}`,
    transformId: 16 + icv / 4,
    keyBits: bits,
    kind: 'aead',
    cipher: `aes-${bits}-gcm`,
    keyOctets: bits / 8,
    saltOctets: 4,
    ivOctets: 8,
    alignOctets: 4,
    icvOctets: icv,
    insecure: false,
  };
}

function hmac96(name: IntegrityName, id: number, hash: HashName, keyOctets: number): Integrity {
  return { name, transformId: id, hash, keyOctets, icvOctets: 12, insecure: false };
}

function hmacHalf(name: IntegrityName, id: number, hash: HashName, keyOctets: number): Integrity {
  return { name, transformId: id, hash, keyOctets, icvOctets: keyOctets / 2, insecure: false };
}

function prf(name: PrfName, transformId: number, hash: HashName, octets: number): Prf {
  return { name, transformId, hash, octets, insecure: false };
}

function modp(number: DhGroupNumber, bits: number): DhGroup {
  const octets = bits / 8;
  return {
    number,
    kind: 'modp',
    curve: `modp${number}`,
    publicOctets: octets,
    sharedOctets: octets,
    insecure: false,
  };
}

/** The public value is x and y, the shared secret x alone (RFC 5903 §7). */
function ecp(number: DhGroupNumber, bits: number, curve: string): DhGroup {
  const octets = Math.ceil(bits / 8);
  return {
    number,
    kind: 'ecp',
    curve,
    publicOctets: 2 * octets,
    sharedOctets: octets,
    insecure: false,
  };
}
