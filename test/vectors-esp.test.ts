/** ESP packets that others made, opened and made again by us: RFC examples, and recordings of real peers. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeCaptureFile } from '../src/io/capture/capture-file.js';
import { nodeCrypto } from '../src/io/crypto-node.js';
import type { CryptoProvider } from '../src/ipsec/crypto.js';
import { EspInbound, openedSlot } from '../src/ipsec/esp/inbound.js';
import { EspOutbound } from '../src/ipsec/esp/outbound.js';
import { classifyUdpPayload } from '../src/ipsec/esp/udp-encapsulation.js';
import type { DirectionKeys } from '../src/ipsec/key-exchange.js';
import { SecretBytes } from '../src/ipsec/secret.js';
import {
  type CipherSuite,
  cipherSuite,
  type EncryptionName,
  type IntegrityName,
  icvOctets,
} from '../src/ipsec/suites.js';
import { fromHex, readU16, readU32, toHex } from '../src/wire/bytes.js';
import { IP_PROTOCOL } from '../src/wire/ip-protocol.js';
import { decodeIpv4Header, ipv4HeaderOctets } from '../src/wire/ipv4.js';
import { formatWireError, unwrap } from '../src/wire/result.js';
import { needs } from './require.js';

const VECTORS = '../shared/vectors';
const RECORDINGS = 'test/vectors/captures';
const crypto = nodeCrypto();
const NONE = new Uint8Array(0);
const MAC_KEY = new Uint8Array(20).fill(7);
const TWO_32 = 2 ** 32;

const load = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;

const concat = (...parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

const report = (what: string, counts: Readonly<Record<string, number>>): void =>
  console.info(`vectors: ${what}: ${JSON.stringify(counts)}`);

const keysFor = (
  spi: number,
  encryption: Uint8Array,
  integrity: Uint8Array = NONE,
): DirectionKeys => ({
  spi,
  encryptionKey: new SecretBytes(encryption),
  integrityKey: new SecretBytes(integrity),
});

/** "Random" octets that are known beforehand, so that an IV is the one of the vector. */
const scripted = (octets: Uint8Array): CryptoProvider => ({
  ...crypto,
  fillRandom: (out, at, count) => out.set(octets.subarray(0, count), at),
});

/** For packets whose integrity key nobody knows: the same packet with an ICV of ours, to try the rest of ESP. */
const vouchedFor = (packet: Uint8Array): Uint8Array =>
  concat(packet, crypto.openHmac('sha1', MAC_KEY).compute(packet).subarray(0, 12));

function open(inbound: EspInbound, packet: Uint8Array) {
  const slab = Uint8Array.from(packet); // slice() of a Buffer is a view
  const slot = openedSlot();
  const error = inbound.open(slab, 0, slab.length, slot);
  expect(error === null ? '' : formatWireError(error)).toBe('');
  return {
    payload: slab.slice(slot.at, slot.at + slot.octets),
    nextHeader: slot.nextHeader,
    sequence: slot.sequence,
  };
}

function seal(out: EspOutbound, payload: Uint8Array, nextHeader: number): Uint8Array {
  const slab = concat(new Uint8Array(96), payload, new Uint8Array(288));
  const octets = out.seal(slab, 96, payload.length, nextHeader);
  return slab.slice(96 - out.headerOctets, 96 - out.headerOctets + octets);
}

