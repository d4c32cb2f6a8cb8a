/**
 * Authentication of NHRP messages, hop by hop: RFC 2332 §5.3.4 in its own form and in Cisco's. What is received may
 * use any password or key (roll-over). What is sent carries the one that the peer used last, for most know but one;
 * to a peer that has not been heard, the first. Without a configuration nothing is checked or changed.
 */
import { addressBytes } from '../../wire/address.js';
import { type Endpoint, endpointKey } from '../../wire/path.js';
import {
  ciscoAuthentication,
  macAuthentication,
  matchingPassword,
  signMessage,
  verifyMessage,
} from '../codec/authentication.js';
import type { AuthenticationExtension, Extension } from '../codec/extension.js';
import type { NhrpMessage } from '../codec/message.js';
import { ExtensionType } from '../codec/numbers.js';
import type { Authentication, Mac } from './api.js';
import { plainAddress } from './messages.js';

/** Peers that use another password or key than the first; past it the oldest is sent the first one again. */
const MAX_REMEMBERED = 4_096;

export class Authenticator {
  readonly #macOctets: number;
  /** One for each password, made once. */
  readonly #cisco: readonly AuthenticationExtension[];
  /** By peer: which of the list it used last, where that is not the first. */
  readonly #used = new Map<string, number>();

  constructor(
    readonly authentication: Authentication | null,
    readonly mac: Mac | null,
  ) {
    if (authentication?.kind === 'mac' && mac === null) {
      throw new TypeError('env.mac: a keyed hash expected, as authentication.kind is mac');
    }
    this.#cisco =
      authentication?.kind === 'cisco' ? authentication.passwords.map(ciscoAuthentication) : [];
    const isKeyed = authentication?.kind === 'mac' && mac !== null;
    this.#macOctets = isKeyed ? mac(new Uint8Array(16), new Uint8Array(0)).length : 0;
  }

  /** The message with an authentication extension of ours: in the place of the old one, else before the NAT extension. */
  prepare(message: NhrpMessage, to: Endpoint): NhrpMessage {
    const own = this.#extension(message, this.indexFor(to));
    if (own === null) return message;
    const extensions = message.extensions ?? [];
    const others = extensions.filter((e) => e.kind !== 'authentication');
    const old = extensions.findIndex((e) => e.kind === 'authentication');
    const at = old >= 0 ? old : placeIn(others);
    return { ...message, extensions: [...others.slice(0, at), own, ...others.slice(at)] };
  }

  /** The message without the authentication of the hop before, where it goes on without any. */
  strip(message: NhrpMessage): NhrpMessage {
    const others = message.extensions?.filter((e) => e.kind !== 'authentication') ?? [];
    return { ...message, extensions: others.length === 0 ? null : others };
  }

  /** Fills in the keyed hash of an encoded message, where that form is used. */
  sign(message: NhrpMessage, octets: Uint8Array, to: Endpoint): void {
    const { authentication, mac } = this;
    if (authentication?.kind !== 'mac' || mac === null) return;
    const key = authentication.keys[this.indexFor(to)]?.key;
    if (key !== undefined) signMessage(message, octets, mac, key);
  }

  /** True when the message carries a password or hash that is ours, or none is wanted. */
  verify(message: NhrpMessage, octets: Uint8Array, from: Endpoint): boolean {
    if (this.authentication === null) return true;
    const index = this.#matching(message, octets);
    if (index < 0) return false;
    this.#remember(from, index);
    return true;
  }

  /** Which of the list the message was made with; -1 = none. */
  #matching(message: NhrpMessage, octets: Uint8Array): number {
    const { authentication, mac } = this;
    const found = message.extensions?.find((e) => e.kind === 'authentication');
    if (found === undefined || authentication === null) return -1;
    if (authentication.kind === 'cisco') return matchingPassword(found, authentication.passwords);
    const index = authentication.keys.findIndex(({ spi }) => spi === found.spi);
    const key = authentication.keys[index]?.key;
    const isRight = key !== undefined && mac !== null && verifyMessage(message, octets, mac, key);
    return isRight ? index : -1;
  }

  #remember(peer: Endpoint, index: number): void {
    if (index === 0 && this.#used.size === 0) return;
    const key = endpointKey(peer);
    this.#used.delete(key);
    if (index === 0) return;
    this.#used.set(key, index);
    if (this.#used.size <= MAX_REMEMBERED) return;
    const oldest = this.#used.keys().next();
    if (!oldest.done) this.#used.delete(oldest.value);
  }

  /** Which of the list this peer is sent. */
  indexFor(to: Endpoint): number {
    return this.#used.size === 0 ? 0 : (this.#used.get(endpointKey(to)) ?? 0);
  }

  #extension(message: NhrpMessage, index: number): AuthenticationExtension | null {
    const { authentication } = this;
    if (authentication === null) return null;
    if (authentication.kind === 'cisco') return this.#cisco[index] ?? null;
    const spi = authentication.keys[index]?.spi;
    if (spi === undefined) return null;
    const source = plainAddress(message.sourceProtocolAddress);
    const octets = source === null ? new Uint8Array(0) : addressBytes(source);
    return macAuthentication(spi, octets, this.#macOctets);
  }
}

/** Cisco's order: 3, 4, 5, 7, 9. */
function placeIn(extensions: readonly Extension[]): number {
  const at = extensions.findIndex(
    (e) => e.type === ExtensionType.NAT_ADDRESS || e.type === ExtensionType.VENDOR,
  );
  return at < 0 ? extensions.length : at;
}
