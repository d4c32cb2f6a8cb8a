/**
 * Learns the secrets of this process where they cannot be missed, at the doors of node:crypto and tweetnacl, and reads
 * everything that the process prints. Without a line in any test: keys are learned when OpenSSL gets them (preshared
 * keys, SK_*, KEYMAT, SKEYSEED, and Ni | Nr, which is the key of SKEYSEED), shared secrets when it gives them out, and
 * passwords when they are compared.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { LEAST_SECRET_OCTETS, type Leak, SecretScanner } from './log-scan.js';

const scanner: SecretScanner = new SecretScanner();

/** A secret that was printed, and where. */
export interface PrintedSecret extends Leak {
  readonly where: string;
  /** Where it was printed from; empty when the secret was known only afterwards. */
  readonly stack: string;
}

/** As much of what was printed is read once more at the end, for secrets that came later. */
const MAX_KEPT_CHARACTERS = 4_000_000;

export class PrintWatch {
  readonly found: PrintedSecret[] = [];
  readonly #kept: { text: string; where: string }[] = [];
  #keptCharacters = 0;

  /**
   * @param place says where the process stands: the test that runs
   * @param isMeant whether a text is there for its secrets, as a line of the debugging option `exportKeys`
   */
  constructor(
    readonly place: () => string,
    readonly isMeant: (text: string) => boolean = () => false,
  ) {}

  /** Reads a text that leaves the process, or would in an application. */
  read(text: string, what: string): void {
    if (this.isMeant(text)) return;
    const where = `${what} in ${this.place()}`;
    if (this.#check(text, where, true)) return;
    if (this.#keptCharacters + text.length > MAX_KEPT_CHARACTERS) return;
    this.#keptCharacters += text.length;
    this.#kept.push({ text, where });
  }

  /** Reads everything again, with what has become known meanwhile, and forgets it. */
  readAgain(): void {
    for (const { text, where } of this.#kept.splice(0)) this.#check(text, where, false);
    this.#keptCharacters = 0;
  }

  /** Everything that goes through the stream from now on. */
  watch(
    stream: NodeJS.WritableStream | undefined,
    name: string,
    then: () => void = () => {},
  ): void {
    if (stream === undefined || watched.has(stream)) return;
    watched.add(stream);
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      this.read(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1'), name);
      then();
      return write(chunk, ...rest);
    };
  }

  /** Whether there is a secret in it. */
  #check(text: string, where: string, now: boolean): boolean {
    const leak = scanner.find(text);
    if (leak === null) return false;
    if (!this.found.some((f) => f.where === where && f.secret === leak.secret))
      this.found.push({ ...leak, where, stack: now ? (new Error().stack ?? '') : '' });
    return true;
  }
}

const watched = new WeakSet<NodeJS.WritableStream>();

/** One line for people; the secret itself is not in it. */
export const sentenceOf = ({ secret, form, where, before, stack }: PrintedSecret): string =>
  `log scan: ${secret} as ${form} in ${where}, behind ${JSON.stringify(before)}${stack && `\n${stack}`}`;

type Crypto = typeof import('node:crypto');
type AnyFunction = (...args: never[]) => unknown;

/** Once a process: the named imports of every module see the replaced functions. */
export function learnFromCrypto(): void {
  const require = createRequire(import.meta.url);
  const crypto = require('node:crypto') as Crypto & { [LEARNING]?: SecretScanner };
  if (crypto[LEARNING] !== undefined) return;
  crypto[LEARNING] = scanner;
  beforeCall(crypto, 'createSecretKey', (key) => learn(key, 'a key'));
  beforeCall(crypto, 'createHmac', (_, key) => learn(key, 'an HMAC key'));
  beforeCall(crypto, 'createCipheriv', (_, key) => learn(key, 'a cipher key'));
  afterCall(crypto, 'diffieHellman', (shared) => learn(shared, 'a shared secret'));
  for (const exchange of [crypto.ECDH, crypto.DiffieHellman, crypto.DiffieHellmanGroup])
    afterCall(exchange.prototype as object, 'computeSecret', (s) => learn(s, 'a shared secret'));
  syncBuiltinESMExports();
  const nacl = require('tweetnacl') as { verify: AnyFunction };
  const { verify } = nacl;
  beforeCall(nacl, 'verify', learnPassword);
  leaveComparisons = () => {
    nacl.verify = verify;
  };
}

/** For measurements of their time: comparisons of this process are left alone from now on. */
export let leaveComparisons: () => void = () => {};

const LEARNING = Symbol.for('dmvpn.log-scan');

function learn(value: unknown, name: string): void {
  if (value instanceof Uint8Array && value.length >= LEAST_SECRET_OCTETS)
    scanner.learn(value, name);
}

/** Of two texts that are compared in constant time one is a password of ours; ICVs go by the same door. */
function learnPassword(...texts: unknown[]): void {
  for (const text of texts)
    if (text instanceof Uint8Array && text.length <= 8 && text.every((c) => c > 0x20 && c < 0x7f))
      learn(text, 'a password');
}

function beforeCall(owner: object, name: string, see: (...args: unknown[]) => void): void {
  replace(owner, name, (call, args) => {
    see(...args);
    return call();
  });
}

function afterCall(owner: object, name: string, see: (result: unknown) => void): void {
  replace(owner, name, (call) => {
    const result = call();
    see(result);
    return result;
  });
}

function replace(
  owner: object,
  name: string,
  around: (call: () => unknown, args: unknown[]) => unknown,
): void {
  const original = Reflect.get(owner, name) as AnyFunction;
  const replacement = function (this: unknown, ...args: unknown[]): unknown {
    return around(() => original.apply(this, args as never[]), args);
  };
  Reflect.set(owner, name, Object.assign(replacement, original));
}