needs('shared-vectors')('ESP of the RFCs', () => {
  it('RFC 3602 §4, cases 5 to 8: AES-CBC, transport and tunnel', () => {
    interface Case {
      readonly case: number;
      readonly key: string;
      readonly spi: string;
      readonly seq: number;
      readonly iv: string;
      readonly nextHeader: number;
      readonly payload: string;
      readonly packet: string;
    }
    const { cases } = load<{ cases: Case[] }>(`${VECTORS}/rfc/rfc3602-esp-aes-cbc.json`);
    const suite = cipherSuite('aes-128-cbc', 'hmac-sha1-96');
    for (const c of cases) {
      const keys = keysFor(Number.parseInt(c.spi, 16), fromHex(c.key), MAC_KEY);
      const packet = vouchedFor(fromHex(c.packet));
      const opened = open(new EspInbound(crypto, suite, keys), packet);
      expect({ ...opened, payload: toHex(opened.payload) }).toEqual({
        payload: c.payload,
        nextHeader: c.nextHeader,
        sequence: c.seq,
      });
      const out = new EspOutbound(scripted(fromHex(c.iv)), suite, keys, { sequence: c.seq - 1 });
      expect(toHex(seal(out, fromHex(c.payload), c.nextHeader))).toBe(toHex(packet));
    }
    report('RFC 3602', { opened: cases.length, sealedToTheSameOctets: cases.length });
    expect(cases).toHaveLength(4);
  });

  it('draft-mcgrew-gcm-test: AES-GCM with and without ESN', () => {
    interface Case {
      readonly n: number;
      readonly key: string;
      readonly salt: string;
      readonly iv: string;
      readonly esn: boolean;
      readonly aad: string;
      readonly padded_plaintext_with_trailer: string;
      readonly esp_packet: string;
    }
    const { vectors } = load<{ vectors: Case[] }>(`${VECTORS}/rfc/mcgrew-gcm-esp.json`);
    const counts = { total: vectors.length, ciphers: 0, withEsn: 0, opened: 0, sealed: 0 };
    for (const v of vectors) {
      const suite = cipherSuite(`aes-${(v.key.length * 4) as 128}-gcm-16`, null);
      const key = fromHex(v.key + v.salt);
      const packet = fromHex(v.esp_packet);
      const text = fromHex(v.padded_plaintext_with_trailer);
      const high = v.esn ? Number.parseInt(v.aad.slice(8, 16), 16) : null;
      const cipher = crypto.openCipher(suite, key, NONE);
      const slab = concat(packet.subarray(0, 16), text, new Uint8Array(16));
      cipher.seal(slab, 0, 16, text.length, high);
      expect(toHex(slab), `case ${v.n}`).toBe(v.esp_packet);
      expect(cipher.open(slab, 0, 16, text.length, high)).toBe(true);
      expect(toHex(slab.subarray(16, 16 + text.length))).toBe(v.padded_plaintext_with_trailer);
      counts.ciphers++;
      if (v.esn) counts.withEsn++;
      const low = readU32(packet, 4);
      const sequence = (high ?? 0) * TWO_32 + low;
      if (sequence === 0 || sequence > Number.MAX_SAFE_INTEGER) continue; // no number a sender uses, or not ours
      const options = { extendedSequence: v.esn };
      const keys = keysFor(readU32(packet, 0), key);
      const inbound = new EspInbound(crypto, suite, keys, options);
      if (sequence > 1) inbound.window.accept(sequence - 1);
      const opened = open(inbound, packet);
      expect(opened.sequence).toBe(sequence);
      counts.opened++;
      const mask = fromHex(v.iv).map((octet, i) => octet ^ octetOf(sequence, i));
      const out = new EspOutbound(scripted(mask), suite, keys, {
        ...options,
        sequence: sequence - 1,
      });
      const sealed = seal(out, opened.payload, opened.nextHeader);
      // some cases pad more than is needed, which a receiver must take and a sender need not do
      if (sealed.length === packet.length) {
        expect(toHex(sealed)).toBe(v.esp_packet);
        counts.sealed++;
      }
    }
    report('McGrew GCM', counts);
    expect(counts).toMatchObject({ total: 13, ciphers: 13 });
    expect(counts.opened).toBeGreaterThan(5);
    expect(counts.sealed).toBeGreaterThan(3);
  });

  it('RFC 7634 appendices: ChaCha20-Poly1305 in ESP and in IKEv2', () => {
    interface Case {
      readonly what: string;
      readonly key: string;
      readonly salt: string;
      readonly iv: string;
      readonly aad: string;
      readonly plaintext: string;
      readonly ciphertext: string;
      readonly icv: string;
    }
    const { vectors } = load<{ vectors: Case[] }>(`${VECTORS}/rfc/rfc7634-chacha.json`);
    const suite = cipherSuite('chacha20-poly1305', null);
    for (const v of vectors) {
      const key = fromHex(v.key + v.salt);
      const packet = fromHex(v.aad + v.iv + v.ciphertext + v.icv);
      const text = fromHex(v.plaintext);
      const textAt = (v.aad.length + v.iv.length) / 2;
      const slab = concat(packet.subarray(0, textAt), text, new Uint8Array(16));
      const cipher = crypto.openCipher(suite, key, NONE);
      cipher.seal(slab, 0, textAt, text.length, null);
      expect(toHex(slab), v.what).toBe(toHex(packet));
      expect(cipher.open(slab, 0, textAt, text.length, null)).toBe(true);
      if (v.what !== 'ESP') continue;
      const opened = open(new EspInbound(crypto, suite, keysFor(0x01020304, key)), packet);
      expect(opened).toMatchObject({ nextHeader: IP_PROTOCOL.IPIP, sequence: 5 });
      expect(unwrap(decodeIpv4Header(opened.payload)).totalOctets).toBe(opened.payload.length);
    }
    report('RFC 7634', { checked: vectors.length });
    expect(vectors).toHaveLength(2);
  });

  it.each([
    ['08-sunrise-sunset-esp2.pcap', '3des-cbc'],
    ['08-sunrise-sunset-aes.pcap', 'aes-256-cbc'],
  ] as const)("tcpdump's %s with its secrets", (file, encryption) => {
    const keys = new Map(
      [
        ...readFileSync(`${VECTORS}/tcpdump/esp-secrets.txt`, 'utf8').matchAll(
          /0x(\w+)@\S+\s+(3des|aes256)-cbc-hmac96:0x(\w+)/g,
        ),
      ].map(([, spi, , key]) => [Number.parseInt(spi as string, 16), fromHex(key as string)]),
    );
    const suite = cipherSuite(encryption, 'hmac-sha1-96');
    const associations = new Map<number, EspInbound>();
    const counts = { opened: 0, ipv4Inside: 0, unknownSpi: 0 };
    for (const packet of espPackets(`${VECTORS}/tcpdump/${file}`)) {
      const spi = readU32(packet, 0);
      const key = keys.get(spi);
      if (key === undefined) {
        counts.unknownSpi++;
        continue;
      }
      const inbound =
        associations.get(spi) ?? new EspInbound(crypto, suite, keysFor(spi, key, MAC_KEY));
      associations.set(spi, inbound);
      const opened = open(inbound, vouchedFor(packet.subarray(0, -12)));
      counts.opened++;
      if (opened.nextHeader !== IP_PROTOCOL.IPIP) continue;
      expect(unwrap(decodeIpv4Header(opened.payload)).totalOctets).toBe(opened.payload.length);
      counts.ipv4Inside++;
    }
    report(file, counts);
    expect(counts.opened).toBe(8);
    expect(counts.unknownSpi).toBe(0);
  });
});

