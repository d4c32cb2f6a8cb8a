/**
 * Authentication of NHRP messages, hop by hop: RFC 2332 §5.3.4 in its own form and in Cisco's. What is sent carries the
 * first password or key; what is received may use any (roll-over). Without a configuration nothing is checked or changed.
 */
import { addressBytes } from '../../wire/address.js';
import {
  ciscoAuthentication,
  macAuthentication,
  matchesPassword,
  signMessage,
  verifyMessage,
} from '../codec/authentication.js';
import type { AuthenticationExtension, Extension } from '../codec/extension.js';
import type { NhrpMessage } from '../codec/message.js';
import { ExtensionType } from '../codec/numbers.js';
import type { Authentication, Mac } from './api.js';
import { plainAddress } from './messages.js';

export class Authenticator {
  readonly #macOctets: number;
  /** The same for every message: made once. */
  readonly #cisco: AuthenticationExtension | null;

  constructor(
    readonly authentication: Authentication | null,
    readonly mac: Mac | null,
  ) {
    if (authentication?.kind === 'mac' && mac === null) {
      throw new TypeError('env.mac: a keyed hash expected, as authentication.kind is mac');
    }
    const [password = new Uint8Array(0)] =
      authentication?.kind === 'cisco' ? authentication.passwords : [];
    this.#cisco = authentication?.kind === 'cisco' ? ciscoAuthentication(password) : null;
    const isKeyed = authentication?.kind === 'mac' && mac !== null;
    this.#macOctets = isKeyed ? mac(new Uint8Array(16), new Uint8Array(0)).length : 0;
  }

  /** The message with an authentication extension of ours: in the place of the old one, else before the NAT extension. */
  prepare(message: NhrpMessage): NhrpMessage {
    const own = this.#extension(message);
    if (own === null) return message;
    const extensions = message.extensions ?? [];
    const others = extensions.filter((e) => e.kind !== 'authentication');
    const old = extensions.findIndex((e) => e.kind === 'authentication');
    const at = old >= 0 ? old : placeIn(others);
    return { ...message, extensions: [...others.slice(0, at), own, ...others.slice(at)] };
  }

  /** Fills in the keyed hash of an encoded message, where that form is used. */
  sign(message: NhrpMessage, octets: Uint8Array): void {
    const key = this.authentication?.kind === 'mac' ? this.authentication.keys[0]?.key : undefined;
    if (key !== undefined && this.mac !== null) signMessage(message, octets, this.mac, key);
  }

  /** True when the message carries a password or hash that is ours, or none is wanted. */
  verify(message: NhrpMessage, octets: Uint8Array): boolean {
    const { authentication, mac } = this;
    if (authentication === null) return true;
    const found = message.extensions?.find((e) => e.kind === 'authentication');
    if (found === undefined) return false;
    if (authentication.kind === 'cisco') return matchesPassword(found, authentication.passwords);
    const key = authentication.keys.find(({ spi }) => spi === found.spi)?.key;
    return key !== undefined && mac !== null && verifyMessage(message, octets, mac, key);
  }

  #extension(message: NhrpMessage): AuthenticationExtension | null {
    const { authentication } = this;
    if (authentication === null || authentication.kind === 'cisco') return this.#cisco;
    const spi = authentication.keys[0]?.spi;
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
