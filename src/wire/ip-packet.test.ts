import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpAddress } from './address.js';
import { toHex } from './bytes.js';
import {
  decrementTtl,
  type IpEnvelope,
  ipDestination,
  ipDontFragment,
  ipDscp,
  ipHeaderOctets,
  ipPacket,
  ipPacketOctets,
  ipProtocol,
  ipSource,
  ipTtl,
  ipVersion,
  isIpv4Fragment,
} from './ip-packet.js';
import { decodeIpv4Header, encodeIpv4Header, ipv4Header } from './ipv4.js';
import { decodeIpv6Header } from './ipv6.js';
import { readAddressPair } from './pseudo-header.js';

const word = fc.integer();
const v4 = word.map((w) => new IpAddress(4, w));
const v6 = fc.tuple(word, word, word, word).map((words) => new IpAddress(6, ...words));
const pair = fc.oneof(fc.tuple(v4, v4), fc.tuple(v6, v6));
const envelope: fc.Arbitrary<Required<IpEnvelope>> = fc
  .record({
    pair,
    protocol: fc.nat(255),
    ttl: fc.integer({ min: 1, max: 255 }),
    dscp: fc.nat(63),
    dontFragment: fc.boolean(),
  })
  .map(({ pair: [source, destination], ...rest }) => ({ source, destination, ...rest }));
const payload = fc.uint8Array({ maxLength: 20 });

/** A packet somewhere in a slab. */
const placed = (e: IpEnvelope, b: Uint8Array, at: number): { slab: Uint8Array; octets: number } => {
  const packet = ipPacket(e, b);
  const slab = new Uint8Array(packet.length + 20).fill(0xa5);
  slab.set(packet, at);
  return { slab, octets: packet.length };
};

describe('an IP packet in place', () => {
  it('reads as it was written', () => {
    fc.assert(
      fc.property(envelope, payload, fc.nat(9), (e, b, at) => {
        const { slab, octets } = placed(e, b, at);
        expect(ipVersion(slab, at)).toBe(e.source.family);
        expect(ipPacketOctets(slab, at, octets)).toBe(octets);
        expect(ipPacketOctets(slab, at, octets + 3)).toBe(octets);
        expect(ipHeaderOctets(slab, at)).toBe(octets - b.length);
        expect(ipProtocol(slab, at)).toBe(e.protocol);
        expect(ipTtl(slab, at)).toBe(e.ttl);
        expect(ipDscp(slab, at)).toBe(e.dscp);
        expect(ipDontFragment(slab, at)).toBe(e.source.family === 6 || e.dontFragment);
        expect(isIpv4Fragment(slab, at)).toBe(false);
        expect([ipSource(slab, at), ipDestination(slab, at)]).toEqual([e.source, e.destination]);
        const { source, destination } = readAddressPair(slab, at, e.source.family);
        expect([source, destination]).toEqual([e.source, e.destination]);
      }),
    );
  });

  it('is sound exactly when the codec says so', () => {
    fc.assert(
      fc.property(
        envelope,
        payload,
        fc.nat(),
        fc.nat(255),
        fc.nat(70),
        (e, b, where, value, cut) => {
          const { slab } = placed(e, b, 0);
          slab[where % 40] = value;
          const packet = slab.subarray(0, cut);
          const isV4 = ipVersion(slab, 0) === 4;
          const decoded = isV4 ? decodeIpv4Header(packet) : decodeIpv6Header(packet);
          const total = !decoded.ok
            ? -1
            : 'payloadOctets' in decoded.value
              ? 40 + decoded.value.payloadOctets
              : decoded.value.totalOctets;
          expect(ipPacketOctets(slab, 0, packet.length)).toBe(total <= packet.length ? total : -1);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('loses one hop and keeps a right checksum', () => {
    fc.assert(
      fc.property(envelope, payload, fc.nat(9), (e, b, at) => {
        const { slab, octets } = placed(e, b, at);
        decrementTtl(slab, at);
        const fresh = ipPacket({ ...e, ttl: e.ttl - 1 }, b);
        expect(toHex(slab.subarray(at, at + octets))).toBe(toHex(fresh));
      }),
      { numRuns: 500 },
    );
  });

  it('may be a fragment', () => {
    const ends = { source: new IpAddress(4, 1), destination: new IpAddress(4, 2) };
    const fields = { ...ends, totalOctets: 20, ttl: 1, protocol: 17 };
    const b = new Uint8Array(20);
    for (const part of [{ moreFragments: true }, { fragmentOffset: 1 }]) {
      encodeIpv4Header(ipv4Header({ ...fields, ...part }), b, 0);
      expect(isIpv4Fragment(b, 0)).toBe(true);
    }
    encodeIpv4Header(ipv4Header({ ...fields, dontFragment: true, reservedFlag: true }), b, 0);
    expect(isIpv4Fragment(b, 0)).toBe(false);
  });
});
