/**
 * An NHRP packet where it lies: validated by checks.ts, then read by offset. No object is made for a good packet.
 *
 * After `parse` has returned null everything that the view reads is inside the packet: lengths, offsets, lists and
 * extensions agree with each other. The decoder to objects reads through it.
 */

import type { IpFamily } from '../../wire/address.js';
import { readU8, readU16, readU32 } from '../../wire/bytes.js';
import type { WireError } from '../../wire/result.js';
import { lengthOf, nbmaFamilyOf, protocolFamilyOf } from './address.js';
import { checkPacket } from './checks.js';
import { cieOctetsAt } from './cie.js';
import {
  EXTENSION_HEADER_OCTETS,
  EXTENSION_LENGTH,
  EXTENSION_TYPE,
  type ExtensionContext,
} from './extension.js';
import {
  ADDRESS_FAMILY,
  CHECKSUM,
  DESTINATION_PROTOCOL_LENGTH,
  FLAGS,
  HEADER_OCTETS,
  HOP_COUNT,
  PROTOCOL_TYPE,
  REQUEST_ID,
  SOURCE_NBMA_SUB_TL,
  SOURCE_NBMA_TL,
  SOURCE_PROTOCOL_LENGTH,
} from './header.js';
import { ExtensionBit, ExtensionType, PacketType } from './numbers.js';

/** What is checked, and up to where. */
export interface DecodeOptions {
  /** CIEs in one list; 64 when not given. */
  readonly maxCies?: number;
  /** Extensions before End; 64 when not given. */
  readonly maxExtensions?: number;
  /** False leaves the checksum to somebody else; true when not given. */
  readonly verifyChecksum?: boolean;
  /**
   * True also takes odd-length packets whose last octet was summed as the low half of a word, as OpenNHRP and
   * FRR before June 2026 do on little-endian machines; false when not given: RFC 2332 §5.1 alone.
   */
  readonly lenientOddChecksum?: boolean;
}

const DEFAULT_MAX_CIES = 64;
const DEFAULT_MAX_EXTENSIONS = 64;

// Numbers that are looked at for every packet, out of their tables: a name of this file costs nothing to read.
const TYPE_MASK = ExtensionBit.TYPE_MASK;
const AUTHENTICATION = ExtensionType.AUTHENTICATION;
const NAT_ADDRESS = ExtensionType.NAT_ADDRESS;
const LAST_CIE_TYPE = PacketType.PURGE_REPLY;

const NO_OCTETS: Uint8Array = new Uint8Array(0);

/** Offsets are those of the slab, as are all that the accessors return and take. Reusable; parses one packet at a time. */
export class NhrpView implements ExtensionContext {
  readonly maxCies: number;
  readonly maxExtensions: number;
  readonly verifyChecksum: boolean;
  readonly lenientOddChecksum: boolean;

  /** Borrowed until the next `parse`. */
  slab: Uint8Array = NO_OCTETS;
  /** The first octet of the packet. */
  at = 0;
  /** After the last octet of the packet, by ar$pktsz: what follows in the buffer is padding of the link. */
  end = 0;
  /** 1..8; see `PacketType`. */
  type = 0;
  /** The source protocol address. */
  sourceProtocolAt = 0;
  /** The destination protocol address, right behind it. */
  destinationProtocolAt = 0;
  /** After the addresses: the CIEs (types 1–6) or the packet that an indication is about. */
  bodyAt = 0;
  /** After the body: the first extension, or the end of the packet. */
  bodyEnd = 0;
  /** The extension of type 7, or -1. */
  authenticationAt = -1;
  /** The extension of type 9, be it Cisco's or RFC 2735's; or -1. */
  natAddressAt = -1;

  constructor(options: DecodeOptions = {}) {
    this.maxCies = options.maxCies ?? DEFAULT_MAX_CIES;
    this.maxExtensions = options.maxExtensions ?? DEFAULT_MAX_EXTENSIONS;
    this.verifyChecksum = options.verifyChecksum ?? true;
    this.lenientOddChecksum = options.lenientOddChecksum ?? false;
  }

