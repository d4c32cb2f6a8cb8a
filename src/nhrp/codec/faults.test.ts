/** The faults that other implementations had, tried on each recorded packet. Nothing may throw, and nothing wrong may pass. */
import { describe, expect, it } from 'vitest';
import { RECORDED } from '../../../test/recorded-nhrp.js';
import { withRightChecksum } from '../../testing/arbitraries/index.js';
import { readU16, toHex, writeU16 } from '../../wire/bytes.js';
import { checksum } from '../../wire/checksum.js';
import { unwrap } from '../../wire/result.js';
import { EXTENSION_OFFSET, PACKET_SIZE } from './header.js';
import { decodeMessage, messageBytes, type NhrpMessage } from './message.js';
import { ProtocolType } from './numbers.js';

const PACKETS = Object.values(RECORDED);

/** Decodes; a value must give back what it came from. */
function roundTrip(b: Uint8Array): string {
  const decoded = decodeMessage(b);
  if (!decoded.ok) return decoded.error.code;
  expect(toHex(messageBytes(decoded.value))).toBe(toHex(b.subarray(0, readU16(b, PACKET_SIZE))));
  return 'ok';
}

describe('faults of others', () => {
  it('an extension offset anywhere in the packet, and behind it (FRR a7051a1825)', () => {
    for (const packet of PACKETS) {
      const right = readU16(packet, EXTENSION_OFFSET);
      for (let offset = 1; offset < packet.length + 20; offset++) {
        if (offset === right) continue;
        const b = packet.slice();
        writeU16(b, EXTENSION_OFFSET, offset);
        const outcome = roundTrip(withRightChecksum(b, true));
        if (offset < 28 || offset > packet.length - 4) expect(outcome).toBe('bad-length');
      }
    }
  });

  it('every octet as a length that is too small or too large (FRR 43c31ed26d, beea65fe45)', () => {
    const outcomes = new Set<string>();
    for (const packet of PACKETS)
      for (let at = 0; at < packet.length; at++)
        for (const value of [0, 1, 4, 16, 63, 0x7f, 0xff]) {
          const b = packet.slice();
          b[at] = value;
          outcomes.add(roundTrip(withRightChecksum(b, true)));
        }
    for (const code of ['ok', 'truncated', 'bad-length', 'unsupported', 'bad-value', 'missing'])
      expect(outcomes).toContain(code);
  });

  it('every address family, with each protocol: nothing is looked up by it (FRR 46c54af421)', () => {
    for (let addressFamily = 0; addressFamily <= 0xffff; addressFamily += 1)
      for (const protocolType of addressFamily < 32 ? Object.values(ProtocolType) : [0x0800]) {
        const b = RECORDED.registrationReply.slice();
        writeU16(b, 0, addressFamily);
        writeU16(b, 2, protocolType);
        const decoded = unwrap(decodeMessage(b, { verifyChecksum: false }));
        const isV4 = decoded.sourceNbmaAddress !== null && 'family' in decoded.sourceNbmaAddress;
        if (isV4 !== (addressFamily === 1)) throw new Error(`family ${addressFamily}`);
      }
  });

  it('an indication about anything from nothing to 60 octets (FRR 00542bb170)', () => {
    const indication = unwrap(decodeMessage(RECORDED.trafficIndication));
    for (let length = 0; length <= 60; length++) {
      const packet = new Uint8Array(length).fill(0x4f); // an IPv4 header longer than what is there
      const b = messageBytes({ ...indication, packet } as NhrpMessage);
      expect(decodeMessage(b)).toMatchObject({ ok: true, value: { packet } });
    }
  });

  it('each extension two and a thousand times (FRR d0c9d09aa9)', () => {
    const request = unwrap(decodeMessage(RECORDED.registrationRequest));
    for (const extension of request.extensions ?? [])
      for (const copies of [2, 1_000]) {
        const extensions = Array.from({ length: copies }, () => extension);
        const b = messageBytes({ ...request, extensions });
        expect(decodeMessage(b)).toMatchObject({ ok: false, error: { code: 'duplicate' } });
      }
  });

  it('an odd number of octets, and every number of octets: RFC 2332 §5.1 (FRR 9c083f6916)', () => {
    const indication = unwrap(decodeMessage(RECORDED.trafficIndication));
    for (let length = 0; length < 1_460; length++) {
      const packet = new Uint8Array(length).fill(0xa7);
      const b = messageBytes({ ...indication, packet, extensions: null } as NhrpMessage);
      let sum = 0; // word by word, an odd octet on the left
      for (let at = 0; at < b.length; at += 2) sum += 256 * (b[at] ?? 0) + (b[at + 1] ?? 0);
      expect(sum % 0xffff).toBe(0);
      expect(checksum(b, 0, b.length)).toBe(0);
      expect(decodeMessage(b).ok).toBe(true);
    }
  });

  it('hop count 0, 1 and 255 decode: what is done about them is the engine’s (FRR 7c87716482)', () => {
    for (const hopCount of [0, 1, 255]) {
      const message = { ...unwrap(decodeMessage(RECORDED.registrationRequest)), hopCount };
      expect(decodeMessage(messageBytes(message))).toMatchObject({ ok: true, value: { hopCount } });
    }
  });

  it('prefix lengths and holding times of any value pass unchanged (FRR af54901405, 45c8b07a35)', () => {
    const request = unwrap(decodeMessage(RECORDED.registrationRequest));
    if (!('cies' in request)) throw new Error('a request has CIEs');
    for (const prefixLength of [0, 24, 32, 33, 128, 255])
      for (const holdingTimeSeconds of [0, 1, 2, 0xffff]) {
        const cies = request.cies.map((c) => ({ ...c, prefixLength, holdingTimeSeconds }));
        expect(decodeMessage(messageBytes({ ...request, cies }))).toMatchObject({
          value: { cies },
        });
      }
  });
});
