import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBytes, everyPrefix } from '../../../test/codec-properties.js';
import { RECORDED } from '../../../test/recorded-nhrp.js';
import {
  octets as anyOctets,
  ciscoAuthenticationExtension,
  hostileExtensionOctets,
  macAuthenticationExtension,
  nhrpMessage,
  withLists,
  withRightChecksum,
} from '../../testing/arbitraries/index.js';
import { fromHex, toHex } from '../../wire/bytes.js';
import { unwrap } from '../../wire/result.js';
import { nhrpAddressOctets } from './address.js';
import {
  ciscoAuthentication,
  type KeyedHash,
  macAuthentication,
  matchesPassword,
  signMessage,
  verifyMessage,
} from './authentication.js';
import { extensionOf, withExtension } from './edit.js';
import type { AuthenticationExtension } from './extension.js';
import { type CieMessage, decodeMessage, messageBytes, type NhrpMessage } from './message.js';
import { ExtensionType } from './numbers.js';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const request = unwrap(decodeMessage(RECORDED.registrationRequest));

const authenticationOf = (m: NhrpMessage): AuthenticationExtension => {
  const found = extensionOf(m, ExtensionType.AUTHENTICATION);
  if (found?.kind !== 'authentication') throw new Error('no authentication');
  return found;
};

describe("Cisco's form", () => {
  it('is made as FRR makes it', () => {
    expect(ciscoAuthentication(text('test123'))).toEqual(authenticationOf(request));
  });

  it('takes one to eight octets', () => {
    expect(() => ciscoAuthentication(text(''))).toThrow(RangeError);
    expect(() => ciscoAuthentication(text('123456789'))).toThrow('1..8 octets');
  });

  it('accepts any password of the list and no other', () => {
    const found = authenticationOf(request);
    expect(matchesPassword(found, [text('test123')])).toBe(true);
    expect(matchesPassword(found, [text('new'), text('test123'), text('old')])).toBe(true);
    for (const wrong of ['', 'test12', 'test124', 'test1234', 'TEST123'])
      expect(matchesPassword(found, [text(wrong)])).toBe(false);
    expect(matchesPassword(found, [])).toBe(false);
  });

  it('accepts no empty password, no other SPI, nothing in the reserved word', () => {
    const found = authenticationOf(request);
    expect(matchesPassword({ ...found, data: text('') }, [text('')])).toBe(false);
    expect(matchesPassword({ ...found, spi: 2 }, [text('test123')])).toBe(false);
    expect(matchesPassword({ ...found, reserved16: 1 }, [text('test123')])).toBe(false);
  });
});

