import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex } from './bytes.js';
import { ETHERTYPE, etherTypeName } from './ethertype.js';
import { ipProtocolName } from './ip-protocol.js';
import { decodeLinkLayer, LINK_TYPE } from './link-layer.js';

const MACS = '020000000002020000000001';
const SLL = '0000 0001 0006 0200000000010000';
const SLL2 = '0000 00000002 030a 00 04 c0a80102 00000000'; // after its protocol; 778: GRE

describe('link layer', () => {
  it.each<[string, number, string, string[], number | null, number]>([
    ['Ethernet', LINK_TYPE.ETHERNET, `${MACS}0800`, ['ethernet'], 0x0800, 14],
    ['a VLAN tag', LINK_TYPE.ETHERNET, `${MACS}8100 0064 86dd`, ['ethernet', 'vlan'], 0x86dd, 18],
    [
      'two VLAN tags',
      LINK_TYPE.ETHERNET,
      `${MACS}88a8 0064 8100 0065 0806`,
      ['ethernet', 'vlan', 'vlan'],
      0x0806,
      22,
    ],
    [
      'two tags of old',
      LINK_TYPE.ETHERNET,
      `${MACS}9100 0064 8100 0065 0800`,
      ['ethernet', 'vlan', 'vlan'],
      0x0800,
      22,
    ],
    [
      'a third tag, which is left alone',
      LINK_TYPE.ETHERNET,
      `${MACS}8100 0001 8100 0002 8100 0003 0800`,
      ['ethernet', 'vlan', 'vlan'],
      0x8100,
      22,
    ],
    ['IEEE 802.2', LINK_TYPE.ETHERNET, `${MACS}0026 4242 03`, ['ethernet', 'llc'], null, 14],
    ['another family', LINK_TYPE.NULL, '10000000', ['null', 'family-16'], null, 4],
    ['another family in order', LINK_TYPE.LOOP, '00000007', ['loop', 'family-7'], null, 4],
    ['another link', 105, '0800', ['linktype-105'], null, 0],
    ['little-endian loopback', LINK_TYPE.NULL, '02000000', ['null'], 0x0800, 4],
    ['big-endian loopback', LINK_TYPE.NULL, '00000002', ['null'], 0x0800, 4],
    ['IPv6 on FreeBSD', LINK_TYPE.NULL, '1c000000', ['null'], 0x86dd, 4],
    ['IPv6 on macOS', LINK_TYPE.NULL, '1e000000', ['null'], 0x86dd, 4],
    ['IPv6 on OpenBSD', LINK_TYPE.LOOP, '00000018', ['loop'], 0x86dd, 4],
    ['raw IPv4', LINK_TYPE.RAW, '45', [], 0x0800, 0],
    ['raw IPv6', LINK_TYPE.RAW, '60', [], 0x86dd, 0],
    ['IPv4 only', LINK_TYPE.IPV4, '45', [], 0x0800, 0],
    ['IPv6 only', LINK_TYPE.IPV6, '60', [], 0x86dd, 0],
    ['DLT_RAW of Linux', 12, '45', [], 0x0800, 0],
    ['SLL', LINK_TYPE.SLL, `${SLL}0800`, ['sll'], 0x0800, 16],
    ['SLL with a tag', LINK_TYPE.SLL, `${SLL}8100 0001 0800`, ['sll', 'vlan'], 0x0800, 20],
    ['SLL2', LINK_TYPE.SLL2, `2001${SLL2}`, ['sll2'], 0x2001, 20],
  ])('reads %s', (_, linkType, hex, layers, etherType, payloadAt) => {
    const b = fromHex(hex);
    expect(decodeLinkLayer(linkType, b)).toEqual({
      ok: true,
      value: { layers, etherType, payloadAt },
    });
    for (let octets = 0; octets < payloadAt; octets++)
      expect(decodeLinkLayer(linkType, b.subarray(0, octets))).toMatchObject({
        error: { code: 'truncated', actual: octets },
      });
  });

  it.each<[string, number, string, object]>([
    [
      'another version',
      LINK_TYPE.RAW,
      '50',
      { code: 'bad-version', field: 'ip.version', actual: 5 },
    ],
    ['nothing', LINK_TYPE.RAW, '', { code: 'truncated', field: 'link.raw' }],
  ])('refuses %s', (_, linkType, hex, error) => {
    expect(decodeLinkLayer(linkType, fromHex(hex))).toMatchObject({ ok: false, error });
  });

  it('names the layers before a failure', () => {
    const layers: string[] = [];
    decodeLinkLayer(LINK_TYPE.ETHERNET, fromHex(`${MACS}8100 0001 8100 00`), layers);
    expect(layers).toEqual(['ethernet', 'vlan', 'vlan']);
  });

  it('takes any octets of any type without throwing, and stays inside', () => {
    const type = fc.oneof(fc.constantFrom(...Object.values(LINK_TYPE)), fc.nat(300));
    fc.assert(
      fc.property(type, fc.uint8Array({ maxLength: 40 }), (linkType, b) => {
        const decoded = decodeLinkLayer(linkType, b);
        if (decoded.ok) expect(decoded.value.payloadAt).toBeLessThanOrEqual(b.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe('names of numbers', () => {
  it('are those of the field, and a number where there is none', () => {
    expect(etherTypeName(ETHERTYPE.MPLS_MULTICAST)).toBe('mpls-multicast');
    expect(etherTypeName(0x0bad)).toBe('ethertype-0x0bad');
    expect(ipProtocolName(47)).toBe('gre');
    expect(ipProtocolName(200)).toBe('ip-protocol-200');
  });
});
