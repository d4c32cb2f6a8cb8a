/**
 * Traffic selectors of a TS payload: RFC 7296 §3.13.
 *   payload:  count 1 · reserved 3 · selectors
 *   selector: type 1 · protocol 1 · octets 2 · start port 2 · end port 2 · start address · end address
 */
import { addressOctets, type IpAddress, readAddress, writeAddress } from '../../wire/address.js';
import { readU8, readU16, writeBytes, writeU8, writeU16 } from '../../wire/bytes.js';
import { fail, ok, type Result, shifted } from '../../wire/result.js';
import { TS_TYPE } from './numbers.js';

const MAX_SELECTORS = 64;

const LIST_OCTETS = 4;
const HEAD_OCTETS = 4;
const PORTS_OCTETS = 4;

/** A range of addresses, ports and one protocol. */
export interface TrafficSelector {
  readonly kind: 'range';
  /** IP protocol number; 0 for any. */
  readonly protocol: number;
  readonly startPort: number;
  readonly endPort: number;
  readonly start: IpAddress;
  /** Inclusive; of the same family as `start`. */
  readonly end: IpAddress;
}

/** A selector of a type that is not known here, kept as it came; `data` is a view of the input. */
export interface OtherSelector {
  readonly kind: 'other';
  readonly type: number;
  readonly protocol: number;
  readonly data: Uint8Array;
}

export type AnySelector = TrafficSelector | OtherSelector;

export interface SelectorList {
  /** The three reserved octets as received; 0 when sent. */
  readonly reserved: number;
  readonly selectors: readonly AnySelector[];
}

/** Reads the body of a TS payload. */
export function decodeSelectors(b: Uint8Array): Result<SelectorList> {
  if (b.length < LIST_OCTETS) return fail('truncated', 'ike.ts', 0, LIST_OCTETS, b.length);
  const count = readU8(b, 0);
  if (count > MAX_SELECTORS) return fail('too-many', 'ike.ts.count', 0, MAX_SELECTORS, count);
  const selectors: AnySelector[] = [];
  let at = LIST_OCTETS;
  while (selectors.length < count) {
    const octets = b.length - at < HEAD_OCTETS ? HEAD_OCTETS : readU16(b, at + 2);
    if (octets < HEAD_OCTETS)
      return fail('bad-length', 'ike.ts.length', at + 2, HEAD_OCTETS, octets);
    if (octets > b.length - at)
      return fail('truncated', 'ike.ts.selector', at, octets, b.length - at);
    const selector = decodeSelector(b.subarray(at, at + octets));
    if (!selector.ok) return shifted(selector, at);
    selectors.push(selector.value);
    at += octets;
  }
  if (at !== b.length) return fail('bad-length', 'ike.ts.count', 0, b.length, at);
  return ok({ reserved: (readU8(b, 1) << 16) | readU16(b, 2), selectors });
}

export const selectorsOctets = (list: SelectorList): number =>
  list.selectors.reduce((total, s) => total + selectorOctets(s), LIST_OCTETS);

/** Writes `selectorsOctets(list)` octets at `at` and returns the offset after them. */
export function encodeSelectors(list: SelectorList, out: Uint8Array, at: number): number {
  at = writeU8(out, at, list.selectors.length);
  at = writeU8(out, at, list.reserved >>> 16);
  at = writeU16(out, at, list.reserved & 0xffff);
  for (const selector of list.selectors) at = encodeSelector(selector, out, at);
  return at;
}

function decodeSelector(b: Uint8Array): Result<AnySelector> {
  const type = readU8(b, 0);
  const protocol = readU8(b, 1);
  if (type !== TS_TYPE.IPV4_ADDR_RANGE && type !== TS_TYPE.IPV6_ADDR_RANGE)
    return ok({ kind: 'other', type, protocol, data: b.subarray(HEAD_OCTETS) });
  const family = type === TS_TYPE.IPV4_ADDR_RANGE ? 4 : 6;
  const startAt = HEAD_OCTETS + PORTS_OCTETS;
  const endAt = startAt + (family === 4 ? 4 : 16);
  const octets = endAt + (endAt - startAt);
  if (b.length !== octets) return fail('bad-length', 'ike.ts.length', 2, octets, b.length);
  return ok({
    kind: 'range',
    protocol,
    startPort: readU16(b, HEAD_OCTETS),
    endPort: readU16(b, HEAD_OCTETS + 2),
    start: readAddress(b, startAt, family),
    end: readAddress(b, endAt, family),
  });
}

function encodeSelector(s: AnySelector, out: Uint8Array, at: number): number {
  at = writeU8(out, at, s.kind === 'other' ? s.type : typeOf(s));
  at = writeU8(out, at, s.protocol);
  at = writeU16(out, at, selectorOctets(s));
  if (s.kind === 'other') return writeBytes(out, at, s.data);
  at = writeU16(out, at, s.startPort);
  at = writeU16(out, at, s.endPort);
  return writeAddress(s.end, out, writeAddress(s.start, out, at));
}

const typeOf = (s: TrafficSelector): number =>
  s.start.family === 4 ? TS_TYPE.IPV4_ADDR_RANGE : TS_TYPE.IPV6_ADDR_RANGE;

const selectorOctets = (s: AnySelector): number =>
  s.kind === 'other'
    ? HEAD_OCTETS + s.data.length
    : HEAD_OCTETS + PORTS_OCTETS + 2 * addressOctets(s.start);
