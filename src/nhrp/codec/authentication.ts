/**
 * The authentication extension (type 7) in its two forms.
 *
 * Cisco's: SPI 1, then the password in clear text, 1..8 octets, no padding. It names the network and keeps strangers'
 * mistakes out, no more.
 *
 * RFC 2332 §5.3.4: SPI, source protocol address, and a keyed hash over the whole packet in which the hash itself
 * is zero. The checksum covers the hash, so the hash cannot cover the checksum: that is zero too while hashing,
 * and is put in last. The hash function comes from the caller.
 */
import { readU16, writeU16 } from '../../wire/bytes.js';
import { checksum } from '../../wire/checksum.js';
import { constantTimeEqual } from '../../wire/constant-time.js';
import {
  type AuthenticationExtension,
  CISCO_MAX_PASSWORD_OCTETS,
  CISCO_SPI,
  extensionOctets,
} from './extension.js';
import { CHECKSUM, EXTENSION_OFFSET, PACKET_SIZE } from './header.js';
import type { NhrpMessage } from './message.js';
import { ExtensionType } from './numbers.js';

/** A keyed hash: RFC 2332 asks for HMAC-MD5-128. It may keep neither argument. */
export type KeyedHash = (key: Uint8Array, data: Uint8Array) => Uint8Array;

/**
 * The extension, spelled out: V8 gives every object that a property is added to after a spread a shape of its own, and
 * whatever touches many shapes (all that reads extensions) is slow for all of them.
 */
const extension = (
  spi: number,
  source: Uint8Array | null,
  data: Uint8Array,
): AuthenticationExtension => ({
  kind: 'authentication',
  type: ExtensionType.AUTHENTICATION,
  compulsory: true,
  reserved: false,
  reserved16: 0,
  spi,
  source,
  data,
});

/**
 * Cisco's form with that password, which is referred to, not copied.
 * @throws RangeError when it has no octet or more than eight
 */
export function ciscoAuthentication(password: Uint8Array): AuthenticationExtension {
  if (password.length === 0 || password.length > CISCO_MAX_PASSWORD_OCTETS)
    throw new RangeError(`password: 1..${CISCO_MAX_PASSWORD_OCTETS} octets expected`);
  return extension(CISCO_SPI, null, password);
}

/** The RFC's form with room for a hash of `macOctets`, for `signMessage` to fill. `source` is as long as the header's. */
export const macAuthentication = (
  spi: number,
  source: Uint8Array,
  macOctets: number,
): AuthenticationExtension => extension(spi, source, new Uint8Array(macOctets));

/** Whether the extension carries one of the accepted passwords. All are compared, each in constant time. */
export const matchesPassword = (
  found: AuthenticationExtension,
  accepted: readonly Uint8Array[],
): boolean => matchingPassword(found, accepted) >= 0;

/**
 * Which of the accepted passwords the extension carries; -1 = none. All are compared, each in constant time, so that
 * the time says neither which one it was nor how much of it was right.
 */
export function matchingPassword(
  found: AuthenticationExtension,
  accepted: readonly Uint8Array[],
): number {
  if (found.source !== null || found.spi !== CISCO_SPI || found.reserved16 !== 0) return -1;
  let matching = -1;
  for (const [i, password] of accepted.entries())
    if (constantTimeEqual(password, found.data)) matching = i;
  return matching;
}

/**
 * Puts the keyed hash, and then the checksum, into the octets of an encoded message.
 * @throws TypeError when the message has no extension for it, or one of another size than the hash
 */
export function signMessage(
  message: NhrpMessage,
  octets: Uint8Array,
  mac: KeyedHash,
  key: Uint8Array,
): void {
  const place = placeOfMac(message, octets);
  if (place === null) throw new TypeError('message: an RFC 2332 authentication extension expected');
  const packet = octets.subarray(0, readU16(octets, PACKET_SIZE));
  const hash = hashOf(packet, place, mac, key);
  if (hash.length !== place.octets)
    throw new TypeError(`message: room for a hash of ${hash.length} octets expected`);
  octets.set(hash, place.at);
  writeU16(octets, CHECKSUM, 0);
  writeU16(octets, CHECKSUM, checksum(octets, 0, packet.length));
}

/** Whether the octets, of which `message` was decoded, carry the right hash. Compared in constant time. */
export function verifyMessage(
  message: NhrpMessage,
  octets: Uint8Array,
  mac: KeyedHash,
  key: Uint8Array,
): boolean {
  const place = placeOfMac(message, octets);
  if (place === null) return false;
  const packet = octets.subarray(0, readU16(octets, PACKET_SIZE));
  const found = octets.subarray(place.at, place.at + place.octets);
  return constantTimeEqual(hashOf(packet, place, mac, key), found);
}

interface Place {
  readonly at: number;
  readonly octets: number;
}

/** The hash is the end of its extension; the extensions before it say where that begins. */
function placeOfMac(message: NhrpMessage, octets: Uint8Array): Place | null {
  let at = readU16(octets, EXTENSION_OFFSET);
  for (const e of message.extensions ?? []) {
    const next = at + extensionOctets(e);
    if (e.kind === 'authentication' && e.type === ExtensionType.AUTHENTICATION)
      return e.source === null ? null : { at: next - e.data.length, octets: e.data.length };
    at = next;
  }
  return null;
}

function hashOf(packet: Uint8Array, place: Place, mac: KeyedHash, key: Uint8Array): Uint8Array {
  const data = packet.slice();
  data.fill(0, place.at, place.at + place.octets);
  writeU16(data, CHECKSUM, 0);
  return mac(key, data);
}
