import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { greHeader } from '../gre/header.js';
import { encodeGrePacket, grePacketOctets } from '../gre/packet.js';
import { type CieMessage, messageBytes } from '../nhrp/codec/message.js';
import { type IpAddress, parseAddress } from '../wire/address.js';
import { fromHex } from '../wire/bytes.js';
import { ETHERTYPE } from '../wire/ethertype.js';
import { ipPacket } from '../wire/ip-packet.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import { encodeIpv4Header, ipv4Header } from '../wire/ipv4.js';
import { LINK_TYPE } from '../wire/link-layer.js';
import { GRE_UDP_PORT } from '../wire/path.js';
import { encodeUdp, udpOctets } from '../wire/udp.js';
import { dissect } from './dissect.js';
import { describeDissection, plainDissection } from './dissection-tree.js';

const address = (text: string): IpAddress => parseAddress(text) as IpAddress;
const V4 = { source: address('192.0.2.1'), destination: address('192.0.2.2') };
const V6 = { source: address('2001:db8::1'), destination: address('2001:db8::2') };
const NHRP: CieMessage = {
  type: 3,
  addressFamily: 1,
  protocolType: ETHERTYPE.IPV4,
  snap: null,
  hopCount: 16,
  sourceNbmaAddress: V4.source,
  sourceNbmaSubaddress: null,
  sourceProtocolAddress: address('10.0.0.1'),
  destinationProtocolAddress: address('10.0.0.100'),
  flags: 0x8002,
  requestId: 7,
  cies: [],
  extensions: null,
};

const ip = (protocol: number, payload: Uint8Array, ends = V4): Uint8Array =>
  ipPacket({ ...ends, protocol, ttl: 64 }, payload);
const gre = (
  protocolType: number,
  payload: Uint8Array,
  checksum: number | null = null,
): Uint8Array => {
  const p = { header: { ...greHeader(protocolType, 42), checksum }, payload };
  const out = new Uint8Array(grePacketOctets(p));
  encodeGrePacket(p, out, 0);
  return out;
};
const udp = (sourcePort: number, destinationPort: number, payload: Uint8Array): Uint8Array => {
  const d = { sourcePort, destinationPort, checksum: null, payload };
  const out = new Uint8Array(udpOctets(d));
  encodeUdp(d, V4, out, 0);
  return out;
};
const raw = (packet: Uint8Array) => dissect(LINK_TYPE.RAW, packet);
const layersOf = (packet: Uint8Array): string => raw(packet).layers.join(' ');
const MESSAGE = messageBytes(NHRP);
const NOTHING = new Uint8Array(0);
const IKE_HEADER = new Uint8Array(28).fill(1);

