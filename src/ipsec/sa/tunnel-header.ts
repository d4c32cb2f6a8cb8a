/**
 * The inner IP header of tunnel mode (RFC 4303 §3.1.2, RFC 4301 §5.1.2) around GRE between two NBMA hosts.
 * Transport mode has none.
 */
import { type IpAddress, readAddress } from '../../wire/address.js';
import { readU8, readU16, writeU16 } from '../../wire/bytes.js';
import { checksum } from '../../wire/checksum.js';
import { IP_PROTOCOL } from '../../wire/ip-protocol.js';
import { encodeIpv4Header, IPV4_MIN_OCTETS, ipv4Header } from '../../wire/ipv4.js';
import { encodeIpv6Header, IPV6_OCTETS } from '../../wire/ipv6.js';
import { fail, type WireError } from '../../wire/result.js';
import type { Selector } from '../key-exchange.js';

const HOPS = 64; // RFC 1122 §3.2.1.7; inside ESP nothing lowers it
const IPV4_TOTAL_OCTETS = 2;
const IPV4_FRAGMENT = 6;
const IPV4_FRAGMENT_BITS = 0x3fff; // more fragments, and the offset
const IPV4_PROTOCOL = 9;
const IPV4_CHECKSUM = 10;
const IPV4_SOURCE = 12;
const IPV6_PAYLOAD_OCTETS = 4;
const IPV6_NEXT_HEADER = 6;
const IPV6_SOURCE = 8;

/** A packet in its slab. */
export interface PacketPlace {
  at: number;
  octets: number;
}

export class TunnelHeader {
  readonly octets: number;
  /** ESP's next header: 4 or 41. */
  readonly nextHeader: number;
  readonly #template: Uint8Array;
  readonly #selector: Selector;
  readonly #v4: boolean;

  constructor(selector: Selector) {
    this.#selector = selector;
    this.#v4 = selector.local.family === 4;
    this.octets = this.#v4 ? IPV4_MIN_OCTETS : IPV6_OCTETS;
    this.nextHeader = this.#v4 ? IP_PROTOCOL.IPIP : IP_PROTOCOL.IPV6;
    this.#template = new Uint8Array(this.octets);
    writeHeader(selector, this.#template);
  }

  /** Puts the header before a payload: `octets` are free there. */
  wrap(slab: Uint8Array, place: PacketPlace): void {
    const start = place.at - this.octets;
    slab.set(this.#template, start);
    if (this.#v4) {
      writeU16(slab, start + IPV4_TOTAL_OCTETS, place.octets + this.octets);
      writeU16(slab, start + IPV4_CHECKSUM, checksum(slab, start, this.octets));
    } else writeU16(slab, start + IPV6_PAYLOAD_OCTETS, place.octets);
    place.at = start;
    place.octets += this.octets;
  }

  /**
   * Takes the header off, and traffic flow padding behind the inner packet. What does not fit the selector is refused
   * (RFC 4301 §5.2). Offsets count from the inner header.
   */
  unwrap(slab: Uint8Array, place: PacketPlace): WireError | null {
    return this.#v4 ? this.#unwrapV4(slab, place) : this.#unwrapV6(slab, place);
  }

  #unwrapV4(slab: Uint8Array, place: PacketPlace): WireError | null {
    const { at, octets } = place;
    if (octets < IPV4_MIN_OCTETS)
      return fail('truncated', 'ipv4.header', 0, IPV4_MIN_OCTETS, octets).error;
    if (readU8(slab, at) >>> 4 !== 4)
      return fail('bad-version', 'ipv4.version', 0, 4, readU8(slab, at) >>> 4).error;
    const headerOctets = (readU8(slab, at) & 0xf) * 4;
    const total = readU16(slab, at + IPV4_TOTAL_OCTETS);
    if (headerOctets < IPV4_MIN_OCTETS || total < headerOctets || total > octets)
      return fail('bad-length', 'ipv4.totalLength', IPV4_TOTAL_OCTETS, octets, total).error;
    const fragment = readU16(slab, at + IPV4_FRAGMENT) & IPV4_FRAGMENT_BITS;
    if (fragment !== 0)
      return fail('unsupported', 'ipv4.fragment', IPV4_FRAGMENT, 0, fragment).error;
    const mismatch = this.#mismatch(slab, at + IPV4_SOURCE, at + IPV4_PROTOCOL);
    if (mismatch !== null) return mismatch;
    place.at = at + headerOctets;
    place.octets = total - headerOctets;
    return null;
  }

  #unwrapV6(slab: Uint8Array, place: PacketPlace): WireError | null {
    const { at, octets } = place;
    if (octets < IPV6_OCTETS) return fail('truncated', 'ipv6.header', 0, IPV6_OCTETS, octets).error;
    if (readU8(slab, at) >>> 4 !== 6)
      return fail('bad-version', 'ipv6.version', 0, 6, readU8(slab, at) >>> 4).error;
    const payload = readU16(slab, at + IPV6_PAYLOAD_OCTETS);
    if (payload > octets - IPV6_OCTETS)
      return fail('bad-length', 'ipv6.payloadLength', IPV6_PAYLOAD_OCTETS, octets, payload).error;
    const mismatch = this.#mismatch(slab, at + IPV6_SOURCE, at + IPV6_NEXT_HEADER);
    if (mismatch !== null) return mismatch;
    place.at = at + IPV6_OCTETS;
    place.octets = payload;
    return null;
  }

  #mismatch(slab: Uint8Array, sourceAt: number, protocolAt: number): WireError | null {
    const { protocol, local, remote } = this.#selector;
    const actual = readU8(slab, protocolAt);
    if (actual !== protocol) return fail('bad-value', 'ip.protocol', 0, protocol, actual).error;
    const source = readAddress(slab, sourceAt, local.family);
    if (!source.equals(remote)) return otherAddress('ip.source', remote, source);
    const destination = readAddress(slab, sourceAt + (this.#v4 ? 4 : 16), local.family);
    return destination.equals(local) ? null : otherAddress('ip.destination', local, destination);
  }
}

/** A word of an address is enough to see it by in an error. */
const otherAddress = (field: string, expected: IpAddress, actual: IpAddress): WireError =>
  fail('bad-value', field, 0, expected.w0 >>> 0, actual.w0 >>> 0).error;

function writeHeader({ protocol, local, remote }: Selector, out: Uint8Array): void {
  if (local.family === 6) {
    const header = { dscp: 0, ecn: 0, flowLabel: 0, payloadOctets: 0, nextHeader: protocol };
    encodeIpv6Header({ ...header, hopLimit: HOPS, source: local, destination: remote }, out, 0);
    return;
  }
  const fields = { totalOctets: 0, ttl: HOPS, protocol, source: local, destination: remote };
  encodeIpv4Header(ipv4Header({ ...fields, dontFragment: true }), out, 0);
  writeU16(out, IPV4_CHECKSUM, 0); // comes with the length
}
