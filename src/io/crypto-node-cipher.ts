/**
 * Packet ciphers on node:crypto. What costs there is making objects, not cryptography, so:
 * keys are KeyObjects, made once (Node 24 takes twelve times as long with octets), and CBC runs on contexts
 * that are never finished.
 */
import {
  type Cipher,
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type Decipher,
  type KeyObject,
} from 'node:crypto';
import type { PacketCipher } from '../ipsec/crypto.js';
import type { CipherSuite, Encryption, Integrity } from '../ipsec/suites.js';
import { writeU32 } from '../wire/bytes.js';
import { constantTimeEqual } from '../wire/constant-time.js';

/** @throws RangeError when a key is of the wrong size, TypeError when the suite is not exactly one ICV. */
export function openCipher(
  suite: CipherSuite,
  encryptionKey: Uint8Array,
  integrityKey: Uint8Array,
): PacketCipher {
  const { encryption, integrity } = suite;
  if ((integrity === null) !== (encryption.kind === 'aead'))
    throw new TypeError('suite: exactly one integrity check expected');
  checkOctets('encryptionKey', encryptionKey, encryption.keyOctets + encryption.saltOctets);
  checkOctets('integrityKey', integrityKey, integrity?.keyOctets ?? 0);
  if (integrity === null) return new Aead(encryption, encryptionKey);
  return new CipherThenHmac(
    new Hmac(integrity, integrityKey),
    encryption.kind === 'null' ? null : new Cbc(encryption, encryptionKey),
  );
}

const ESP_HEADER_OCTETS = 8; // by far the most frequent header: a copy is cheaper than a view

class Aead implements PacketCipher {
  readonly #algorithm: CipherGCMTypes; // chacha20-poly1305 has the same methods
  readonly #options: { readonly authTagLength: number };
  readonly #saltOctets: number;
  readonly #nonce: Uint8Array;
  readonly #header = new Uint8Array(ESP_HEADER_OCTETS);
  #key: KeyObject | null;

  constructor(encryption: Encryption, key: Uint8Array) {
    this.#algorithm = encryption.cipher as CipherGCMTypes;
    this.#options = { authTagLength: encryption.icvOctets };
    this.#saltOctets = encryption.saltOctets;
    this.#nonce = new Uint8Array(encryption.saltOctets + encryption.ivOctets);
    this.#nonce.set(key.subarray(encryption.keyOctets));
    this.#key = createSecretKey(key.subarray(0, encryption.keyOctets));
  }

