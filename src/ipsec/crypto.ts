/**
 * What IPsec needs from outside: ciphers, HMAC, Diffie-Hellman and randomness, as synchronous handles that
 * work in place. `io/crypto-node` is one provider; docs/ipsec.md shows how to bring another. A provider needs
 * no table of its own: the algorithms come as rows of suites.ts, which say everything.
 *
 * One shape serves AEADs and CBC with HMAC, ESP and the encrypted payload of IKE (RFC 7296 §3.14):
 *
 *     slab:  header | IV | text | ICV
 *            at          textAt
 *
 * An AEAD authenticates header and text (RFC 4106 §5, RFC 5282 §5.1); CBC encrypts, then HMAC takes header,
 * IV and encrypted text.
 */
import { secretOctets } from './secret.js';
import type { CipherSuite, DhGroup, HashName } from './suites.js';

/** One key of one suite: one direction of an association. */
export interface PacketCipher {
  /**
   * Encrypts the text in place and writes the ICV after it. The caller has padded the text, left room for the
   * ICV, and put the IV before the text: unpredictable for CBC (RFC 3602 §3), never the same twice under one key
   * for an AEAD (RFC 4106 §3.1).
   * @param sequenceHigh upper half of an extended sequence number, which is authenticated but not sent: an AEAD
   *   takes it in front of the last 4 header octets, an HMAC after the text (RFC 4303 §2.2.1); null for none.
   */
  seal(
    slab: Uint8Array,
    at: number,
    textAt: number,
    textOctets: number,
    sequenceHigh: number | null,
  ): void;
  /**
   * Checks the ICV that follows the text, and only then decrypts in place. False when the ICV is wrong or the text
   * no whole number of blocks: nothing of the slab has changed that was not garbage already.
   */
  open(
    slab: Uint8Array,
    at: number,
    textAt: number,
    textOctets: number,
    sequenceHigh: number | null,
  ): boolean;
  /** Forgets the key, and overwrites what octets of it are held here. The handle throws if used afterwards. */
  wipe(): void;
}

/** HMAC under one key. */
export interface KeyedHash {
  /** The whole result, a new array; `parts` are taken as one text. */
  compute(...parts: readonly Uint8Array[]): Uint8Array;
  wipe(): void;
}

/** One key pair of a group, for one exchange. */
export interface DhExchange {
  /** As it goes on the wire: left-padded to the prime for MODP, x and y for ECP (no 0x04), 32 octets for X25519. */
  readonly publicValue: Uint8Array;
  /**
   * The shared secret, or null when the peer's value is none of the group: of the wrong length, out of range, not on
   * the curve, or of low order (RFC 6989 §2, RFC 7748 §6.1). The octets are the caller's, who wipes them.
   */
  derive(peerPublicValue: Uint8Array): Uint8Array | null;
  wipe(): void;
}

export interface CryptoProvider {
  /**
   * @param encryptionKey with its salt behind it where the suite has one; not kept.
   * @param integrityKey empty for an AEAD; not kept.
   * @throws RangeError when a key is of the wrong size.
   */
  openCipher(suite: CipherSuite, encryptionKey: Uint8Array, integrityKey: Uint8Array): PacketCipher;
  /** @param key of any length; not kept. */
  openHmac(hash: HashName, key: Uint8Array): KeyedHash;
  hash(hash: HashName, ...parts: readonly Uint8Array[]): Uint8Array;
  /** @param privateValue for known-answer tests; random when absent. */
  openDh(group: DhGroup, privateValue?: Uint8Array): DhExchange;
  /** Fills `octets` octets at `at` with unpredictable ones. */
  fillRandom(out: Uint8Array, at: number, octets: number): void;
}

/** Unpredictable octets of their own, where secrets may be. */
export function randomOctets(
  crypto: Pick<CryptoProvider, 'fillRandom'>,
  octets: number,
): Uint8Array {
  const out = secretOctets(octets);
  crypto.fillRandom(out, 0, octets);
  return out;
}
