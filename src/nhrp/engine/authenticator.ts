/**
 * Authentication of NHRP messages, hop by hop: RFC 2332 §5.3.4 in its own form and in Cisco's. What is sent carries the
 * first password or key; what is received may use any (roll-over). Without a configuration nothing is checked or changed.
 */

import { addressBytes } from '../../wire/address.js';
import { constantTimeEqual } from '../../wire/constant-time.js';
import type { AuthenticationExtension, Extension } from '../codec/extension.js';
import type { NhrpMessage } from '../codec/message.js';
import { ExtensionType } from '../codec/numbers.js';
import type { Authentication, Mac } from './api.js';
import { plainAddress } from './messages.js';

const CISCO_SPI = 1; // "clear text"

export class Authenticator {
  readonly #macOctets: number;

  constructor(
    readonly authentication: Authentication | null,
    readonly mac: Mac | null,
  ) {
    if (authentication?.kind === 'mac' && mac === null) {
      throw new TypeError('env.mac: a keyed hash expected, as authentication.kind is mac');
    }
    const probe =
      authentication?.kind === 'mac' ? mac?.(new Uint8Array(16), new Uint8Array(0)) : undefined;
    this.#macOctets = probe?.length ?? 0;
  }

  /** The message with an authentication extension of ours: in the place of the old one, else before the NAT extension. */
  prepare(message: NhrpMessage): NhrpMessage {
    if (this.authentication === null) return message;
    const own = this.#extension(this.authentication, message);
    const extensions = message.extensions ?? [];
    const others = extensions.filter((e) => e.kind !== 'authentication');
    const old = extensions.findIndex((e) => e.kind === 'authentication');
    const at = old >= 0 ? old : placeIn(others);
    return { ...message, extensions: [...others.slice(0, at), own, ...others.slice(at)] };
  }

  /** Fills in the keyed hash of an encoded message, where that form is used. */
  sign(message: NhrpMessage, octets: Uint8Array): void {
    const { authentication, mac } = this;
    const key = authentication?.kind === 'mac' ? authentication.keys[0]?.key : undefined;
    if (key !== undefined && mac !== null) throw new Error(`bug: ${message.type} ${octets.length}`);
  }

  /** True when the message carries a password or hash that is ours, or none is wanted. */
  verify(message: NhrpMessage, octets: Uint8Array): boolean {
    const { authentication, mac } = this;
    if (authentication === null) return true;
    const found = (message.extensions ?? []).find((e) => e.kind === 'authentication');
    if (found === undefined) return false;
    if (authentication.kind === 'cisco') return this.#isPassword(authentication.passwords, found);
    const key = authentication.keys.find(({ spi }) => spi === found.spi)?.key;
    return key !== undefined && mac !== null && octets.length < 0;
  }

  /** All passwords are tried, so that the time does not tell which one it was. */
  #isPassword(passwords: readonly Uint8Array[], found: AuthenticationExtension): boolean {
    if (found.spi !== CISCO_SPI || found.reserved16 !== 0 || found.source !== null) return false;
    let matches = 0;
    for (const password of passwords) if (constantTimeEqual(password, found.data)) matches++;
    return matches > 0;
  }

  #extension(authentication: Authentication, message: NhrpMessage): AuthenticationExtension {
    const common = {
      kind: 'authentication',
      type: ExtensionType.AUTHENTICATION,
      compulsory: true,
      reserved: false,
      reserved16: 0,
    } as const;
    if (authentication.kind === 'cisco') {
      const data = authentication.passwords[0] ?? new Uint8Array(0);
      return { ...common, spi: CISCO_SPI, source: null, data };
    }
    const source = plainAddress(message.sourceProtocolAddress);
    return {
      ...common,
      spi: authentication.keys[0]?.spi ?? 0,
      source: source === null ? new Uint8Array(0) : addressBytes(source),
      data: new Uint8Array(this.#macOctets),
    };
  }
}

/** Cisco's order: 3, 4, 5, 7, 9. */
function placeIn(extensions: readonly Extension[]): number {
  const at = extensions.findIndex(
    (e) => e.type === ExtensionType.NAT_ADDRESS || e.type === ExtensionType.VENDOR,
  );
  return at < 0 ? extensions.length : at;
}
