/** The sending half of an ESP association: RFC 4303 §3.3. */
import { writeU32 } from '../../wire/bytes.js';
import type { CryptoProvider, PacketCipher } from '../crypto.js';
import type { DirectionKeys } from '../key-exchange.js';
import { type CipherSuite, icvOctets } from '../suites.js';
import { ESP_HEADER_OCTETS, ESP_SEQUENCE } from './header.js';
import { lastSequence, sequenceHigh } from './sequence.js';
import { ESP_TRAILER_OCTETS, padOctets, writeTrailer } from './trailer.js';

export interface OutboundOptions {
  /** 64-bit sequence numbers (RFC 4303 §2.2.1); false. */
  readonly extendedSequence?: boolean;
  /** The last number used, for an association that was in use elsewhere; 0. */
  readonly sequence?: number;
}

export class EspOutbound {
  readonly spi: number;
  /** Octets that `seal` puts before the payload: header and IV. */
  readonly headerOctets: number;
  /** The most that it puts behind: padding, trailer and ICV. */
  readonly tailOctets: number;
  readonly #cipher: PacketCipher;
  readonly #crypto: CryptoProvider;
  readonly #ivOctets: number;
  readonly #align: number;
  readonly #icvOctets: number;
  readonly #counterIv: boolean;
  readonly #ivMask = new Uint8Array(8);
  readonly #extended: boolean;
  readonly #last: number;
  #sequence: number;

  constructor(
    crypto: CryptoProvider,
    suite: CipherSuite,
    keys: DirectionKeys,
    { extendedSequence = false, sequence = 0 }: OutboundOptions = {},
  ) {
    this.spi = keys.spi;
    this.#crypto = crypto;
    this.#cipher = crypto.openCipher(suite, keys.encryptionKey.octets, keys.integrityKey.octets);
    this.#ivOctets = suite.encryption.ivOctets;
    this.#align = suite.encryption.alignOctets;
    this.#icvOctets = icvOctets(suite);
    this.#counterIv = suite.encryption.kind === 'aead';
    if (this.#counterIv) crypto.fillRandom(this.#ivMask, 0, this.#ivMask.length);
    this.#extended = extendedSequence;
    this.#last = lastSequence(extendedSequence);
    this.#sequence = sequence;
    this.headerOctets = ESP_HEADER_OCTETS + this.#ivOctets;
    this.tailOctets = this.#align - 1 + ESP_TRAILER_OCTETS + this.#icvOctets;
  }

  /** The last number used; 0 before the first packet. */
  get sequence(): number {
    return this.#sequence;
  }

  /** How many packets may still be sent. */
  get remaining(): number {
    return this.#last - this.#sequence;
  }

  /**
   * Turns a payload into an ESP packet around it, in place. The packet begins `headerOctets` before `at`; the slab has
   * that much room before, and `tailOctets` after.
   * @returns the packet's octets; 0 when the sequence numbers are used up, and nothing has been touched
   */
  seal(slab: Uint8Array, at: number, octets: number, nextHeader: number): number {
    if (this.#sequence >= this.#last) return 0;
    const sequence = ++this.#sequence;
    const start = at - this.headerOctets;
    writeU32(slab, start, this.spi);
    writeU32(slab, start + ESP_SEQUENCE, sequence);
    this.#writeIv(slab, start + ESP_HEADER_OCTETS, sequence);
    const padding = padOctets(octets, this.#align);
    const end = writeTrailer(slab, at + octets, padding, nextHeader);
    this.#cipher.seal(slab, start, at, end - at, this.#extended ? sequenceHigh(sequence) : null);
    return end - start + this.#icvOctets;
  }

  wipe(): void {
    this.#cipher.wipe();
  }

  /**
   * CBC: unpredictable (RFC 3602 §3). AEAD: never twice under one key, so the sequence number (RFC 4106 §3.1); the random
   * mask keeps two lives of a key that an embedder installs twice, against all advice, apart.
   */
  #writeIv(slab: Uint8Array, at: number, sequence: number): void {
    if (!this.#counterIv) {
      this.#crypto.fillRandom(slab, at, this.#ivOctets);
      return;
    }
    writeU32(slab, at, sequenceHigh(sequence));
    writeU32(slab, at + 4, sequence);
    const mask = this.#ivMask;
    for (let i = 0; i < mask.length; i++)
      slab[at + i] = (slab[at + i] as number) ^ (mask[i] as number);
  }
}
