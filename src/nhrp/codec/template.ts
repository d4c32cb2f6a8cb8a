/**
 * A message that goes out again and again with other values in a few fields: encoded once, then patched, with the
 * checksum updated by the difference (RFC 1624) instead of summed anew.
 */
import { readU16, writeU16 } from '../../wire/bytes.js';
import { updateChecksum } from '../../wire/checksum.js';
import { CIE_HOLDING_TIME, ciesOctets } from './cie.js';
import { CHECKSUM, EXTENSION_OFFSET, FLAGS, PACKET_SIZE, REQUEST_ID } from './header.js';
import { type CieMessage, messageBytes } from './message.js';

/** One per peer and kind of message. */
export class MessageTemplate {
  readonly #bytes: Uint8Array;
  /** The first CIE's holding time; 0 without a CIE. */
  readonly #holdingTimeAt: number;

  /** @throws TypeError for a message with a keyed hash, which would have to be made anew each time */
  constructor(message: CieMessage) {
    if (message.extensions?.some((e) => e.kind === 'authentication' && e.source !== null))
      throw new TypeError('message: one without a keyed hash expected');
    this.#bytes = messageBytes(message);
    this.#holdingTimeAt = holdingTimeOffset(message, this.#bytes);
  }

  get octets(): number {
    return this.#bytes.length;
  }
  /** Unsigned 32 bits. */
  set requestId(id: number) {
    this.#replace(REQUEST_ID, id >>> 16);
    this.#replace(REQUEST_ID + 2, id & 0xffff);
  }
  set flags(flags: number) {
    this.#replace(FLAGS, flags);
  }
  /** Of the first CIE, 0..65535; without a CIE nothing happens. */
  set holdingTimeSeconds(seconds: number) {
    if (this.#holdingTimeAt > 0) this.#replace(this.#holdingTimeAt, seconds);
  }

  /** Writes `octets` octets at `at` and returns the offset after them. @throws RangeError when `out` has no room */
  encode(out: Uint8Array, at: number): number {
    out.set(this.#bytes, at);
    return at + this.#bytes.length;
  }

  #replace(at: number, value: number): void {
    const bytes = this.#bytes;
    const old = readU16(bytes, at);
    if (old === value) return;
    writeU16(bytes, at, value);
    const odd = (at & 1) === 1; // addresses of odd length before it: its octets belong to two words
    const sum = readU16(bytes, CHECKSUM);
    writeU16(
      bytes,
      CHECKSUM,
      odd ? updateChecksum(sum, swap(old), swap(value)) : updateChecksum(sum, old, value),
    );
  }
}

const swap = (word: number): number => ((word & 0xff) << 8) | (word >>> 8);

function holdingTimeOffset(message: CieMessage, bytes: Uint8Array): number {
  if (message.cies.length === 0) return 0;
  const end = readU16(bytes, EXTENSION_OFFSET) || readU16(bytes, PACKET_SIZE);
  return end - ciesOctets(message.cies) + CIE_HOLDING_TIME;
}
