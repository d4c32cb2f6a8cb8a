/** The AUTH payload under a preshared key: RFC 7296 §2.15. */
import type { CryptoProvider } from '../crypto.js';
import type { SecretBytes } from '../secret.js';
import type { Prf } from '../suites.js';
import { prfOnce } from './key-schedule.js';
import type { TypedData } from './payload-body.js';

/** What one end signs. */
export interface SignedParts {
  /** The whole first message that this end sent. */
  readonly message: Uint8Array;
  /** The other end's. */
  readonly nonce: Uint8Array;
  /** SK_pi of the initiator, SK_pr of the responder. */
  readonly skP: SecretBytes;
  /** Body of this end's ID payload. */
  readonly id: TypedData;
}

const KEY_PAD = Uint8Array.from('Key Pad for IKEv2', (c) => c.charCodeAt(0));

/** prf(prf(key, pad), message | nonce | prf(SK_p, type | reserved | identity)) */
export function pskAuth(
  crypto: CryptoProvider,
  prf: Prf,
  key: SecretBytes,
  { message, nonce, skP, id }: SignedParts,
): Uint8Array {
  const { type, reserved, data } = id;
  const head = [type, reserved >>> 16, (reserved >>> 8) & 0xff, reserved & 0xff];
  const macedId = prfOnce(crypto, prf, skP.octets, Uint8Array.from(head), data);
  const padded = prfOnce(crypto, prf, key.octets, KEY_PAD);
  const auth = prfOnce(crypto, prf, padded, message, nonce, macedId);
  padded.fill(0);
  return auth;
}