interface RecordedKeys {
  readonly spi: string;
  readonly encryption: EncryptionName;
  readonly integrity: IntegrityName | null;
  readonly encryptionKey: string;
  readonly integrityKey: string;
}

interface Recorded {
  readonly suite: CipherSuite;
  readonly inbound: EspInbound;
  readonly keys: RecordedKeys;
}

const associationsOf = (list: readonly RecordedKeys[]): Map<number, Recorded> =>
  new Map(
    list.map((keys) => {
      const spi = Number.parseInt(keys.spi, 16);
      const suite = cipherSuite(keys.encryption, keys.integrity);
      const secrets = keysFor(spi, fromHex(keys.encryptionKey), fromHex(keys.integrityKey));
      return [spi, { suite, keys, inbound: new EspInbound(crypto, suite, secrets) }];
    }),
  );

/** With the IV of the packet, its text must become the same octets again. */
function sealsToTheSame({ suite, keys }: Recorded, packet: Uint8Array): boolean {
  const cipher = crypto.openCipher(suite, fromHex(keys.encryptionKey), fromHex(keys.integrityKey));
  const textAt = 8 + suite.encryption.ivOctets;
  const textOctets = packet.length - textAt - icvOctets(suite);
  const slab = Uint8Array.from(packet); // slice() of a Buffer is a view
  expect(cipher.open(slab, 0, textAt, textOctets, null)).toBe(true);
  slab.fill(0, textAt + textOctets);
  cipher.seal(slab, 0, textAt, textOctets, null);
  return toHex(slab) === toHex(packet);
}

