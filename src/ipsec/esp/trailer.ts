/** ESP padding, pad length and next header: RFC 4303 §2.4 to §2.6. */
import { readU8, writeU8 } from '../../wire/bytes.js';
import { fail, type WireError } from '../../wire/result.js';

/** Pad length and next header. */
export const ESP_TRAILER_OCTETS = 2;

/** Padding that makes payload, padding and trailer a multiple of `align`; 0..align − 1. */
export const padOctets = (payloadOctets: number, align: number): number =>
  (align - ((payloadOctets + ESP_TRAILER_OCTETS) % align)) % align;

/** Writes padding 1, 2, 3 … and the trailer behind a payload, and returns the offset after them. */
export function writeTrailer(
  slab: Uint8Array,
  at: number,
  padding: number,
  nextHeader: number,
): number {
  for (let i = 1; i <= padding; i++) at = writeU8(slab, at, i);
  return writeU8(slab, writeU8(slab, at, padding), nextHeader);
}

/** What stands in front of the trailer of a decrypted text. */
export interface TrailerSlot {
  /** Payload with whatever traffic flow confidentiality padding there is (RFC 4303 §2.7). */
  octets: number;
  nextHeader: number;
}

/**
 * Reads the trailer of `textOctets` ≥ 2 decrypted octets into `slot`. Every octet of padding is checked
 * (RFC 4303 §2.4); what follows the payload before it is not ours to judge.
 */
export function readTrailer(
  slab: Uint8Array,
  textAt: number,
  textOctets: number,
  slot: TrailerSlot,
): WireError | null {
  const end = textAt + textOctets - ESP_TRAILER_OCTETS;
  const padding = readU8(slab, end);
  const first = end - padding;
  if (first < textAt)
    return badPadding('esp.padLength', end, textOctets - ESP_TRAILER_OCTETS, padding);
  for (let i = 0; i < padding; i++) {
    const octet = readU8(slab, first + i);
    if (octet !== i + 1) return badPadding('esp.padding', first + i, i + 1, octet);
  }
  slot.octets = first - textAt;
  slot.nextHeader = readU8(slab, end + 1);
  return null;
}

const badPadding = (field: string, at: number, expected: number, actual: number): WireError =>
  fail('bad-padding', field, at, expected, actual).error;
