/** GRE: RFC 2784, RFC 2890; keepalives, as IOS sends them. */
import fc from 'fast-check';
import type { GreHeader } from '../../gre/header.js';
import { encodeKeepalive, type KeepaliveEnds } from '../../gre/keepalive.js';
import { encodeGrePacket, type GrePacket, grePacketOctets } from '../../gre/packet.js';
import { GRE_PROTOCOL_TYPE } from '../../gre/protocol-type.js';
import { ipv4Address, octets, unsigned } from './addresses.js';

const protocolType = (): fc.Arbitrary<number> =>
  fc.oneof(fc.constantFrom(...Object.values(GRE_PROTOCOL_TYPE)), unsigned(16));

/** A header that decodes and encodes to the same octets. Its checksum, if it has one, is any number. */
export const anyGreHeader = (): fc.Arbitrary<GreHeader> =>
  fc
    .record({
      protocolType: protocolType(),
      reserved0: unsigned(7).map((bits) => bits << 3),
      checksum: fc.option(unsigned(16)),
      reserved1: unsigned(16),
      key: fc.option(unsigned(32)),
      sequence: fc.option(unsigned(32)),
    })
    .map((h) => (h.checksum === null ? { ...h, reserved1: 0 } : h));

/** A packet whose checksum, if it has one, is 0 and is put right by `encodeGrePacket`. */
export const grePacket = (maxPayloadOctets = 64): fc.Arbitrary<GrePacket> =>
  fc
    .tuple(anyGreHeader(), octets(maxPayloadOctets))
    .map(([h, payload]) => ({ header: { ...h, checksum: h.checksum && 0 }, payload }));

/** The octets of a packet that decodes. */
export const greOctets = (maxPayloadOctets = 64): fc.Arbitrary<Uint8Array> =>
  grePacket(maxPayloadOctets).map((packet) => {
    const out = new Uint8Array(grePacketOctets(packet));
    encodeGrePacket(packet, out, 0);
    return out;
  });

/** A GRE packet as it comes out of an outer header with those addresses, the receiver's first. */
export interface ReceivedGre {
  readonly ends: KeepaliveEnds;
  readonly octets: Uint8Array;
}

/** A keepalive that asks its receiver for an answer to the sender, and the tunnel's key in both. */
export const greKeepalive = (): fc.Arbitrary<ReceivedGre & { readonly key: number | null }> =>
  fc
    .record({ local: ipv4Address(), remote: ipv4Address(), key: fc.option(unsigned(32)) })
    .filter(({ local, remote }) => !local.equals(remote))
    .map(({ local, remote, key }) => ({
      ends: { local, remote },
      key,
      octets: encodeKeepalive({ local: remote, remote: local }, key),
    }));
