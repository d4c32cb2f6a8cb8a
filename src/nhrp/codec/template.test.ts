import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RECORDED } from '../../../test/recorded-nhrp.js';
import { nhrpMessage, unsigned } from '../../testing/arbitraries/index.js';
import { toHex } from '../../wire/bytes.js';
import { unwrap } from '../../wire/result.js';
import { macAuthentication } from './authentication.js';
import { withExtension } from './edit.js';
import { type CieMessage, decodeMessage, messageBytes } from './message.js';
import { MessageTemplate } from './template.js';

const hasMac = (m: CieMessage): boolean =>
  m.extensions?.some((e) => e.kind === 'authentication' && e.source !== null) ?? false;

const anyRequest = nhrpMessage().filter(
  (m): m is CieMessage => 'cies' in m && !hasMac(m),
) as fc.Arbitrary<CieMessage>;

describe('a template', () => {
  it('gives the octets of the message with the fields changed, again and again', () => {
    const values = fc.record({ id: unsigned(32), flags: unsigned(16), seconds: unsigned(16) });
    fc.assert(
      fc.property(anyRequest, fc.array(values, { minLength: 1, maxLength: 5 }), (m, changes) => {
        const template = new MessageTemplate(m);
        const out = new Uint8Array(template.octets + 3).fill(0xa5);
        for (const { id, flags, seconds } of changes) {
          template.requestId = id;
          template.flags = flags;
          template.holdingTimeSeconds = seconds;
          expect(template.encode(out, 2)).toBe(out.length - 1);
          const cies = m.cies.map((c, i) => (i === 0 ? { ...c, holdingTimeSeconds: seconds } : c));
          const anew = messageBytes({ ...m, requestId: id, flags, cies });
          expect(toHex(out)).toBe(`a5a5${toHex(anew)}a5`);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is refused for a message with a keyed hash, and writes nowhere without room', () => {
    const request = unwrap(decodeMessage(RECORDED.registrationRequest)) as CieMessage;
    const hashed = withExtension(request, macAuthentication(2, Uint8Array.of(10, 0, 0, 1), 16));
    expect(() => new MessageTemplate(hashed)).toThrow(TypeError);
    expect(() => new MessageTemplate(request).encode(new Uint8Array(106), 0)).toThrow(RangeError);
  });
});
