import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RECORDED } from '../../../test/recorded-nhrp.js';
import { hostileNhrpOctets, nhrpMessage, nhrpOctets } from '../../testing/arbitraries/index.js';
import { IpAddress, parseAddress } from '../../wire/address.js';
import { readU16, toHex, writeU16 } from '../../wire/bytes.js';
import { wordsOf } from '../../wire/checksum.js';
import { unwrap } from '../../wire/result.js';
import type { Cie } from './cie.js';
import { CHECKSUM, PACKET_SIZE } from './header.js';
import {
  type CieMessage,
  decodeMessage,
  encodeMessage,
  messageBytes,
  messageOctets,
  type NhrpMessage,
} from './message.js';

const decode = (b: Uint8Array): NhrpMessage => unwrap(decodeMessage(b));
const address = (text: string): IpAddress => parseAddress(text) ?? new IpAddress(4, 0);

const NO_ADDRESSES = { nbmaAddress: null, nbmaSubaddress: null, protocolAddress: null } as const;
const CIE = {
  ...{ code: 0, prefixLength: 32, unused: 0, mtu: 0, holdingTimeSeconds: 300, preference: 0 },
  ...NO_ADDRESSES,
} as const;
const empty = (type: number) =>
  ({ kind: 'cies', type, compulsory: true, reserved: false, cies: [] }) as const;
const PASSWORD = {
  ...{ kind: 'authentication', type: 7, compulsory: true, reserved: false },
  ...{ reserved16: 0, spi: 1, source: null, data: new TextEncoder().encode('test123') },
} as const;

describe('what real peers sent', () => {
  it('reads a Registration Request of FRR field by field', () => {
    const hub = { nbmaAddress: address('192.168.0.2'), protocolAddress: address('10.0.0.100') };
    expect(decode(RECORDED.registrationRequest)).toEqual({
      type: 3,
      addressFamily: 1,
      protocolType: 0x0800,
      snap: null,
      hopCount: 1,
      sourceNbmaAddress: address('192.168.1.2'),
      sourceNbmaSubaddress: null,
      sourceProtocolAddress: address('10.0.0.1'),
      destinationProtocolAddress: address('10.0.0.100'),
      flags: 0x0002,
      requestId: 1,
      cies: [CIE],
      extensions: [
        empty(4),
        empty(5),
        empty(3),
        {
          ...{ kind: 'cies', type: 9, compulsory: false, reserved: false },
          cies: [{ ...CIE, ...hub, holdingTimeSeconds: 0 }],
        },
        PASSWORD,
      ],
    });
  });

  it('reads an Error Indication that quotes a packet', () => {
    const quoted = RECORDED.errorIndication.subarray(40);
    expect(decode(RECORDED.errorIndication)).toEqual({
      type: 7,
      addressFamily: 1,
      protocolType: 0x0800,
      snap: null,
      hopCount: 0,
      sourceNbmaAddress: address('192.168.1.2'),
      sourceNbmaSubaddress: null,
      sourceProtocolAddress: address('10.0.0.100'),
      destinationProtocolAddress: address('10.0.0.1'),
      unused: 2,
      errorCode: 11,
      errorOffset: 0,
      packet: quoted,
      extensions: null,
    });
  });

  it('reads a Traffic Indication of an odd number of octets', () => {
    const message = decode(RECORDED.trafficIndication);
    expect(RECORDED.trafficIndication.length % 2).toBe(1);
    expect(message).toMatchObject({ type: 8, trafficCode: 0, unused2: 0, extensions: [PASSWORD] });
    expect('packet' in message && toHex(message.packet.subarray(12, 20))).toBe('ac100101ac100201');
  });

  it('reads IPv6 over IPv4, and keeps the IPv4 address that FRR 10.3 puts among the IPv6 ones', () => {
    const message = decode(RECORDED.resolutionReplyV6) as CieMessage;
    expect(message.destinationProtocolAddress).toEqual(address('fd00:172:1::1'));
    expect(message.cies[0]).toMatchObject({
      nbmaAddress: address('192.168.1.2'),
      prefixLength: 64,
    });
    expect(message.extensions?.[2]).toMatchObject({
      cies: [{ protocolAddress: { typeLength: 4, octets: Uint8Array.of(10, 0, 0, 1) } }],
    });
  });

  it.each(Object.entries(RECORDED))('gives the octets of %s back', (_, octets) => {
    expect(toHex(messageBytes(decode(octets)))).toBe(toHex(octets));
  });
});

