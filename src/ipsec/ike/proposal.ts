/**
 * Proposals of an SA payload: RFC 7296 §3.3.
 *   proposal:  last 1 · reserved 1 · octets 2 · number 1 · protocol 1 · SPI octets 1 · transforms 1 · SPI · transforms
 *   transform: last 1 · reserved 1 · octets 2 · type 1 · reserved 1 · id 2 · attributes
 *   attribute: AF 1 bit, type 15 bit · value 2 when AF is set, otherwise octets 2 and the value
 */
import { readU8, readU16, writeBytes, writeU8, writeU16 } from '../../wire/bytes.js';
import { fail, ok, type Result, shifted } from '../../wire/result.js';
import { ATTRIBUTE_KEY_LENGTH } from './numbers.js';

const MAX_PROPOSALS = 16;
const MAX_TRANSFORMS = 64;
const MAX_ATTRIBUTES = 8;

const HEAD_OCTETS = 8; // of a proposal, and of a transform
const ATTRIBUTE_OCTETS = 4;
const MORE_PROPOSALS = 2;
const MORE_TRANSFORMS = 3;
const SHORT_FORM = 0x8000; // AF: the value is in the length field

export interface Attribute {
  /** 15 bits. */
  readonly type: number;
  /** A number in the short form, octets (a view of the input) in the long one. */
  readonly value: number | Uint8Array;
}

export interface Transform {
  /** One of `TRANSFORM`. */
  readonly type: number;
  /** IANA's number within the type. */
  readonly id: number;
  readonly attributes: readonly Attribute[];
  /** The two reserved octets as received; 0 when sent. */
  readonly reserved: number;
}

export interface Proposal {
  /** Counts from 1; the answer repeats the number that was chosen. */
  readonly number: number;
  /** One of `PROTOCOL`. */
  readonly protocol: number;
  /** Empty, 4 octets for ESP, 8 for an IKE SA that is rekeyed; a view of the input. */
  readonly spi: Uint8Array;
  readonly transforms: readonly Transform[];
  readonly reserved: number;
}

/** The transform's key length in bits; null without the attribute, or when it is not one number. */
export function keyBitsOf(t: Transform): number | null {
  const lengths = t.attributes.filter((a) => a.type === ATTRIBUTE_KEY_LENGTH);
  const value = lengths.length === 1 ? lengths[0]?.value : undefined;
  return typeof value === 'number' ? value : null;
}

/** A transform as we send it. */
export const transform = (type: number, id: number, keyBits: number | null = null): Transform => ({
  type,
  id,
  attributes: keyBits === null ? [] : [{ type: ATTRIBUTE_KEY_LENGTH, value: keyBits }],
  reserved: 0,
});

/** Reads the body of an SA payload; SPIs and long attributes are views of it. */
export function decodeProposals(b: Uint8Array): Result<readonly Proposal[]> {
  const proposals: Proposal[] = [];
  for (let at = 0, more = true; more; ) {
    if (proposals.length === MAX_PROPOSALS)
      return fail('too-many', 'ike.sa.proposal', at, MAX_PROPOSALS, MAX_PROPOSALS + 1);
    const span = decodeSpan(b, at, MORE_PROPOSALS, 'ike.sa.proposal');
    if (!span.ok) return span;
    const proposal = decodeProposal(b.subarray(at, at + span.value));
    if (!proposal.ok) return shifted(proposal, at);
    proposals.push(proposal.value);
    more = b[at] === MORE_PROPOSALS;
    at += span.value;
    if (!more && at !== b.length) return fail('bad-length', 'ike.sa.proposal', at, at, b.length);
  }
  return ok(proposals);
}

export const proposalsOctets = (proposals: readonly Proposal[]): number =>
  sum(proposals, proposalOctets);

/** Writes `proposalsOctets(proposals)` octets at `at` and returns the offset after them. */
export function encodeProposals(
  proposals: readonly Proposal[],
  out: Uint8Array,
  at: number,
): number {
  proposals.forEach((p, i) => {
    at = writeU8(out, at, i === proposals.length - 1 ? 0 : MORE_PROPOSALS);
    at = encodeProposal(p, out, at);
  });
  return at;
}

/** Checks "last or more" and the length of the substructure at `at`; returns its octets. */
function decodeSpan(b: Uint8Array, at: number, moreMark: number, field: string): Result<number> {
  const left = b.length - at;
  if (left < HEAD_OCTETS) return fail('truncated', field, at, HEAD_OCTETS, left);
  const mark = readU8(b, at);
  if (mark !== 0 && mark !== moreMark)
    return fail('bad-value', `${field}.last`, at, moreMark, mark);
  const octets = readU16(b, at + 2);
  if (octets < HEAD_OCTETS)
    return fail('bad-length', `${field}.length`, at + 2, HEAD_OCTETS, octets);
  return octets > left ? fail('truncated', `${field}.length`, at + 2, octets, left) : ok(octets);
}

