/** tshark opens the ESP that we seal: every suite, both modes, both IP versions, in IP and in UDP. */
import { captureOf, encodeCaptureFile } from 'dmvpn/io/pcap';
import { expect, it } from 'vitest';
import { nodeCrypto } from '../src/io/crypto-node.js';
import { randomOctets } from '../src/ipsec/crypto.js';
import { Association } from '../src/ipsec/sa/association.js';
import { UNLIMITED } from '../src/ipsec/sa/lifetime.js';
import { SecretBytes } from '../src/ipsec/secret.js';
import {
  type CipherSuite,
  cipherSuite,
  encryptionKeyOctets,
  formatSuite,
  integrityKeyOctets,
} from '../src/ipsec/suites.js';
import {
  type IpAddress,
  LINK_TYPE,
  parseAddress,
  toHex,
  UNSPECIFIED_V4,
} from '../src/wire/index.js';
import { needs } from './require.js';
import { tsharkRows } from './tshark.js';

/** tshark 4.0's names. It has no ChaCha20-Poly1305, and no extended sequence numbers. */
const SUITES: readonly (readonly [CipherSuite, string, string])[] = [
  [cipherSuite('aes-128-gcm-16', null), 'AES-GCM with 16 octet ICV [RFC4106]', 'NULL'],
  [cipherSuite('aes-256-gcm-16', null), 'AES-GCM with 16 octet ICV [RFC4106]', 'NULL'],
  [cipherSuite('aes-192-gcm-12', null), 'AES-GCM with 12 octet ICV [RFC4106]', 'NULL'],
  [cipherSuite('aes-256-gcm-8', null), 'AES-GCM with 8 octet ICV [RFC4106]', 'NULL'],
  [cipherSuite('aes-128-cbc', 'hmac-sha1-96'), 'AES-CBC [RFC3602]', 'HMAC-SHA-1-96 [RFC2404]'],
  [
    cipherSuite('aes-192-cbc', 'hmac-sha2-256-128'),
    'AES-CBC [RFC3602]',
    'HMAC-SHA-256-128 [RFC4868]',
  ],
  [
    cipherSuite('aes-256-cbc', 'hmac-sha2-384-192'),
    'AES-CBC [RFC3602]',
    'HMAC-SHA-384-192 [RFC4868]',
  ],
  [
    cipherSuite('aes-256-cbc', 'hmac-sha2-512-256'),
    'AES-CBC [RFC3602]',
    'HMAC-SHA-512-256 [RFC4868]',
  ],
  [cipherSuite('aes-256-cbc', 'hmac-sha1-96'), 'AES-CBC [RFC3602]', 'HMAC-SHA-1-96 [RFC2404]'],
  [
    cipherSuite('aes-128-cbc', 'hmac-sha2-256-128'),
    'AES-CBC [RFC3602]',
    'HMAC-SHA-256-128 [RFC4868]',
  ],
  [
    cipherSuite('aes-256-cbc', 'hmac-sha2-256-128'),
    'AES-CBC [RFC3602]',
    'HMAC-SHA-256-128 [RFC4868]',
  ],
  [cipherSuite('3des-cbc', 'hmac-md5-96'), 'TripleDES-CBC [RFC2451]', 'HMAC-MD5-96 [RFC2403]'],
  [cipherSuite('null', 'hmac-sha1-96'), 'NULL', 'HMAC-SHA-1-96 [RFC2404]'],
];
const ENDS = [
  ['IPv4', '192.0.2.1', '192.0.2.2'],
  ['IPv6', '2001:db8::1', '2001:db8::2'],
] as const;
const crypto = nodeCrypto();

const address = (text: string): IpAddress => parseAddress(text) ?? UNSPECIFIED_V4;

/** GRE with key 42, an IPv4 header and an ICMP echo request inside. */
const GRE = Uint8Array.of(
  ...[0x20, 0, 8, 0, 0, 0, 0, 42],
  ...[0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 1, 0x66, 0xde, 10, 0, 0, 1, 10, 0, 0, 2],
  ...[8, 0, 0xf7, 0xfd, 0, 1, 0, 1],
);

interface Made {
  readonly name: string;
  readonly frame: Uint8Array;
  /** A row of tshark's table of associations. */
  readonly association: string;
}

let spi = 0x1000;

