/**
 * ESP: a packet sealed and opened by us, beside the shortest code on node:crypto that makes and takes the same
 * octets: KeyObjects, new objects for each packet, IVs from a counter or a pool, no replay window, no checks but the ICV.
 * Both copy the packet into the slab first, since opening happens in place.
 */
import {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  randomFillSync,
  timingSafeEqual,
} from 'node:crypto';
import { nodeCrypto } from 'dmvpn/io/crypto-node';
import {
  type CipherSuite,
  cipherSuite,
  EspInbound,
  EspOutbound,
  encryptionKeyOctets,
  formatSuite,
  icvOctets,
  integrityKeyOctets,
  openedSlot,
  SecretBytes,
} from 'dmvpn/ipsec';
import type { Row } from './harness.js';

const SIZES = [64, 576, 1_400];
const PACKETS = 512; // sealed beforehand, and opened again and again by associations of their own
const AT = 96;
const GRE = 47;
const SPI = 0x1234_5678;
const HEADER_OCTETS = 8;
const ASSOCIATION = 'src/ipsec/sa/association.ts';

const SUITES = [
  cipherSuite('aes-128-gcm-16', null),
  cipherSuite('aes-256-gcm-16', null),
  cipherSuite('chacha20-poly1305', null),
  cipherSuite('aes-256-cbc', 'hmac-sha1-96'),
  cipherSuite('aes-128-cbc', 'hmac-sha2-256-128'),
];

/** "Never more than the cipher itself": what our window, checks and framing may cost above it. */
const LIMIT = 1.05;

export const espRows = (): Row[] =>
  SUITES.flatMap((suite) =>
    SIZES.flatMap((octets) => [sealRow(suite, octets), openRow(suite, octets)]),
  );

const crypto = nodeCrypto();

const keysOf = (suite: CipherSuite) => ({
  spi: SPI,
  encryptionKey: new SecretBytes(new Uint8Array(encryptionKeyOctets(suite)).fill(1)),
  integrityKey: new SecretBytes(new Uint8Array(integrityKeyOctets(suite)).fill(2)),
});

function sealRow(suite: CipherSuite, octets: number): Row {
  const payload = new Uint8Array(octets);
  const out = new EspOutbound(crypto, suite, keysOf(suite));
  const slab = new Uint8Array(AT + octets + 288);
  const raw = rawSealer(suite);
  const rawSlab = Buffer.alloc(AT + octets + 288);
  return {
    name: `ESP seal ${formatSuite(suite)} ${octets}`,
    octets,
    limit: LIMIT,
    mutate: (round) => payload.fill(round),
    calls: [['outbound.seal(', ASSOCIATION]],
    ours: (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        slab.set(payload, AT);
        sum += (slab[AT] as number) + out.seal(slab, AT, octets, GRE);
      }
      return sum;
    },
    reference: {
      name: 'node:crypto',
      agrees: true, // on payloads and sizes; the octets are held against other implementations in the tests
      run: (times) => {
        let sum = 0;
        for (let i = 0; i < times; i++) {
          rawSlab.set(payload, AT);
          sum += (rawSlab[AT] as number) + raw(rawSlab, octets);
        }
        return sum;
      },
    },
  };
}

function openRow(suite: CipherSuite, octets: number): Row {
  const keys = keysOf(suite);
  const packets: Uint8Array[] = [];
  const slab = new Uint8Array(AT + octets + 288);
  const rawSlab = Buffer.alloc(AT + octets + 288);
  const slot = openedSlot();
  const raw = rawOpener(suite);
  return {
    name: `ESP open ${formatSuite(suite)} ${octets}`,
    octets,
    limit: LIMIT,
    mutate: (round) => {
      const out = new EspOutbound(crypto, suite, keys);
      packets.length = 0;
      for (let i = 0; i < PACKETS; i++) {
        slab.fill(round + i, AT, AT + octets);
        const length = out.seal(slab, AT, octets, GRE);
        packets.push(slab.slice(AT - out.headerOctets, AT - out.headerOctets + length));
      }
    },
    calls: [['inbound.open(', ASSOCIATION]],
    ours: (times) => {
      let sum = 0;
      let inbound = new EspInbound(crypto, suite, keys);
      for (let i = 0; i < times; i++) {
        if (i % PACKETS === 0 && i > 0) inbound = new EspInbound(crypto, suite, keys);
        const packet = packets[i % PACKETS] as Uint8Array;
        slab.set(packet, AT);
        if (inbound.open(slab, AT, packet.length, slot) !== null) throw new Error('refused');
        sum += slot.octets + (slab[slot.at] as number);
      }
      return sum;
    },
    reference: {
      name: 'node:crypto',
      agrees: true,
      run: (times) => {
        let sum = 0;
        for (let i = 0; i < times; i++) {
          const packet = packets[i % PACKETS] as Uint8Array;
          rawSlab.set(packet, AT);
          sum += raw(rawSlab, packet.length);
        }
        return sum;
      },
    },
  };
}

/** Makes a packet around the payload at AT, and returns its size. */
type Sealer = (slab: Buffer, octets: number) => number;
/** Opens the packet at AT, and returns the payload's size and first octet, added up. */
type Opener = (slab: Buffer, octets: number) => number;