describe('dissect', () => {
  it.each<[string, Uint8Array]>([
    ['ipv4 gre nhrp', ip(47, gre(0x2001, MESSAGE))],
    ['ipv4 nhrp', ip(54, MESSAGE)],
    ['ipv4 udp gre nhrp', ip(17, udp(40_000, GRE_UDP_PORT, gre(0x2001, MESSAGE)))],
    ['ipv4 udp gre nhrp', ip(17, udp(GRE_UDP_PORT, 40_000, gre(0x2001, MESSAGE)))],
    ['ipv6 gre nhrp', ip(47, gre(0x2001, MESSAGE), V6)],
    ['ipv4 gre ipv4 gre nhrp', ip(47, gre(0x0800, ip(47, gre(0x2001, MESSAGE))))],
    ['ipv4 ipv6 gre nhrp', ip(41, ip(47, gre(0x2001, MESSAGE), V6))],
    ['ipv4 ipv4 nhrp', ip(4, ip(54, MESSAGE))],
  ])('finds NHRP in %s', (layers, packet) => {
    const d = raw(packet);
    expect(d).toMatchObject({ roundTrip: true, error: null, nhrp: { requestId: 7 } });
    expect(d.layers.join(' ')).toBe(layers);
    expect(d.gre?.key ?? null).toBe(layers.includes('gre') ? 42 : null);
  });

  it.each<[string, Uint8Array]>([
    ['ipv4 udp ike', ip(17, udp(500, 500, IKE_HEADER))],
    ['ipv4 udp ike', ip(17, udp(4500, 1024, Uint8Array.of(0, 0, 0, 0, ...IKE_HEADER)))],
    ['ipv4 udp esp', ip(17, udp(1024, 4500, IKE_HEADER))],
    ['ipv4 udp natt-keepalive', ip(17, udp(4500, 4500, Uint8Array.of(0xff)))],
    ['ipv4 udp', ip(17, udp(53, 5353, IKE_HEADER))],
    ['ipv4 esp', ip(50, IKE_HEADER)],
    ['ipv4 ah', ip(51, IKE_HEADER)],
    ['ipv4 tcp', ip(6, IKE_HEADER)],
    ['ipv6 icmpv6', ip(58, IKE_HEADER, V6)],
    ['ipv4 gre ipv4 icmp', ip(47, gre(0x0800, ip(1, IKE_HEADER)))],
    ['ipv4 gre keepalive', ip(47, gre(0, NOTHING))],
    ['ipv4 gre mpls', ip(47, gre(ETHERTYPE.MPLS, IKE_HEADER))],
    ['ipv4 gre ethertype-0xfefe', ip(47, gre(0xfefe, IKE_HEADER))],
  ])('names %s and leaves it alone', (layers, packet) => {
    expect(layersOf(packet)).toBe(layers);
    expect(raw(packet)).toMatchObject({ nhrp: null, error: null });
  });

  it('names frames that are no IP', () => {
    const ethernet = (type: string) =>
      dissect(LINK_TYPE.ETHERNET, fromHex(`${'00'.repeat(12)}${type}`));
    expect(ethernet('0806').layers).toEqual(['ethernet', 'arp']);
    expect(ethernet('8100 0001 0806').layers).toEqual(['ethernet', 'vlan', 'arp']);
    expect(ethernet('0026').layers).toEqual(['ethernet', 'llc']);
    expect(ethernet('8100 0001 8100 0002 8100 0003 0800')).toMatchObject({
      layers: ['ethernet', 'vlan', 'vlan', 'vlan'],
      error: null,
    });
    expect(ethernet('8100 00')).toMatchObject({
      layers: ['ethernet', 'vlan'],
      error: { code: 'truncated', field: 'link.vlan' },
    });
    expect(ethernet('0806').roundTrip).toBeNull();
  });

  it('names links and families that are not ours', () => {
    const other = { error: null, roundTrip: null };
    expect(dissect(105, MESSAGE)).toMatchObject({ layers: ['linktype-105'], ...other });
    expect(dissect(LINK_TYPE.NULL, fromHex('10000000'))).toMatchObject({
      layers: ['null', 'family-16'],
      ...other,
    });
  });

  it('names fragments and leaves them alone', () => {
    const h = ipv4Header({ ...V4, totalOctets: 40, ttl: 1, protocol: IP_PROTOCOL.GRE });
    for (const part of [{ moreFragments: true }, { fragmentOffset: 3 }]) {
      const packet = new Uint8Array(40);
      encodeIpv4Header({ ...h, ...part }, packet, 0);
      expect(raw(packet)).toMatchObject({
        layers: ['ipv4', 'ipv4-fragment'],
        error: null,
        gre: null,
      });
    }
    const fragment = Uint8Array.of(IP_PROTOCOL.GRE, 0, 0, 1, 0, 0, 0, 1);
    expect(layersOf(ip(IP_PROTOCOL.FRAGMENT, fragment, V6))).toBe('ipv6 ipv6-fragment');
  });

  it('passes Ethernet padding over', () => {
    const padded = Uint8Array.of(...ip(47, gre(0x2001, MESSAGE, 0)), 0, 0, 0, 0, 0, 0);
    expect(raw(padded)).toMatchObject({ roundTrip: true, error: null });
  });

  it('counts the offset of an error from the start of the frame', () => {
    const frame = Uint8Array.of(
      ...fromHex(`${'00'.repeat(12)}0800`),
      ...ip(47, gre(0x2001, MESSAGE)),
    );
    const bad = frame.slice();
    bad[14 + 20 + 8 + 12] = (bad[14 + 20 + 8 + 12] ?? 0) ^ 1;
    expect(dissect(LINK_TYPE.ETHERNET, bad)).toMatchObject({
      layers: ['ethernet', 'ipv4', 'gre', 'nhrp'],
      gre: { key: 42 },
      nhrp: null,
      error: { code: 'bad-checksum', field: 'nhrp.checksum', offset: 14 + 20 + 8 + 12 },
    });
  });

  it('shows the header of GRE whose checksum is wrong', () => {
    const packet = ip(47, gre(0x0800, IKE_HEADER, 0));
    packet[packet.length - 1] = 9;
    const error = { code: 'bad-checksum', field: 'gre.checksum', offset: 24 };
    expect(raw(packet)).toMatchObject({ gre: { key: 42 }, error });
  });

  it.each<[string, Uint8Array]>([
    ['IPv4', ip(47, gre(0x0800, new Uint8Array(60).fill(1), 0))],
    ['IPv6', ip(47, gre(0x0800, new Uint8Array(60).fill(1), 0), V6)],
    ['UDP', ip(17, udp(1, GRE_UDP_PORT, gre(0x0800, new Uint8Array(60).fill(1), 0)))],
    ['a tunnel', ip(47, gre(0x0800, ip(47, gre(0x0800, new Uint8Array(60).fill(1), 0)), 0))],
  ])('does not verify the checksum of GRE in %s whose end was not captured', (_, packet) => {
    for (const missing of [1, 40]) {
      const { gre: header, error } = raw(packet.subarray(0, packet.length - missing));
      expect(header).toMatchObject({ key: 42 });
      expect(error?.field ?? 'none').not.toBe('gre.checksum');
    }
    packet[packet.length - 1] = 9;
    expect(raw(packet).error).toMatchObject({ code: 'bad-checksum', field: 'gre.checksum' });
  });

  it('calls NHRP whose end was not captured truncated, with a checksum around it or not', () => {
    for (const sum of [0, null])
      expect(raw(ip(47, gre(0x2001, MESSAGE, sum)).subarray(0, -1))).toMatchObject({
        layers: ['ipv4', 'gre', 'nhrp'],
        error: { code: 'truncated', field: 'nhrp.packetSize' },
      });
  });

  it('takes all there is where segmentation offload left the total length 0', () => {
    const packet = ip(47, gre(0x2001, MESSAGE, 0));
    packet[2] = 0;
    packet[3] = 0;
    expect(raw(packet)).toMatchObject({ layers: ['ipv4', 'gre', 'nhrp'], roundTrip: true });
    const cut = packet.subarray(0, -1);
    expect(raw(cut).error).toMatchObject({ field: 'gre.checksum' });
    expect(dissect(LINK_TYPE.RAW, cut, packet.length).error).toMatchObject({
      code: 'truncated',
      field: 'nhrp.packetSize',
    });
  });

  it("says nothing of the lengths of others' UDP, in tunnels or not", () => {
    for (const length of [4, 200]) {
      const foreign = udp(53, 5353, IKE_HEADER);
      foreign[5] = length;
      expect(raw(ip(17, foreign))).toMatchObject({ layers: ['ipv4', 'udp'], error: null });
      expect(raw(ip(47, gre(0x0800, ip(17, foreign), 0)))).toMatchObject({
        layers: ['ipv4', 'gre', 'ipv4', 'udp'],
        roundTrip: true,
        error: null,
      });
      const ike = udp(500, 500, IKE_HEADER);
      ike[5] = length;
      expect(raw(ip(17, ike))).toMatchObject({ layers: ['ipv4', 'udp', 'ike'], error: null });
      const ours = udp(1, GRE_UDP_PORT, gre(0x2001, MESSAGE));
      ours[5] = length;
      expect(raw(ip(17, ours))).toMatchObject({
        layers: ['ipv4', 'udp'],
        error: { code: length < 8 ? 'bad-length' : 'truncated' },
      });
    }
    expect(raw(ip(17, Uint8Array.of(0, 53))).error).toMatchObject({ field: 'udp.header' });
  });

  it('follows a datagram whose end was not captured as far as it goes', () => {
    const cut = ip(17, udp(1, 500, IKE_HEADER)).subarray(0, 40);
    expect(raw(cut)).toMatchObject({ layers: ['ipv4', 'udp', 'ike'], error: null });
  });

  it('does not go deeper than 32 layers', () => {
    let packet = ip(54, MESSAGE);
    for (let depth = 0; depth < 40; depth++) packet = ip(4, packet);
    expect(raw(packet)).toMatchObject({
      error: { code: 'too-many', field: 'frame.layers', expected: 32 },
    });
  });

  it('takes any octets, and packets with any octet changed, without throwing', () => {
    const linkType = fc.constantFrom(...Object.values(LINK_TYPE));
    fc.assert(
      fc.property(linkType, fc.uint8Array({ maxLength: 90 }), (type, b) => void dissect(type, b)),
    );
    const whole = ip(17, udp(1, GRE_UDP_PORT, gre(0x2001, MESSAGE, 0)));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, value, end) => {
        const b = whole.slice(0, end);
        if (at < end) b[at] = value;
        const d = raw(b);
        if (d.error === null && d.gre !== null) expect(d.roundTrip).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a dissection', () => {
  it('reads as a tree with the names of numbers', () => {
    const text = describeDissection(raw(ip(47, gre(0x2001, MESSAGE))));
    expect(text).toContain(
      'ipv4 192.0.2.1 → 192.0.2.2 / gre / nhrp\n  gre\n    protocolType: 0x2001 nhrp\n',
    );
    expect(text).toContain('\n    type: 0x03 Registration Request\n');
    expect(text).toContain('\n    flags: 0x8002 unique, nat\n');
    expect(text).toContain('\n    sourceProtocolAddress: 10.0.0.1\n');
  });

  it('ends with what is wrong', () => {
    const text = describeDissection(raw(ip(47, fromHex('0001 880b'))));
    expect(text).toBe(
      'ipv4 192.0.2.1 → 192.0.2.2 / gre\n  error: gre.version at octet 20: bad-version, expected 0, got 1',
    );
  });

  it('is plain data, with an error instead of a round trip', () => {
    const good = JSON.parse(JSON.stringify(plainDissection(raw(ip(47, gre(0x2001, MESSAGE))))));
    expect(good).toMatchObject({
      layers: ['ipv4', 'gre', 'nhrp'],
      gre: { protocolType: 0x2001, key: 42 },
      nhrp: { type: 3, sourceNbmaAddress: '192.0.2.1' },
      roundTrip: true,
    });
    expect(plainDissection(raw(ip(47, fromHex('0001 880b'))))).toEqual({
      layers: ['ipv4', 'gre'],
      error: { code: 'bad-version', field: 'gre.version', offset: 20, expected: 0, actual: 1 },
    });
    const behind = {
      code: 'bad-version',
      field: 'ipv4.version',
      offset: 28,
      expected: 4,
      actual: 0,
    };
    expect(plainDissection(raw(ip(47, gre(0x0800, new Uint8Array(20)))))).toMatchObject({
      layers: ['ipv4', 'gre', 'ipv4'],
      roundTrip: true,
      error: behind,
    });
    expect(plainDissection(raw(ip(50, IKE_HEADER)))).toEqual({ layers: ['ipv4', 'esp'] });
  });
});
