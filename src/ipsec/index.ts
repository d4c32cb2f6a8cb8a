/**
 * IPsec: ESP, security associations, IKE. Named re-exports only.
 * @packageDocumentation
 */
export {
  type CryptoProvider,
  type DhExchange,
  type KeyedHash,
  type PacketCipher,
  randomOctets,
} from './crypto.js';
export { SecretBytes } from './secret.js';
export {
  type CipherSuite,
  cipherSuite,
  DH_GROUPS,
  type DhGroup,
  type DhGroupNumber,
  ENCRYPTION,
  type Encryption,
  type EncryptionName,
  encryptionKeyOctets,
  formatSuite,
  type HashName,
  INTEGRITY,
  type Integrity,
  type IntegrityName,
  icvOctets,
  integrityKeyOctets,
  isInsecure,
  PRF,
  type Prf,
  type PrfName,
} from './suites.js';
