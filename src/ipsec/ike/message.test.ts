import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ikeMessage } from '../../../test/ike/arbitraries.js';
import { fromHex, toHex } from '../../wire/bytes.js';
import { type Result, unwrap } from '../../wire/result.js';
import {
  decodeIkeMessage,
  encodeIkeMessage,
  type IkeMessage,
  ikeMessageOctets,
} from './message.js';

/** An IKE_SA_INIT request of strongSwan 5.9.8, from test/vectors/captures/strongswan-lab/ikev2-invalid-ke-retry.pcap. */
const INIT = fromHex(`
  2178708b60df8351 0000000000000000 21 20 22 08 00000000 000000f8
  22000038 00000034 01010005
    0300000c 0100000c 800e0100 03000008 0300000c 03000008 02000005 03000008 0400001f 00000008 0400000e
  28000028 001f0000 6a5a2cddbe3f72e06f7be76ec6b94c394cdfbe681468291915d6c816d235ba52
  29000024 78f14e2b90d0a4e8703834f561ddf1db0d55e7fab170b7ee710ae8b7a42e2f35
  2900001c 00004004 afab4966af56250542b491b94de2e29edb34f44e
  2900001c 00004005 6ba911f23a9d3973cea3a68067734938eea540ef
  29000008 0000402e 29000010 0000402f 0002000300040005 00000008 00004016`);

const encode = (m: IkeMessage): Uint8Array => {
  const out = new Uint8Array(ikeMessageOctets(m) + 2).fill(0xa5);
  expect(encodeIkeMessage(m, out, 1)).toBe(out.length - 1);
  expect([out[0], out.at(-1)]).toEqual([0xa5, 0xa5]);
  return out.slice(1, -1);
};

/** The message with some octets changed, by offset. */
const changed = (
  octets: Readonly<Record<number, number>>,
  bytes: Uint8Array = INIT,
): Uint8Array => {
  const copy = bytes.slice();
  for (const [at, octet] of Object.entries(octets)) copy[Number(at)] = octet;
  return copy;
};

const errorOf = (result: Result<unknown>): string =>
  result.ok ? 'none' : `${result.error.code} ${result.error.field} ${result.error.offset}`;

/** A message whose only payload has this type and body. */
const only = (type: number, body: string): Uint8Array => {
  const content = fromHex(body);
  const octets = 32 + content.length;
  const out = new Uint8Array(octets);
  out.set([type, 0x20, 34, 8], 16);
  out.set([octets >>> 8, octets & 0xff], 26);
  out.set([0, 0, (octets - 28) >>> 8, (octets - 28) & 0xff], 28);
  out.set(content, 32);
  return out;
};

