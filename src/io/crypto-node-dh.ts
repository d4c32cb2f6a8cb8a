/** Diffie-Hellman on node:crypto, with the wire forms of IKE and the checks of RFC 6989. */
import {
  createDiffieHellman,
  createECDH,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  getDiffieHellman,
  type KeyObject,
} from 'node:crypto';
import type { DhExchange } from '../ipsec/crypto.js';
import type { DhGroup } from '../ipsec/suites.js';
import { constantTimeEqual } from '../wire/constant-time.js';

/** @param privateValue for known-answer tests; random when absent. */
export function openDh(group: DhGroup, privateValue?: Uint8Array): DhExchange {
  if (group.kind === 'modp') return openModp(group, privateValue);
  return group.kind === 'ecp' ? openEcp(group, privateValue) : openX25519(privateValue);
}

type Derive = (peer: Uint8Array) => Uint8Array;

/** Node drops leading zero octets of public values; IKE wants the prime's length (RFC 7296 §3.4). */
function openModp(group: DhGroup, privateValue?: Uint8Array): DhExchange {
  const named = getDiffieHellman(group.curve);
  const prime = named.getPrime();
  let dh: Pick<typeof named, 'generateKeys' | 'getPublicKey' | 'computeSecret'> = named;
  if (privateValue !== undefined) {
    const given = createDiffieHellman(prime, 2);
    given.setPrivateKey(privateValue);
    dh = given;
  }
  dh.generateKeys(); // with a private key set it only computes the public one
  return exchange(
    leftPad(dh.getPublicKey(), group.publicOctets),
    (peer) => leftPad(dh.computeSecret(peer), group.sharedOctets),
    (peer) => peer.length === group.publicOctets && isBetween1AndMinus1(peer, prime),
  );
}

const UNCOMPRESSED_POINT = 4; // SEC 1 §2.3.3; IKE leaves this octet out (RFC 5903 §7)

function openEcp(group: DhGroup, privateValue?: Uint8Array): DhExchange {
  const ecdh = createECDH(group.curve);
  if (privateValue === undefined) ecdh.generateKeys();
  else ecdh.setPrivateKey(privateValue);
  return exchange(
    ecdh.getPublicKey().subarray(1),
    (peer) => ecdh.computeSecret(Uint8Array.of(UNCOMPRESSED_POINT, ...peer)), // throws off the curve
    (peer) => peer.length === group.publicOctets,
  );
}

const X25519_OCTETS = 32;
/** DER in front of the 32 octets (RFC 8410 §4, §7). */
const X25519_PUBLIC = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 3, 0x21, 0];
const X25519_PRIVATE = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20];

function openX25519(privateValue?: Uint8Array): DhExchange {
  const privateKey =
    privateValue === undefined
      ? generateKeyPairSync('x25519').privateKey
      : createPrivateKey({ key: der(X25519_PRIVATE, privateValue), format: 'der', type: 'pkcs8' });
  const own = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return exchange(
    own.subarray(X25519_PUBLIC.length),
    (peer) => nonZero(diffieHellman({ privateKey, publicKey: x25519PublicKey(peer) })),
    (peer) => peer.length === X25519_OCTETS,
  );
}

const x25519PublicKey = (value: Uint8Array): KeyObject =>
  createPublicKey({ key: der(X25519_PUBLIC, value), format: 'der', type: 'spki' });

const der = (prefix: readonly number[], value: Uint8Array): Buffer =>
  Buffer.concat([Uint8Array.from(prefix), value]);

function exchange(
  publicValue: Uint8Array,
  derive: Derive,
  isInGroup: (peer: Uint8Array) => boolean,
): DhExchange {
  let live: Derive | null = derive;
  return {
    publicValue: Uint8Array.from(publicValue),
    derive: (peer) => {
      if (live === null) throw new Error('bug: key exchange used after wipe()');
      return isInGroup(peer) ? attempt(live, peer) : null;
    },
    wipe: () => {
      live = null; // Node has no way to overwrite a private key: the handle is all that we can let go
    },
  };
}

/** OpenSSL throws for points off the curve and, in some versions, for points of low order. */
function attempt(derive: Derive, peer: Uint8Array): Uint8Array | null {
  try {
    const shared = derive(peer);
    return new Uint8Array(shared.buffer, shared.byteOffset, shared.length); // what Node made, not a copy of it
  } catch {
    return null;
  }
}

/** A point of low order gives zero, whoever the other end is (RFC 7748 §6.1). Zero is a fair x on the other curves. */
function nonZero(secret: Uint8Array): Uint8Array {
  if (constantTimeEqual(secret, new Uint8Array(secret.length))) throw new Error('low order');
  return secret;
}

function leftPad(value: Uint8Array, octets: number): Uint8Array {
  if (value.length === octets) return value;
  const padded = new Uint8Array(new ArrayBuffer(octets)); // small arrays leave copies behind in V8's heap
  padded.set(value, octets - value.length);
  value.fill(0); // it may be secret
  return padded;
}

/** 1 < value < prime − 1 (RFC 6989 §2.1); both of the same length. A public value is no secret. */
function isBetween1AndMinus1(value: Uint8Array, prime: Uint8Array): boolean {
  const last = value.length - 1;
  if (value.subarray(0, last).every((octet) => octet === 0) && (value[last] as number) <= 1)
    return false;
  const primeMinus1 = Uint8Array.from(prime);
  primeMinus1[last] = (prime[last] as number) - 1; // a prime is odd
  return Buffer.compare(value, primeMinus1) < 0;
}