const cipherKey = (suite: CipherSuite) =>
  createSecretKey(new Uint8Array(suite.encryption.keyOctets).fill(1));
const macKey = (suite: CipherSuite) =>
  createSecretKey(new Uint8Array(integrityKeyOctets(suite)).fill(2));

function trailer(slab: Buffer, at: number, octets: number, align: number): number {
  const padding = (align - ((octets + 2) % align)) % align;
  for (let i = 1; i <= padding; i++) slab[at + octets + i - 1] = i;
  slab[at + octets + padding] = padding;
  slab[at + octets + padding + 1] = GRE;
  return at + octets + padding + 2;
}

function rawSealer(suite: CipherSuite): Sealer {
  return suite.integrity === null ? rawAeadSealer(suite) : rawCbcSealer(suite);
}

function rawAeadSealer(suite: CipherSuite): Sealer {
  const algorithm = suite.encryption.cipher as CipherGCMTypes;
  const key = cipherKey(suite);
  const options = { authTagLength: icvOctets(suite) };
  const nonce = Buffer.alloc(12, 1);
  let sequence = 0;
  return (slab, octets) => {
    const start = AT - HEADER_OCTETS - 8;
    slab.writeUInt32BE(SPI, start);
    slab.writeUInt32BE(++sequence, start + 4);
    slab.writeUInt32BE(0, start + 8);
    slab.writeUInt32BE(sequence, start + 12);
    const end = trailer(slab, AT, octets, 4);
    slab.copy(nonce, 4, start + 8, AT);
    const cipher = createCipheriv(algorithm, key, nonce, options);
    cipher.setAAD(slab.subarray(start, start + HEADER_OCTETS));
    cipher.update(slab.subarray(AT, end)).copy(slab, AT);
    cipher.final();
    cipher.getAuthTag().copy(slab, end);
    return end - start + options.authTagLength;
  };
}

function rawCbcSealer(suite: CipherSuite): Sealer {
  const { cipher: algorithm } = suite.encryption;
  const hash = suite.integrity?.hash ?? '';
  const key = cipherKey(suite);
  const mac = macKey(suite);
  const icv = icvOctets(suite);
  const pool = Buffer.alloc(4_096);
  let used = pool.length;
  let sequence = 0;
  return (slab, octets) => {
    const start = AT - HEADER_OCTETS - 16;
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    slab.writeUInt32BE(SPI, start);
    slab.writeUInt32BE(++sequence, start + 4);
    const iv = pool.subarray(used, used + 16);
    used += 16;
    slab.set(iv, AT - 16);
    const end = trailer(slab, AT, octets, 16);
    const cipher = createCipheriv(algorithm, key, iv).setAutoPadding(false);
    cipher.update(slab.subarray(AT, end)).copy(slab, AT);
    cipher.final();
    createHmac(hash, mac).update(slab.subarray(start, end)).digest().copy(slab, end, 0, icv);
    return end - start + icv;
  };
}

function rawOpener(suite: CipherSuite): Opener {
  return suite.integrity === null ? rawAeadOpener(suite) : rawCbcOpener(suite);
}

function rawAeadOpener(suite: CipherSuite): Opener {
  const algorithm = suite.encryption.cipher as CipherGCMTypes;
  const key = cipherKey(suite);
  const icv = icvOctets(suite);
  const options = { authTagLength: icv };
  const nonce = Buffer.alloc(12, 1);
  return (slab, octets) => {
    const textAt = AT + HEADER_OCTETS + 8;
    const icvAt = AT + octets - icv;
    slab.copy(nonce, 4, AT + HEADER_OCTETS, textAt);
    const decipher = createDecipheriv(algorithm, key, nonce, options);
    decipher.setAAD(slab.subarray(AT, AT + HEADER_OCTETS));
    decipher.setAuthTag(slab.subarray(icvAt, icvAt + icv));
    decipher.update(slab.subarray(textAt, icvAt)).copy(slab, textAt);
    decipher.final(); // throws when the ICV is wrong
    return payloadSum(slab, textAt, icvAt);
  };
}

function rawCbcOpener(suite: CipherSuite): Opener {
  const { cipher: algorithm } = suite.encryption;
  const hash = suite.integrity?.hash ?? '';
  const key = cipherKey(suite);
  const mac = macKey(suite);
  const icv = icvOctets(suite);
  return (slab, octets) => {
    const textAt = AT + HEADER_OCTETS + 16;
    const icvAt = AT + octets - icv;
    const expected = createHmac(hash, mac).update(slab.subarray(AT, icvAt)).digest();
    if (!timingSafeEqual(expected.subarray(0, icv), slab.subarray(icvAt, icvAt + icv)))
      throw new Error('refused');
    const iv = slab.subarray(AT + HEADER_OCTETS, textAt);
    const decipher = createDecipheriv(algorithm, key, iv).setAutoPadding(false);
    decipher.update(slab.subarray(textAt, icvAt)).copy(slab, textAt);
    decipher.final();
    return payloadSum(slab, textAt, icvAt);
  };
}

const payloadSum = (slab: Buffer, textAt: number, end: number): number =>
  end - textAt - 2 - (slab[end - 2] as number) + (slab[textAt] as number);
