/**
 * What every protocol here shares: octets, results, addresses, checksums and IP headers.
 *
 * @module
 */
export {
  addressBytes,
  addressKey,
  addressOctets,
  formatAddress,
  formatPrefix,
  hostBits,
  hostPrefix,
  IpAddress,
  type IpFamily,
  type IpPrefix,
  isMulticast,
  isUnspecified,
  maskAddress,
  parseAddress,
  parsePrefix,
  prefixContains,
  prefixEquals,
  readAddress,
  UNSPECIFIED_V4,
  UNSPECIFIED_V6,
  writeAddress,
} from './address.js';
export {
  bytesEqual,
  fromHex,
  readI32,
  readU8,
  readU16,
  readU32,
  readU64,
  toHex,
  writeBytes,
  writeU8,
  writeU16,
  writeU32,
  writeU64,
} from './bytes.js';
export {
  checksum,
  checksumSum,
  finishChecksum,
  slabChecksum,
  slabChecksumSum,
  updateChecksum,
  updateChecksum32,
  wordsOf,
} from './checksum.js';
export { constantTimeEqual } from './constant-time.js';
export { type FixedLayout, fixedLayout } from './layout.js';
export {
  type Carrier,
  type Endpoint,
  endpointEquals,
  endpointKey,
  formatEndpoint,
  GRE_UDP_PORT,
  IKE_NATT_PORT,
  IKE_PORT,
  type Path,
} from './path.js';
export {
  type Failure,
  fail,
  formatWireError,
  type Ok,
  ok,
  type Result,
  shifted,
  unwrap,
  type WireError,
  type WireErrorCode,
} from './result.js';
