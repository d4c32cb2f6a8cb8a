/**
 * The chain of payloads in an IKE message: RFC 7296 §3.2.
 *   next payload 1 · critical bit and 7 reserved bits 1 · octets 2, these four included · body
 * The type of a payload stands in the header of the one before it; that of the first in the IKE header.
 * An encrypted payload (SK, SKF) ends the chain: its "next payload" names the first payload inside.
 */
import { readU8, readU16, writeBytes, writeU8, writeU16 } from '../../wire/bytes.js';
import { fail, ok, type Result, shifted } from '../../wire/result.js';
import { PAYLOAD } from './numbers.js';
import * as body from './payload-body.js';
import { decodeProposals, encodeProposals, type Proposal, proposalsOctets } from './proposal.js';
import {
  decodeSelectors,
  encodeSelectors,
  type SelectorList,
  selectorsOctets,
} from './traffic-selector.js';

const MAX_PAYLOADS = 64;
export const PAYLOAD_HEADER_OCTETS = 4;
const MAX_PAYLOAD_OCTETS = 0xffff;

interface Head {
  /** One of `PAYLOAD`, or a number that is not known here. */
  readonly type: number;
  /** `FLAG_CRITICAL` and the reserved bits as received; 0 when sent. */
  readonly flags: number;
}

export interface SaPayload extends Head {
  readonly kind: 'sa';
  readonly proposals: readonly Proposal[];
}
export interface KePayload extends Head, body.KeyExchangeData {
  readonly kind: 'ke';
}
export interface IdPayload extends Head {
  readonly kind: 'id';
  readonly id: body.TypedData;
}
export interface AuthPayload extends Head {
  readonly kind: 'auth';
  /** `type` is the authentication method. */
  readonly auth: body.TypedData;
}
export interface NotifyPayload extends Head, body.NotifyData {
  readonly kind: 'notify';
}
export interface DeletePayload extends Head, body.DeleteData {
  readonly kind: 'delete';
}
export interface TsPayload extends Head, SelectorList {
  readonly kind: 'ts';
}
/** Always the last of its chain. `data` is IV, ciphertext and ICV. */
export interface SkPayload extends Head {
  readonly kind: 'sk';
  /** Type of the first payload inside. */
  readonly inner: number;
  readonly data: Uint8Array;
}
/** Always the last of its chain. */
export interface SkfPayload extends Head, body.FragmentData {
  readonly kind: 'skf';
  /** Type of the first payload inside, in fragment 1; 0 in the others. */
  readonly inner: number;
}
export interface NoncePayload extends Head {
  readonly kind: 'nonce';
  readonly data: Uint8Array;
}
export interface VendorPayload extends Head {
  readonly kind: 'vendor';
  readonly data: Uint8Array;
}
/** Whatever is not known here, kept as it came. */
export interface OtherPayload extends Head {
  readonly kind: 'other';
  readonly data: Uint8Array;
}

export type IkePayload =
  | SaPayload
  | KePayload
  | IdPayload
  | AuthPayload
  | NotifyPayload
  | DeletePayload
  | TsPayload
  | SkPayload
  | SkfPayload
  | NoncePayload
  | VendorPayload
  | OtherPayload;

/** Reads the chain that fills `b`; octet fields are views of it. */
export function decodePayloads(b: Uint8Array, first: number): Result<readonly IkePayload[]> {
  const payloads: IkePayload[] = [];
  let at = 0;
  for (let type = first; type !== PAYLOAD.NONE; ) {
    if (payloads.length === MAX_PAYLOADS)
      return fail('too-many', 'ike.payload', at, MAX_PAYLOADS, MAX_PAYLOADS + 1);
    const left = b.length - at;
    const octets = left < PAYLOAD_HEADER_OCTETS ? PAYLOAD_HEADER_OCTETS : readU16(b, at + 2);
    if (octets < PAYLOAD_HEADER_OCTETS)
      return fail('bad-length', 'ike.payload.length', at + 2, PAYLOAD_HEADER_OCTETS, octets);
    if (octets > left) return fail('truncated', 'ike.payload', at, octets, left);
    const head: Head = { type, flags: readU8(b, at + 1) };
    const content = b.subarray(at + PAYLOAD_HEADER_OCTETS, at + octets);
    const payload = decodeBody(head, readU8(b, at), content);
    if (!payload.ok) return shifted(payload, at + PAYLOAD_HEADER_OCTETS);
    payloads.push(payload.value);
    type = isEncrypted(payload.value) ? PAYLOAD.NONE : readU8(b, at);
    at += octets;
  }
  return at === b.length ? ok(payloads) : fail('bad-length', 'ike.payload', at, at, b.length);
}

