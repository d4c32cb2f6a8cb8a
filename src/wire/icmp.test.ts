import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBytes, everyPrefix } from '../../test/codec-properties.js';
import { type IpAddress, parseAddress } from './address.js';
import { toHex, writeU16 } from './bytes.js';
import { checksum } from './checksum.js';
import {
  decodeIcmp,
  echoMessage,
  echoOf,
  encodeIcmp,
  ICMP_LAYOUT,
  ICMP_TYPE,
  ICMPV6_TYPE,
  type IcmpMessage,
  icmpOctets,
  icmpProtocol,
} from './icmp.js';
import { echoPacket, type IcmpProblem, icmpErrorPacket } from './icmp-packet.js';
import { ipPacket, ipPacketOctets } from './ip-packet.js';
import { IP_PROTOCOL } from './ip-protocol.js';
import { decodeIpv4Header, encodeIpv4Header } from './ipv4.js';
import { decodeIpv6Header } from './ipv6.js';
import type { AddressPair } from './pseudo-header.js';
import { unwrap } from './result.js';

const address = (text: string): IpAddress => parseAddress(text) as IpAddress;
const V4: AddressPair = { source: address('10.0.0.1'), destination: address('10.0.0.2') };
const V6: AddressPair = { source: address('2001:db8::1'), destination: address('2001:db8::2') };
const ends = fc.constantFrom(V4, V6);
const message: fc.Arbitrary<IcmpMessage> = fc.record({
  type: fc.nat(255),
  code: fc.nat(255),
  rest: fc.integer({ min: 0, max: 0xffff_ffff }),
  body: fc.uint8Array({ maxLength: 40 }),
});
const NOTHING = new Uint8Array(0);
const encoded = (m: IcmpMessage, ip: AddressPair): Uint8Array => {
  const out = new Uint8Array(icmpOctets(m)).fill(0xa5);
  expect(encodeIcmp(m, ip, out, 0)).toBe(out.length);
  return out;
};

describe('ICMP', () => {
  it('gives back what it has written, and finds any flipped bit', () => {
    fc.assert(
      fc.property(message, ends, fc.nat(), fc.nat(7), (m, ip, where, bit) => {
        const b = encoded(m, ip);
        expect(unwrap(decodeIcmp(b, ip))).toEqual(m);
        const at = where % b.length;
        b[at] = (b[at] ?? 0) ^ (1 << bit);
        expect(decodeIcmp(b, ip)).toMatchObject({
          error: { code: 'bad-checksum', field: 'icmp.checksum', offset: 2 },
        });
      }),
    );
  });

  it('covers the addresses in IPv6 only', () => {
    const m = echoMessage(
      { isReply: false, identifier: 1, sequence: 2, data: new Uint8Array(3) },
      V6,
    );
    const moved = { ...V6, source: address('2001:db8::3') };
    expect(decodeIcmp(encoded(m, V6), moved).ok).toBe(false);
    expect(decodeIcmp(encoded(m, V4), { ...V4, source: address('10.0.0.9') }).ok).toBe(true);
  });

  it('calls every prefix of its header truncated; a shorter body has another checksum', () => {
    fc.assert(
      fc.property(message, ends, (m, ip) => {
        const b = encoded(m, ip);
        const header = encoded({ ...m, body: NOTHING }, ip);
        everyPrefix(
          (octets) => decodeIcmp(octets, ip),
          header,
          () => ({ field: 'icmp.header', offset: 0, expected: 8 }),
        );
        for (let octets = 0; octets < b.length; octets++) {
          const decoded = decodeIcmp(b.subarray(0, octets), ip);
          if (octets < 8) expect(decoded).toMatchObject({ error: { code: 'truncated' } });
          else if (!decoded.ok) expect(decoded.error.code).toBe('bad-checksum');
          else expect(toHex(encoded(decoded.value, ip))).toBe(toHex(b.subarray(0, octets))); // in IPv4, zeros add nothing
        }
      }),
      { numRuns: 50 },
    );
  });

  it('refuses any octets, or gives them back', () => {
    anyBytes((b) => decodeIcmp(b, V6), { reaches: ['truncated', 'bad-checksum'] });
    const summed = fc.uint8Array({ maxLength: 60, size: 'max' }).map((b) => {
      if (b.length < 8) return b;
      writeU16(b, 2, 0);
      writeU16(b, 2, checksum(b, 0, b.length));
      return b;
    });
    anyBytes((b) => decodeIcmp(b, V4), {
      from: summed,
      encode: (m) => encoded(m, V4),
      reaches: ['ok', 'truncated'],
    });
  });

  it('agrees with buffer-layout', () => {
    const b = encoded({ type: 8, code: 1, rest: 0xdead_beef, body: new Uint8Array(0) }, V4);
    const fields = ICMP_LAYOUT.decode(Buffer.from(b));
    expect(fields).toMatchObject({ type: 8, code: 1, rest: 0xdead_beef });
  });

  it('knows an echo from what is none', () => {
    const u16 = fc.nat(0xffff);
    const echo = fc.record({
      isReply: fc.boolean(),
      identifier: u16,
      sequence: u16,
      data: fc.uint8Array({ maxLength: 9 }),
    });
    fc.assert(
      fc.property(echo, ends, (e, ip) => {
        expect(echoOf(echoMessage(e, ip), ip)).toEqual(e);
      }),
    );
    expect(echoOf({ type: 8, code: 1, rest: 0, body: new Uint8Array(0) }, V4)).toBeNull();
    expect(echoOf({ type: 8, code: 0, rest: 0, body: new Uint8Array(0) }, V6)).toBeNull();
  });
});