describe('ESP of real peers, recorded', () => {
  const recordings = load<Record<string, RecordedKeys[]>>('test/vectors/esp-keys.json');
  const total = { recordings: 0, opened: 0, resealed: 0, gre: 0, ipv4: 0 };

  it.each(Object.entries(recordings))('%s: every packet', (file, list) => {
    const associations = associationsOf(list);
    const counts = { opened: 0, resealed: 0, gre: 0, ipv4: 0 };
    for (const packet of espPackets(`${RECORDINGS}/${file}`)) {
      const association = associations.get(readU32(packet, 0));
      if (association === undefined) throw new Error(`no key for ${toHex(packet.subarray(0, 4))}`);
      const { payload, nextHeader } = open(association.inbound, packet);
      counts.opened++;
      if (sealsToTheSame(association, packet)) counts.resealed++;
      if (nextHeader === IP_PROTOCOL.GRE) {
        expect(readU16(payload, 0) & ~0x2000).toBe(0); // a key or nothing
        expect([0x0800, 0x2001]).toContain(readU16(payload, 2));
        counts.gre++;
      } else {
        expect(nextHeader).toBe(IP_PROTOCOL.IPIP);
        expect(unwrap(decodeIpv4Header(payload)).totalOctets).toBe(payload.length);
        counts.ipv4++;
      }
    }
    report(file, counts);
    expect(counts.opened).toBeGreaterThan(0);
    expect(counts.resealed).toBe(counts.opened);
    total.recordings++;
    for (const name of ['opened', 'resealed', 'gre', 'ipv4'] as const) total[name] += counts[name];
  });

  it('in all', () => {
    report('all recordings', total);
    expect(total.recordings).toBe(Object.keys(recordings).length);
    expect(total.opened).toBe(total.gre + total.ipv4);
  });
});

/** ESP packets of a capture of Ethernet frames with IPv4, in IP or in UDP 4500, in order. */
function* espPackets(path: string): Generator<Uint8Array> {
  const capture = unwrap(decodeCaptureFile(readFileSync(path)));
  expect(capture.damage).toBeNull();
  for (const { bytes } of capture.frames) {
    const link = capture.interfaces[0]?.linkType;
    expect(link).toBe(1); // Ethernet
    if (readU16(bytes, 12) !== 0x0800) continue;
    const ip = bytes.subarray(14);
    const header = unwrap(decodeIpv4Header(ip));
    const payload = ip.subarray(ipv4HeaderOctets(header), header.totalOctets);
    if (header.protocol === IP_PROTOCOL.ESP) yield payload;
    if (header.protocol !== IP_PROTOCOL.UDP || readU16(payload, 2) !== 4_500) continue;
    const datagram = payload.subarray(8, readU16(payload, 4));
    if (classifyUdpPayload(datagram, 0, datagram.length) === 'esp') yield datagram;
  }
}

/** Octet `i` of eight of a sequence number. */
const octetOf = (sequence: number, i: number): number =>
  Math.floor(sequence / 2 ** (8 * (7 - i))) % 256;
