/** The receiving half of an ESP association: RFC 4303 §3.4. */
import { readU32 } from '../../wire/bytes.js';
import { fail, type WireError } from '../../wire/result.js';
import type { CryptoProvider, PacketCipher } from '../crypto.js';
import type { DirectionKeys } from '../key-exchange.js';
import { type CipherSuite, icvOctets } from '../suites.js';
import { ESP_HEADER_OCTETS, ESP_SEQUENCE } from './header.js';
import { DEFAULT_REPLAY_WINDOW, ReplayWindow } from './replay-window.js';
import { inferSequence, sequenceHigh } from './sequence.js';
import { ESP_TRAILER_OCTETS, readTrailer, type TrailerSlot } from './trailer.js';

/** Where the payload of an opened packet stands. */
export interface OpenedSlot extends TrailerSlot {
  at: number;
  /** Whole, with the upper half where it is extended. */
  sequence: number;
}

/** A slot to open packets into; one is enough for any number of them. */
export const openedSlot = (): OpenedSlot => ({ at: 0, octets: 0, nextHeader: 0, sequence: 0 });

export interface InboundOptions {
  /** 64-bit sequence numbers (RFC 4303 §2.2.1); false. */
  readonly extendedSequence?: boolean;
  /** In packets, 32..8192; 64. */
  readonly replayWindow?: number;
}

export class EspInbound {
  readonly spi: number;
  readonly window: ReplayWindow;
  readonly #cipher: PacketCipher;
  readonly #headerOctets: number;
  readonly #icvOctets: number;
  /** CBC decrypts whole blocks only; the others are not held to the alignment that senders keep. */
  readonly #block: number;
  readonly #extended: boolean;

  constructor(
    crypto: CryptoProvider,
    suite: CipherSuite,
    keys: DirectionKeys,
    { extendedSequence = false, replayWindow = DEFAULT_REPLAY_WINDOW }: InboundOptions = {},
  ) {
    this.spi = keys.spi;
    this.window = new ReplayWindow(replayWindow);
    this.#cipher = crypto.openCipher(suite, keys.encryptionKey.octets, keys.integrityKey.octets);
    this.#headerOctets = ESP_HEADER_OCTETS + suite.encryption.ivOctets;
    this.#icvOctets = icvOctets(suite);
    this.#block = suite.encryption.kind === 'cbc' ? suite.encryption.ivOctets : 1;
    this.#extended = extendedSequence;
  }

  /**
   * Opens an ESP packet in place and fills `slot`. The window moves only when the ICV is right. Next header 59 is a
   * dummy packet, which the caller discards (RFC 4303 §2.6).
   * @returns what is wrong with the packet, or null. Offsets count from its first octet.
   */
  open(slab: Uint8Array, at: number, octets: number, slot: OpenedSlot): WireError | null {
    const textOctets = octets - this.#headerOctets - this.#icvOctets;
    const shortest = Math.max(this.#block, ESP_TRAILER_OCTETS);
    if (textOctets < shortest) return this.#truncated(octets, shortest - textOctets);
    if (textOctets % this.#block !== 0) return this.#badLength(textOctets);
    const sequence = this.#sequenceOf(readU32(slab, at + ESP_SEQUENCE));
    if (!this.window.isFresh(sequence)) return this.#replayed(sequence);
    const textAt = at + this.#headerOctets;
    const high = this.#extended ? sequenceHigh(sequence) : null;
    if (!this.#cipher.open(slab, at, textAt, textOctets, high)) return this.#badIcv(octets);
    this.window.accept(sequence);
    slot.at = textAt;
    slot.sequence = sequence;
    const error = readTrailer(slab, textAt, textOctets, slot);
    return error === null ? null : { ...error, offset: error.offset - at };
  }

  wipe(): void {
    this.#cipher.wipe();
  }

  #sequenceOf(low: number): number {
    return this.#extended ? inferSequence(low, this.window.top, this.window.size) : low;
  }

  #truncated(octets: number, missing: number): WireError {
    return fail('truncated', 'esp.text', this.#headerOctets, octets + missing, octets).error;
  }

  #badLength(textOctets: number): WireError {
    const whole = textOctets - (textOctets % this.#block);
    return fail('bad-length', 'esp.text', this.#headerOctets, whole, textOctets).error;
  }

  #replayed(sequence: number): WireError {
    const oldest = Math.max(1, this.window.top - this.window.size + 1);
    return fail('replayed', 'esp.sequence', ESP_SEQUENCE, oldest, sequence).error;
  }

  #badIcv(octets: number): WireError {
    const expected = this.#icvOctets;
    return fail('bad-icv', 'esp.icv', octets - expected, expected, expected).error;
  }
}
