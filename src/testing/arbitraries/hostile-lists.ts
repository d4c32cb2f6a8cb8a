/**
 * Lists of CIEs and of extensions that somebody tampered with: as they lie in a packet, alone. `withLists` makes a
 * packet around them in which everything else is right, so that each lie is reached.
 */
import fc from 'fast-check';
import type { Families } from '../../nhrp/codec/address.js';
import { CIE, CIE_MIN_OCTETS, ciesOctets, encodeCie } from '../../nhrp/codec/cie.js';
import {
  type Extension,
  type ExtensionContext,
  encodeExtensions,
  extensionOctets,
} from '../../nhrp/codec/extension.js';
import { EXTENSION_OFFSET } from '../../nhrp/codec/header.js';
import { type CieMessage, messageBytes } from '../../nhrp/codec/message.js';
import { readU16, writeU16 } from '../../wire/bytes.js';
import { octets } from './addresses.js';
import {
  INTERESTING,
  type Mutation,
  mutated,
  mutation,
  share,
  withRightChecksum,
} from './hostile.js';
import { cieList, extensions } from './nhrp.js';

/** Packets of IPv4 over IPv4, which most are. */
const IPV4: ExtensionContext = { nbmaFamily: 4, protocolFamily: 4, sourceProtocolOctets: 4 };
const END: readonly number[] = [0x80, 0, 0, 0];
/** More than any limit, by one and by many. */
const FLOODS: readonly number[] = [65, 300];

/** The octets of 0..3 CIEs that decode. */
export const cieListOctets = (families: Families = IPV4): fc.Arbitrary<Uint8Array> =>
  cieList(families).map((cies) => {
    const out = new Uint8Array(ciesOctets(cies));
    let at = 0;
    for (const cie of cies) at = encodeCie(cie, out, at);
    return out;
  });

/** The octets of extensions that decode, with End. */
export const extensionListOctets = (context: ExtensionContext = IPV4): fc.Arbitrary<Uint8Array> =>
  extensions(context).map((list) => {
    const all = list ?? [];
    const end = all.at(-1)?.type === 0 ? [] : END; // now and then a list has an End of its own
    const out = new Uint8Array(sum(all) + end.length);
    out.set(end, encodeExtensions(all, out, 0));
    return out;
  });

const sum = (list: readonly Extension[]): number =>
  list.reduce((total, e) => total + extensionOctets(e), 0);

/**
 * The message with those lists in the place of its own, whatever they are; size, extension offset and checksum are right.
 * @param lists.extensions null = no extension part
 */
export function withLists(
  message: CieMessage,
  lists: { readonly cies: Uint8Array; readonly extensions: Uint8Array | null },
): Uint8Array {
  const head = messageBytes({ ...message, cies: [], extensions: null });
  const out = Uint8Array.from([...head, ...lists.cies, ...(lists.extensions ?? [])]);
  if (lists.extensions !== null) writeU16(out, EXTENSION_OFFSET, head.length + lists.cies.length);
  return withRightChecksum(out);
}

/** A length of the first CIE. */
const cieLie = (): fc.Arbitrary<Mutation> =>
  fc
    .tuple(
      fc.constantFrom('nbmaTypeLength', 'nbmaSubaddressTypeLength', 'protocolLength'),
      fc.constantFrom(...INTERESTING),
    )
    .map(([field, value]) =>
      mutation(`CIE ${field}`, (b) => {
        if (b.length >= CIE_MIN_OCTETS) b[CIE.offsetOf(field)] = value;
        return b;
      }),
    );

const cieFlood = (): fc.Arbitrary<Mutation> =>
  fc
    .constantFrom(...FLOODS)
    .map((count) =>
      mutation('CIE flood', (b) =>
        Uint8Array.from([...new Uint8Array(count * CIE_MIN_OCTETS), ...b]),
      ),
    );

/** Where each extension begins, End too. */
function beginnings(b: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at + 4 <= b.length; at += 4 + readU16(b, at + 2)) found.push(at);
  return found;
}

/** A lie about one extension, or about where the list ends: RFC 2332 §5.3. */
const extensionLie = (): fc.Arbitrary<Mutation> =>
  fc
    .tuple(
      fc.constantFrom('length', 'twice', 'no End', 'an End with a value', 'after End'),
      share,
      fc.constantFrom(...INTERESTING, 0xffff),
    )
    .map(([what, where, value]) =>
      mutation(`extension: ${what}`, (b) => {
        const all = beginnings(b);
        const at = all[Math.floor(all.length * where)];
        if (at === undefined) return b;
        return tamper(b, what, at, value);
      }),
    );

function tamper(b: Uint8Array, what: string, at: number, value: number): Uint8Array {
  const next = Math.min(at + 4 + readU16(b, at + 2), b.length);
  switch (what) {
    case 'length':
      writeU16(b, at + 2, value);
      return b;
    case 'twice':
      return Uint8Array.from([...b.subarray(0, next), ...b.subarray(at)]);
    case 'no End':
      return b.slice(0, -4);
    case 'an End with a value':
      return Uint8Array.from([...b.subarray(0, -4), 0x80, 0, 0, 1, value]);
    default:
      return Uint8Array.from([...b, 0x80, 4, 0, 0]);
  }
}

/** Vendors, which may be repeated, without end. */
const extensionFlood = (): fc.Arbitrary<Mutation> =>
  fc.constantFrom(...FLOODS).map((count) =>
    mutation('extension flood', (b) => {
      const many = Array.from({ length: count }, () => [0, 8, 0, 3, 0, 0, 12]);
      return Uint8Array.from([...many.flat(), ...b]);
    }),
  );

/** Lists of CIEs that are wrong, or might be, for `withLists`. */
export const hostileCieOctets = (families: Families = IPV4): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    mutated(cieListOctets(families)),
    mutated(cieListOctets(families), cieLie()),
    mutated(cieListOctets(families), cieFlood()),
    octets(96),
  );

/** Lists of extensions that are wrong, or might be, for `withLists`. */
export const hostileExtensionOctets = (
  context: ExtensionContext = IPV4,
): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    mutated(extensionListOctets(context)),
    { weight: 2, arbitrary: mutated(extensionListOctets(context), extensionLie()) },
    mutated(extensionListOctets(context), extensionFlood()),
    octets(96),
  );
