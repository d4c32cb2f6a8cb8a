/**
 * Fragments of encrypted messages: RFC 7383 §2.5, §2.6. Each fragment has been authenticated before it comes here,
 * so that only the peer itself can use this memory.
 */

const MAX_FRAGMENTS = 64;
const MAX_REASSEMBLED_OCTETS = 65_535;

/** One fragment's content, after decryption. */
export interface Fragment {
  readonly messageId: number;
  readonly isResponse: boolean;
  readonly number: number;
  readonly total: number;
  /** Type of the first payload; only that of fragment 1 counts. */
  readonly inner: number;
  /** Kept: octets of its own. */
  readonly content: Uint8Array;
}

/** A message put together. */
export interface Whole {
  readonly inner: number;
  readonly content: Uint8Array;
}

/** Collects the fragments of one message at a time. */
export class Reassembly {
  #parts: (Fragment | undefined)[] = [];
  #total = 0;
  #messageId = -1;
  #isResponse = false;
  #octets = 0;

  /** The whole message with its last missing fragment, else null. A bigger `total` starts anew, a smaller one is late. */
  add(fragment: Fragment): Whole | null {
    const { messageId, isResponse, number, total, content } = fragment;
    const sameMessage = messageId === this.#messageId && isResponse === this.#isResponse;
    if (total > MAX_FRAGMENTS || (sameMessage && total < this.#total)) return null;
    if (!sameMessage || total > this.#total) this.#begin(fragment);
    if (this.#parts[number - 1] !== undefined) return null;
    if (this.#octets + content.length > MAX_REASSEMBLED_OCTETS) return null;
    this.#parts[number - 1] = fragment;
    this.#octets += content.length;
    return this.#finished();
  }

  #begin({ messageId, isResponse, total }: Fragment): void {
    this.#parts = new Array<Fragment | undefined>(total).fill(undefined);
    this.#total = total;
    this.#messageId = messageId;
    this.#isResponse = isResponse;
    this.#octets = 0;
  }

  #finished(): Whole | null {
    const out = new Uint8Array(this.#octets);
    let at = 0;
    for (const part of this.#parts) {
      if (part === undefined) return null;
      out.set(part.content, at);
      at += part.content.length;
    }
    const inner = this.#parts[0]?.inner ?? 0;
    this.#parts = [];
    this.#total = 0;
    this.#messageId = -1;
    return { inner, content: out };
  }
}

/** Cuts content into parts of at most `partOctets`. */
export function partsOf(content: Uint8Array, partOctets: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += partOctets)
    parts.push(content.subarray(at, at + partOctets));
  return parts;
}