describe('an IKEv2 message', () => {
  it('of strongSwan is read', () => {
    const { header, payloads } = unwrap(decodeIkeMessage(INIT));
    expect(header).toMatchObject({
      initiatorSpi: 0x2178708b60df8351n,
      exchangeType: 34,
      octets: 248,
    });
    expect(payloads.map((p) => p.kind)).toEqual(['sa', 'ke', 'nonce', ...Array(5).fill('notify')]);
    expect(payloads[0]).toMatchObject({
      proposals: [
        {
          number: 1,
          protocol: 1,
          transforms: [
            { type: 1, id: 12, attributes: [{ type: 14, value: 256 }] },
            { type: 3, id: 12 },
            { type: 2, id: 5 },
            { type: 4, id: 31 },
            { type: 4, id: 14 },
          ],
        },
      ],
    });
    expect(toHex(encode({ header, payloads }))).toBe(toHex(INIT));
  });

  it('comes back as it went, whatever it holds', () => {
    fc.assert(
      fc.property(ikeMessage, (message) => {
        const bytes = encode(message);
        const decoded = unwrap(decodeIkeMessage(bytes));
        expect(decoded).toEqual(message);
        expect(toHex(encode(decoded))).toBe(toHex(bytes));
      }),
      { numRuns: 300 },
    );
  });

  it('is refused as truncated when its end is missing', () => {
    for (let octets = 0; octets < INIT.length; octets++)
      expect(errorOf(decodeIkeMessage(INIT.subarray(0, octets)))).toMatch(/^truncated ike\./);
  });

  it('is refused with a place inside when lengths contradict each other', () => {
    fc.assert(
      fc.property(ikeMessage, fc.nat(), fc.integer({ min: 1, max: 255 }), (message, at, flip) => {
        const bytes = encode(message);
        const i = at % bytes.length;
        bytes[i] = (bytes[i] ?? 0) ^ flip;
        const result = decodeIkeMessage(bytes);
        if (!result.ok) expect(result.error.offset).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 500 },
    );
  });

  it('is never thrown about, whatever the octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (tail) => {
        const bytes = new Uint8Array(28 + tail.length);
        bytes.set(tail, 28);
        bytes.set([tail[0] ?? 0, 0x20, 34, 8], 16);
        bytes.set([bytes.length >>> 8, bytes.length & 0xff], 26);
        decodeIkeMessage(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('of 64 KiB is read in bounded time', () => {
    const out = new Uint8Array(65_507);
    out.set([41, 0x20, 34, 8], 16);
    out.set([0, 0, out.length >>> 8, out.length & 0xff], 24);
    for (let at = 28; at + 8 <= out.length; at += 8) out.set([41, 0, 0, 8], at);
    const before = performance.now();
    expect(errorOf(decodeIkeMessage(out))).toBe('too-many ike.payload 540');
    expect(performance.now() - before).toBeLessThan(50);
  });

  const WRONG: readonly [string, Uint8Array][] = [
    ['bad-length ike.length 24', Uint8Array.of(...INIT, 0)],
    ['truncated ike.length 24', changed({ 26: 1 })],
    ['bad-version ike.version 17', changed({ 17: 0x10 })],
    ['bad-length ike.payload.length 30', changed({ 31: 3 })],
    ['truncated ike.payload 28', changed({ 30: 1 })],
    ['bad-length ike.payload 240', changed({ 224: 0 })],
    ['bad-value ike.sa.proposal.last 32', changed({ 32: 1 })],
    ['bad-length ike.sa.proposal.length 34', changed({ 35: 7 })],
    ['truncated ike.sa.proposal.length 34', changed({ 35: 0xff })],
    ['bad-length ike.sa.proposal.spi 38', changed({ 38: 0xff })],
    ['too-many ike.sa.transform 40', changed({ 39: 65 })],
    ['bad-length ike.sa.transform 76', changed({ 39: 4, 68: 0 })],
    ['bad-value ike.sa.transform.last 40', changed({ 40: 0 })],
    ['truncated ike.sa.attribute 48', changed({ 43: 10, 40: 3 })],
    ['truncated ike.sa.attribute 50', changed({ 48: 0, 51: 9 })],
    ['truncated ike.ke.group 32', only(34, '00')],
    ['truncated ike.id 32', only(35, '010000')],
    ['truncated ike.auth 32', only(39, '02')],
    ['bad-length ike.nonce 32', only(40, '00'.repeat(15))],
    ['bad-length ike.nonce 32', only(40, '00'.repeat(257))],
    ['truncated ike.notify 32', only(41, '000040')],
    ['bad-length ike.notify.spi 33', only(41, '03054009 01020304')],
    ['truncated ike.delete 32', only(42, '03')],
    ['bad-value ike.delete.count 34', only(42, '0100ffff')],
    ['bad-length ike.delete.spis 36', only(42, '03040002 01020304')],
    ['too-many ike.delete.count 34', only(42, `03040101${'00'.repeat(4 * 257)}`)],
    ['truncated ike.ts 32', only(44, '01')],
    ['too-many ike.ts.count 32', only(44, '41000000')],
    ['truncated ike.ts.selector 36', only(44, '01000000 07')],
    ['bad-length ike.ts.length 38', only(44, '01000000 072f0003')],
    ['bad-length ike.ts.length 38', only(44, '01000000 072f000c 0000ffff c0000201')],
    ['bad-length ike.ts.count 32', only(44, '00000000 072f0004')],
    ['truncated ike.skf 32', only(53, '000100')],
    ['bad-value ike.skf.number 32', only(53, '00000001')],
    ['bad-value ike.skf.total 34', only(53, '00020001')],
  ];
  it.each(WRONG)('is refused: %s', (error, bytes) => {
    expect(errorOf(decodeIkeMessage(bytes))).toBe(error);
  });

  it('has at most 16 proposals, and 8 attributes in a transform', () => {
    const proposals = '02000008 01010000'.repeat(17);
    expect(errorOf(decodeIkeMessage(only(33, proposals)))).toBe('too-many ike.sa.proposal 160');
    const attributes = '800e0080'.repeat(9);
    const transform = `00000034 01010001 0000002c 0100000c ${attributes}`;
    expect(errorOf(decodeIkeMessage(only(33, transform)))).toBe('too-many ike.sa.attribute 80');
  });
});
