import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nhrpMessage } from '../../testing/arbitraries/index.js';
import { CIE, cieOctets, encodeCie } from './cie.js';
import { EXTENSION, encodeExtension, extensionOctets } from './extension.js';
import { HEADER, HEADER_OCTETS } from './header.js';
import { messageBytes } from './message.js';
import { NHRP_VERSION } from './numbers.js';
import { NhrpView } from './view.js';

describe('the declared layouts', () => {
  it('have the sizes of RFC 2332', () => {
    expect(HEADER_OCTETS).toBe(28); // §5.1 and the lengths, flags and request id of §5.2.0.1
    expect(CIE.octets).toBe(12);
    expect(EXTENSION.octets).toBe(4); // §5.3
    expect(() => HEADER.offsetOf('hopcount')).toThrow('bug: no field hopcount');
  });

  it('are read by buffer-layout as the view reads through their offsets', () => {
    fc.assert(
      fc.property(nhrpMessage(), (message) => {
        const octets = messageBytes(message);
        const view = new NhrpView();
        expect(view.parse(octets, null, 0, octets.length)).toBeNull();
        const fields = HEADER.decode(Buffer.from(octets));
        expect(fields).toMatchObject({
          addressFamily: message.addressFamily,
          protocolType: message.protocolType,
          hopCount: message.hopCount,
          packetSize: octets.length,
          checksum: view.checksum,
          version: NHRP_VERSION,
          type: message.type,
          sourceNbmaTypeLength: view.sourceNbmaTypeLength,
          sourceNbmaSubaddressTypeLength: view.sourceNbmaSubaddressTypeLength,
          sourceProtocolLength: view.sourceProtocolOctets,
          destinationProtocolLength: view.destinationProtocolOctets,
          flags: view.flags,
          requestId: view.requestId,
        });
        expect(Uint8Array.from(fields.snap as Buffer)).toEqual(message.snap ?? new Uint8Array(5));
        expect(fields.extensionOffset).toBe(view.hasExtensions ? view.bodyEnd : 0);
      }),
      { numRuns: 60 },
    );
  });

  it('agree with what is written of an extension', () => {
    const messages = nhrpMessage().filter((m) => (m.extensions?.length ?? 0) > 0);
    fc.assert(
      fc.property(messages, ({ extensions }) => {
        const [e] = extensions ?? [];
        if (e === undefined) throw new Error('filtered');
        const out = new Uint8Array(extensionOctets(e)).fill(0xa5);
        expect(encodeExtension(e, out, 0)).toBe(out.length);
        const word = e.type | (e.compulsory ? 0x8000 : 0) | (e.reserved ? 0x4000 : 0);
        expect(EXTENSION.decode(Buffer.from(out))).toEqual({ type: word, length: out.length - 4 });
      }),
      { numRuns: 60 },
    );
  });

  it('agree with what is written of a CIE', () => {
    const messages = nhrpMessage({ type: 4 }).filter((m) => 'cies' in m && m.cies.length > 0);
    fc.assert(
      fc.property(messages, (message) => {
        const [cie] = 'cies' in message ? message.cies : [];
        if (cie === undefined) throw new Error('filtered');
        const out = new Uint8Array(cieOctets(cie)).fill(0xa5);
        expect(encodeCie(cie, out, 0)).toBe(out.length);
        const { code, prefixLength, unused, mtu, holdingTimeSeconds, preference } = cie;
        expect(CIE.decode(Buffer.from(out))).toMatchObject({
          ...{ code, prefixLength, unused, mtu, holdingTimeSeconds, preference },
        });
      }),
      { numRuns: 60 },
    );
  });
});
