/**
 * The CryptoProvider on node:crypto (OpenSSL).
 * Node keeps keys in memory of OpenSSL, which clears it when the last handle is collected, not when `wipe` is called.
 */
import {
  createHash,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomFillSync,
} from 'node:crypto';
import type { CryptoProvider, KeyedHash } from '../ipsec/crypto.js';
import type { HashName } from '../ipsec/suites.js';
import { openCipher } from './crypto-node-cipher.js';
import { openDh } from './crypto-node-dh.js';

/** Everything that IPsec and IKE need, from Node's own library. */
export const nodeCrypto = (): CryptoProvider => ({
  openCipher,
  openHmac,
  hash,
  openDh,
  fillRandom: pooledRandom(),
});

function openHmac(algorithm: HashName, key: Uint8Array): KeyedHash {
  let keyObject: KeyObject | null = createSecretKey(key);
  return {
    compute: (...parts) => {
      if (keyObject === null) throw new Error('bug: HMAC used after wipe()');
      const mac = createHmac(algorithm, keyObject);
      for (const part of parts) mac.update(part);
      return mac.digest();
    },
    wipe: () => {
      keyObject = null;
    },
  };
}

function hash(algorithm: HashName, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = createHash(algorithm);
  for (const part of parts) state.update(part);
  return state.digest();
}

const POOL_OCTETS = 4_096;

/** A call for each IV costs a hundred times what it costs to cut one from a pool. What is handed out is cleared. */
function pooledRandom(): CryptoProvider['fillRandom'] {
  const pool = new Uint8Array(POOL_OCTETS);
  let used = POOL_OCTETS;
  return (out, at, octets) => {
    if (octets > POOL_OCTETS / 8) {
      randomFillSync(out, at, octets);
      return;
    }
    if (used + octets > POOL_OCTETS) {
      randomFillSync(pool);
      used = 0;
    }
    for (let i = 0; i < octets; i++, used++) {
      out[at + i] = pool[used] as number;
      pool[used] = 0;
    }
  };
}
