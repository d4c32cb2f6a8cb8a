import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../io/crypto-node.js';
import { formatWireError, type WireError } from '../../wire/result.js';
import type { DirectionKeys } from '../key-exchange.js';
import { SecretBytes } from '../secret.js';
import {
  type CipherSuite,
  cipherSuite,
  ENCRYPTION,
  type EncryptionName,
  encryptionKeyOctets,
  formatSuite,
  INTEGRITY,
  type IntegrityName,
  icvOctets,
  integrityKeyOctets,
} from '../suites.js';
import { decodeEspHeader } from './header.js';
import { EspInbound, openedSlot } from './inbound.js';
import { EspOutbound } from './outbound.js';

const crypto = nodeCrypto();
const GRE = 47;
const BEFORE = 96;
const AFTER = 288;

const suites: readonly CipherSuite[] = (Object.keys(ENCRYPTION) as EncryptionName[]).flatMap(
  (encryption) =>
    ENCRYPTION[encryption].kind === 'aead'
      ? [cipherSuite(encryption, null)]
      : (Object.keys(INTEGRITY) as IntegrityName[]).map((integrity) =>
          cipherSuite(encryption, integrity),
        ),
);
const named = suites.map((suite) => [formatSuite(suite), suite] as const);
const GCM = cipherSuite('aes-128-gcm-16', null);
const CBC = cipherSuite('aes-256-cbc', 'hmac-sha1-96');

const filled = (octets: number, value: number): SecretBytes =>
  new SecretBytes(new Uint8Array(octets).fill(value));

const keysOf = (suite: CipherSuite, spi = 0x1234_5678): DirectionKeys => ({
  spi,
  encryptionKey: filled(encryptionKeyOctets(suite), 0x11),
  integrityKey: filled(integrityKeyOctets(suite), 0x22),
});

const payloadOf = (octets: number): Uint8Array =>
  Uint8Array.from({ length: octets }, (_, i) => (i * 7) & 255);

/** Seals in a slab with the promised room, poisoned; gives the packet as octets of their own. */
function seal(out: EspOutbound, payload: Uint8Array, nextHeader = GRE): Uint8Array {
  const slab = new Uint8Array(BEFORE + payload.length + AFTER).fill(0xa5);
  slab.set(payload, BEFORE);
  const octets = out.seal(slab, BEFORE, payload.length, nextHeader);
  const start = BEFORE - out.headerOctets;
  expect(slab.subarray(0, start).every((octet) => octet === 0xa5)).toBe(true);
  expect(slab.subarray(start + octets).every((octet) => octet === 0xa5)).toBe(true);
  return slab.slice(start, start + octets);
}

function open(
  inbound: EspInbound,
  packet: Uint8Array,
): { error: WireError | null; payload: Uint8Array; nextHeader: number; sequence: number } {
  const slab = new Uint8Array(BEFORE + packet.length + AFTER).fill(0xa5);
  slab.set(packet, BEFORE);
  const slot = openedSlot();
  const error = inbound.open(slab, BEFORE, packet.length, slot);
  const payload = slab.slice(slot.at, slot.at + slot.octets);
  return { error, payload, nextHeader: slot.nextHeader, sequence: slot.sequence };
}

/** Seals a text of our own making, to reach what a right sender never does. */
function sealText(suite: CipherSuite, text: Uint8Array, sequence = 1): Uint8Array {
  const iv = suite.encryption.ivOctets;
  const packet = new Uint8Array(8 + iv + text.length + icvOctets(suite));
  const keys = keysOf(suite);
  new DataView(packet.buffer).setUint32(0, keys.spi);
  new DataView(packet.buffer).setUint32(4, sequence);
  packet.set(text, 8 + iv);
  crypto
    .openCipher(suite, keys.encryptionKey.octets, keys.integrityKey.octets)
    .seal(packet, 0, 8 + iv, text.length, null);
  return packet;
}

