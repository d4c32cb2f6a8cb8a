import { describe, expect, it } from 'vitest';
import { type IpAddress, parseAddress, UNSPECIFIED_V4 } from '../../wire/address.js';
import { decodeIpv4Header } from '../../wire/ipv4.js';
import { decodeIpv6Header } from '../../wire/ipv6.js';
import { unwrap } from '../../wire/result.js';
import { TunnelHeader } from './tunnel-header.js';

const address = (text: string): IpAddress => parseAddress(text) ?? UNSPECIFIED_V4;
const V4 = { protocol: 47, local: address('192.0.2.1'), remote: address('192.0.2.2') };
const V6 = { protocol: 47, local: address('2001:db8::1'), remote: address('2001:db8::2') };
const AT = 64;

function wrapped(selector: typeof V4): { slab: Uint8Array; place: { at: number; octets: number } } {
  const slab = new Uint8Array(200).fill(0xa5);
  const place = { at: AT, octets: 10 };
  slab.fill(0x77, AT, AT + 10);
  new TunnelHeader(selector).wrap(slab, place);
  return { slab, place };
}

const other = (selector: typeof V4): TunnelHeader =>
  new TunnelHeader({ ...selector, local: selector.remote, remote: selector.local });

describe('inner header of tunnel mode', () => {
  it('is a right IPv4 header', () => {
    const { slab, place } = wrapped(V4);
    expect(unwrap(decodeIpv4Header(slab.subarray(place.at)))).toMatchObject({
      totalOctets: 30,
      protocol: 47,
      ttl: 64,
      dontFragment: true,
      source: V4.local,
      destination: V4.remote,
    });
  });

  it('is a right IPv6 header', () => {
    const { slab, place } = wrapped(V6);
    expect(unwrap(decodeIpv6Header(slab.subarray(place.at)))).toMatchObject({
      payloadOctets: 10,
      nextHeader: 47,
      hopLimit: 64,
      source: V6.local,
      destination: V6.remote,
    });
  });

  it.each([
    ['IPv4', V4],
    ['IPv6', V6],
  ])('comes off again, with traffic flow padding behind: %s', (_, selector) => {
    const { slab, place } = wrapped(selector);
    place.octets += 50;
    expect(other(selector).unwrap(slab, place)).toBeNull();
    expect(place).toEqual({ at: AT, octets: 10 });
  });

  it.each([
    ['another protocol', V4, 9, 6, 'ip.protocol', 'bad-value'],
    ['another source', V4, 15, 9, 'ip.source', 'bad-value'],
    ['another destination', V4, 19, 9, 'ip.destination', 'bad-value'],
    ['a fragment', V4, 6, 0x20, 'ipv4.fragment', 'unsupported'],
    ['version 5', V4, 0, 0x55, 'ipv4.version', 'bad-version'],
    ['a header that is too short', V4, 0, 0x44, 'ipv4.totalLength', 'bad-length'],
    ['a length past the end', V4, 3, 31, 'ipv4.totalLength', 'bad-length'],
    ['another next header', V6, 6, 6, 'ip.protocol', 'bad-value'],
    ['another IPv6 source', V6, 8, 9, 'ip.source', 'bad-value'],
    ['another IPv6 destination', V6, 24, 9, 'ip.destination', 'bad-value'],
    ['version 4 in IPv6', V6, 0, 0x45, 'ipv6.version', 'bad-version'],
    ['an IPv6 length past the end', V6, 5, 11, 'ipv6.payloadLength', 'bad-length'],
  ])('refuses %s', (_, selector, at, value, field, code) => {
    const { slab, place } = wrapped(selector);
    slab[place.at + at] = value;
    expect(other(selector).unwrap(slab, place)).toMatchObject({ code, field });
  });

  it.each([
    ['IPv4', V4, 'ipv4.header'],
    ['IPv6', V6, 'ipv6.header'],
  ])('refuses a cut header: %s', (_, selector, field) => {
    const { slab, place } = wrapped(selector);
    place.octets = 19;
    expect(other(selector).unwrap(slab, place)).toMatchObject({ code: 'truncated', field });
  });
});
