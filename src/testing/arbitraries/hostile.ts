/**
 * Octets that somebody tampered with. The mutators know nothing of a protocol; those for NHRP lie where it counts and
 * then put the checksum right, so that the lie is reached.
 */
import fc from 'fast-check';
import { CIE_MIN_OCTETS } from '../../nhrp/codec/cie.js';
import {
  CHECKSUM,
  EXTENSION_OFFSET,
  HEADER_OCTETS,
  PACKET_SIZE,
  SOURCE_NBMA_TL,
  TYPE,
  VERSION,
} from '../../nhrp/codec/header.js';
import { readU16, writeU16 } from '../../wire/bytes.js';
import { checksum } from '../../wire/checksum.js';
import { octets } from './addresses.js';
import { greOctets } from './gre.js';
import { nhrpOctets } from './nhrp.js';

/** A change of octets; the input is left as it is. */
export interface Mutation {
  readonly name: string;
  readonly apply: (b: Uint8Array) => Uint8Array;
}

/** A mutation that may write into what it gets: that is a copy. */
export const mutation = (name: string, apply: (b: Uint8Array) => Uint8Array): Mutation => ({
  name,
  apply: (b) => apply(b.slice()),
});

/** A place as a share of the octets, so that it fits every length. */
export const share: fc.Arbitrary<number> = fc.double({
  min: 0,
  max: 1,
  maxExcluded: true,
  noNaN: true,
});
const place = (b: Uint8Array, where: number): number => Math.floor(b.length * where);

/** Numbers that lengths and counts stumble over. */
export const INTERESTING: readonly number[] = [0, 1, 3, 4, 7, 8, 16, 63, 0x40, 0x7f, 0x80, 0xff];

/** One bit the other way round. */
export const bitFlip = (): fc.Arbitrary<Mutation> =>
  fc.tuple(share, fc.nat(7)).map(([where, bit]) =>
    mutation('bit flip', (b) => {
      const at = place(b, where);
      if (at < b.length) b[at] = (b[at] ?? 0) ^ (1 << bit);
      return b;
    }),
  );

/** One octet becomes a number that lengths and counts stumble over. */
export const octetLie = (): fc.Arbitrary<Mutation> =>
  fc.tuple(share, fc.constantFrom(...INTERESTING)).map(([where, value]) =>
    mutation('octet lie', (b) => {
      const at = place(b, where);
      if (at < b.length) b[at] = value;
      return b;
    }),
  );

/** The end is missing. */
export const truncation = (): fc.Arbitrary<Mutation> =>
  share.map((where) => mutation('truncation', (b) => b.slice(0, place(b, where))));

/** A stretch stands there twice. */
export const duplication = (): fc.Arbitrary<Mutation> =>
  fc.tuple(share, share).map(([a, z]) =>
    mutation('duplication', (b) => {
      const from = Math.min(place(b, a), place(b, z));
      const to = Math.max(place(b, a), place(b, z));
      return Uint8Array.from([...b.subarray(0, to), ...b.subarray(from)]);
    }),
  );

/** A stretch is written over another one. */
export const overlap = (): fc.Arbitrary<Mutation> =>
  fc.tuple(share, share, share).map(([a, z, target]) =>
    mutation('overlap', (b) => {
      const from = Math.min(place(b, a), place(b, z));
      return b.copyWithin(place(b, target), from, Math.max(place(b, a), place(b, z)));
    }),
  );

/** Octets nobody asked for, at the end. */
export const extra = (): fc.Arbitrary<Mutation> =>
  octets(16, 1).map((more) => mutation('extra octets', (b) => Uint8Array.from([...b, ...more])));

/** Any of the mutations above. */
export const anyMutation = (): fc.Arbitrary<Mutation> =>
  fc.oneof(bitFlip(), octetLie(), truncation(), duplication(), overlap(), extra());

/** The octets after one to four mutations. */
export const mutated = (
  original: fc.Arbitrary<Uint8Array>,
  one: fc.Arbitrary<Mutation> = anyMutation(),
): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(original, fc.array(one, { minLength: 1, maxLength: 4 }))
    .map(([b, list]) => list.reduce((now, { apply }) => apply(now), b));

/** Puts an NHRP packet's size (unless it is to be kept) and its checksum right; too short a one stays as it is. */
export function withRightChecksum(b: Uint8Array, keepSize = false): Uint8Array {
  if (b.length < HEADER_OCTETS) return b;
  const out = b.slice();
  if (!keepSize) writeU16(out, PACKET_SIZE, Math.min(out.length, 0xffff));
  const size = Math.min(readU16(out, PACKET_SIZE), out.length);
  writeU16(out, CHECKSUM, 0);
  writeU16(out, CHECKSUM, checksum(out, 0, size));
  return out;
}

