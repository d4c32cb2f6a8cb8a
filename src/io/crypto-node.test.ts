import { getDiffieHellman } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openX25519 } from '../ipsec/ike/x25519.js';
import { cipherSuite, DH_GROUPS, type DhGroup, ENCRYPTION, INTEGRITY } from '../ipsec/suites.js';
import { toHex } from '../wire/bytes.js';
import { nodeCrypto } from './crypto-node.js';

const crypto = nodeCrypto();
const groups = Object.values(DH_GROUPS).map((group) => [group.number, group] as const);
const modp = groups.filter(([, group]) => group.kind === 'modp');
const ecp = groups.filter(([, group]) => group.kind === 'ecp');

const derived = (group: DhGroup, peer: Uint8Array): Uint8Array | null =>
  crypto.openDh(group).derive(peer);

/** A number as a public value of the group's length. */
function smallValue(group: DhGroup, ...last: number[]): Uint8Array {
  const value = new Uint8Array(group.publicOctets);
  value.set(last, value.length - last.length);
  return value;
}

describe.each(groups)('Diffie-Hellman group %i', (_, group) => {
  it('agrees with itself, in the lengths of the wire', () => {
    const a = crypto.openDh(group);
    const b = crypto.openDh(group);
    expect(a.publicValue).toHaveLength(group.publicOctets);
    const secret = a.derive(b.publicValue);
    expect(secret).toHaveLength(group.sharedOctets);
    expect(b.derive(a.publicValue)).toEqual(secret);
    expect(toHex(a.publicValue)).not.toBe(toHex(b.publicValue));
  });

  it('takes no value of another length', () => {
    const { publicValue } = crypto.openDh(group);
    expect(derived(group, publicValue.subarray(1))).toBeNull();
    expect(derived(group, Uint8Array.of(0, ...publicValue))).toBeNull();
    expect(derived(group, new Uint8Array(0))).toBeNull();
  });

  it('takes no zero', () => {
    expect(derived(group, smallValue(group))).toBeNull();
  });

  it('refuses to work after wipe', () => {
    const dh = crypto.openDh(group);
    dh.wipe();
    expect(() => dh.derive(dh.publicValue)).toThrow('bug:');
  });
});

describe('X25519 without node:crypto', () => {
  it('agrees with it, takes no other length, and refuses to work after wipe', () => {
    const portable = openX25519(crypto);
    const dh = crypto.openDh(DH_GROUPS[31]);
    expect(portable.derive(dh.publicValue)).toEqual(dh.derive(portable.publicValue));
    expect(portable.derive(dh.publicValue.subarray(1))).toBeNull();
    portable.wipe();
    expect(() => portable.derive(dh.publicValue)).toThrow('bug:');
  });
});

describe.each(modp)('MODP group %i', (_, group) => {
  const prime = Uint8Array.from(getDiffieHellman(group.curve).getPrime());

  it('takes neither 1 nor p − 1 nor p nor more', () => {
    const last = prime.length - 1;
    const below = prime.slice();
    below[last] = 0xfe;
    for (const value of [
      smallValue(group, 1),
      below,
      prime,
      new Uint8Array(prime.length).fill(0xff),
    ])
      expect(derived(group, value)).toBeNull();
  });

  it('takes 2 and p − 2', () => {
    const below = prime.slice();
    below[prime.length - 1] = 0xfd;
    expect(derived(group, smallValue(group, 2))).toHaveLength(group.sharedOctets);
    expect(derived(group, below)).toHaveLength(group.sharedOctets);
  });
});

describe.each(ecp)('ECP group %i', (_, group) => {
  it('takes no point off the curve', () => {
    const { publicValue } = crypto.openDh(group);
    const off = publicValue.slice();
    off[off.length - 1] = (off[off.length - 1] as number) ^ 1;
    expect(derived(group, off)).toBeNull();
    expect(derived(group, publicValue)).not.toBeNull();
  });
});

describe('public values of MODP groups', () => {
  it('are padded on the left when they begin with zeros', () => {
    // 2^private: a small exponent has a public value that is far shorter than the prime
    const dh = crypto.openDh(DH_GROUPS[14], Uint8Array.of(200));
    expect(dh.publicValue).toHaveLength(256);
    expect(toHex(dh.publicValue)).toBe('01'.padEnd(52, '0').padStart(512, '0'));
    expect(crypto.openDh(DH_GROUPS[14], Uint8Array.of(3)).derive(dh.publicValue)).toHaveLength(256);
  });
});

describe('randomness', () => {
  it('fills just what it is asked for', () => {
    for (const octets of [0, 1, 4, 16, 511, 512, 513, 5_000]) {
      const out = new Uint8Array(octets + 2).fill(0);
      crypto.fillRandom(out, 1, octets);
      expect([out[0], out[octets + 1]]).toEqual([0, 0]);
      if (octets >= 16) expect(new Set(out.subarray(1, -1)).size).toBeGreaterThan(8);
    }
  });

  it('never gives the same octets twice, over many pools', () => {
    const seen = new Set<string>();
    const out = new Uint8Array(12);
    for (let i = 0; i < 3_000; i++) {
      crypto.fillRandom(out, 0, out.length);
      seen.add(out.join());
    }
    expect(seen.size).toBe(3_000);
  });
});

describe('handles', () => {
  it('take keys of the right size only, and exactly one ICV', () => {
    const gcm = cipherSuite('aes-128-gcm-16', null);
    const key = new Uint8Array(20);
    expect(() => crypto.openCipher(gcm, new Uint8Array(16), new Uint8Array(0))).toThrow(RangeError);
    expect(() => crypto.openCipher(gcm, key, key)).toThrow('integrityKey');
    const encryption = ENCRYPTION['aes-128-cbc'];
    const none = { encryption, integrity: null };
    const twice = {
      encryption: ENCRYPTION['aes-128-gcm-16'],
      integrity: INTEGRITY['hmac-sha1-96'],
    };
    expect(() => crypto.openCipher(none, new Uint8Array(16), new Uint8Array(0))).toThrow(TypeError);
    expect(() => crypto.openCipher(twice, key, key)).toThrow(TypeError);
  });

  it('of CBC work on after a text that is no whole number of blocks', () => {
    const suite = cipherSuite('aes-256-cbc', 'hmac-sha1-96');
    const cipher = crypto.openCipher(suite, new Uint8Array(32), new Uint8Array(20));
    const slab = new Uint8Array(200);
    cipher.seal(slab, 0, 24, 32, null);
    expect(() => cipher.seal(slab.slice(), 0, 24, 17, null)).toThrow(RangeError);
    cipher.seal(slab.fill(0), 0, 24, 32, null);
    expect(cipher.open(slab.slice(), 0, 24, 17, null)).toBe(false);
    expect(cipher.open(slab, 0, 24, 32, null)).toBe(true);
    expect(slab.subarray(24, 56).every((octet) => octet === 0)).toBe(true);
  });

  it('of HMAC refuse to work after wipe', () => {
    const mac = crypto.openHmac('sha256', new Uint8Array(0));
    expect(toHex(mac.compute())).toBe(
      'b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad',
    ); // of nothing under an empty key
    mac.wipe();
    expect(() => mac.compute()).toThrow('bug:');
  });

  it('hash parts as one text', () => {
    const [a, b] = [Uint8Array.of(0x61, 0x62), Uint8Array.of(0x63)];
    expect(toHex(crypto.hash('sha1', a, b))).toBe('a9993e364706816aba3e25717850c26c9cd0d89d');
  });
});
