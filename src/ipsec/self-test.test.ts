import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../io/crypto-node.js';
import type { CryptoProvider, PacketCipher } from './crypto.js';
import { selfTest } from './self-test.js';
import type { CipherSuite, DhGroup, HashName } from './suites.js';

const crypto = nodeCrypto();
const flipped = (b: Uint8Array, at = 0): Uint8Array => {
  const out = b.slice();
  out[at] = (out[at] ?? 0) ^ 1;
  return out;
};

/** A provider that is right but for one cipher, whose handles are made anew. */
const withCipher = (
  name: string,
  change: (right: PacketCipher) => Partial<PacketCipher>,
): CryptoProvider => ({
  ...bound,
  openCipher(suite: CipherSuite, key, integrityKey) {
    const right = crypto.openCipher(suite, key, integrityKey);
    const handle: PacketCipher = {
      seal: (...about) => right.seal(...about),
      open: (...about) => right.open(...about),
      wipe: () => right.wipe(),
    };
    const isMeant = [suite.encryption.name, suite.integrity?.name].includes(name as never);
    return isMeant ? { ...handle, ...change(right) } : handle;
  },
});

const bound: CryptoProvider = {
  openCipher: (...about) => crypto.openCipher(...about),
  openHmac: (...about) => crypto.openHmac(...about),
  hash: (...about) => crypto.hash(...about),
  openDh: (...about) => crypto.openDh(...about),
  fillRandom: (...about) => crypto.fillRandom(...about),
};

describe('the self-test', () => {
  it('finds nothing wrong with node:crypto', () => {
    expect(() => selfTest(crypto)).not.toThrow();
    const began = performance.now();
    selfTest(crypto);
    console.log(`self-test: ${(performance.now() - began).toFixed(1)} ms`);
  });

  it.each<HashName>(['sha1', 'sha256', 'sha384', 'sha512'])('finds a wrong %s', (name) => {
    const hash: CryptoProvider['hash'] = (asked, ...parts) =>
      flipped(crypto.hash(asked, ...parts), asked === name ? 7 : -1);
    expect(() => selfTest({ ...bound, hash })).toThrow(`the provider's ${name} is wrong`);
    const openHmac: CryptoProvider['openHmac'] = (asked, key) => {
      const right = crypto.openHmac(asked, key);
      const compute = (...parts: readonly Uint8Array[]): Uint8Array =>
        flipped(right.compute(...parts), asked === name ? 7 : -1);
      return { compute, wipe: () => right.wipe() };
    };
    expect(() => selfTest({ ...bound, openHmac })).toThrow(`the provider's hmac-${name} is wrong`);
  });

  it.each([
    ...['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'chacha20-poly1305'],
    ...['aes-128-gcm-8', 'aes-192-gcm-12', 'aes-256-gcm-16'],
    ...['hmac-sha1-96', 'hmac-sha2-256-128', 'hmac-sha2-384-192', 'hmac-sha2-512-256'],
  ])('finds that %s encrypts wrongly, decrypts nothing, or believes everything', (name) => {
    const sealsWrongly = withCipher(name, (right) => ({
      seal(slab, at, textAt, octets, high) {
        right.seal(slab, at, textAt, octets, high);
        slab[textAt] = (slab[textAt] ?? 0) ^ 1;
      },
    }));
    const opensNothing = withCipher(name, () => ({ open: () => false }));
    const believes = withCipher(name, (right) => ({
      open: (...about) => right.open(...about) || true,
    }));
    for (const provider of [sealsWrongly, opensNothing, believes])
      expect(() => selfTest(provider)).toThrow(name);
  });

  it.each([14, 15, 16, 19, 20, 21, 31])('finds a wrong secret in group %i', (number) => {
    const openDh = (group: DhGroup, own?: Uint8Array) => {
      const right = crypto.openDh(group, own);
      if (group.number !== number) return right;
      const derive = (peer: Uint8Array): Uint8Array | null => {
        const shared = right.derive(peer);
        return shared && flipped(shared, shared.length - 1);
      };
      return { publicValue: right.publicValue, derive, wipe: () => right.wipe() };
    };
    expect(() => selfTest({ ...bound, openDh })).toThrow(`Diffie-Hellman group ${number} is wrong`);
  });

  it('finds randomness that is stuck', () => {
    const fillRandom = (out: Uint8Array, at: number, octets: number): void =>
      void out.fill(7, at, at + octets);
    expect(() => selfTest({ ...bound, fillRandom })).toThrow('randomness is wrong');
  });
});