const echo = (ip: AddressPair, octets: number): Uint8Array =>
  echoPacket({ isReply: false, identifier: 7, sequence: 1, data: new Uint8Array(octets) }, ip, 9);
/** The ICMP message in a packet, with its checksums verified. */
function messageIn(
  packet: Uint8Array | null,
): IcmpMessage & { readonly to: string; readonly octets: number } {
  if (packet === null) throw new Error('no packet');
  expect(ipPacketOctets(packet, 0, packet.length)).toBe(packet.length);
  const isV4 = packet[0] === 0x45;
  const { source, destination } = unwrap<AddressPair>(
    isV4 ? decodeIpv4Header(packet) : decodeIpv6Header(packet),
  );
  const decoded = unwrap(decodeIcmp(packet.subarray(isV4 ? 20 : 40), { source, destination }));
  return { ...decoded, to: String(destination), octets: packet.length };
}

describe('ICMP errors', () => {
  const V4_ROUTER = address('10.0.0.254');
  const V6_ROUTER = address('2001:db8::fe');
  const reasons: [IcmpProblem, object, object][] = [
    [{ kind: 'time-exceeded' }, { type: 11, code: 0, rest: 0 }, { type: 3, code: 0, rest: 0 }],
    [
      { kind: 'too-big', mtu: 1400 },
      { type: 3, code: 4, rest: 1400 },
      { type: 2, code: 0, rest: 1400 },
    ],
    [
      { kind: 'unreachable', why: 'network' },
      { type: 3, code: 0 },
      { type: 1, code: 0 },
    ],
    [
      { kind: 'unreachable', why: 'host' },
      { type: 3, code: 1 },
      { type: 1, code: 3 },
    ],
    [
      { kind: 'unreachable', why: 'prohibited' },
      { type: 3, code: 13 },
      { type: 1, code: 1 },
    ],
    [
      { kind: 'unreachable', why: 'port' },
      { type: 3, code: 3 },
      { type: 1, code: 4 },
    ],
  ];

  it.each(reasons)('%o has its type, code and MTU in both families', (problem, v4, v6) => {
    const quoted4 = echo(V4, 10);
    const error4 = messageIn(icmpErrorPacket(problem, quoted4, V4_ROUTER));
    expect(error4).toMatchObject({ ...v4, to: '10.0.0.1' });
    expect(toHex(error4.body)).toBe(toHex(quoted4));
    const quoted6 = echo(V6, 10);
    const error6 = messageIn(icmpErrorPacket(problem, quoted6, V6_ROUTER));
    expect(error6).toMatchObject({ ...v6, to: '2001:db8::1' });
    expect(toHex(error6.body)).toBe(toHex(quoted6));
  });

  it('quote no more than fits in 576 and 1280 octets', () => {
    const time = { kind: 'time-exceeded' } as const;
    expect(messageIn(icmpErrorPacket(time, echo(V4, 2000), V4_ROUTER)).octets).toBe(576);
    expect(messageIn(icmpErrorPacket(time, echo(V6, 2000), V6_ROUTER)).octets).toBe(1280);
  });

  const about = (ip: AddressPair, type: number): Uint8Array => {
    const m = encoded({ type, code: 0, rest: 0, body: NOTHING }, ip);
    return ipPacket({ ...ip, protocol: icmpProtocol(ip), ttl: 1 }, m);
  };
  const reply = (
    packet: Uint8Array,
    from: IpAddress,
    kind: 'time-exceeded' | 'too-big' = 'time-exceeded',
  ) => icmpErrorPacket(kind === 'too-big' ? { kind, mtu: 1280 } : { kind }, packet, from);

  it('are never sent about errors', () => {
    for (const type of [3, 4, 5, 11, 12]) expect(reply(about(V4, type), V4_ROUTER)).toBeNull();
    for (const type of [1, 2, 3, 4, 100, 137]) expect(reply(about(V6, type), V6_ROUTER)).toBeNull();
    expect(reply(about(V4, ICMP_TYPE.ECHO_REPLY), V4_ROUTER)).not.toBeNull();
    expect(reply(about(V6, ICMPV6_TYPE.ECHO_REQUEST), V6_ROUTER)).not.toBeNull();
  });

  it('are never sent to or about many, or to nobody', () => {
    const udp = (source: string, destination: string): Uint8Array =>
      ipPacket(
        {
          source: address(source),
          destination: address(destination),
          protocol: IP_PROTOCOL.UDP,
          ttl: 1,
        },
        new Uint8Array(8),
      );
    for (const [source, destination] of [
      ['0.0.0.0', '10.0.0.1'],
      ['224.0.0.5', '10.0.0.1'],
      ['10.0.0.1', '224.0.0.5'],
      ['10.0.0.1', '255.255.255.255'],
    ] as const)
      expect(reply(udp(source, destination), V4_ROUTER)).toBeNull();
    expect(reply(udp('2001:db8::1', 'ff02::5'), V6_ROUTER)).toBeNull();
    expect(reply(udp('2001:db8::1', 'ff02::5'), V6_ROUTER, 'too-big')).not.toBeNull(); // RFC 4443 §2.4 (e.3)
    expect(reply(udp('::', '2001:db8::2'), V6_ROUTER)).toBeNull();
  });

  it('are sent about the first fragment only', () => {
    const packet = echo(V4, 40);
    const h = unwrap(decodeIpv4Header(packet));
    encodeIpv4Header({ ...h, moreFragments: true }, packet, 0);
    expect(reply(packet, V4_ROUTER)).not.toBeNull();
    encodeIpv4Header({ ...h, fragmentOffset: 3 }, packet, 0);
    expect(reply(packet, V4_ROUTER)).toBeNull();
  });
});
