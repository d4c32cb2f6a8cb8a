import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RECORDED } from '../../../test/recorded-nhrp.js';
import {
  hostileNhrpOctets,
  nhrpOctets,
  withRightChecksum,
} from '../../testing/arbitraries/index.js';
import { readU16, readU32, writeU16 } from '../../wire/bytes.js';
import { checksumSum, wordsOf } from '../../wire/checksum.js';
import { FAULTS } from './checks.js';
import { decodeMessage, type NhrpMessage } from './message.js';
import { NhrpView } from './view.js';

const REQUEST = RECORDED.registrationRequest;

/** The recorded request with some octets changed and the checksum put right again. */
const changed = (at: number, ...octets: readonly number[]): Uint8Array => {
  const b = REQUEST.slice();
  b.set(octets, at);
  return withRightChecksum(b, true);
};

/** The extensions of the recorded request begin at 52: 4, 5, 3 empty, 9 at 64 with a CIE, 7 at 88, End at 103. */
const withExtensions = (...octets: readonly number[]): Uint8Array =>
  withRightChecksum(Uint8Array.from([...REQUEST.subarray(0, 52), ...octets]));

const END = [0x80, 0, 0, 0];
const WRONG_CHECKSUM = REQUEST.map((octet, i) => (i === 13 ? octet ^ 1 : octet));