describe('any message', () => {
  it('comes back from a poisoned buffer, with nothing written beside it', () => {
    fc.assert(
      fc.property(nhrpMessage(), fc.nat(9), (message, at) => {
        const octets = messageOctets(message);
        const out = new Uint8Array(at + octets + 8).fill(0xa5);
        expect(encodeMessage(message, out, at)).toBe(at + octets);
        const again = new Uint8Array(out.length).fill(0xa5);
        encodeMessage(message, again, at, wordsOf(again)); // summed by words, wherever it begins
        expect(again).toEqual(out);
        expect(out.subarray(0, at).every((octet) => octet === 0xa5)).toBe(true);
        expect(out.subarray(at + octets).every((octet) => octet === 0xa5)).toBe(true);
        expect(decode(out.subarray(at))).toEqual(message); // the eight octets are padding of the link
      }),
      { numRuns: 250 },
    );
  });

  it('is truncated in each of its prefixes', () => {
    fc.assert(
      fc.property(nhrpOctets(), (octets) => {
        for (let length = 0; length < octets.length; length++)
          expect(decodeMessage(octets.subarray(0, length))).toMatchObject({
            ok: false,
            error: { code: 'truncated', actual: length },
          });
      }),
      { numRuns: 30 },
    );
  });

  it('is refused in each of its prefixes when the header says that this is all', () => {
    fc.assert(
      fc.property(nhrpOctets(), (octets) => {
        for (let length = 28; length < octets.length; length++) {
          const cut = octets.slice(0, length);
          writeU16(cut, PACKET_SIZE, length);
          const decoded = decodeMessage(cut, { verifyChecksum: false });
          // What an indication quotes has no length of its own, and a list of CIEs may end after any one.
          if (decoded.ok) expect(decoded.value.extensions).toBeNull();
          else expect(['truncated', 'bad-length', 'missing']).toContain(decoded.error.code);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('any octets', () => {
  it('decode to a value or an error, and a value gives the octets back', () => {
    fc.assert(
      fc.property(hostileNhrpOctets(), (octets) => {
        const decoded = decodeMessage(octets);
        if (!decoded.ok) return;
        const size = readU16(octets, PACKET_SIZE);
        const again = messageBytes(decoded.value);
        const came = octets.slice(0, size);
        if (readU16(came, CHECKSUM) === 0xffff) writeU16(came, CHECKSUM, 0); // ones' complement has two zeros
        expect(toHex(again)).toBe(toHex(came));
      }),
      { numRuns: 700 },
    );
  });
});

describe('limits of the caller', () => {
  const message = decode(RECORDED.registrationRequest) as CieMessage;

  it('refuses a message that ar$pktsz cannot describe', () => {
    const long = { ...message, cies: Array.from({ length: 5_500 }, () => CIE) };
    expect(() => messageBytes(long)).toThrow(RangeError);
  });

  it('refuses a buffer without room', () => {
    expect(() => encodeMessage(message, new Uint8Array(106), 0)).toThrow(RangeError);
    expect(() => encodeMessage(message, new Uint8Array(120), 14)).toThrow('107 octets');
  });

  const opaque = (octets: number) => ({ typeLength: 0x40, octets: new Uint8Array(octets) });
  const withCie = (cie: Partial<Cie>) => ({ cies: [{ ...CIE, ...cie }] });
  it.each<[string, object]>([
    ['nbmaAddress: at most 63 octets', { sourceNbmaAddress: opaque(64) }],
    ['nbmaAddress: at most 63 octets', { sourceNbmaSubaddress: opaque(300) }],
    ['protocolAddress: at most 255 octets', { sourceProtocolAddress: opaque(256) }],
    ['protocolAddress: at most 255 octets', { destinationProtocolAddress: opaque(256) }],
    ['nbmaAddress: at most 63 octets', withCie({ nbmaAddress: opaque(64) })],
    ['nbmaAddress: at most 63 octets', withCie({ nbmaSubaddress: opaque(64) })],
    ['protocolAddress: at most 255 octets', withCie({ protocolAddress: opaque(256) })],
    ['flags: 16 bits', { flags: 0x1_0002 }],
    ['flags: 16 bits', { flags: -1 }],
    ['snap: 5 octets', { snap: new Uint8Array(4) }],
    ['snap: 5 octets', { snap: new Uint8Array(6) }],
    ['type: 1 to 8 expected, not 0', { type: 0 }],
    ['type: 1 to 8 expected, not 9', { type: 9 }],
    ['type: 1 to 8 expected, not 9', { type: 9, packet: new Uint8Array(1) }],
  ])('refuses what no packet can say, %s', (error, wrong) => {
    const impossible = { ...message, ...wrong } as NhrpMessage;
    const encode = () => encodeMessage(impossible, new Uint8Array(1_000), 0);
    for (const act of [encode, () => messageBytes(impossible)]) {
      expect(act).toThrow(RangeError);
      expect(act).toThrow(new RegExp(`^${error}`));
    }
  });

  it('writes the longest addresses that there are', () => {
    const longest = {
      ...message,
      sourceNbmaAddress: { typeLength: 0x7f, octets: new Uint8Array(63).fill(1) },
      sourceProtocolAddress: { typeLength: 0xff, octets: new Uint8Array(255).fill(2) },
    };
    expect(decode(messageBytes(longest))).toMatchObject(longest);
  });

  it('takes more or fewer CIEs and extensions as the options say', () => {
    const cies = Array.from({ length: 65 }, () => CIE);
    const octets = messageBytes({ ...message, cies });
    expect(decodeMessage(octets)).toMatchObject({ ok: false, error: { code: 'too-many' } });
    expect(decodeMessage(octets, { maxCies: 65 }).ok).toBe(true);
    expect(decodeMessage(RECORDED.registrationRequest, { maxExtensions: 5 }).ok).toBe(true);
    expect(decodeMessage(RECORDED.registrationRequest, { maxExtensions: 4 })).toMatchObject({
      error: { code: 'too-many', field: 'nhrp.extension', offset: 88, expected: 4, actual: 5 },
    });
  });
});