describe.each(named)('ESP with %s', (_, suite) => {
  it('opens what it sealed, at any length, in any order, with and without ESN', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 255 }),
        (payload, extendedSequence, nextHeader) => {
          const out = new EspOutbound(crypto, suite, keysOf(suite), { extendedSequence });
          const inbound = new EspInbound(crypto, suite, keysOf(suite), { extendedSequence });
          const first = seal(out, payload, nextHeader);
          const second = seal(out, payload, nextHeader);
          for (const [packet, sequence] of [
            [second, 2],
            [first, 1],
          ] as const)
            expect(open(inbound, packet)).toEqual({ error: null, payload, nextHeader, sequence });
          expect(first).not.toEqual(second);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('refuses a packet with any one bit flipped, and its window stays', () => {
    const packet = seal(new EspOutbound(crypto, suite, keysOf(suite)), payloadOf(9));
    const inbound = new EspInbound(crypto, suite, keysOf(suite));
    const fromSequence = 32; // the SPI finds the association; it is authenticated too, below
    for (let bit = 0; bit < packet.length * 8; bit++) {
      const bad = packet.slice();
      bad[bit >>> 3] = (bad[bit >>> 3] as number) ^ (0x80 >>> (bit & 7));
      const { error } = open(inbound, bad);
      const zeroSequence = bit === 63; // 1 becomes 0, which is no number
      expect(error?.code, `bit ${bit}`).toBe(zeroSequence ? 'replayed' : 'bad-icv');
      if (bit >= fromSequence) expect(inbound.window.top).toBe(0);
    }
    expect(open(inbound, packet).error).toBeNull();
  });

  it('refuses every prefix', () => {
    const packet = seal(new EspOutbound(crypto, suite, keysOf(suite)), payloadOf(40));
    const inbound = new EspInbound(crypto, suite, keysOf(suite));
    for (let octets = 0; octets < packet.length; octets++)
      expect(['truncated', 'bad-length', 'bad-icv']).toContain(
        open(inbound, packet.subarray(0, octets)).error?.code,
      );
    expect(inbound.window.top).toBe(0);
  });

  it('pads to its alignment and to four octets', () => {
    for (let octets = 0; octets < 40; octets++) {
      const packet = seal(new EspOutbound(crypto, suite, keysOf(suite)), payloadOf(octets));
      const text = packet.length - 8 - suite.encryption.ivOctets - icvOctets(suite);
      expect(text % suite.encryption.alignOctets).toBe(0);
      expect(text % 4).toBe(0);
      expect(text - octets - 2).toBeLessThan(suite.encryption.alignOctets);
    }
  });

  it('works on after a packet that was refused', () => {
    const out = new EspOutbound(crypto, suite, keysOf(suite));
    const inbound = new EspInbound(crypto, suite, keysOf(suite));
    for (let i = 0; i < 5; i++) {
      const packet = seal(out, payloadOf(100));
      const bad = packet.slice();
      bad[20] = (bad[20] as number) ^ 1;
      expect(open(inbound, bad).error?.code).toBe('bad-icv');
      expect(open(inbound, packet).payload).toEqual(payloadOf(100));
    }
  });
});