describe('one wrong field at a time', () => {
  it.each<[string, Uint8Array, object]>([
    [
      '19 octets',
      REQUEST.slice(0, 19),
      { code: 'truncated', field: 'nhrp.header', offset: 0, expected: 28, actual: 19 },
    ],
    [
      'version 2',
      changed(16, 2),
      { code: 'bad-version', field: 'nhrp.version', offset: 16, expected: 1, actual: 2 },
    ],
    [
      'a size inside the header',
      changed(10, 0, 27),
      { code: 'bad-length', field: 'nhrp.packetSize', offset: 10, expected: 28, actual: 27 },
    ],
    [
      'a size past the buffer',
      changed(10, 0, 108),
      { code: 'truncated', field: 'nhrp.packetSize', offset: 10, expected: 108, actual: 107 },
    ],
    [
      'a wrong checksum',
      WRONG_CHECKSUM,
      {
        code: 'bad-checksum',
        field: 'nhrp.checksum',
        offset: 12,
        expected: 0xf6ff,
        actual: 0xf6fe,
      },
    ],
    [
      'type 0',
      changed(17, 0),
      { code: 'bad-value', field: 'nhrp.type', offset: 17, expected: 1, actual: 0 },
    ],
    [
      'type 9',
      changed(17, 9),
      { code: 'unsupported', field: 'nhrp.type', offset: 17, expected: 8, actual: 9 },
    ],
    [
      'addresses past the end',
      changed(20, 255),
      { code: 'truncated', field: 'nhrp.addresses', offset: 28, expected: 291, actual: 107 },
    ],
    [
      'extensions inside the addresses',
      changed(14, 0, 39),
      { code: 'bad-length', field: 'nhrp.extensionOffset', offset: 14, expected: 40, actual: 39 },
    ],
    [
      'extensions inside the fixed header',
      changed(14, 0, 1),
      { code: 'bad-length', field: 'nhrp.extensionOffset', offset: 14, expected: 40, actual: 1 },
    ],
    [
      'extensions at the very end',
      changed(14, 0, 107),
      { code: 'bad-length', field: 'nhrp.extensionOffset', offset: 14, expected: 103, actual: 107 },
    ],
    [
      'half a CIE',
      changed(14, 0, 50),
      { code: 'truncated', field: 'nhrp.cie', offset: 40, expected: 12, actual: 10 },
    ],
    [
      'a CIE address past the body',
      changed(48, 63),
      { code: 'truncated', field: 'nhrp.cie', offset: 40, expected: 75, actual: 12 },
    ],
    [
      'an E.164 address past the body',
      changed(48, 0x41),
      { code: 'truncated', field: 'nhrp.cie', offset: 40, expected: 13, actual: 12 },
    ],
    [
      'half a CIE in an extension',
      withExtensions(0x80, 3, 0, 5, 0, 0, 0, 0, 0, ...END),
      { code: 'truncated', field: 'nhrp.extension.cie', offset: 56, expected: 12, actual: 5 },
    ],
    [
      'an address past the extension',
      changed(76, 5),
      { code: 'truncated', field: 'nhrp.extension.cie', offset: 68, expected: 21, actual: 20 },
    ],
    [
      'an extension past the end',
      changed(54, 1, 0),
      { code: 'truncated', field: 'nhrp.extension', offset: 52, expected: 260, actual: 55 },
    ],
    [
      'half an extension header',
      withExtensions(...END.slice(0, 2), 0, 0, 0, 0).slice(0, 55),
      { code: 'truncated', field: 'nhrp.packetSize', offset: 10, expected: 58, actual: 55 },
    ],
    [
      'three octets instead of End',
      withExtensions(0x80, 4, 0, 0, 0x80, 0, 0),
      { code: 'truncated', field: 'nhrp.extension', offset: 56, expected: 4, actual: 3 },
    ],
    [
      'no End',
      withExtensions(0x80, 4, 0, 0),
      { code: 'missing', field: 'nhrp.extension.end', offset: 56, expected: 4, actual: 0 },
    ],
    [
      'an End with a value',
      withExtensions(0x80, 0, 0, 1, 7),
      { code: 'bad-length', field: 'nhrp.extension.end', offset: 54, expected: 0, actual: 1 },
    ],
    [
      'octets after End',
      withExtensions(...END, 0x80, 4, 0, 0),
      { code: 'bad-length', field: 'nhrp.extension.end', offset: 52, expected: 4, actual: 8 },
    ],
    [
      'an extension twice',
      withExtensions(0x80, 4, 0, 0, 0x80, 5, 0, 0, 0, 4, 0, 0, ...END),
      { code: 'duplicate', field: 'nhrp.extension', offset: 60, expected: 1, actual: 2 },
    ],
    [
      'a high type twice',
      withExtensions(0x38, 1, 0, 0, 0x80, 5, 0, 0, 0x38, 1, 0, 0, ...END),
      { code: 'duplicate', field: 'nhrp.extension', offset: 60, expected: 1, actual: 2 },
    ],
    [
      'an authentication without SPI',
      withExtensions(0x80, 7, 0, 3, 0, 0, 0, ...END),
      {
        code: 'truncated',
        field: 'nhrp.extension.authentication',
        offset: 56,
        expected: 4,
        actual: 3,
      },
    ],
    [
      'an RFC authentication without source',
      withExtensions(0x80, 7, 0, 6, 0, 0, 0, 2, 10, 0, ...END),
      {
        code: 'truncated',
        field: 'nhrp.extension.authentication',
        offset: 56,
        expected: 8,
        actual: 6,
      },
    ],
    [
      'a vendor without OUI',
      withExtensions(0, 8, 0, 2, 0, 0, ...END),
      { code: 'truncated', field: 'nhrp.extension.vendor', offset: 56, expected: 3, actual: 2 },
    ],
  ])('%s is refused, and it is said where', (_, octets, error) => {
    expect(decodeMessage(octets)).toEqual({ ok: false, error });
  });

  it('takes the vendor extension any number of times', () => {
    const vendor = [0, 8, 0, 4, 0, 0, 12, 7];
    expect(decodeMessage(withExtensions(...vendor, ...vendor, ...END))).toMatchObject({
      value: { extensions: [{ oui: 12 }, { oui: 12 }] },
    });
  });

  it('tells Cisco from RFC authentication by SPI and length, and NAT from capabilities by length', () => {
    const mac = Array.from({ length: 16 }, () => 9);
    const octets = withExtensions(
      ...[0x80, 7, 0, 24, 0, 0, 0, 1, 10, 0, 0, 1, ...mac],
      ...[0, 9, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0],
      ...END,
    );
    expect(decodeMessage(octets)).toMatchObject({
      value: {
        extensions: [
          { spi: 1, source: Uint8Array.of(10, 0, 0, 1), data: Uint8Array.from(mac) },
          { kind: 'capabilities', sourceCapabilities: 1, destinationCapabilities: 0 },
        ],
      },
    });
  });
});

