/** CIEs and extensions alone: round trip, every prefix, any octets, each in a packet in which all else is right. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBytes } from '../../../test/codec-properties.js';
import { RECORDED } from '../../../test/recorded-nhrp.js';
import {
  cieList,
  cieListOctets,
  extensionListOctets,
  extensions,
  hostileCieOctets,
  hostileExtensionOctets,
  withLists,
} from '../../testing/arbitraries/index.js';
import { wordsOf } from '../../wire/checksum.js';
import { unwrap } from '../../wire/result.js';
import { ciesOctets, encodeCie } from './cie.js';
import { encodeExtension, extensionOctets } from './extension.js';
import { type CieMessage, decodeMessage, messageBytes } from './message.js';
import { NhrpView } from './view.js';

const REQUEST = unwrap(decodeMessage(RECORDED.registrationRequest)) as CieMessage;
const IPV4 = { nbmaFamily: 4, protocolFamily: 4, sourceProtocolOctets: 4 } as const;
const NONE = new Uint8Array(0);
const END = Uint8Array.of(0x80, 0, 0, 0);

const withCies = (cies: Uint8Array): Uint8Array => withLists(REQUEST, { cies, extensions: null });
const withExtensions = (octets: Uint8Array): Uint8Array =>
  withLists(REQUEST, { cies: NONE, extensions: octets });

/** What one structure after another writes into a poisoned buffer; nothing may stand beside it. */
function written<T>(
  list: readonly T[],
  octets: number,
  encode: (one: T, out: Uint8Array, at: number) => number,
): Uint8Array {
  const out = new Uint8Array(3 + octets + 5).fill(0xa5);
  const end = list.reduce((at, one) => encode(one, out, at), 3);
  expect(end).toBe(3 + octets);
  expect([...out.subarray(0, 3), ...out.subarray(end)]).toEqual(new Array(8).fill(0xa5));
  return out.slice(3, end);
}

describe('a list of CIEs', () => {
  it('comes back from a poisoned buffer', () => {
    fc.assert(
      fc.property(cieList(IPV4), (cies) => {
        const octets = written(cies, ciesOctets(cies), encodeCie);
        expect(unwrap(decodeMessage(withCies(octets)))).toEqual({
          ...REQUEST,
          cies,
          extensions: null,
        });
      }),
    );
  });

  it('is truncated in each prefix that does not end with a CIE', () => {
    fc.assert(
      fc.property(cieList(IPV4), (cies) => {
        const whole = written(cies, ciesOctets(cies), encodeCie);
        const ends = cies.map((_, i) => ciesOctets(cies.slice(0, i)));
        for (let length = 0; length < whole.length; length++) {
          const decoded = decodeMessage(withCies(whole.subarray(0, length)));
          const count = ends.indexOf(length);
          if (count >= 0) expect(decoded).toMatchObject({ value: { cies: cies.slice(0, count) } });
          else expect(decoded).toMatchObject({ error: { code: 'truncated', field: 'nhrp.cie' } });
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('a list of extensions', () => {
  it('comes back from a poisoned buffer', () => {
    fc.assert(
      fc.property(extensions(IPV4), (list) => {
        const all = (list ?? []).filter(({ type }) => type !== 0);
        const octets = all.reduce((sum, e) => sum + extensionOctets(e), 0);
        const whole = Uint8Array.from([...written(all, octets, encodeExtension), ...END]);
        expect(unwrap(decodeMessage(withExtensions(whole)))).toEqual({
          ...REQUEST,
          cies: [],
          extensions: all,
        });
      }),
    );
  });

  it('is refused in each prefix', () => {
    fc.assert(
      fc.property(extensionListOctets(IPV4), (whole) => {
        expect(decodeMessage(withExtensions(whole)).ok).toBe(true);
        for (let length = 0; length < whole.length; length++) {
          const decoded = decodeMessage(withExtensions(whole.subarray(0, length)));
          const code = decoded.ok ? 'ok' : decoded.error.code;
          if (length < 4)
            expect(code).toBe('bad-length'); // ar$extoff has to leave room for an End
          else expect(['truncated', 'missing']).toContain(code);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('any octets', () => {
  const decode = (b: Uint8Array) => {
    const slab = new Uint8Array((b.length + 3) & ~3);
    slab.set(b);
    const decoded = decodeMessage(b);
    const error = new NhrpView().parse(slab, wordsOf(slab), 0, b.length);
    expect(error).toEqual(decoded.ok ? null : decoded.error);
    return decoded;
  };

  it('in the place of CIEs are CIEs, or refused for every reason there is', () => {
    anyBytes(decode, {
      from: fc.oneof(cieListOctets(), hostileCieOctets()).map(withCies),
      encode: messageBytes,
      reaches: ['ok', 'truncated', 'too-many'],
    });
  });

  it('in the place of extensions are extensions, or refused for every reason there is', () => {
    anyBytes(decode, {
      from: fc.oneof(extensionListOctets(), hostileExtensionOctets()).map(withExtensions),
      encode: messageBytes,
      reaches: ['ok', 'truncated', 'bad-length', 'too-many', 'duplicate', 'missing'],
      numRuns: 1_000,
    });
  });

  it('are counted by the code of their error: each list reaches what it can, and nothing else', () => {
    const counted = (arbitrary: fc.Arbitrary<Uint8Array>): Record<string, number> => {
      const counts: Record<string, number> = {};
      for (const b of fc.sample(arbitrary, { numRuns: 1_000, seed: 2332 })) {
        const decoded = decodeMessage(b);
        const outcome = decoded.ok ? 'ok' : decoded.error.code;
        counts[outcome] = (counts[outcome] ?? 0) + 1;
      }
      return counts;
    };
    const cies = counted(hostileCieOctets().map(withCies));
    const all = counted(hostileExtensionOctets().map(withExtensions));
    expect(Object.keys(cies).sort()).toEqual(['ok', 'too-many', 'truncated']);
    const codes = ['bad-length', 'duplicate', 'missing', 'ok', 'too-many', 'truncated'];
    expect(Object.keys(all).sort()).toEqual(codes);
    expect(Math.min(...Object.values(cies), ...Object.values(all))).toBeGreaterThan(10);
  });
});