  seal(slab: Uint8Array, at: number, textAt: number, octets: number, high: number | null): void {
    const ivAt = this.#takeNonce(slab, textAt);
    const cipher = createCipheriv(this.#algorithm, alive(this.#key), this.#nonce, this.#options);
    cipher.setAAD(this.#authenticated(slab, at, ivAt, high));
    slab.set(cipher.update(slab.subarray(textAt, textAt + octets)), textAt);
    cipher.final();
    slab.set(cipher.getAuthTag(), textAt + octets);
  }

  open(slab: Uint8Array, at: number, textAt: number, octets: number, high: number | null): boolean {
    const icvAt = textAt + octets;
    const ivAt = this.#takeNonce(slab, textAt);
    const decipher = createDecipheriv(
      this.#algorithm,
      alive(this.#key),
      this.#nonce,
      this.#options,
    );
    decipher.setAAD(this.#authenticated(slab, at, ivAt, high));
    const text = decipher.update(slab.subarray(textAt, icvAt));
    decipher.setAuthTag(slab.subarray(icvAt, icvAt + this.#options.authTagLength));
    try {
      decipher.final();
    } catch {
      text.fill(0);
      return false;
    }
    slab.set(text, textAt);
    return true;
  }

  wipe(): void {
    this.#key = null;
    this.#nonce.fill(0);
  }

  /** Puts the packet's IV behind the salt. */
  #takeNonce(slab: Uint8Array, textAt: number): number {
    const nonce = this.#nonce;
    const ivAt = textAt - (nonce.length - this.#saltOctets);
    for (let i = this.#saltOctets, from = ivAt; i < nonce.length; i++, from++)
      nonce[i] = slab[from] as number;
    return ivAt;
  }

  /** Additional authenticated data: the header, the upper sequence half in front of the lower (RFC 4106 §5). */
  #authenticated(slab: Uint8Array, at: number, end: number, high: number | null): Uint8Array {
    if (high !== null) return extendedHeader(slab.subarray(at, end), high);
    if (end - at !== ESP_HEADER_OCTETS) return slab.subarray(at, end);
    const header = this.#header;
    for (let i = 0; i < ESP_HEADER_OCTETS; i++) header[i] = slab[at + i] as number;
    return header;
  }
}

function extendedHeader(header: Uint8Array, high: number): Uint8Array {
  const lowAt = header.length - 4;
  const extended = new Uint8Array(header.length + 4);
  extended.set(header.subarray(0, lowAt));
  extended.set(header.subarray(lowAt), writeU32(extended, lowAt, high));
  return extended;
}

/** Encrypt, then MAC; no cipher for NULL (RFC 2410). */
class CipherThenHmac implements PacketCipher {
  constructor(
    private readonly mac: Hmac,
    private readonly cbc: Cbc | null,
  ) {}

  seal(slab: Uint8Array, at: number, textAt: number, octets: number, high: number | null): void {
    this.cbc?.encrypt(slab, textAt, octets);
    const icvAt = textAt + octets;
    slab.set(this.mac.icv(slab, at, icvAt, high), icvAt);
  }

  open(slab: Uint8Array, at: number, textAt: number, octets: number, high: number | null): boolean {
    const icvAt = textAt + octets;
    const icv = this.mac.icv(slab, at, icvAt, high);
    if (!constantTimeEqual(icv, slab.subarray(icvAt, icvAt + icv.length))) return false;
    return this.cbc === null || this.cbc.decrypt(slab, textAt, octets);
  }

  wipe(): void {
    this.mac.wipe();
    this.cbc?.wipe();
  }
}

class Hmac {
  readonly #integrity: Integrity;
  readonly #high = new Uint8Array(4);
  #key: KeyObject | null;

  constructor(integrity: Integrity, key: Uint8Array) {
    this.#integrity = integrity;
    this.#key = createSecretKey(key);
  }

  icv(slab: Uint8Array, at: number, end: number, high: number | null): Uint8Array {
    const mac = createHmac(this.#integrity.hash, alive(this.#key)).update(slab.subarray(at, end));
    if (high !== null) {
      writeU32(this.#high, 0, high);
      mac.update(this.#high); // RFC 4303 §2.8: the implicit upper half, behind everything else
    }
    return mac.digest().subarray(0, this.#integrity.icvOctets);
  }

  wipe(): void {
    this.#key = null;
  }
}

/**
 * One never-finished CBC context per direction instead of one per packet.
 *
 * Encryption: the context goes on from the last block C' that it gave out, so the first plaintext block is given as
 * P ⊕ C' ⊕ IV, and what comes out is E(P ⊕ IV), as if the context had begun with the packet's IV.
 * Decryption: feeding IV and text gives one block of garbage, which is dropped, and then the text, whatever came
 * before; loss and reordering do not matter.
 * A context that has thrown is in an unknown state and is dropped.
 */
class Cbc {
  readonly #algorithm: string;
  readonly #block: number;
  readonly #last: Uint8Array; // C'
  #key: KeyObject | null;
  #cipher: Cipher | null = null;
  #decipher: Decipher | null = null;

  constructor(encryption: Encryption, key: Uint8Array) {
    this.#algorithm = encryption.cipher;
    this.#block = encryption.ivOctets;
    this.#last = new Uint8Array(this.#block);
    this.#key = createSecretKey(key);
  }

  /** In place; the IV stands before the text. @throws RangeError unless the text is a whole number of blocks. */
  encrypt(slab: Uint8Array, textAt: number, octets: number): void {
    const block = this.#block;
    if (octets === 0 || octets % block !== 0)
      throw new RangeError(`textOctets: a multiple of ${block} expected`);
    const cipher = this.#cipher ?? this.#begin();
    this.#cipher = null; // until it has returned
    const last = this.#last;
    for (let i = 0, at = textAt; i < block; i++, at++)
      slab[at] = (slab[at] as number) ^ (slab[at - block] as number) ^ (last[i] as number);
    const text = cipher.update(slab.subarray(textAt, textAt + octets));
    slab.set(text, textAt);
    for (let i = 0, at = octets - block; i < block; i++, at++) last[i] = text[at] as number;
    this.#cipher = cipher;
  }

  /** In place; false unless the text is a whole number of blocks. The caller has checked the ICV. */
  decrypt(slab: Uint8Array, textAt: number, octets: number): boolean {
    const block = this.#block;
    if (octets === 0 || octets % block !== 0) return false;
    const decipher =
      this.#decipher ??
      createDecipheriv(this.#algorithm, alive(this.#key), new Uint8Array(block)).setAutoPadding(
        false,
      );
    this.#decipher = null;
    const text = decipher.update(slab.subarray(textAt - block, textAt + octets));
    slab.set(text.subarray(block), textAt);
    this.#decipher = decipher;
    return true;
  }

  wipe(): void {
    this.#key = this.#cipher = this.#decipher = null;
    this.#last.fill(0);
  }

  #begin(): Cipher {
    this.#last.fill(0);
    return createCipheriv(this.#algorithm, alive(this.#key), this.#last).setAutoPadding(false);
  }
}

function alive(key: KeyObject | null): KeyObject {
  if (key === null) throw new Error('bug: cipher used after wipe()');
  return key;
}

function checkOctets(name: string, key: Uint8Array, octets: number): void {
  if (key.length !== octets)
    throw new RangeError(`${name}: ${octets} octets expected, got ${key.length}`);
}
