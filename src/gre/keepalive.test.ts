import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { greKeepalive, hostileGreKeepalive } from '../testing/arbitraries/index.js';
import { type IpAddress, parseAddress } from '../wire/address.js';
import { toHex } from '../wire/bytes.js';
import { ipPacket } from '../wire/ip-packet.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import { decodeIpv4Header, encodeIpv4Header } from '../wire/ipv4.js';
import { unwrap } from '../wire/result.js';
import { greHeader } from './header.js';
import {
  encodeKeepalive,
  isKeepaliveAnswer,
  type KeepaliveEnds,
  keepaliveAnswer,
} from './keepalive.js';
import { decodeGrePacket, type GrePacket } from './packet.js';
import { GRE_PROTOCOL_TYPE, greProtocolName } from './protocol-type.js';

const address = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(text);
  return parsed;
};
const us = address('192.0.2.1');
const peer = address('192.0.2.2');
const other = address('198.51.100.9');
const ends = { local: us, remote: peer };

/** What the peer sends us; parts of it replaced. */
function keepalive(
  inner: {
    source?: IpAddress;
    destination?: IpAddress;
    protocol?: number;
    payload?: Uint8Array;
  } = {},
): GrePacket {
  const { source = us, destination = peer, protocol = IP_PROTOCOL.GRE } = inner;
  const payload = ipPacket(
    { source, destination, protocol, ttl: 255 },
    inner.payload ?? new Uint8Array(4),
  );
  return { header: greHeader(GRE_PROTOCOL_TYPE.IPV4, null), payload };
}

describe('GRE keepalive', () => {
  it('is answered with the GRE packet that lies in it', () => {
    const answer = keepaliveAnswer(keepalive(), ends);
    expect(answer && toHex(answer)).toBe('00000000');
    expect(answer && isKeepaliveAnswer(unwrap(decodeGrePacket(answer)))).toBe(true);
  });

  it('of ours is answered by whoever receives it, with the key', () => {
    const sent = unwrap(decodeGrePacket(encodeKeepalive(ends, 42)));
    const answer = keepaliveAnswer(sent, { local: peer, remote: us });
    expect(answer && toHex(answer)).toBe('200000000000002a');
    expect(keepaliveAnswer(sent, ends)).toBeNull(); // not by us
  });

  it.each<[string, Parameters<typeof keepalive>[0]]>([
    ['an answer to a third party', { destination: other }],
    ['an answer in the name of somebody else', { source: other }],
    ['a packet of another protocol', { protocol: IP_PROTOCOL.UDP }],
    ['GRE that carries something', { payload: new Uint8Array(5) }],
    ['GRE of another protocol type', { payload: Uint8Array.of(0, 0, 8, 0) }],
    ['GRE that is cut off', { payload: new Uint8Array(3) }],
    ['GRE in version 1', { payload: Uint8Array.of(0, 1, 0, 0) }],
  ])('is not answered with %s', (_, inner) => {
    expect(keepaliveAnswer(keepalive(inner), ends)).toBeNull();
  });

  it('is not answered when the inner header is wrong, cut off or that of a fragment', () => {
    const wrong = keepalive();
    wrong.payload[10] = (wrong.payload[10] ?? 0) ^ 1; // its checksum
    expect(keepaliveAnswer(wrong, ends)).toBeNull();
    const whole = keepalive();
    expect(keepaliveAnswer({ ...whole, payload: whole.payload.subarray(0, 22) }, ends)).toBeNull();
    for (const part of [{ moreFragments: true }, { fragmentOffset: 1 }]) {
      const p = keepalive();
      encodeIpv4Header({ ...unwrap(decodeIpv4Header(p.payload)), ...part }, p.payload, 0);
      expect(keepaliveAnswer(p, ends)).toBeNull();
    }
  });

  it('is none over IPv6', () => {
    const six = address('2001:db8::1');
    expect(() => encodeKeepalive({ local: six, remote: six }, null)).toThrow(RangeError);
    expect(keepaliveAnswer({ ...keepalive(), header: greHeader(0x86dd, null) }, ends)).toBeNull();
  });

  /** What is answered to those octets; null, too, when they are no GRE packet. */
  const answerTo = (octets: Uint8Array, to: KeepaliveEnds): Uint8Array | null => {
    const packet = decodeGrePacket(octets);
    return packet.ok ? keepaliveAnswer(packet.value, to) : null;
  };

  it('is answered by whom it is for and nobody else, with the key, whatever the addresses', () => {
    fc.assert(
      fc.property(greKeepalive(), ({ ends: { local, remote }, key, octets }) => {
        const answer = answerTo(octets, { local, remote });
        if (answer === null) throw new Error('no answer');
        const { header, payload } = unwrap(decodeGrePacket(answer));
        expect({ header, octets: payload.length }).toEqual({
          header: greHeader(0, key),
          octets: 0,
        });
        expect(toHex(encodeKeepalive({ local: remote, remote: local }, key))).toBe(toHex(octets));
        expect(answerTo(octets, { local: remote, remote: local })).toBeNull();
      }),
    );
  });

  it('is not answered in any of its prefixes', () => {
    fc.assert(
      fc.property(greKeepalive(), ({ ends: receiver, octets }) => {
        for (let length = 0; length < octets.length; length++)
          expect(answerTo(octets.subarray(0, length), receiver)).toBeNull();
      }),
      { numRuns: 50 },
    );
  });

  it('of any octets is answered only with what could have come from us to the sender, and nothing in it', () => {
    const counts = { answered: 0, refused: 0 };
    fc.assert(
      fc.property(hostileGreKeepalive(), ({ ends: receiver, octets }) => {
        const answer = answerTo(octets, receiver);
        counts[answer === null ? 'refused' : 'answered']++;
        if (answer === null) return;
        const { header, payload } = unwrap(decodeGrePacket(answer));
        expect([header.protocolType, payload.length]).toEqual([0, 0]);
        const received = unwrap(decodeGrePacket(octets)).payload;
        const inner = unwrap(decodeIpv4Header(received));
        expect(inner.totalOctets).toBeLessThanOrEqual(received.length);
        expect([String(inner.source), String(inner.destination), inner.protocol]).toEqual([
          ...[String(receiver.local), String(receiver.remote), IP_PROTOCOL.GRE],
        ]);
        expect([inner.moreFragments, inner.fragmentOffset]).toEqual([false, 0]);
      }),
      { numRuns: 1_000 },
    );
    expect(Math.min(counts.answered, counts.refused)).toBeGreaterThan(20);
  });

  it('and the other protocol types have names', () => {
    expect(greProtocolName(0)).toBe('keepalive');
    expect(greProtocolName(0x2001)).toBe('nhrp');
    expect(greProtocolName(0x86dd)).toBe('ipv6');
    expect(greProtocolName(0x1234)).toBe('ethertype-0x1234');
  });
});
