/** One test a clause: what RFC 2332 §5.1 to §5.3 says of the octets themselves, where no other test is about just that. */
import { describe, expect, it } from 'vitest';
import { RECORDED } from '../../../test/recorded-nhrp.js';
import { parseAddress } from '../../wire/address.js';
import { fromHex, readU16, toHex, writeU16 } from '../../wire/bytes.js';
import { unwrap } from '../../wire/result.js';
import { type CieMessage, decodeMessage, messageBytes, type NhrpMessage } from './message.js';
import { ErrorCode, ExtensionType, PacketType } from './numbers.js';

const decode = (b: Uint8Array): NhrpMessage => unwrap(decodeMessage(b));
const request = decode(RECORDED.registrationRequest) as CieMessage;

describe('RFC 2332 §5.1: the fixed header', () => {
  it('ar$pro.snap: five zeros are none, and others come back as they were', () => {
    expect(request.snap).toBeNull();
    const snap = fromHex('00000c0800');
    const octets = messageBytes({ ...request, protocolType: 0x0080, snap });
    expect(toHex(octets.subarray(2, 9))).toBe('008000000c0800');
    expect(decode(octets)).toMatchObject({ protocolType: 0x0080, snap });
    expect(toHex(messageBytes(request).subarray(4, 9))).toBe('0000000000');
  });

  it('a type/length octet: E.164 and the reserved bit are no part of the length', () => {
    for (const bits of [0x40, 0x80, 0xc0]) {
      const sourceNbmaAddress = { typeLength: bits | 8, octets: fromHex('0123456789012345') };
      const octets = messageBytes({ ...request, addressFamily: 8, sourceNbmaAddress });
      expect(octets[18]).toBe(bits | 8);
      expect(decode(octets)).toMatchObject({
        sourceNbmaAddress,
        sourceProtocolAddress: parseAddress('10.0.0.1'),
      });
    }
  });

  it('an NBMA subaddress stands between the address and the protocol address, in header and CIE', () => {
    const sub = { typeLength: 3, octets: fromHex('a1a2a3') };
    const [first] = request.cies;
    if (first === undefined) throw new Error('bug: no CIE');
    const nbmaAddress = parseAddress('192.0.2.9');
    const cies = [{ ...first, nbmaAddress, nbmaSubaddress: sub, protocolAddress: nbmaAddress }];
    const octets = messageBytes({ ...request, sourceNbmaSubaddress: sub, cies });
    expect([octets[18], octets[19]]).toEqual([4, 3]);
    expect(toHex(octets.subarray(28, 39))).toBe('c0a80102a1a2a30a000001');
    expect(decode(octets)).toMatchObject({ sourceNbmaSubaddress: sub, cies });
  });

  it('an extension offset of 0: no extensions, and the CIEs go on to the end', () => {
    const [first] = request.cies;
    if (first === undefined) throw new Error('bug: no CIE');
    const octets = messageBytes({ ...request, cies: [first, first], extensions: null });
    expect(readU16(octets, 14)).toBe(0);
    expect(decode(octets)).toMatchObject({ cies: [first, first], extensions: null });
  });

  it('an extension offset right behind the addresses: no CIE, and that is valid', () => {
    const octets = messageBytes({ ...request, cies: [] });
    expect(readU16(octets, 14)).toBe(40);
    expect(decode(octets)).toMatchObject({ cies: [], extensions: { length: 5 } });
  });

  it.each(Object.entries(PacketType))(
    'type %s is number %i, and any other is refused',
    (_, type) => {
      const octets = RECORDED.registrationRequest.slice();
      octets[17] = type;
      const decoded = decodeMessage(octets, { verifyChecksum: false });
      expect(decoded).toMatchObject({ ok: true, value: { type } });
      octets[17] = type + 8;
      expect(decodeMessage(octets, { verifyChecksum: false }).ok).toBe(false);
    },
  );
});

describe('RFC 2332 §5.2.7: an Error Indication', () => {
  it.each(Object.entries(ErrorCode))(
    '%s stands as %i in network byte order (FRR 977987aa29)',
    (_, code) => {
      const error = decode(RECORDED.errorIndication);
      const octets = messageBytes({
        ...error,
        errorCode: code,
        errorOffset: 0x0102,
      } as NhrpMessage);
      expect([octets[24], octets[25], octets[26], octets[27]]).toEqual([0, code, 1, 2]);
      expect(decode(octets)).toMatchObject({ errorCode: code, errorOffset: 0x0102 });
    },
  );
});

describe('RFC 2332 §5.3: extensions', () => {
  it('end with End, compulsory and empty, and not one is there when there are none', () => {
    const octets = messageBytes({ ...request, extensions: [] });
    expect(toHex(octets.subarray(octets.length - 4))).toBe('80000000');
    expect(decode(octets)).toMatchObject({ extensions: [] });
    const none = messageBytes({ ...request, extensions: null });
    expect(octets.length - none.length).toBe(4);
  });

  it.each([0x0002, 0x000b, 0x1000, 0x1200, 0x3800, 0x3fff])(
    'of type %i, which nobody here knows, come back octet for octet',
    (type) => {
      const unknown = {
        kind: 'unknown',
        ...{ type, compulsory: type > 0xff, reserved: false },
        octets: fromHex('0102030405'),
      } as const;
      const octets = messageBytes({ ...request, extensions: [unknown] });
      expect(decode(octets)).toMatchObject({ extensions: [unknown] });
      expect(toHex(messageBytes(decode(octets)))).toBe(toHex(octets));
    },
  );

  it('type 10 is read as authentication is: RFC 2520', () => {
    const mobile = {
      kind: 'authentication',
      type: ExtensionType.MOBILE_AUTHENTICATION,
      ...{ compulsory: true, reserved: false, reserved16: 0, spi: 256 },
      ...{ source: Uint8Array.of(10, 0, 0, 1), data: new Uint8Array(16).fill(7) },
    } as const;
    expect(decode(messageBytes({ ...request, extensions: [mobile] }))).toMatchObject({
      extensions: [mobile],
    });
  });

  it('type 9 of eight octets is RFC 2735 Device Capabilities: two words', () => {
    const octets = messageBytes({ ...request, extensions: [] });
    const whole = Uint8Array.from([
      ...octets.subarray(0, -4),
      ...fromHex('00090008000000010000000080000000'),
    ]);
    writeU16(whole, 10, whole.length);
    expect(unwrap(decodeMessage(whole, { verifyChecksum: false })).extensions).toEqual([
      {
        ...{ kind: 'capabilities', type: 9, compulsory: false, reserved: false },
        ...{ sourceCapabilities: 1, destinationCapabilities: 0 },
      },
    ]);
  });
});