function make(
  [suite, encryption, authentication]: (typeof SUITES)[number],
  [family, from, to]: (typeof ENDS)[number],
  mode: 'transport' | 'tunnel',
  carrier: 'esp' | 'ike-natt',
): Made {
  const encryptionKey = randomOctets(crypto, encryptionKeyOctets(suite));
  const integrityKey = randomOctets(crypto, integrityKeyOctets(suite));
  const keys = {
    spi: ++spi,
    encryptionKey: new SecretBytes(encryptionKey),
    integrityKey: new SecretBytes(integrityKey),
  };
  const local = { address: address(from), port: 4_500 };
  const remote = { address: address(to), port: 4_500 };
  const association = new Association(
    remote,
    {
      ...{ suite, extendedSequence: false, inbound: keys, outbound: keys, lifetimes: UNLIMITED },
      selector: { protocol: 47, local: local.address, remote: remote.address },
      encapsulation: { mode, path: { carrier, local, remote }, behindNat: false },
    },
    { crypto, now: 0, replayWindow: 64, early: 0 },
  );
  const slab = new Uint8Array(96 + GRE.length + 288);
  slab.set(GRE, 96);
  const frame = { slab, at: 96, octets: GRE.length };
  expect(association.seal(frame)).toBe(true);
  const esp = slab.slice(frame.at, frame.at + frame.octets);
  const hex = (key: Uint8Array): string => (key.length === 0 ? '' : `0x${toHex(key)}`);
  const row = [family, '*', '*', `0x${keys.spi.toString(16)}`, encryption, hex(encryptionKey)];
  return {
    name: `${formatSuite(suite)} ${family} ${mode} ${carrier}`,
    frame: ipFrame(from, to, carrier === 'esp' ? esp : inUdp(esp), carrier === 'esp' ? 50 : 17),
    association: [...row, authentication, hex(integrityKey)].map((text) => `"${text}"`).join(','),
  };
}

/** UDP 4500 to 4500 without a checksum, as RFC 3948 §2.1 has it. */
const inUdp = (esp: Uint8Array): Uint8Array =>
  Uint8Array.of(0x11, 0x94, 0x11, 0x94, (esp.length + 8) >> 8, esp.length + 8, 0, 0, ...esp);

/** A packet for link type RAW. */
function ipFrame(from: string, to: string, payload: Uint8Array, protocol: number): Uint8Array {
  const v6 = from.includes(':');
  const octets = (a: string): number[] => {
    const { w0, w1, w2, w3 } = address(a);
    return (v6 ? [w0, w1, w2, w3] : [w0]).flatMap((w) => [w >>> 24, w >>> 16, w >>> 8, w]);
  };
  const n = payload.length + (v6 ? 0 : 20);
  const head = v6
    ? [0x60, 0, 0, 0, n >> 8, n, protocol, 64]
    : [0x45, 0, n >> 8, n, 0, 0, 0x40, 0, 64, protocol, 0, 0];
  return Uint8Array.of(...head, ...octets(from), ...octets(to), ...payload);
}

function ask(made: readonly Made[], fields: readonly string[]): string[][] {
  const frames = made.map(({ frame }) => ({
    ...{ interfaceIndex: 0, timeNs: 0n, originalOctets: frame.length, bytes: frame },
  }));
  const preferences = ['esp.enable_encryption_decode:TRUE', 'esp.enable_authentication_check:TRUE'];
  preferences.push(...made.map((m) => `uat:esp_sa:${m.association}`));
  return tsharkRows(encodeCaptureFile(captureOf(LINK_TYPE.RAW, frames)), fields, preferences);
}

needs('tshark')('tshark opens what we seal', () => {
  it('every suite that it knows, transport and tunnel, IPv4 and IPv6, in IP and in UDP', () => {
    const made = SUITES.flatMap((suite) =>
      ENDS.flatMap((ends) =>
        (['transport', 'tunnel'] as const).flatMap((mode) =>
          (['esp', 'ike-natt'] as const).map((carrier) => make(suite, ends, mode, carrier)),
        ),
      ),
    );
    const fields = ['esp.icv_good', 'gre.key', 'icmp.type', 'esp.pad_len'];
    const rows = ask(made, fields);
    const failed = made.filter((m, i) => {
      const [icv, key, icmp] = rows[i] ?? [];
      const good = icv === '1' || icv === 'True';
      return !good || Number(key) !== 42 || icmp !== '8' ? m.name : false;
    });
    expect(failed.map((m) => m.name)).toEqual([]);
    console.info(`tshark opened ${made.length} of ${made.length} ESP packets, every ICV right`);
  });
});
