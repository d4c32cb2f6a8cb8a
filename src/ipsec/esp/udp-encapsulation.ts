/**
 * ESP and IKE on one UDP port, 4500: RFC 3948.
 *   ESP            its SPI, never 0, comes first (§2.1)
 *   IKE            four zero octets, the non-ESP marker, come first (§2.2)
 *   NAT keepalive  one octet 0xff (§2.3)
 */
import { readU8, readU32, writeU32 } from '../../wire/bytes.js';
import { ESP_HEADER_OCTETS } from './header.js';

export const NON_ESP_MARKER_OCTETS = 4;
const KEEPALIVE = 0xff;
/** RFC 3948 §4 M: the default interval of keepalives. */
export const KEEPALIVE_INTERVAL_MS = 20_000;

export type UdpPayload = 'esp' | 'ike' | 'keepalive' | 'truncated';

/** What a datagram on port 4500 is. `truncated`: too short for anything; it is dropped. */
export function classifyUdpPayload(slab: Uint8Array, at: number, octets: number): UdpPayload {
  if (octets === 1 && readU8(slab, at) === KEEPALIVE) return 'keepalive';
  if (octets < NON_ESP_MARKER_OCTETS) return 'truncated';
  if (readU32(slab, at) === 0) return octets > NON_ESP_MARKER_OCTETS ? 'ike' : 'truncated';
  return octets < ESP_HEADER_OCTETS ? 'truncated' : 'esp';
}

/** An IKE message as it goes out on port 4500: a copy behind the non-ESP marker. */
export function withNonEspMarker(message: Uint8Array): Uint8Array {
  const out = new Uint8Array(NON_ESP_MARKER_OCTETS + message.length);
  writeU32(out, 0, 0);
  out.set(message, NON_ESP_MARKER_OCTETS);
  return out;
}

/** The datagram that keeps a NAT mapping alive. */
export const keepalive = (): Uint8Array => Uint8Array.of(KEEPALIVE);
