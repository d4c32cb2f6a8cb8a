/** tshark reads, field by field, the headers that we write. */
import { encodeGrePacket, encodeKeepalive, type GrePacket, grePacketOctets } from 'dmvpn/gre';
import { captureOf, encodeCaptureFile } from 'dmvpn/io/pcap';
import {
  type AddressPair,
  echoPacket,
  encodeIpv4Header,
  encodeIpv6Header,
  encodeUdp,
  type IcmpProblem,
  IP_PROTOCOL,
  IpAddress,
  type Ipv4Header,
  type Ipv6Header,
  icmpErrorPacket,
  ipPacket,
  ipv4HeaderOctets,
  LINK_TYPE,
  type UdpDatagram,
  udpOctets,
} from 'dmvpn/wire';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { needs } from './require.js';
import { tsharkRows } from './tshark.js';

vi.setConfig({ testTimeout: 30_000 }); // tshark takes its time on a busy machine

const GOOD = '1'; // of a checksum status
const SAMPLES = { numRuns: 60, seed: 20_261_120 };
const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
/** Addresses of hosts: tshark makes remarks about others, no errors. */
const v4 = u16.map((n) => new IpAddress(4, 0xc000_0000 | n));
const v6 = fc.tuple(u32, u32).map(([a, b]) => new IpAddress(6, 0x2001_0db8, a | 0, 0, b | 0));
const v4Pair: fc.Arbitrary<AddressPair> = fc.record({ source: v4, destination: v4 });
const pair = fc.oneof(v4Pair, fc.record({ source: v6, destination: v6 }));

/** What tshark reads in packets without a link layer, as texts. */
const read = (packets: readonly Uint8Array[], fields: readonly string[]): string[][] => {
  const frames = packets.map((bytes) => {
    return { interfaceIndex: 0, timeNs: 0n, originalOctets: bytes.length, bytes };
  });
  return tsharkRows(encodeCaptureFile(captureOf(LINK_TYPE.RAW, frames)), fields);
};
const bit = (flag: boolean): string => (flag ? '1' : '0');
const hex = (n: number, digits: number): string => `0x${n.toString(16).padStart(digits, '0')}`;
const optional = (n: number | null): string => (n === null ? '' : String(n));

