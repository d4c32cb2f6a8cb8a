/**
 * Addresses that the application is interested in: they are resolved without a packet, and their shortcuts renewed
 * whether they are used or not. What was lost or refused is asked for again at the next check.
 */
import { addressKey, type IpAddress, type IpPrefix, prefixContains } from '../../wire/address.js';
import type { EngineContext } from './context.js';
import type { Resolutions } from './resolution.js';
import type { Timer } from './timers.js';

const MAX_KEPT = 1_024;
const CHECK_MS = 30_000;

export class KeptAddresses {
  readonly #kept = new Map<number | string, IpAddress>();
  #timer: Timer | null = null;

  constructor(
    readonly context: EngineContext,
    readonly resolutions: Resolutions,
  ) {}

  /** From now on it is kept resolved, or no longer. */
  keep(now: number, address: IpAddress, keep: boolean): void {
    if (!keep) this.#kept.delete(addressKey(address));
    else if (this.#kept.size < MAX_KEPT) this.#kept.set(addressKey(address), address);
    else this.context.counters.dropped.limit++;
    this.#check(now);
  }

  /** Whether one of them lies in the prefix. */
  isIn(prefix: IpPrefix): boolean {
    for (const address of this.#kept.values()) if (prefixContains(prefix, address)) return true;
    return false;
  }

  #check(now: number): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#kept.size === 0) return;
    for (const address of this.#kept.values())
      if (!this.#isKnown(now, address)) this.resolutions.start(now, address, 'kept');
    this.#timer = this.context.timers.arm(now + CHECK_MS, 'addresses kept resolved', (at) =>
      this.#check(at),
    );
  }

  /** Here, by a shortcut, or with an entry of its own. */
  #isKnown(now: number, address: IpAddress): boolean {
    const { kind, nextHop, route } = this.context.locator.locate(now, address);
    if (kind === 'local' || route?.kind === 'shortcut') return true;
    return kind === 'direct' && (nextHop?.equals(address) ?? false);
  }
}
