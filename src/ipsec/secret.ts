/** Key octets that no log, event or inspection shows, and that can be overwritten. */

const REDACTED = '[secret]';
/** Node's `util.inspect` and `console.log` ask for a method of this registered name. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/**
 * Zeros for a secret, outside the heap of the engine: V8 keeps arrays of up to 64 octets inside it, moves them about, and
 * leaves copies behind that nobody can overwrite.
 */
export const secretOctets = (octets: number): Uint8Array => new Uint8Array(new ArrayBuffer(octets));

/**
 * Holds octets of its own until `wipe`. Everything that turns an object into text (`String`, `JSON.stringify`,
 * `util.inspect`) sees `[secret]` only. Keys never become strings here: a string cannot be overwritten.
 */
export class SecretBytes {
  #octets: Uint8Array;

  /** @param octets copied; the caller wipes its own. */
  constructor(octets: Uint8Array) {
    this.#octets = secretOctets(octets.length);
    this.#octets.set(octets);
    Object.defineProperty(this, INSPECT, { value: () => REDACTED });
  }

  /** Takes the octets over without a copy: the caller forgets them. */
  static adopt(octets: Uint8Array): SecretBytes {
    const secret = new SecretBytes(new Uint8Array(0));
    secret.#octets = octets;
    return secret;
  }

  /** A view, valid until `wipe`. */
  get octets(): Uint8Array {
    return this.#octets;
  }

  get length(): number {
    return this.#octets.length;
  }

  /** Overwrites the octets and forgets them. Again and again is harmless. */
  wipe(): void {
    this.#octets.fill(0);
    this.#octets = new Uint8Array(0);
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }
}
