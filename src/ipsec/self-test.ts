/** Asks a crypto provider for what is known: every secure algorithm of suites.ts, before the first key is trusted to it. */
import { fromHex } from '../wire/bytes.js';
import { constantTimeEqual } from '../wire/constant-time.js';
import type { CryptoProvider } from './crypto.js';
import {
  CBC,
  CHACHA20_POLY1305,
  type CipherAnswer,
  DH,
  type DhAnswer,
  GCM,
  HASHES,
  HMACS,
} from './known-answers.js';
import {
  type AesBits,
  type CipherSuite,
  cipherSuite,
  DH_GROUPS,
  type DhGroup,
  ENCRYPTION,
  type Encryption,
  type HashName,
  INTEGRITY,
  type Integrity,
  icvOctets,
} from './suites.js';

const ABC = fromHex('616263');
const HI_THERE = fromHex('4869205468657265');
const NOTHING = new Uint8Array(0);

/**
 * Known answers of hashes, HMAC, ciphers and Diffie-Hellman, forged packets, and two draws of randomness. Some milliseconds.
 * Insecure algorithms are not asked for.
 * @throws Error that names the first algorithm whose answer is wrong; what the provider throws, it throws too
 */
export function selfTest(crypto: CryptoProvider): void {
  for (const [hash, right] of entriesOf(HASHES))
    expectEqual(crypto.hash(hash, ABC.subarray(0, 1), ABC.subarray(1)), right, hash);
  for (const [hash, right] of entriesOf(HMACS))
    expectEqual(hmacOf(crypto, hash, fromHex('0b'.repeat(20)), HI_THERE), right, `hmac-${hash}`);
  for (const encryption of Object.values(ENCRYPTION))
    if (!encryption.insecure) testEncryption(crypto, encryption);
  for (const group of Object.values(DH_GROUPS)) {
    const answer = DH[group.number];
    if (answer !== undefined) testDh(crypto, group, answer);
  }
  testRandomness(crypto);
}

function testEncryption(crypto: CryptoProvider, encryption: Encryption): void {
  const answer = answerOf(encryption);
  if (encryption.kind === 'aead')
    return testCipher(crypto, cipherSuite(encryption.name, null), NOTHING, answer);
  for (const { name, insecure, keyOctets } of Object.values(INTEGRITY))
    if (!insecure)
      testCipher(
        crypto,
        cipherSuite(encryption.name, name),
        new Uint8Array(keyOctets).fill(0x0b),
        answer,
      );
}

function answerOf({ kind, name, keyBits }: Encryption): CipherAnswer {
  if (name === 'chacha20-poly1305') return CHACHA20_POLY1305;
  return (kind === 'cbc' ? CBC : GCM)[keyBits as AesBits];
}

/** Seals to the known octets; opens them, but not with any bit of the ICV or of the header changed. */
function testCipher(
  crypto: CryptoProvider,
  suite: CipherSuite,
  integrityKey: Uint8Array,
  answer: CipherAnswer,
): void {
  const what = suite.integrity
    ? `${suite.encryption.name}/${suite.integrity.name}`
    : suite.encryption.name;
  const before = fromHex(`${answer.header}${answer.iv}`);
  const text = fromHex(answer.text);
  const textAt = before.length;
  const icvAt = textAt + text.length;
  const slab = new Uint8Array(icvAt + icvOctets(suite));
  slab.set(before);
  slab.set(text, textAt);
  const cipher = crypto.openCipher(suite, fromHex(answer.key), integrityKey);
  try {
    cipher.seal(slab, 0, textAt, text.length, null);
    expectEqual(slab.subarray(textAt, icvAt), answer.encrypted, what);
    const icv =
      answer.icv === null
        ? hmacOver(crypto, suite, slab, icvAt, integrityKey)
        : fromHex(answer.icv);
    expectSame(slab.subarray(icvAt), icv.subarray(0, icvOctets(suite)), what);
    for (const at of [0, icvAt, slab.length - 1]) {
      const forged = slab.slice();
      forged[at] = (forged[at] ?? 0) ^ 1;
      if (cipher.open(forged, 0, textAt, text.length, null)) throw wrong(what);
    }
    if (!cipher.open(slab, 0, textAt, text.length, null)) throw wrong(what);
    expectSame(slab.subarray(textAt, icvAt), text, what);
  } finally {
    cipher.wipe();
  }
}

/** HMAC has been found right by itself; here it must be over the right octets. */
function hmacOver(
  crypto: CryptoProvider,
  suite: CipherSuite,
  slab: Uint8Array,
  end: number,
  key: Uint8Array,
): Uint8Array {
  const { hash } = suite.integrity as Integrity;
  return hmacOf(crypto, hash, key, slab.subarray(0, end));
}

function hmacOf(
  crypto: CryptoProvider,
  hash: HashName,
  key: Uint8Array,
  text: Uint8Array,
): Uint8Array {
  const keyed = crypto.openHmac(hash, key);
  try {
    return keyed.compute(text.subarray(0, 3), text.subarray(3));
  } finally {
    keyed.wipe();
  }
}

/** Both ends come to the known secret, and no peer may choose it by sending zeros. */
function testDh(crypto: CryptoProvider, group: DhGroup, answer: DhAnswer): void {
  const what = `Diffie-Hellman group ${group.number}`;
  const ours = crypto.openDh(group, fromHex(answer.ours));
  const theirs = crypto.openDh(group, fromHex(answer.theirs));
  try {
    for (const shared of [ours.derive(theirs.publicValue), theirs.derive(ours.publicValue)]) {
      if (shared === null) throw wrong(what);
      expectEqual(shared, answer.shared, what);
    }
    if (ours.derive(new Uint8Array(group.publicOctets)) !== null) throw wrong(what);
  } finally {
    ours.wipe();
    theirs.wipe();
  }
}

/** No proof, but a generator that is stuck does not pass: by chance that happens once in 2^128 times. */
function testRandomness(crypto: CryptoProvider): void {
  const drawn = new Uint8Array(48);
  crypto.fillRandom(drawn, 0, 16);
  crypto.fillRandom(drawn, 16, 16);
  const [first, second, rest] = [drawn.subarray(0, 16), drawn.subarray(16, 32), drawn.subarray(32)];
  if (constantTimeEqual(first, second) || constantTimeEqual(first, rest)) throw wrong('randomness');
  expectSame(rest, new Uint8Array(16), 'randomness'); // no more than what was asked for
}

function expectEqual(found: Uint8Array, right: string, what: string): void {
  expectSame(found, fromHex(right), what);
}

function expectSame(found: Uint8Array, right: Uint8Array, what: string): void {
  if (!constantTimeEqual(found, right)) throw wrong(what);
}

const wrong = (what: string): Error => new Error(`self-test: the provider's ${what} is wrong.`);

const entriesOf = <K extends string>(table: Readonly<Record<K, string>>): [K, string][] =>
  Object.entries(table) as [K, string][];