function decodeProposal(b: Uint8Array): Result<Proposal> {
  const spiEnd = HEAD_OCTETS + readU8(b, 6);
  if (spiEnd > b.length) return fail('bad-length', 'ike.sa.proposal.spi', 6, b.length, spiEnd);
  const transforms = decodeTransforms(b.subarray(spiEnd), readU8(b, 7));
  if (!transforms.ok) return shifted(transforms, spiEnd);
  return ok({
    number: readU8(b, 4),
    protocol: readU8(b, 5),
    spi: b.subarray(HEAD_OCTETS, spiEnd),
    transforms: transforms.value,
    reserved: readU8(b, 1),
  });
}

function decodeTransforms(b: Uint8Array, count: number): Result<Transform[]> {
  if (count > MAX_TRANSFORMS) return fail('too-many', 'ike.sa.transform', 0, MAX_TRANSFORMS, count);
  const transforms: Transform[] = [];
  let at = 0;
  while (transforms.length < count) {
    const span = decodeSpan(b, at, MORE_TRANSFORMS, 'ike.sa.transform');
    if (!span.ok) return span;
    const more = transforms.length < count - 1 ? MORE_TRANSFORMS : 0;
    const mark = readU8(b, at);
    if (mark !== more) return fail('bad-value', 'ike.sa.transform.last', at, more, mark);
    const one = decodeTransform(b.subarray(at, at + span.value));
    if (!one.ok) return shifted(one, at);
    transforms.push(one.value);
    at += span.value;
  }
  return at === b.length
    ? ok(transforms)
    : fail('bad-length', 'ike.sa.transform', at, at, b.length);
}

function decodeTransform(b: Uint8Array): Result<Transform> {
  const attributes = decodeAttributes(b.subarray(HEAD_OCTETS));
  if (!attributes.ok) return shifted(attributes, HEAD_OCTETS);
  return ok({
    type: readU8(b, 4),
    id: readU16(b, 6),
    attributes: attributes.value,
    reserved: (readU8(b, 1) << 8) | readU8(b, 5),
  });
}

function decodeAttributes(b: Uint8Array): Result<Attribute[]> {
  const attributes: Attribute[] = [];
  for (let at = 0; at < b.length; ) {
    if (attributes.length === MAX_ATTRIBUTES)
      return fail('too-many', 'ike.sa.attribute', at, MAX_ATTRIBUTES, MAX_ATTRIBUTES + 1);
    if (b.length - at < ATTRIBUTE_OCTETS)
      return fail('truncated', 'ike.sa.attribute', at, ATTRIBUTE_OCTETS, b.length - at);
    const word = readU16(b, at);
    const value = readU16(b, at + 2);
    const end = at + ATTRIBUTE_OCTETS + (word & SHORT_FORM ? 0 : value);
    if (end > b.length)
      return fail('truncated', 'ike.sa.attribute', at + 2, end - at, b.length - at);
    const long = b.subarray(at + ATTRIBUTE_OCTETS, end);
    attributes.push({ type: word & ~SHORT_FORM, value: word & SHORT_FORM ? value : long });
    at = end;
  }
  return ok(attributes);
}

function encodeProposal(p: Proposal, out: Uint8Array, at: number): number {
  at = writeU8(out, at, p.reserved);
  at = writeU16(out, at, proposalOctets(p));
  at = writeU8(out, at, p.number);
  at = writeU8(out, at, p.protocol);
  at = writeU8(out, at, p.spi.length);
  at = writeU8(out, at, p.transforms.length);
  at = writeBytes(out, at, p.spi);
  p.transforms.forEach((t, i) => {
    at = writeU8(out, at, i === p.transforms.length - 1 ? 0 : MORE_TRANSFORMS);
    at = encodeTransform(t, out, at);
  });
  return at;
}

function encodeTransform(t: Transform, out: Uint8Array, at: number): number {
  at = writeU8(out, at, t.reserved >>> 8);
  at = writeU16(out, at, transformOctets(t));
  at = writeU8(out, at, t.type);
  at = writeU8(out, at, t.reserved & 0xff);
  at = writeU16(out, at, t.id);
  for (const { type, value } of t.attributes) {
    const short = typeof value === 'number';
    at = writeU16(out, at, short ? type | SHORT_FORM : type);
    at = writeU16(out, at, short ? value : value.length);
    if (!short) at = writeBytes(out, at, value);
  }
  return at;
}

const proposalOctets = (p: Proposal): number =>
  HEAD_OCTETS + p.spi.length + sum(p.transforms, transformOctets);

const transformOctets = (t: Transform): number => HEAD_OCTETS + sum(t.attributes, attributeOctets);

const attributeOctets = (a: Attribute): number =>
  ATTRIBUTE_OCTETS + (typeof a.value === 'number' ? 0 : a.value.length);

const sum = <T>(items: readonly T[], octetsOf: (item: T) => number): number =>
  items.reduce((total, item) => total + octetsOf(item), 0);