describe('the checksum', () => {
  const odd = RECORDED.trafficIndication;

  /** As OpenNHRP and older FRR do it on little-endian machines: the last octet is the low half of its word. */
  const oldSum = (b: Uint8Array): Uint8Array => {
    const out = b.slice();
    out[out.length - 1] = 0x5a; // an End would end in 0, where both ways agree
    writeU16(out, 12, 0);
    let sum = checksumSum(out, 0, out.length - 1) + 0x5a;
    sum = (sum & 0xffff) + (sum >>> 16);
    writeU16(out, 12, ~sum & 0xffff);
    return out;
  };

  it('is verified over an odd number of octets, whatever follows them', () => {
    expect(decodeMessage(odd).ok).toBe(true);
    expect(decodeMessage(Uint8Array.from([...odd, 0xff, 0xff])).ok).toBe(true);
  });

  it('takes the old way of odd packets only when asked to', () => {
    const quoted = withRightChecksum(odd.slice(0, 127)); // without its extensions
    writeU16(quoted, 14, 0);
    const octets = oldSum(quoted);
    expect(decodeMessage(octets)).toMatchObject({ error: { code: 'bad-checksum', offset: 12 } });
    expect(decodeMessage(octets, { lenientOddChecksum: true }).ok).toBe(true);
    octets[40] = 1 ^ (octets[40] ?? 0);
    expect(decodeMessage(octets, { lenientOddChecksum: true }).ok).toBe(false);
    expect(decodeMessage(octets, { verifyChecksum: false }).ok).toBe(true);
  });

  it('finds every single bit that is wrong', () => {
    for (let bit = 0; bit < 8 * REQUEST.length; bit++) {
      const b = REQUEST.slice();
      b[bit >> 3] = (b[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeMessage(b).ok).toBe(false);
    }
  });
});

describe('the view', () => {
  it('reads in a slab what the decoder makes objects of, at any offset, with and without words', () => {
    fc.assert(
      fc.property(nhrpOctets(), fc.nat(7), fc.boolean(), (octets, at, fast) => {
        const slab = new Uint8Array((at + octets.length + 11) & ~3).fill(0xa5);
        slab.set(octets, at);
        const view = new NhrpView();
        expect(view.parse(slab, fast ? wordsOf(slab) : null, at, octets.length)).toBeNull();
        const decoded = decodeMessage(octets);
        if (!decoded.ok) throw new Error('the view took it');
        expect(naive(octets, decoded.value)).toEqual(seen(view));
      }),
      { numRuns: 200 },
    );
  });

  it('knows where each extension begins, of several the first', () => {
    const octets = withExtensions(
      ...[0x80, 4, 0, 0],
      ...[0, 8, 0, 3, 0, 0, 12, 0, 8, 0, 3, 0, 0, 9],
      ...[0x80, 7, 0, 5, 0, 0, 0, 1, 65],
      ...[0, 9, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0],
      ...[0x38, 1, 0, 0, ...END],
    );
    const view = new NhrpView();
    expect(view.parse(octets, null, 0, octets.length)).toBeNull();
    const places = [4, 8, 7, 9, 0x3801, 3].map((type) => view.extensionAt(type));
    expect(places).toEqual([52, 56, 70, 79, 91, -1]);
    view.parse(RECORDED.trafficIndication, null, 0, RECORDED.trafficIndication.length);
    expect(view.extensionAt(9)).toBe(-1);
  });

  it('refuses a place that offsets cannot name, by name', () => {
    const parse = (at: number) => () => new NhrpView().parse(REQUEST, null, at, REQUEST.length);
    expect(parse(0x4000_0000)).toThrow(new RangeError('at: 0..1073676288 expected'));
  });

  it('says the same of hostile octets in a slab and alone', () => {
    fc.assert(
      fc.property(hostileNhrpOctets(), fc.nat(7), (octets, at) => {
        const slab = new Uint8Array((at + octets.length + 3) & ~3).fill(0xa5);
        slab.set(octets, at);
        const error = new NhrpView().parse(slab, wordsOf(slab), at, octets.length);
        const decoded = decodeMessage(octets);
        expect(error).toEqual(decoded.ok ? null : decoded.error);
      }),
      { numRuns: 250 },
    );
  });

  it('reaches every fault that there is, by hostile octets alone', () => {
    const counts: Record<string, number> = {};
    for (const octets of fc.sample(hostileNhrpOctets(), { numRuns: 1_500, seed: 2332 })) {
      const decoded = decodeMessage(octets);
      const outcome = decoded.ok ? 'ok' : `${decoded.error.code} ${decoded.error.field}`;
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
    const faults = FAULTS.map(([code, field]) => `${code} ${field}`);
    expect(Object.keys(counts).sort()).toEqual([...faults, 'ok'].sort());
  });

  it('is done with 64 KiB of the smallest parts in less than 5 ms: S13', () => {
    const octets = new Uint8Array(0xffff);
    octets.set(REQUEST.subarray(0, 52));
    for (let at = 52; at + 4 <= octets.length; at += 4) writeU16(octets, at, 0x2000 + at); // all different, all high
    const packet = withRightChecksum(octets);
    const view = new NhrpView({ maxExtensions: 64, maxCies: 64 });
    expect(view.parse(packet, null, 0, packet.length)).toMatchObject({ code: 'too-many' });
    const times = Array.from({ length: 20 }, () => {
      const begin = performance.now();
      view.parse(packet, null, 0, packet.length);
      return performance.now() - begin;
    });
    expect(Math.min(...times)).toBeLessThan(5); // the best: what else the machine does is not measured
  });
});

interface Seen {
  readonly type: number;
  readonly hopCount: number;
  readonly flags: number;
  readonly requestId: number;
  readonly sourceAt: number;
  readonly cies: number;
  readonly extensions: readonly number[];
}

/** What the view gives, walked as its user would. */
function seen(view: NhrpView): Seen {
  const extensions: number[] = [];
  for (let at = view.bodyEnd; at < view.end; at = view.nextExtension(at))
    extensions.push(view.extensionType(at), view.extensionOctets(at));
  let cies = 0;
  if (view.hasCies) for (let at = view.bodyAt; at < view.bodyEnd; at = view.nextCie(at)) cies++;
  const { type, hopCount, flags, requestId } = view;
  return {
    type,
    hopCount,
    flags,
    requestId,
    sourceAt: view.sourceProtocolAt - view.at,
    cies,
    extensions,
  };
}

/** The same by reading RFC 2332's drawings, without the view. */
function naive(b: Uint8Array, m: NhrpMessage): Seen {
  const extensions: number[] = [];
  let at = readU16(b, 14);
  while (at !== 0 && at < readU16(b, 10)) {
    extensions.push(readU16(b, at) % 0x4000, readU16(b, at + 2));
    at += 4 + readU16(b, at + 2);
  }
  return {
    type: b[17] ?? 0,
    hopCount: b[9] ?? 0,
    flags: readU16(b, 22),
    requestId: readU32(b, 24),
    sourceAt: 28 + ((b[18] ?? 0) % 64) + ((b[19] ?? 0) % 64),
    cies: 'cies' in m ? m.cies.length : 0,
    extensions,
  };
}
