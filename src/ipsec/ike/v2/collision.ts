/**
 * When both ends do the same at the same time: RFC 7296 §2.8.1, §2.8.2, §2.25. Of two exchanges with the same
 * effect the one that holds the lowest of the four nonces loses; its initiator removes what it made.
 */

/** The nonces of one exchange. */
export interface NoncePair {
  readonly initiatorNonce: Uint8Array;
  readonly responderNonce: Uint8Array;
}

/** Whether `a` loses against `b`: it has the lowest of the four nonces. */
export const loses = (a: NoncePair, b: NoncePair): boolean => compare(lowest(a), lowest(b)) < 0;

const lowest = ({ initiatorNonce, responderNonce }: NoncePair): Uint8Array =>
  compare(initiatorNonce, responderNonce) <= 0 ? initiatorNonce : responderNonce;

/** Octet by octet; a nonce that is the beginning of the other is the lower one (§2.8.1). */
function compare(a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
