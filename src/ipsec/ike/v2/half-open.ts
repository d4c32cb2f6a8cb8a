/**
 * Strangers: how many may hold memory or cost a Diffie-Hellman before they have proven anything.
 * Cookies as RFC 7296 §2.6: version | prf(secret, Ni | address | port | SPIi), no memory for each.
 */
import { addressBytes, addressKey, type IpAddress } from '../../../wire/address.js';
import { writeU16, writeU64 } from '../../../wire/bytes.js';
import { constantTimeEqual } from '../../../wire/constant-time.js';
import type { Endpoint } from '../../../wire/path.js';
import { type CryptoProvider, randomOctets } from '../../crypto.js';
import { SecretBytes } from '../../secret.js';
import type { IkeLimits } from './settings.js';

/** `cookie`: go on only with one that is right. */
export type Admission = 'accept' | 'cookie' | 'refuse';

/** What a cookie is bound to. */
export interface Stranger {
  readonly remote: Endpoint;
  readonly initiatorSpi: bigint;
  readonly nonce: Uint8Array;
}

const SECRET_MS = 60_000; // a cookie is good for one to two of these
const SECRET_OCTETS = 32;
/** One Diffie-Hellman a second for an address that has returned no cookie. */
const FREE_DH_MS = 1_000;
const MAX_REMEMBERED_ADDRESSES = 1_024;

export class HalfOpen {
  readonly #limits: IkeLimits;
  readonly #crypto: CryptoProvider;
  readonly #perAddress = new Map<number | string, number>();
  readonly #lastFree = new Map<number | string, number>();
  #count = 0;
  #secret: SecretBytes;
  #previous: SecretBytes;
  #version = 0;
  #secretSince: number | null = null;

  constructor(crypto: CryptoProvider, limits: IkeLimits) {
    this.#crypto = crypto;
    this.#limits = limits;
    this.#secret = SecretBytes.adopt(randomOctets(crypto, SECRET_OCTETS));
    this.#previous = SecretBytes.adopt(randomOctets(crypto, SECRET_OCTETS));
  }

  get count(): number {
    return this.#count;
  }

  /** What to do with the first message of an address. */
  admit(now: number, address: IpAddress): Admission {
    const key = addressKey(address);
    const ofAddress = this.#perAddress.get(key) ?? 0;
    const { halfOpen, halfOpenPerAddress, cookieThreshold, cookieThresholdPerAddress } =
      this.#limits;
    if (this.#count >= halfOpen || ofAddress >= halfOpenPerAddress) return 'refuse';
    if (this.#count >= cookieThreshold || ofAddress >= cookieThresholdPerAddress) return 'cookie';
    return now - (this.#lastFree.get(key) ?? -FREE_DH_MS) < FREE_DH_MS ? 'cookie' : 'accept';
  }

  /** A Diffie-Hellman was spent on an address that returned no cookie. */
  spent(now: number, address: IpAddress): void {
    const key = addressKey(address);
    this.#lastFree.delete(key); // to the end of the insertion order
    this.#lastFree.set(key, now);
    if (this.#lastFree.size <= MAX_REMEMBERED_ADDRESSES) return;
    const [oldest] = this.#lastFree.keys();
    if (oldest !== undefined) this.#lastFree.delete(oldest);
  }

  opened(address: IpAddress): void {
    const key = addressKey(address);
    this.#count++;
    this.#perAddress.set(key, (this.#perAddress.get(key) ?? 0) + 1);
  }

  /** The half-open IKE SA is established, or gone. */
  closed(address: IpAddress): void {
    const key = addressKey(address);
    const left = (this.#perAddress.get(key) ?? 0) - 1;
    this.#count--;
    if (left > 0) this.#perAddress.set(key, left);
    else this.#perAddress.delete(key);
  }

  cookieFor(now: number, stranger: Stranger): Uint8Array {
    this.#turn(now);
    return this.#cookie(this.#version, this.#secret, stranger);
  }

  isCookieRight(now: number, stranger: Stranger, cookie: Uint8Array): boolean {
    this.#turn(now);
    const isCurrent = cookie[0] === this.#version;
    const version = isCurrent ? this.#version : (this.#version + 255) & 0xff;
    const secret = isCurrent ? this.#secret : this.#previous;
    return constantTimeEqual(cookie, this.#cookie(version, secret, stranger));
  }

  wipe(): void {
    this.#secret.wipe();
    this.#previous.wipe();
  }

  #cookie(
    version: number,
    secret: SecretBytes,
    { remote, initiatorSpi, nonce }: Stranger,
  ): Uint8Array {
    const tail = new Uint8Array(10);
    writeU16(tail, writeU64(tail, 0, initiatorSpi), remote.port);
    const keyed = this.#crypto.openHmac('sha256', secret.octets);
    const mac = keyed.compute(nonce, addressBytes(remote.address), tail);
    keyed.wipe();
    const cookie = new Uint8Array(1 + mac.length);
    cookie[0] = version;
    cookie.set(mac, 1);
    return cookie;
  }

  #turn(now: number): void {
    this.#secretSince ??= now;
    const age = now - this.#secretSince;
    if (age < SECRET_MS) return;
    this.#renew();
    if (age >= 2 * SECRET_MS) this.#renew(); // nobody asked in between: the old one is too old as well
    this.#secretSince = now;
  }

  #renew(): void {
    this.#previous.wipe();
    this.#previous = this.#secret;
    this.#secret = SecretBytes.adopt(randomOctets(this.#crypto, SECRET_OCTETS));
    this.#version = (this.#version + 1) & 0xff;
  }
}