  /**
   * Validates the packet of at most `octets` octets at `at`. Null when it is good; else why not, with offsets
   * from `at`, and the accessors must not be used. Octets after ar$pktsz are not looked at.
   * @param words the slab as words (`wordsOf`), which makes the checksum faster; null without
   * @throws RangeError when `at` is not in the slab's first gigaoctet
   */
  parse(slab: Uint8Array, words: Uint32Array | null, at: number, octets: number): WireError | null {
    if (this.slab !== slab) this.slab = slab; // to write an object costs more than to look whether it is there
    this.at = at;
    return checkPacket(this, slab, words, at, octets);
  }

  get addressFamily(): number {
    return readU16(this.slab, this.at + ADDRESS_FAMILY);
  }
  get protocolType(): number {
    return readU16(this.slab, this.at + PROTOCOL_TYPE);
  }
  get nbmaFamily(): IpFamily | 0 {
    return nbmaFamilyOf(this.addressFamily);
  }
  get protocolFamily(): IpFamily | 0 {
    return protocolFamilyOf(this.protocolType);
  }
  get hopCount(): number {
    return readU8(this.slab, this.at + HOP_COUNT);
  }
  get checksum(): number {
    return readU16(this.slab, this.at + CHECKSUM);
  }
  /** Types 1–6; in 7 and 8 this is an unused word. */
  get flags(): number {
    return readU16(this.slab, this.at + FLAGS);
  }
  /** Types 1–6; in 7 the error code and offset, in 8 the traffic code and an unused word. */
  get requestId(): number {
    return readU32(this.slab, this.at + REQUEST_ID);
  }
  get hasCies(): boolean {
    return this.type <= LAST_CIE_TYPE;
  }
  get hasExtensions(): boolean {
    return this.bodyEnd < this.end;
  }
  /** ar$pktsz. */
  get octets(): number {
    return this.end - this.at;
  }

  get sourceNbmaTypeLength(): number {
    return readU8(this.slab, this.at + SOURCE_NBMA_TL);
  }
  get sourceNbmaAt(): number {
    return this.at + HEADER_OCTETS;
  }
  get sourceNbmaSubaddressTypeLength(): number {
    return readU8(this.slab, this.at + SOURCE_NBMA_SUB_TL);
  }
  get sourceNbmaSubaddressAt(): number {
    return this.sourceNbmaAt + lengthOf(this.sourceNbmaTypeLength);
  }
  get sourceProtocolOctets(): number {
    return readU8(this.slab, this.at + SOURCE_PROTOCOL_LENGTH);
  }
  get destinationProtocolOctets(): number {
    return readU8(this.slab, this.at + DESTINATION_PROTOCOL_LENGTH);
  }

  /** The CIE after the one at `cieAt`; walk from `bodyAt` to `bodyEnd`, or through the value of an extension. */
  nextCie(cieAt: number): number {
    return cieAt + cieOctetsAt(this.slab, cieAt);
  }
  /** 14 bits; 0 is End. Walk from `bodyEnd` while `hasExtensions`. */
  extensionType(extensionAt: number): number {
    return readU16(this.slab, extensionAt + EXTENSION_TYPE) & TYPE_MASK;
  }
  /** Octets of its value, which begins four octets further on. */
  extensionOctets(extensionAt: number): number {
    return readU16(this.slab, extensionAt + EXTENSION_LENGTH);
  }
  nextExtension(extensionAt: number): number {
    return extensionAt + EXTENSION_HEADER_OCTETS + this.extensionOctets(extensionAt);
  }
  /** Where the extension of that type begins, the first one of several, or -1. Types other than 7 and 9 are looked for. */
  extensionAt(type: number): number {
    if (type === AUTHENTICATION) return this.authenticationAt;
    return type === NAT_ADDRESS ? this.natAddressAt : this.#search(type);
  }

  #search(type: number): number {
    for (let at = this.bodyEnd; at < this.end; at = this.nextExtension(at))
      if (this.extensionType(at) === type) return at;
    return -1;
  }
}
