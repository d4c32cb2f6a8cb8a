/**
 * Next hops on the tunnel that nobody has resolved: Phase 2. Only packets from the device come here (the domino rule,
 * RFC 2332 §6.4), and `useCount` of them before a request goes out (`ip nhrp use`).
 */
import { addressKey, type IpAddress, isMulticast } from '../../wire/address.js';
import type { EngineContext } from './context.js';
import type { Resolutions } from './resolution.js';

const MAX_COUNTED = 4_096;

export class Misses {
  readonly #counts = new Map<number | string, number>();

  constructor(
    readonly context: EngineContext,
    readonly resolutions: Resolutions,
  ) {}

  handle(now: number, nextHop: IpAddress): void {
    if (isMulticast(nextHop) || this.context.isOwn(nextHop)) return;
    const { useCount } = this.context.config;
    if (useCount > 1 && !this.#reached(nextHop, useCount)) return;
    this.resolutions.start(now, nextHop, 'miss');
  }

  #reached(nextHop: IpAddress, useCount: number): boolean {
    const key = addressKey(nextHop);
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.delete(key);
    if (count >= useCount) return true;
    this.#counts.set(key, count);
    if (this.#counts.size > MAX_COUNTED) {
      const oldest = this.#counts.keys().next();
      if (!oldest.done) this.#counts.delete(oldest.value);
    }
    return false;
  }
}