needs('tshark')('tshark reads what we write:', () => {
  it('IPv4', () => {
    const header: fc.Arbitrary<Ipv4Header> = fc.record({
      dscp: fc.nat(63),
      ecn: fc.nat(3),
      totalOctets: fc.constant(100),
      identification: u16,
      reservedFlag: fc.boolean(),
      dontFragment: fc.boolean(),
      moreFragments: fc.boolean(),
      fragmentOffset: fc.nat(0x1ff0),
      ttl: u8,
      protocol: fc.constant(253), // for experiments, RFC 3692
      source: v4,
      destination: v4,
      options: fc.nat(10).map((words) => new Uint8Array(4 * words).fill(1)), // no operation
    });
    const headers = fc.sample(header, SAMPLES);
    const packets = headers.map((h) => {
      const out = new Uint8Array(h.totalOctets);
      expect(encodeIpv4Header(h, out, 0)).toBe(ipv4HeaderOctets(h));
      return out;
    });
    const flags = ['ip.flags.rb', 'ip.flags.df', 'ip.flags.mf', 'ip.frag_offset'];
    const rest = ['ip.hdr_len', 'ip.ttl', 'ip.src', 'ip.dst', 'ip.checksum.status'];
    const fields = ['ip.dsfield.dscp', 'ip.dsfield.ecn', 'ip.len', 'ip.id', ...flags, ...rest];
    const expected = headers.map((h) => [
      String(h.dscp),
      String(h.ecn),
      '100',
      hex(h.identification, 4),
      bit(h.reservedFlag),
      bit(h.dontFragment),
      bit(h.moreFragments),
      String(h.fragmentOffset),
      String(20 + h.options.length),
      String(h.ttl),
      String(h.source),
      String(h.destination),
      GOOD,
    ]);
    expect(read(packets, fields)).toEqual(expected);
  });

  it('IPv6', () => {
    const header: fc.Arbitrary<Ipv6Header> = fc.record({
      dscp: fc.nat(63),
      ecn: fc.nat(3),
      flowLabel: fc.nat(0xf_ffff),
      payloadOctets: fc.constant(9),
      nextHeader: fc.constant(253),
      hopLimit: u8,
      source: v6,
      destination: v6,
    });
    const headers = fc.sample(header, SAMPLES);
    const packets = headers.map((h) => {
      const out = new Uint8Array(49);
      encodeIpv6Header(h, out, 0);
      return out;
    });
    const first = ['ipv6.tclass.dscp', 'ipv6.tclass.ecn', 'ipv6.flow', 'ipv6.plen', 'ipv6.nxt'];
    const expected = headers.map((h) => [
      String(h.dscp),
      String(h.ecn),
      hex(h.flowLabel, 6),
      '9',
      '253',
      String(h.hopLimit),
      String(h.source),
      String(h.destination),
    ]);
    expect(read(packets, [...first, 'ipv6.hlim', 'ipv6.src', 'ipv6.dst'])).toEqual(expected);
  });

  it('UDP over both', () => {
    const datagram: fc.Arbitrary<UdpDatagram> = fc.record({
      sourcePort: fc.integer({ min: 50_000, max: 60_000 }), // nothing that tshark knows
      destinationPort: fc.integer({ min: 50_000, max: 60_000 }),
      checksum: fc.constant(0),
      payload: fc.uint8Array({ minLength: 1, maxLength: 30 }),
    });
    const datagrams = fc.sample(fc.tuple(datagram, pair), SAMPLES);
    const packets = datagrams.map(([d, ends]) => {
      const out = new Uint8Array(udpOctets(d));
      encodeUdp(d, ends, out, 0);
      return ipPacket({ ...ends, protocol: IP_PROTOCOL.UDP, ttl: 1 }, out);
    });
    const fields = ['udp.srcport', 'udp.dstport', 'udp.length', 'udp.checksum.status'];
    const expected = datagrams.map(([d]) => [
      String(d.sourcePort),
      String(d.destinationPort),
      String(udpOctets(d)),
      GOOD,
    ]);
    expect(read(packets, fields)).toEqual(expected);
  });

  it('ICMP echoes and errors of both families', () => {
    const data = fc.uint8Array({ maxLength: 30 });
    const echo = fc.record({ isReply: fc.boolean(), identifier: u16, sequence: u16, data });
    const echoes = fc.sample(fc.tuple(echo, pair), SAMPLES);
    const packets = echoes.map(([e, ends]) => echoPacket(e, ends, 64));
    const v4Fields = ['type', 'ident', 'seq', 'checksum.status'].map((name) => `icmp.${name}`);
    const v6Names = ['type', 'echo.identifier', 'echo.sequence_number', 'checksum.status'];
    const none = ['', '', '', ''];
    const expected = echoes.map(([{ isReply, identifier, sequence }, { source }]) =>
      source.family === 4
        ? [isReply ? '0' : '8', String(identifier), String(sequence), GOOD, ...none]
        : [...none, isReply ? '129' : '128', hex(identifier, 4), String(sequence), GOOD],
    );
    const fields = [...v4Fields, ...v6Names.map((name) => `icmpv6.${name}`)];
    expect(read(packets, fields)).toEqual(expected);
  });

  it('ICMP errors with what they quote', () => {
    const problems: [IcmpProblem, string[], string[]][] = [
      [{ kind: 'time-exceeded' }, ['11', '0', ''], ['3', '0', '']],
      [{ kind: 'too-big', mtu: 1400 }, ['3', '4', '1400'], ['2', '0', '1400']],
      [{ kind: 'unreachable', why: 'host' }, ['3', '1', ''], ['1', '3', '']],
      [{ kind: 'unreachable', why: 'prohibited' }, ['3', '13', ''], ['1', '1', '']],
    ];
    const [fromV4, fromV6] = [new IpAddress(4, 1), new IpAddress(6, 0x2001_0db8, 0, 0, 9)];
    const to = { v4: new IpAddress(4, 0x0a00_0001), v6: new IpAddress(6, 0x2001_0db8, 0, 0, 1) };
    const udp = (source: IpAddress): Uint8Array =>
      ipPacket({ source, destination: source, protocol: 253, ttl: 1 }, new Uint8Array(2000));
    const packets = problems.flatMap(([problem]) => [
      icmpErrorPacket(problem, udp(to.v4), fromV4) as Uint8Array,
      icmpErrorPacket(problem, udp(to.v6), fromV6) as Uint8Array,
    ]);
    const names = ['type', 'code', 'mtu', 'checksum.status'];
    const fields = ['icmp', 'icmpv6'].flatMap((p) => names.map((name) => `${p}.${name}`));
    const rows = read(packets, [...fields, 'frame.len', '_ws.malformed']);
    const none = ['', '', '', ''];
    expect(rows).toEqual(
      problems.flatMap(([, ours4, ours6]) => [
        [...ours4, GOOD, ...none, '576', ''],
        [...none, ...ours6, GOOD, '1280', ''],
      ]),
    );
  });

  it('GRE with any options', () => {
    const gre: fc.Arbitrary<GrePacket> = fc.record({
      header: fc.record({
        protocolType: fc.constant(0xfefe), // nobody's
        reserved0: fc.constant(0),
        checksum: fc.constantFrom(null, 0),
        reserved1: fc.constant(0),
        key: fc.option(u32),
        sequence: fc.option(u32),
      }),
      payload: fc.uint8Array({ maxLength: 30 }),
    });
    const samples = fc.sample(fc.tuple(gre, v4Pair), SAMPLES);
    const packets = samples.map(([p, ends]) => {
      const out = new Uint8Array(grePacketOctets(p));
      encodeGrePacket(p, out, 0);
      return ipPacket({ ...ends, protocol: IP_PROTOCOL.GRE, ttl: 1 }, out);
    });
    const fields = ['proto', 'key', 'sequence_number', 'checksum.status'];
    const expected = samples.map(([{ header: h }]) => [
      '0xfefe',
      h.key === null ? '' : hex(h.key, 8),
      optional(h.sequence),
      h.checksum === null ? '' : GOOD,
    ]);
    expect(
      read(
        packets,
        fields.map((name) => `gre.${name}`),
      ),
    ).toEqual(expected);
  });

  it('a GRE keepalive', () => {
    const [local, remote] = [new IpAddress(4, 0x0a00_0001), new IpAddress(4, 0x0a00_0002)];
    const ends = { source: local, destination: remote };
    const keepalive = encodeKeepalive({ local, remote }, null);
    const packet = ipPacket({ ...ends, protocol: IP_PROTOCOL.GRE, ttl: 255 }, keepalive);
    expect(read([packet], ['gre.proto', 'ip.src', 'ip.dst', 'ip.checksum.status'])).toEqual([
      ['0x0800,0x0000', '10.0.0.1,10.0.0.2', '10.0.0.2,10.0.0.1', '1,1'],
    ]);
  });
});