describe('ESP', () => {
  it('never opens a packet twice', () => {
    const packet = seal(new EspOutbound(crypto, GCM, keysOf(GCM)), payloadOf(64));
    const inbound = new EspInbound(crypto, GCM, keysOf(GCM));
    expect(open(inbound, packet).error).toBeNull();
    expect(open(inbound, packet).error).toEqual({
      code: 'replayed',
      field: 'esp.sequence',
      offset: 4,
      expected: 1,
      actual: 1,
    });
  });

  it('refuses sequence number 0 of a peer that has the key', () => {
    const text = Uint8Array.of(9, 9, 0, GRE);
    const inbound = new EspInbound(crypto, GCM, keysOf(GCM));
    expect(open(inbound, sealText(GCM, text, 0)).error?.code).toBe('replayed');
  });

  it.each([
    ['longer than the text', [1, 2, 3, GRE], 'esp.padLength', 18],
    ['not 1, 2, 3', [9, 9, 1, 3, 2, GRE], 'esp.padding', 19],
    ['longer than any text', [9, 9, 255, GRE], 'esp.padLength', 18],
  ])('refuses padding %s', (_, text, field, offset) => {
    const inbound = new EspInbound(crypto, GCM, keysOf(GCM));
    const { error } = open(inbound, sealText(GCM, Uint8Array.from(text)));
    expect(error).toMatchObject({ code: 'bad-padding', field });
    expect(error?.offset).toBe(offset);
    expect(inbound.window.top).toBe(1); // its ICV was right
  });

  it('accepts traffic flow padding behind the payload and 255 octets of padding', () => {
    const padding = Uint8Array.from({ length: 255 }, (_, i) => i + 1);
    const tfc = new Uint8Array(100).fill(0xee);
    const text = Uint8Array.of(7, 7, 7, ...tfc, ...padding, 255, GRE);
    const opened = open(new EspInbound(crypto, GCM, keysOf(GCM)), sealText(GCM, text));
    expect(opened.error).toBeNull();
    expect(opened.payload).toEqual(Uint8Array.of(7, 7, 7, ...tfc));
  });

  it('hands a dummy packet over as next header 59', () => {
    const packet = seal(new EspOutbound(crypto, GCM, keysOf(GCM)), payloadOf(30), 59);
    expect(open(new EspInbound(crypto, GCM, keysOf(GCM)), packet).nextHeader).toBe(59);
  });

  it('refuses a text that is no whole number of blocks before it looks at the ICV', () => {
    const packet = seal(new EspOutbound(crypto, CBC, keysOf(CBC)), payloadOf(40));
    const { error } = open(new EspInbound(crypto, CBC, keysOf(CBC)), packet.subarray(0, -1));
    expect(error).toMatchObject({ code: 'bad-length', field: 'esp.text', offset: 24 });
  });

  it('stops before its sequence numbers wrap, and touches nothing', () => {
    const out = new EspOutbound(crypto, GCM, keysOf(GCM), { sequence: 0xffff_fffe });
    expect(decodeEspHeader(seal(out, payloadOf(8)))).toMatchObject({
      value: { sequence: 0xffff_ffff },
    });
    expect(out.remaining).toBe(0);
    const slab = new Uint8Array(BEFORE + 8 + AFTER).fill(0xa5);
    expect(out.seal(slab, BEFORE, 8, GRE)).toBe(0);
    expect(slab.every((octet) => octet === 0xa5)).toBe(true);
  });

  it('goes on over 2^32 with extended sequence numbers, loss and reordering', () => {
    const start = 2 ** 32 - 300;
    const options = { extendedSequence: true };
    const out = new EspOutbound(crypto, CBC, keysOf(CBC), { ...options, sequence: start });
    const inbound = new EspInbound(crypto, CBC, keysOf(CBC), options);
    inbound.window.accept(start);
    const packets = Array.from({ length: 600 }, () => seal(out, payloadOf(3)));
    for (let i = 0; i + 20 < packets.length; i += 20)
      for (const j of [19, 3, 11, 0, 7]) {
        const opened = open(inbound, packets[i + j] as Uint8Array);
        expect(opened.error === null ? '' : formatWireError(opened.error)).toBe('');
        expect(opened.sequence).toBe(start + 1 + i + j);
      }
    expect(inbound.window.top).toBeGreaterThan(2 ** 32);
  });

  it('does not take a packet with a lower half from the wrong upper half', () => {
    const inbound = new EspInbound(crypto, GCM, keysOf(GCM), { extendedSequence: true });
    inbound.window.accept(2 ** 32 + 100);
    const old = new EspOutbound(crypto, GCM, keysOf(GCM), { extendedSequence: true, sequence: 99 });
    expect(open(inbound, seal(old, payloadOf(3))).error?.code).toMatch(/bad-icv|replayed/);
  });

  it('has a unique IV for every packet of an AEAD, and no two of CBC alike', () => {
    for (const suite of [GCM, CBC]) {
      const out = new EspOutbound(crypto, suite, keysOf(suite));
      const ivs = Array.from({ length: 2_000 }, () =>
        seal(out, payloadOf(1))
          .slice(8, 8 + suite.encryption.ivOctets)
          .join(),
      );
      expect(new Set(ivs).size).toBe(ivs.length);
    }
  });

  it('knows header octets that name no association', () => {
    expect(decodeEspHeader(new Uint8Array(7))).toMatchObject({ error: { code: 'truncated' } });
    expect(decodeEspHeader(Uint8Array.of(0, 0, 0, 255, 0, 0, 0, 1))).toMatchObject({
      error: { code: 'bad-value', field: 'esp.spi', actual: 255 },
    });
  });

  it('takes any octets for an error or a payload, and never throws', () => {
    const inbound = new EspInbound(crypto, CBC, keysOf(CBC));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(open(inbound, bytes).error).not.toBeNull();
      }),
    );
  });

  it('refuses to work after wipe', () => {
    const out = new EspOutbound(crypto, CBC, keysOf(CBC));
    out.wipe();
    expect(() => seal(out, payloadOf(1))).toThrow('bug:');
  });
});
