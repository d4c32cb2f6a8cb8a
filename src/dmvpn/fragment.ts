/**
 * IPv4 fragmentation (RFC 791 §3.2) of packets that do not fit the tunnel and may be cut: done before GRE, so that the
 * receiver of the packet puts it together and no tunnel end has to.
 */
import { readU8, readU16, writeU8, writeU16 } from '../wire/bytes.js';
import { checksum } from '../wire/checksum.js';
import { ipHeaderOctets } from '../wire/ip-packet.js';

const MORE_FRAGMENTS = 0x2000;
const FLAGS_MASK = 0xe000;
const OFFSET_MASK = 0x1fff;
const OPTION_COPIED = 0x80;
const OPTION_END = 0;
const OPTION_NO_OP = 1;

/** The packet, whose header has been checked, in pieces of at most `mtu` octets, each of its own. */
export function fragmentIpv4(packet: Uint8Array, mtu: number): Uint8Array[] {
  const headerOctets = ipHeaderOctets(packet, 0);
  const firstHeader = packet.slice(0, headerOctets);
  const laterHeader = headerOfLater(firstHeader);
  const flagsAndOffset = readU16(packet, 6);
  const pieces: Uint8Array[] = [];
  for (let at = headerOctets; at < packet.length; ) {
    const header = pieces.length === 0 ? firstHeader : laterHeader;
    const room = (mtu - header.length) & ~7;
    const end = Math.min(at + room, packet.length);
    const offset = (flagsAndOffset & OFFSET_MASK) + (at - headerOctets) / 8;
    const more = end < packet.length ? MORE_FRAGMENTS : 0;
    pieces.push(
      piece(header, packet.subarray(at, end), (flagsAndOffset & FLAGS_MASK) | more | offset),
    );
    at = end;
  }
  return pieces;
}

function piece(header: Uint8Array, payload: Uint8Array, flagsAndOffset: number): Uint8Array {
  const out = new Uint8Array(header.length + payload.length);
  out.set(header);
  out.set(payload, header.length);
  writeU8(out, 0, 0x40 | (header.length >>> 2));
  writeU16(out, 2, out.length);
  writeU16(out, 6, flagsAndOffset);
  writeU16(out, 10, 0);
  writeU16(out, 10, checksum(out, 0, header.length));
  return out;
}

/** Fragments after the first have only the options that say so, padded to a whole number of words. */
function headerOfLater(header: Uint8Array): Uint8Array {
  const options: number[] = [];
  for (let at = 20; at < header.length && readU8(header, at) !== OPTION_END; ) {
    const type = readU8(header, at);
    const octets = type === OPTION_NO_OP ? 1 : Math.max(header[at + 1] ?? 2, 2);
    if (type & OPTION_COPIED) options.push(...header.subarray(at, at + octets));
    at += octets;
  }
  while (options.length % 4 !== 0) options.push(OPTION_END);
  return Uint8Array.from([...header.subarray(0, 20), ...options]);
}
