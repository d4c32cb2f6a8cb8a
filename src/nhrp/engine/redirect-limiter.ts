/**
 * How often a pair of addresses is redirected (facts F): at once, then three times five seconds apart, then once a
 * minute. Bounded: the pair that was not seen for the longest time is forgotten, and may be told anew.
 */
import type { IpAddress } from '../../wire/address.js';
import { AddressSets } from './address-sets.js';

const QUICK_COUNT = 3;
const QUICK_MS = 5_000;
const SLOW_MS = 60_000;

interface Pair {
  readonly key: string;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  sent: number;
  lastAt: number;
}

export class RedirectLimiter {
  readonly #pairs = new Map<string, Pair>();
  /** Each pair under both its addresses. */
  readonly #byAddress = new AddressSets<Pair>();

  constructor(readonly maxPairs: number) {}

  allow(now: number, source: IpAddress, destination: IpAddress): boolean {
    const key = `${pairKey(source)}>${pairKey(destination)}`;
    const pair = this.#pairs.get(key) ?? this.#pairOf(key, source, destination);
    this.#pairs.delete(key);
    this.#pairs.set(key, pair);
    this.#bound();
    if (now - pair.lastAt < (pair.sent <= QUICK_COUNT ? QUICK_MS : SLOW_MS)) return false;
    pair.sent++;
    pair.lastAt = now;
    return true;
  }

  forget(address: IpAddress): void {
    for (const pair of this.#byAddress.at(address)) this.#remove(pair);
  }

  #pairOf(key: string, source: IpAddress, destination: IpAddress): Pair {
    const pair = { key, source, destination, sent: 0, lastAt: Number.NEGATIVE_INFINITY };
    this.#byAddress.add(source, pair);
    this.#byAddress.add(destination, pair);
    return pair;
  }

  #remove(pair: Pair): void {
    this.#pairs.delete(pair.key);
    this.#byAddress.delete(pair.source, pair);
    this.#byAddress.delete(pair.destination, pair);
  }

  #bound(): void {
    if (this.#pairs.size <= this.maxPairs) return;
    const oldest = this.#pairs.values().next();
    if (!oldest.done) this.#remove(oldest.value);
  }
}

const pairKey = (a: IpAddress): string => `${a.w0}.${a.w1}.${a.w2}.${a.w3}`;
