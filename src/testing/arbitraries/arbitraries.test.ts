import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepaliveAnswer } from '../../gre/keepalive.js';
import { decodeGrePacket, encodeGrePacket, grePacketOctets } from '../../gre/packet.js';
import { decodeMessage, type NhrpMessage } from '../../nhrp/codec/message.js';
import { PacketType } from '../../nhrp/codec/numbers.js';
import { unwrap } from '../../wire/result.js';
import {
  anyMutation,
  greKeepalive,
  greOctets,
  grePacket,
  hostileGreKeepalive,
  hostileGreOctets,
  ipAddress,
  nhrpMessage,
  nhrpOctets,
  withRightChecksum,
} from './index.js';

const SAMPLE = { numRuns: 300, seed: 2332 };

describe('valid arbitraries', () => {
  it('make GRE packets that decode and come back', () => {
    fc.assert(
      fc.property(grePacket(), (packet) => {
        const out = new Uint8Array(grePacketOctets(packet));
        encodeGrePacket(packet, out, 0);
        const decoded = unwrap(decodeGrePacket(out));
        expect(decoded.payload).toEqual(packet.payload);
        expect({ ...decoded.header, checksum: null }).toEqual({ ...packet.header, checksum: null });
      }),
      { numRuns: 100 },
    );
  });

  it('make keepalives that are answered, with a key and without', () => {
    const keepalives = fc.sample(greKeepalive(), SAMPLE);
    for (const { ends, octets } of keepalives)
      expect(keepaliveAnswer(unwrap(decodeGrePacket(octets)), ends)).not.toBeNull();
    expect(new Set(keepalives.map(({ key }) => key === null)).size).toBe(2);
  });

  it('make every type of NHRP message, every kind of extension, both families and others', () => {
    const messages: readonly NhrpMessage[] = fc.sample(nhrpMessage(), SAMPLE);
    const kinds = new Set(messages.flatMap((m) => m.extensions?.map((e) => e.kind) ?? ['none']));
    expect(new Set(messages.map((m) => m.type))).toEqual(new Set(Object.values(PacketType)));
    expect([...kinds].sort()).toEqual(
      ['authentication', 'capabilities', 'cies', 'none', 'unknown', 'vendor'].sort(),
    );
    const families = new Set(messages.map((m) => `${m.addressFamily}/${m.protocolType}`));
    for (const pair of ['1/2048', '1/34525', '2/2048', '2/34525']) expect(families).toContain(pair);
    expect(families.size).toBeGreaterThan(10);
  });

  it('make what they are told to', () => {
    const constraints = { type: 5, addressFamily: 2, protocolType: 0x0800 } as const;
    for (const m of fc.sample(nhrpMessage(constraints), { ...SAMPLE, numRuns: 30 }))
      expect(m).toMatchObject(constraints);
    expect(fc.sample(ipAddress(6), 5).every((a) => a.family === 6)).toBe(true);
  });
});

describe('hostile arbitraries', () => {
  it('leave alone what they are given', () => {
    fc.assert(
      fc.property(nhrpOctets(), anyMutation(), (octets, { apply }) => {
        const before = octets.slice();
        apply(octets);
        expect(octets).toEqual(before);
      }),
      { numRuns: 100 },
    );
  });

  it('put a checksum right', () => {
    fc.assert(
      fc.property(nhrpOctets(), (octets) => {
        const wrong = octets.slice();
        wrong[12] = 255 ^ (wrong[12] ?? 0);
        expect(decodeMessage(wrong).ok).toBe(false);
        expect(withRightChecksum(wrong)).toEqual(octets);
      }),
      { numRuns: 50 },
    );
  });

  it('make GRE that is refused for every reason there is, and some that is not', () => {
    const codes = fc.sample(hostileGreOctets(), { ...SAMPLE, numRuns: 600 }).map((octets) => {
      const decoded = decodeGrePacket(octets);
      return decoded.ok ? 'ok' : decoded.error.code;
    });
    for (const code of ['ok', 'truncated', 'bad-version', 'unsupported', 'bad-checksum'])
      expect(codes).toContain(code);
    expect(fc.sample(greOctets(), SAMPLE).every((octets) => decodeGrePacket(octets).ok)).toBe(true);
  });

  it('make keepalives that are refused for every reason there is, not answered, and answered', () => {
    const outcomes = fc
      .sample(hostileGreKeepalive(), { ...SAMPLE, numRuns: 600 })
      .map(({ ends, octets }) => {
        const decoded = decodeGrePacket(octets);
        if (!decoded.ok) return decoded.error.code;
        return keepaliveAnswer(decoded.value, ends) === null ? 'not answered' : 'answered';
      });
    const codes = ['truncated', 'bad-version', 'unsupported', 'bad-checksum'];
    for (const outcome of [...codes, 'not answered', 'answered'])
      expect(outcomes).toContain(outcome);
  });
});