/** A lie in a field of the fixed header, or of the first extension. */
const headerLie = (): fc.Arbitrary<Mutation> =>
  fc
    .tuple(
      fc.constantFrom('octet', 'type', 'extension offset', 'packet size', 'extension length'),
      fc.constantFrom(...INTERESTING, 20, 28, 40, 52, 100),
      fc.constantFrom(VERSION, SOURCE_NBMA_TL, ...[1, 2, 3].map((n) => SOURCE_NBMA_TL + n)),
    )
    .map(([what, value, at]) => mutation(what, (b) => lie(b, what, value, at)));

function lie(b: Uint8Array, what: string, value: number, at: number): Uint8Array {
  if (b.length < HEADER_OCTETS) return b;
  const extensions = readU16(b, EXTENSION_OFFSET);
  if (what === 'octet') b[at] = value;
  else if (what === 'type')
    b[TYPE] = value % 11; // one too low, one too high
  else if (what === 'extension offset') writeU16(b, EXTENSION_OFFSET, value);
  else if (what === 'packet size') writeU16(b, PACKET_SIZE, value);
  else if (extensions > 0 && extensions + 4 <= b.length) writeU16(b, extensions + 2, value);
  return b;
}

/** An extension of the list a second time, or the list without its End: RFC 2332 §5.3 forbids both. */
const listLie = (): fc.Arbitrary<Mutation> =>
  fc.constantFrom(
    mutation('extension twice', (b) => {
      const at = b.length < HEADER_OCTETS ? 0 : readU16(b, EXTENSION_OFFSET);
      if (at === 0 || at + 4 > b.length) return b;
      const end = Math.min(b.length, at + 4 + readU16(b, at + 2));
      return Uint8Array.from([...b.subarray(0, end), ...b.subarray(at)]);
    }),
    mutation('no End', (b) => b.slice(0, -4)),
  );

/** One extension of the list keeps no more than a few octets of its value. */
const stump = (): fc.Arbitrary<Mutation> =>
  fc.tuple(share, fc.nat(3)).map(([where, left]) =>
    mutation('stump', (b) => {
      const all = extensionsOf(b);
      const at = all[Math.floor(all.length * where)];
      if (at === undefined) return b;
      const end = Math.min(b.length, at + 4 + readU16(b, at + 2));
      const kept = Math.min(end, at + 4 + left);
      writeU16(b, at + 2, kept - at - 4);
      return Uint8Array.from([...b.subarray(0, kept), ...b.subarray(end)]);
    }),
  );

/** Where each extension begins, End too. */
function extensionsOf(b: Uint8Array): number[] {
  const first = b.length < HEADER_OCTETS ? 0 : readU16(b, EXTENSION_OFFSET);
  const found: number[] = [];
  if (first > 0)
    for (let at = first; at + 4 <= b.length; at += 4 + readU16(b, at + 2)) found.push(at);
  return found;
}

/** Extensions without end, or CIEs in the body or in one extension: more than any limit. */
const flood = (): fc.Arbitrary<Mutation> =>
  fc
    .tuple(fc.constantFrom(65, 300), fc.constantFrom('extensions', 'CIEs', 'CIEs of an extension'))
    .map(([count, what]) =>
      mutation(`flood of ${what}`, (b) => {
        const at = b.length < HEADER_OCTETS ? 0 : readU16(b, EXTENSION_OFFSET);
        if (at === 0 || at > b.length) return b;
        const many = floodOf(what, count);
        if (what === 'CIEs' && (b[TYPE] ?? 0) <= 6) writeU16(b, EXTENSION_OFFSET, at + many.length);
        return Uint8Array.from([...b.subarray(0, at), ...many, ...b.subarray(at)]);
      }),
    );

const SMALLEST_VENDOR = [0, 8, 0, 3, 0, 0, 12];

function floodOf(what: string, count: number): number[] {
  if (what === 'extensions') return Array.from({ length: count }, () => SMALLEST_VENDOR).flat();
  const cies = Array.from({ length: count * CIE_MIN_OCTETS }, () => 0);
  if (what === 'CIEs') return cies;
  return [0x80, 3, cies.length >>> 8, cies.length & 0xff, ...cies]; // Responder Address
}

/**
 * NHRP packets that are wrong, or might be: tampered with blindly, lying in the fields that are trusted first, repeated,
 * flooded, and plain noise. Most have the right checksum, so that what is behind it is reached.
 */
export const hostileNhrpOctets = (): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    mutated(nhrpOctets()),
    mutated(nhrpOctets()).map((b) => withRightChecksum(b)),
    mutated(nhrpOctets(), headerLie()).map((b) => withRightChecksum(b, true)),
    mutated(nhrpOctets(), fc.oneof(listLie(), stump(), headerLie())).map((b) =>
      withRightChecksum(b),
    ),
    mutated(nhrpOctets(), flood()).map((b) => withRightChecksum(b)),
    octets(256),
  );

/** GRE packets that are wrong, or might be. */
export const hostileGreOctets = (): fc.Arbitrary<Uint8Array> =>
  fc.oneof(mutated(greOctets()), octets(64));
