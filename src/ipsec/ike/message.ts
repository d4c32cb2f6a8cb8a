/**
 * A whole IKEv2 message as it stands in the clear: RFC 7296 §3. What is inside an encrypted payload is
 * decoded in a second step, after its integrity has been checked (`v2/protect.ts`).
 */
import { fail, ok, type Result, shifted } from '../../wire/result.js';
import { decodeIkeHeader, encodeIkeHeader, IKE_HEADER_OCTETS, type IkeHeader } from './header.js';
import { IKE_MAJOR_VERSION } from './numbers.js';
import { decodePayloads, encodePayloads, type IkePayload, payloadsOctets } from './payload.js';

export interface IkeMessage {
  readonly header: IkeHeader;
  readonly payloads: readonly IkePayload[];
}

/** What a sender decides of a header; the rest follows from the payloads. */
export type HeaderFields = Pick<
  IkeHeader,
  'initiatorSpi' | 'responderSpi' | 'exchangeType' | 'flags' | 'messageId'
>;

/** Reads one datagram that holds one message, without a non-ESP marker; views of `b` are kept. */
export function decodeIkeMessage(b: Uint8Array): Result<IkeMessage> {
  const header = decodeIkeHeader(b);
  if (!header.ok) return header;
  const { majorVersion, nextPayload } = header.value;
  if (majorVersion !== IKE_MAJOR_VERSION)
    return fail('bad-version', 'ike.version', 17, IKE_MAJOR_VERSION, majorVersion);
  const payloads = decodePayloads(b.subarray(IKE_HEADER_OCTETS), nextPayload);
  if (!payloads.ok) return shifted(payloads, IKE_HEADER_OCTETS);
  return ok({ header: header.value, payloads: payloads.value });
}

export const ikeMessageOctets = (m: IkeMessage): number =>
  IKE_HEADER_OCTETS + payloadsOctets(m.payloads);

/** Writes `ikeMessageOctets(m)` octets at `at` and returns the offset after them. */
export function encodeIkeMessage(m: IkeMessage, out: Uint8Array, at: number): number {
  return encodePayloads(m.payloads, out, encodeIkeHeader(m.header, out, at));
}

/** A message in the clear, in octets of its own. */
export function messageBytes(fields: HeaderFields, payloads: readonly IkePayload[]): Uint8Array {
  const octets = IKE_HEADER_OCTETS + payloadsOctets(payloads);
  const nextPayload = payloads[0]?.type ?? 0;
  const version = { majorVersion: IKE_MAJOR_VERSION, minorVersion: 0 };
  const out = new Uint8Array(octets);
  encodeIkeMessage({ header: { ...fields, ...version, nextPayload, octets }, payloads }, out, 0);
  return out;
}
