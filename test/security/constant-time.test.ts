/** Comparisons of secrets: the time they take, and that there is one door for all of them. Reliability S8. */
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../src/io/crypto-node.js';
import { HalfOpen } from '../../src/ipsec/ike/v2/half-open.js';
import { cipherSuite } from '../../src/ipsec/suites.js';
import { ciscoAuthentication, matchesPassword } from '../../src/nhrp/codec/authentication.js';
import { parseAddress } from '../../src/wire/address.js';
import { bytesEqual } from '../../src/wire/bytes.js';
import { constantTimeEqual } from '../../src/wire/constant-time.js';
import { leaveComparisons } from '../log-scan-hooks.js';
import { inputOf, LEAK_T, leakage, quietest, type Settings, type Subject } from './timing.js';

leaveComparisons();

type Masks = [Uint8Array, Uint8Array];
const none = (octets: number): Uint8Array => new Uint8Array(octets);
const oneAt = (at: number, octets: number): Uint8Array => none(octets).fill(0xff, at, at + 1);

/** Both classes are refused, and differ in how much of the text was right. */
const MASKS: Readonly<Record<string, (octets: number) => Masks>> = {
  'the first octet or the last': (n) => [oneAt(0, n), oneAt(n - 1, n)],
  'the first octet or all': (n) => [oneAt(0, n), none(n).fill(0xff)],
};

function comparison(
  octets: number,
  masks: Masks,
  equal: (a: Uint8Array, b: Uint8Array) => boolean,
): Subject {
  const right = crypto.getRandomValues(new Uint8Array(octets));
  const given = new Uint8Array(octets);
  return { prepare: inputOf(given, right, masks), run: () => equal(right, given) };
}

describe('the door', () => {
  const full: Settings = { samples: 1_000_000, callsPerSample: 4 };

  it.each([
    [8, 'the first octet or the last'],
    [32, 'the first octet or the last'],
    [32, 'the first octet or all'],
  ])(
    'refuses %i octets in the same time, wrong in %s',
    (octets, wrong) => {
      const masks = MASKS[wrong]?.(octets) ?? expect.fail();
      const { t, ns } = quietest(comparison(octets, masks, constantTimeEqual), full);
      console.info(
        `constantTimeEqual, ${octets} octets, ${full.samples} samples, wrong in ${wrong}: |t| = ${t.toFixed(1)}, ${ns.toFixed(3)} ns`,
      );
      expect(t).toBeLessThan(LEAK_T);
    },
    180_000,
  );

  // The outcome itself, true or false, costs engines a fraction of a nanosecond, which 10^6 samples show; whoever asks
  // learns the outcome anyway. What must not be is a time that grows with what was right.
  it('takes as long for equal octets as for others, but for the outcome itself', () => {
    const few = { samples: 100_000, callsPerSample: 10 };
    for (const octets of [8, 64]) {
      const masks: Masks = [none(octets), oneAt(0, octets)];
      const { t, ns } = quietest(comparison(octets, masks, constantTimeEqual), few);
      const stops = leakage(comparison(octets, masks, bytesEqual), few);
      console.info(
        `equal or not, ${octets} octets: ${ns.toFixed(2)} ns (|t| = ${t.toFixed(1)}); bytesEqual: ${stops.ns.toFixed(1)} ns (|t| = ${stops.t.toFixed(0)})`,
      );
      expect(ns).toBeLessThan(Math.max(1, stops.ns / 5));
    }
  }, 60_000);

  it('is told from a comparison that stops at the first difference', () => {
    const masks = MASKS['the first octet or the last']?.(32) ?? expect.fail();
    const few = { samples: 20_000, callsPerSample: 4 };
    const { t } = leakage(comparison(32, masks, bytesEqual), few);
    console.info(`bytesEqual, 32 octets, ${few.samples} samples: |t| = ${t.toFixed(0)}`);
    expect(t).toBeGreaterThan(10 * LEAK_T);
  });
});

describe('who goes through it takes as long, however much was right:', () => {
  const settings: Settings = { samples: 50_000, callsPerSample: 4 };
  function expectQuiet(
    name: string,
    { place, right }: { place: Uint8Array; right: Uint8Array },
    run: () => boolean,
  ): void {
    const masks = MASKS['the first octet or the last']?.(right.length) ?? expect.fail();
    const { t } = quietest({ prepare: inputOf(place, right, masks), run }, settings);
    console.info(`${name}, ${settings.samples} samples: |t| = ${t.toFixed(1)}`);
    expect(t).toBeLessThan(LEAK_T);
    place.set(right);
    expect(run()).toBe(true); // so what was measured was about these octets
  }

  it('an NHRP password', () => {
    const right = Uint8Array.from('test1234', (c) => c.charCodeAt(0));
    const place = right.slice();
    const found = ciscoAuthentication(place);
    expectQuiet('matchesPassword', { place, right }, () => matchesPassword(found, [right]));
  }, 60_000);

  it('a cookie', () => {
    const halfOpen = new HalfOpen(nodeCrypto(), {} as never);
    const remote = { address: parseAddress('192.0.2.1') ?? expect.fail(), port: 500 };
    const stranger = { remote, initiatorSpi: 1n, nonce: new Uint8Array(32) };
    const whole = halfOpen.cookieFor(0, stranger);
    const given = whole.slice();
    const mac = { place: given.subarray(1), right: whole.subarray(1) }; // before it stands a version
    expectQuiet('isCookieRight', mac, () => halfOpen.isCookieRight(0, stranger, given));
  }, 60_000);

  it('an ICV', () => {
    const suite = cipherSuite('null', 'hmac-sha1-96');
    const cipher = nodeCrypto().openCipher(suite, none(0), none(20).fill(1));
    const packet = none(8 + 32 + 12);
    cipher.seal(packet, 0, 8, 32, null);
    const mac = { place: packet.subarray(40), right: packet.slice(40) };
    expectQuiet('PacketCipher.open', mac, () => cipher.open(packet, 0, 8, 32, null));
  }, 60_000);
});