export const payloadsOctets = (payloads: readonly IkePayload[]): number =>
  payloads.reduce((total, p) => total + PAYLOAD_HEADER_OCTETS + bodyOctets(p), 0);

/**
 * Writes `payloadsOctets(payloads)` octets at `at` and returns the offset after them.
 * @throws Error `bug: …` when a payload does not fit its 16-bit length.
 */
export function encodePayloads(
  payloads: readonly IkePayload[],
  out: Uint8Array,
  at: number,
): number {
  payloads.forEach((p, i) => {
    const octets = PAYLOAD_HEADER_OCTETS + bodyOctets(p);
    if (octets > MAX_PAYLOAD_OCTETS)
      throw new Error('bug: an IKE payload of more than 65535 octets');
    at = writeU8(out, at, isEncrypted(p) ? p.inner : (payloads[i + 1]?.type ?? PAYLOAD.NONE));
    at = writeU8(out, at, p.flags);
    at = writeU16(out, at, octets);
    at = encodeBody(p, out, at);
  });
  return at;
}

const isEncrypted = (p: IkePayload): p is SkPayload | SkfPayload =>
  p.kind === 'sk' || p.kind === 'skf';

function decodeBody(head: Head, next: number, b: Uint8Array): Result<IkePayload> {
  switch (head.type) {
    case PAYLOAD.SA:
      return map(decodeProposals(b), (proposals) => ({ ...head, kind: 'sa', proposals }));
    case PAYLOAD.KE:
      return map(body.decodeKeyExchange(b), (v) => ({ ...head, ...v, kind: 'ke' }));
    case PAYLOAD.ID_INITIATOR:
    case PAYLOAD.ID_RESPONDER:
      return map(body.decodeTypedData(b, 'ike.id'), (id) => ({ ...head, kind: 'id', id }));
    case PAYLOAD.AUTH:
      return map(body.decodeTypedData(b, 'ike.auth'), (auth) => ({ ...head, kind: 'auth', auth }));
    case PAYLOAD.NONCE:
      return map(body.decodeNonce(b), (data) => ({ ...head, kind: 'nonce', data }));
    case PAYLOAD.NOTIFY:
      return map(body.decodeNotify(b), (v) => ({ ...head, ...v, kind: 'notify' }));
    case PAYLOAD.DELETE:
      return map(body.decodeDelete(b), (v) => ({ ...head, ...v, kind: 'delete' }));
    case PAYLOAD.TS_INITIATOR:
    case PAYLOAD.TS_RESPONDER:
      return map(decodeSelectors(b), (v) => ({ ...head, ...v, kind: 'ts' }));
    case PAYLOAD.SK:
      return ok({ ...head, kind: 'sk', inner: next, data: b });
    case PAYLOAD.SKF:
      return map(body.decodeFragment(b), (v) => ({ ...head, ...v, kind: 'skf', inner: next }));
    case PAYLOAD.VENDOR_ID:
      return ok({ ...head, kind: 'vendor', data: b });
    default:
      return ok({ ...head, kind: 'other', data: b });
  }
}

const map = <T>(result: Result<T>, build: (value: T) => IkePayload): Result<IkePayload> =>
  result.ok ? ok(build(result.value)) : result;

function bodyOctets(p: IkePayload): number {
  switch (p.kind) {
    case 'sa':
      return proposalsOctets(p.proposals);
    case 'ke':
    case 'skf':
      return 4 + p.data.length;
    case 'id':
      return 4 + p.id.data.length;
    case 'auth':
      return 4 + p.auth.data.length;
    case 'notify':
      return 4 + p.spi.length + p.data.length;
    case 'delete':
      return 4 + p.spis.length * p.spiOctets;
    case 'ts':
      return selectorsOctets(p);
    default:
      return p.data.length;
  }
}

function encodeBody(p: IkePayload, out: Uint8Array, at: number): number {
  switch (p.kind) {
    case 'sa':
      return encodeProposals(p.proposals, out, at);
    case 'ke':
      return body.encodeKeyExchange(p, out, at);
    case 'id':
      return body.encodeTypedData(p.id, out, at);
    case 'auth':
      return body.encodeTypedData(p.auth, out, at);
    case 'notify':
      return body.encodeNotify(p, out, at);
    case 'delete':
      return body.encodeDelete(p, out, at);
    case 'ts':
      return encodeSelectors(p, out, at);
    case 'skf':
      return body.encodeFragment(p, out, at);
    default:
      return writeBytes(out, at, p.data);
  }
}
