/** Curve25519 (RFC 7748) without a library of the platform, for providers that have none: group 31 by tweetnacl. */
import nacl from 'tweetnacl';
import { constantTimeEqual } from '../../wire/constant-time.js';
import { type CryptoProvider, type DhExchange, randomOctets } from '../crypto.js';
import { SecretBytes, secretOctets } from '../secret.js';

const KEY_OCTETS = 32;

/**
 * A key pair of group 31. Twenty times slower than node:crypto: for a browser or a worker, a handshake at a time.
 * @param privateValue for known-answer tests; random when absent.
 */
export function openX25519(
  crypto: Pick<CryptoProvider, 'fillRandom'>,
  privateValue?: Uint8Array,
): DhExchange {
  const own = privateValue
    ? new SecretBytes(privateValue)
    : SecretBytes.adopt(randomOctets(crypto, KEY_OCTETS));
  return {
    publicValue: nacl.scalarMult.base(own.octets),
    derive: (peer) => {
      if (own.length === 0) throw new Error('bug: key exchange used after wipe()');
      if (peer.length !== KEY_OCTETS) return null;
      const secret = nacl.scalarMult(own.octets, Uint8Array.from(peer));
      if (constantTimeEqual(secret, new Uint8Array(KEY_OCTETS))) return null; // RFC 7748 §6.1
      const shared = secretOctets(KEY_OCTETS);
      shared.set(secret);
      secret.fill(0);
      return shared;
    },
    wipe: () => own.wipe(),
  };
}
