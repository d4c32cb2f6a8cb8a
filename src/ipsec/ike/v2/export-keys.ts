/**
 * DEBUGGING ONLY: keys as lines of Wireshark's user tables, so that tshark can decrypt what this end sends and gets:
 *   -o 'uat:ikev2_decryption_table:<line>'   -o 'uat:esp_sa:<line>'
 * The one place where keys become text; reached only with `exportKeys: true`.
 */
import { toHex, writeU64 } from '../../../wire/bytes.js';
import type { AssociationOffer, DirectionKeys } from '../../key-exchange.js';
import type { SecretBytes } from '../../secret.js';
import type { CipherSuite, Encryption, IntegrityName } from '../../suites.js';
import type { IkeKeys, IkeSuite } from '../key-schedule.js';

export const EXPORT_WARNING =
  'exportKeys is on: the keys of all IKE and ESP associations are handed out as text; for debugging only';

/** SPIi, SPIr, SK_ei, SK_er, encryption, SK_ai, SK_ar, integrity. */
export function ikeTableLine(
  spis: { readonly initiatorSpi: bigint; readonly responderSpi: bigint },
  { cipher }: IkeSuite,
  keys: IkeKeys,
): string {
  const integrity =
    cipher.integrity === null ? 'NONE [RFC4306]' : IKE_INTEGRITY[cipher.integrity.name];
  return [
    spiHex(spis.initiatorSpi),
    spiHex(spis.responderSpi),
    hex(keys.ei),
    hex(keys.er),
    quoted(ikeEncryption(cipher.encryption)),
    hex(keys.ai),
    hex(keys.ar),
    quoted(integrity),
  ].join(',');
}

/** One line for each direction: family, source, destination, SPI, encryption, key, authentication, key. */
export function espTableLines(offer: AssociationOffer): string[] {
  const { local, remote } = offer.encapsulation.path;
  const line = (keys: DirectionKeys, from: string, to: string): string =>
    [
      quoted(local.address.family === 4 ? 'IPv4' : 'IPv6'),
      quoted(from),
      quoted(to),
      quoted(`0x${keys.spi.toString(16).padStart(8, '0')}`),
      quoted(espEncryption(offer.suite.encryption)),
      quoted(prefixed(keys.encryptionKey)),
      quoted(espIntegrity(offer.suite)),
      quoted(prefixed(keys.integrityKey)),
    ].join(',');
  const here = local.address.toString();
  const there = remote.address.toString();
  return [line(offer.outbound, here, there), line(offer.inbound, there, here)];
}

const IKE_INTEGRITY: Readonly<Record<IntegrityName, string>> = {
  'hmac-md5-96': 'HMAC_MD5_96 [RFC2403]',
  'hmac-sha1-96': 'HMAC_SHA1_96 [RFC2404]',
  'hmac-sha2-256-128': 'HMAC_SHA2_256_128 [RFC4868]',
  'hmac-sha2-384-192': 'HMAC_SHA2_384_192 [RFC4868]',
  'hmac-sha2-512-256': 'HMAC_SHA2_512_256 [RFC4868]',
};

const ESP_INTEGRITY: Readonly<Record<IntegrityName, string>> = {
  'hmac-md5-96': 'HMAC-MD5-96 [RFC2403]',
  'hmac-sha1-96': 'HMAC-SHA-1-96 [RFC2404]',
  'hmac-sha2-256-128': 'HMAC-SHA-256-128 [RFC4868]',
  'hmac-sha2-384-192': 'HMAC-SHA-384-192 [RFC4868]',
  'hmac-sha2-512-256': 'HMAC-SHA-512-256 [RFC4868]',
};

function ikeEncryption(e: Encryption): string {
  switch (e.kind) {
    case 'aead':
      return e.name === 'chacha20-poly1305'
        ? 'ChaCha20-Poly1305 [RFC7634]'
        : `AES-GCM-${e.keyOctets * 8} with ${e.icvOctets} octet ICV [RFC5282]`;
    case 'cbc':
      return e.name === '3des-cbc' ? '3DES [RFC2451]' : `AES-CBC-${e.keyOctets * 8} [RFC3602]`;
    case 'null':
      return 'NULL [RFC2410]';
  }
}

function espEncryption(e: Encryption): string {
  switch (e.kind) {
    case 'aead':
      return e.name === 'chacha20-poly1305'
        ? 'ChaCha20 with Poly1305 [RFC7634]'
        : `AES-GCM with ${e.icvOctets} octet ICV [RFC4106]`;
    case 'cbc':
      return e.name === '3des-cbc' ? 'TripleDES-CBC [RFC2451]' : 'AES-CBC [RFC3602]';
    case 'null':
      return 'NULL';
  }
}

const espIntegrity = ({ integrity }: CipherSuite): string =>
  integrity === null ? 'NULL' : ESP_INTEGRITY[integrity.name];

const prefixed = (secret: SecretBytes): string => (secret.length === 0 ? '' : `0x${hex(secret)}`);
const hex = (secret: SecretBytes): string => toHex(secret.octets);
const quoted = (text: string): string => `"${text}"`;

function spiHex(spi: bigint): string {
  const octets = new Uint8Array(8);
  writeU64(octets, 0, spi);
  return toHex(octets);
}
