/**
 * The encrypted payload: RFC 7296 §3.14, with AEADs RFC 5282, in fragments RFC 7383 §2.5.
 *   IKE header · clear payloads · payload header 4 [· fragment number 2, total 2] · IV · text · ICV
 *   text = payloads · padding · pad octets 1
 * An AEAD authenticates everything before the IV, CBC with HMAC everything before the ICV.
 */
import { fail, ok, type Result } from '../../wire/result.js';
import type { PacketCipher } from '../crypto.js';
import { type CipherSuite, icvOctets } from '../suites.js';
import { encodeIkeHeader, IKE_HEADER_OCTETS } from './header.js';
import type { HeaderFields } from './message.js';
import { IKE_MAJOR_VERSION, PAYLOAD } from './numbers.js';
import {
  encodePayloads,
  PAYLOAD_HEADER_OCTETS,
  type SkfPayload,
  type SkPayload,
} from './payload.js';

/** One direction of an IKE SA. */
export interface SkCipher {
  readonly cipher: PacketCipher;
  readonly suite: CipherSuite;
}

/** What an encrypted payload held. Views of the message that was decrypted in place. */
export interface Opened {
  /** Payloads, or one fragment of them. */
  readonly content: Uint8Array;
  /** Padding with the length octet behind it. */
  readonly padding: Uint8Array;
}

/**
 * Checks and decrypts in place. `message` is the whole message and `payload` its last payload, a view of it.
 * After `bad-icv` nothing of the message may be used.
 */
export function openEncrypted(
  sk: SkCipher,
  message: Uint8Array,
  payload: SkPayload | SkfPayload,
): Result<Opened> {
  const ivOctets = sk.suite.encryption.ivOctets;
  const icv = icvOctets(sk.suite);
  const dataAt = message.length - payload.data.length;
  const textAt = dataAt + ivOctets;
  const textOctets = payload.data.length - ivOctets - icv;
  const least = ivOctets + 1 + icv;
  if (textOctets < 1) return fail('truncated', 'ike.sk', dataAt, least, payload.data.length);
  if (!sk.cipher.open(message, 0, textAt, textOctets, null))
    return fail('bad-icv', 'ike.sk.icv', textAt + textOctets, icv, icv);
  const paddingOctets = (message[textAt + textOctets - 1] ?? 0) + 1;
  if (paddingOctets > textOctets)
    return fail(
      'bad-padding',
      'ike.sk.padding',
      textAt + textOctets - 1,
      textOctets,
      paddingOctets,
    );
  const paddingAt = textAt + textOctets - paddingOctets;
  return ok({
    content: message.subarray(textAt, paddingAt),
    padding: message.subarray(paddingAt, textAt + textOctets),
  });
}

/** A message, or one fragment of it, that is to be encrypted. */
export interface ToSeal {
  readonly header: HeaderFields;
  /** Type of the first payload inside; 0 in all fragments but the first. */
  readonly inner: number;
  /** The payloads, encoded; or this fragment's part of them. */
  readonly content: Uint8Array;
  /** As {@link paddingFor} gives it; any octets do, the last one counts those before it. */
  readonly padding: Uint8Array;
  /** Unpredictable for CBC, never twice for an AEAD. */
  readonly iv: Uint8Array;
  readonly fragment: { readonly number: number; readonly total: number } | null;
}

/** The message as octets of its own, ready to send. */
export function sealEncrypted(sk: SkCipher, m: ToSeal): Uint8Array {
  const textOctets = m.content.length + m.padding.length;
  const data = new Uint8Array(m.iv.length + textOctets + icvOctets(sk.suite));
  data.set(m.iv);
  data.set(m.content, m.iv.length);
  data.set(m.padding, m.iv.length + m.content.length);
  const head = { flags: 0, inner: m.inner, data };
  const payload: SkPayload | SkfPayload =
    m.fragment === null
      ? { ...head, kind: 'sk', type: PAYLOAD.SK }
      : { ...head, kind: 'skf', type: PAYLOAD.SKF, ...m.fragment };
  const beforeData = IKE_HEADER_OCTETS + PAYLOAD_HEADER_OCTETS + (m.fragment === null ? 0 : 4);
  const out = new Uint8Array(beforeData + data.length);
  const version = { majorVersion: IKE_MAJOR_VERSION, minorVersion: 0 };
  const header = { ...m.header, ...version, nextPayload: payload.type, octets: out.length };
  encodePayloads([payload], out, encodeIkeHeader(header, out, 0));
  sk.cipher.seal(out, 0, beforeData + m.iv.length, textOctets, null);
  return out;
}

/** The least padding that fits: to a whole block for CBC, none for an AEAD (RFC 5282 §3). */
export function paddingFor(sk: SkCipher, contentOctets: number): Uint8Array {
  const align = sk.suite.integrity === null ? 1 : sk.suite.encryption.alignOctets;
  const padOctets = (align - ((contentOctets + 1) % align)) % align;
  const padding = new Uint8Array(padOctets + 1);
  padding[padOctets] = padOctets;
  return padding;
}
