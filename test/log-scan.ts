/**
 * Finds secrets in texts, whatever form they have there: as characters, hexadecimal (with or without separators),
 * base64 at any alignment, or a list of decimal numbers as `util.inspect` and `JSON.stringify` make of octets.
 *
 * A text is turned into the streams of octets that it may stand for; each stream is run through once, and the six octets
 * behind each place are looked up. So a text costs the same however many secrets are known.
 */

/** One secret in a text. It is not quoted. */
export interface Leak {
  /** What the secret was used as. */
  readonly secret: string;
  readonly form: 'text' | 'hexadecimal' | 'base64' | 'decimal';
  /** What stands before it in the text. */
  readonly before: string;
}

/** A shorter secret is found by accident. */
export const LEAST_SECRET_OCTETS = 6;
/** So many octets in a row are a leak, though the secret has more. */
const ENOUGH_OCTETS = 16;
/** Secrets of a run that are remembered; the oldest go first. */
const MAX_SECRETS = 100_000;
const HEAD_OCTETS = LEAST_SECRET_OCTETS;
const HEAD_MODULUS = 2 ** (8 * (HEAD_OCTETS - 1));
/** Keys such as 16 zeros or 64 times 0x0b, of known-answer tests, are no secrets. */
const LEAST_DIFFERENT_OCTETS = 5;
const CONTEXT_CHARACTERS = 60;

interface Known {
  readonly octets: Uint8Array;
  readonly name: string;
}

export class SecretScanner {
  readonly #byHead = new Map<number, Known>();

  get size(): number {
    return this.#byHead.size;
  }

  /** From now on these octets, and every 16 of them, are looked for. */
  learn(octets: Uint8Array, name: string): void {
    if (new Set(octets.subarray(0, 64)).size < Math.min(LEAST_DIFFERENT_OCTETS, octets.length / 2))
      return;
    for (let at = 0; at + HEAD_OCTETS <= octets.length; at += ENOUGH_OCTETS) {
      const part = Uint8Array.from(octets.subarray(at, at + ENOUGH_OCTETS));
      const head = part.subarray(0, HEAD_OCTETS).reduce((sum, octet) => sum * 256 + octet, 0);
      this.#byHead.set(head, { octets: part, name });
    }
    for (const head of this.#byHead.keys()) {
      if (this.#byHead.size <= MAX_SECRETS) break;
      this.#byHead.delete(head);
    }
  }

  /** The first secret in the text, or null. */
  find(text: string): Leak | null {
    if (this.#byHead.size === 0) return null;
    for (const { form, octets, at } of streamsOf(text)) {
      const secret = this.#in(octets);
      if (secret !== null)
        return { secret, form, before: text.slice(Math.max(0, at - CONTEXT_CHARACTERS), at) };
    }
    return null;
  }

  #in(stream: Uint8Array): string | null {
    let head = 0;
    for (let i = 0; i < stream.length; i++) {
      head = (head % HEAD_MODULUS) * 256 + (stream[i] as number);
      if (i < HEAD_OCTETS - 1) continue;
      const known = this.#byHead.get(head);
      if (known !== undefined && beginsWith(stream.subarray(i - HEAD_OCTETS + 1), known.octets))
        return known.name;
    }
    return null;
  }
}

/** The whole secret; or, where the text ends within it, eight octets and more. */
function beginsWith(stream: Uint8Array, secret: Uint8Array): boolean {
  const compared = Math.min(stream.length, secret.length);
  if (compared < Math.min(secret.length, 8)) return false;
  for (let i = 0; i < compared; i++) if (stream[i] !== secret[i]) return false;
  return true;
}

interface Stream {
  readonly form: Leak['form'];
  readonly octets: Uint8Array;
  readonly at: number;
}

function* streamsOf(text: string): Generator<Stream> {
  yield { form: 'text', octets: Buffer.from(text, 'utf8'), at: 0 };
  yield* hexIn(text);
  for (const { 0: run, index } of text.matchAll(/[\w+/-]{8,}/g))
    for (let skip = 0; skip < 4; skip++)
      yield { form: 'base64', octets: Buffer.from(run.slice(skip), 'base64'), at: index };
  const plain = text.replaceAll(/"?\d+"?:\s?/g, ''); // `{"0":161,"1":162}`
  for (const { 0: run, index } of plain.matchAll(/(?:\d{1,3}\s*,\s*){5,}\d{1,3}/g))
    yield { form: 'decimal', octets: Uint8Array.from(run.split(','), Number), at: index };
}

function* hexIn(text: string): Generator<Stream> {
  for (const { 0: run, index } of text.matchAll(/(?:(?:0x)?[\da-f]{1,2}[\s:,-]{0,2}){6,}/gi)) {
    const numbers = run.split(/[\s:,-]+|0x/i).map((d) => (d.length % 2 === 0 ? d : `0${d}`));
    const digits = numbers.join('');
    for (let skip = 0; skip < 2; skip++)
      yield { form: 'hexadecimal', octets: Buffer.from(digits.slice(skip), 'hex'), at: index };
  }
}