describe('any extension', () => {
  const context = { nbmaFamily: 4, protocolFamily: 4, sourceProtocolOctets: 4 } as const;

  it("carries a password when it is Cisco's, with the octets of one that is not empty", () => {
    const any = fc.oneof(ciscoAuthenticationExtension(), macAuthenticationExtension(context));
    const passwords = fc.array(anyOctets(9), { maxLength: 4 });
    fc.assert(
      fc.property(any, passwords, fc.boolean(), (found, others, hasIt) => {
        const accepted = hasIt ? [...others, found.data] : others;
        const isCiscos = found.source === null && found.spi === 1 && found.reserved16 === 0;
        const isAmong = accepted.some((p) => p.length > 0 && toHex(p) === toHex(found.data));
        expect(matchesPassword(found, accepted)).toBe(isCiscos && isAmong);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the form of RFC 2332 §5.3.4', () => {
  const md5: KeyedHash = (key, data) => createHmac('md5', key).update(data).digest();
  const key = text('0123456789abcdef');
  const unsigned = withExtension(request, macAuthentication(256, Uint8Array.of(10, 0, 0, 1), 16));

  const signed = (): Uint8Array => {
    const octets = messageBytes(unsigned);
    signMessage(unsigned, octets, md5, key);
    return octets;
  };

  it('is the hash of the packet with the hash and the checksum zero', () => {
    const octets = signed();
    const zeroed = octets.slice().fill(0, 12, 14);
    const at = octets.length - 4 - 16; // before End
    zeroed.fill(0, at, at + 16);
    expect(toHex(octets.subarray(at, at + 16))).toBe(toHex(md5(key, zeroed)));
  });

  it('has the right checksum and is verified, also with padding of the link behind it', () => {
    for (const octets of [signed(), Uint8Array.from([...signed(), 1, 2, 3])]) {
      const message = unwrap(decodeMessage(octets));
      expect(authenticationOf(message)).toMatchObject({ spi: 256, source: fromHex('0a000001') });
      expect(verifyMessage(message, octets, md5, key)).toBe(true);
    }
  });

  it('is refused after any change, and with another key', () => {
    const octets = signed();
    const message = unwrap(decodeMessage(octets));
    expect(verifyMessage(message, octets, md5, text('0123456789abcdeg'))).toBe(false);
    for (const at of [9, 23, 27, 31, 39, 47, octets.length - 5]) {
      const changed = octets.slice();
      changed[at] = 1 ^ (changed[at] ?? 0);
      expect(verifyMessage(message, changed, md5, key), `octet ${at}`).toBe(false);
    }
  });

  it("takes neither Cisco's form nor none for a hash", () => {
    const octets = RECORDED.registrationRequest;
    expect(verifyMessage(request, octets, md5, key)).toBe(false);
    expect(() => signMessage(request, octets.slice(), md5, key)).toThrow(TypeError);
    const none = unwrap(decodeMessage(RECORDED.errorIndication));
    expect(verifyMessage(none, RECORDED.errorIndication, md5, key)).toBe(false);
  });

  it('takes no hash of another length, nor an empty one', () => {
    for (const octets of [0, 12, 20]) {
      const other = withExtension(
        request,
        macAuthentication(256, Uint8Array.of(10, 0, 0, 1), octets),
      );
      expect(() => signMessage(other, messageBytes(other), md5, key)).toThrow('16 octets');
      expect(verifyMessage(other, messageBytes(other), md5, key)).toBe(false);
    }
  });

  /** Any message, signed: what was sent, and what is read of it. */
  const signedMessage = fc.tuple(nhrpMessage(), fc.nat(0xffff)).map(([any, spi]) => {
    const source = new Uint8Array(nhrpAddressOctets(any.sourceProtocolAddress)); // as long as the header's
    const message = withExtension(any, macAuthentication(spi, source, 16));
    const octets = messageBytes(message);
    signMessage(message, octets, md5, key);
    return octets;
  });

  it('is verified in whatever message it stands, and in no message of which a bit is different', () => {
    const outcomes = { refused: 0, 'not verified': 0 };
    fc.assert(
      fc.property(signedMessage, fc.nat(), fc.nat(7), (octets, where, bit) => {
        expect(verifyMessage(unwrap(decodeMessage(octets)), octets, md5, key)).toBe(true);
        const changed = octets.slice();
        const at = where % octets.length;
        if (at === 12 || at === 13) return; // the checksum, which is put right
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        const right = withRightChecksum(changed, true);
        const decoded = decodeMessage(right);
        outcomes[decoded.ok ? 'not verified' : 'refused']++;
        if (decoded.ok) expect(verifyMessage(decoded.value, right, md5, key)).toBe(false);
      }),
      { numRuns: 300 },
    );
    expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(10);
  });

  it('is truncated in each prefix', () => {
    fc.assert(
      fc.property(signedMessage, (octets) => everyPrefix(decodeMessage, octets)),
      { numRuns: 20 },
    );
  });

  it('is found in no octets that were not signed, and nothing is thrown', () => {
    const from = hostileExtensionOctets().map((extensions) =>
      withLists(request as CieMessage, { cies: new Uint8Array(0), extensions }),
    );
    const decodeAndVerify = (octets: Uint8Array) => {
      const decoded = decodeMessage(octets);
      if (decoded.ok) expect(verifyMessage(decoded.value, octets, md5, key)).toBe(false);
      return decoded;
    };
    anyBytes(decodeAndVerify, { from, reaches: ['ok', 'truncated', 'bad-length'] });
  });
});
