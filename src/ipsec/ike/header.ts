/**
 * IKE header codec: RFC 7296 §3.1, 28 octets.
 *   0..8 initiator's SPI · 8..16 responder's SPI · 16 next payload · 17 version major|minor ·
 *   18 exchange type · 19 flags · 20..24 message id · 24..28 octets of the whole message.
 * IKEv1 has the same header; whoever decodes more than it checks the version first.
 */
import { readU32, readU64, writeU32, writeU64 } from '../../wire/bytes.js';
import { fixedLayout } from '../../wire/layout.js';
import { fail, ok, type Result } from '../../wire/result.js';
import { FLAG_INITIATOR, FLAG_RESPONSE } from './numbers.js';

const LAYOUT = fixedLayout({
  initiatorSpi: 8,
  responderSpi: 8,
  nextPayload: 1,
  version: 1,
  exchangeType: 1,
  flags: 1,
  messageId: 4,
  length: 4,
});
const RESPONDER_SPI = LAYOUT.offsetOf('responderSpi');
const NEXT_PAYLOAD = LAYOUT.offsetOf('nextPayload');
const VERSION = LAYOUT.offsetOf('version');
const EXCHANGE_TYPE = LAYOUT.offsetOf('exchangeType');
const FLAGS = LAYOUT.offsetOf('flags');
const MESSAGE_ID = LAYOUT.offsetOf('messageId');
const LENGTH = LAYOUT.offsetOf('length');

export const IKE_HEADER_OCTETS: number = LAYOUT.octets;

export interface IkeHeader {
  /** Chosen by the original initiator of the IKE SA; never 0. */
  readonly initiatorSpi: bigint;
  /** 0 in the first message of an IKE_SA_INIT exchange. */
  readonly responderSpi: bigint;
  readonly nextPayload: number;
  readonly majorVersion: number;
  readonly minorVersion: number;
  readonly exchangeType: number;
  /** `FLAG_INITIATOR`, `FLAG_RESPONSE`, the version bit and the reserved ones as received. */
  readonly flags: number;
  readonly messageId: number;
  /** Octets of the whole message, header included. */
  readonly octets: number;
}

/** Whether the sender is the original initiator of the IKE SA. */
export const fromInitiator = (h: IkeHeader): boolean => (h.flags & FLAG_INITIATOR) !== 0;
export const isResponse = (h: IkeHeader): boolean => (h.flags & FLAG_RESPONSE) !== 0;

/** Reads the header of a datagram that holds one message and nothing else; any version. */
export function decodeIkeHeader(b: Uint8Array): Result<IkeHeader> {
  if (b.length < IKE_HEADER_OCTETS)
    return fail('truncated', 'ike.header', 0, IKE_HEADER_OCTETS, b.length);
  const octets = readU32(b, LENGTH);
  if (octets > b.length) return fail('truncated', 'ike.length', LENGTH, octets, b.length);
  if (octets < b.length) return fail('bad-length', 'ike.length', LENGTH, b.length, octets);
  const [nextPayload, version, exchangeType, flags] = b.subarray(NEXT_PAYLOAD, MESSAGE_ID);
  return ok({
    initiatorSpi: readU64(b, 0),
    responderSpi: readU64(b, RESPONDER_SPI),
    nextPayload: nextPayload ?? 0,
    majorVersion: (version ?? 0) >>> 4,
    minorVersion: (version ?? 0) & 0x0f,
    exchangeType: exchangeType ?? 0,
    flags: flags ?? 0,
    messageId: readU32(b, MESSAGE_ID),
    octets,
  });
}

/** Writes 28 octets at `at` and returns the offset after them. */
export function encodeIkeHeader(h: IkeHeader, out: Uint8Array, at: number): number {
  writeU64(out, at, h.initiatorSpi);
  writeU64(out, at + RESPONDER_SPI, h.responderSpi);
  out[at + NEXT_PAYLOAD] = h.nextPayload;
  out[at + VERSION] = (h.majorVersion << 4) | h.minorVersion;
  out[at + EXCHANGE_TYPE] = h.exchangeType;
  out[at + FLAGS] = h.flags;
  writeU32(out, at + MESSAGE_ID, h.messageId);
  return writeU32(out, at + LENGTH, h.octets);
}
