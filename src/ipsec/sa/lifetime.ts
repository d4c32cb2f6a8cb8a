/** How long an association may be used: RFC 4301 §4.4.2.1, soft limits ask for new keys, hard ones end it. */
import type { Lifetimes } from '../key-exchange.js';

/** No limit at all but the sequence numbers. */
export const UNLIMITED: Lifetimes = {
  softSeconds: null,
  hardSeconds: null,
  softOctets: null,
  hardOctets: null,
  softPackets: null,
  hardPackets: null,
};

export type LifetimeState = 'good' | 'soft' | 'hard';

/** Without new keys, sequence numbers run out that many packets later: three quarters of an hour at 100 kpps. */
const SEQUENCE_RESERVE = 2 ** 28;

export class Lifetime {
  readonly #limits: Lifetimes;
  #softAt: number | null;
  readonly #hardAt: number | null;
  #packets = 0;
  #octets = 0;

  /** @param early 0..1: the share of the soft time by which it comes earlier, so that two ends do not rekey at once. */
  constructor(limits: Lifetimes, now: number, early: number) {
    this.#limits = limits;
    this.#softAt = after(now, limits.softSeconds, 1 - early);
    this.#hardAt = after(now, limits.hardSeconds, 1);
  }

  /** When time alone changes the state next, or null. */
  get nextAt(): number | null {
    if (this.#softAt === null || this.#hardAt === null) return this.#softAt ?? this.#hardAt;
    return Math.min(this.#softAt, this.#hardAt);
  }

  get packets(): number {
    return this.#packets;
  }

  get octets(): number {
    return this.#octets;
  }

  /** One more packet of that many octets, in either direction. */
  charge(octets: number): void {
    this.#packets++;
    this.#octets += octets;
  }

  /** @param remaining sequence numbers that are left. */
  state(now: number, remaining: number): LifetimeState {
    const l = this.#limits;
    if (isPast(now, this.#hardAt) || this.#reached(l.hardPackets, l.hardOctets)) return 'hard';
    if (isPast(now, this.#softAt) || this.#reached(l.softPackets, l.softOctets)) return 'soft';
    return remaining < SEQUENCE_RESERVE ? 'soft' : 'good';
  }

  /** New keys have been asked for: only the hard limit is waited for now. */
  softDone(): void {
    this.#softAt = null;
  }

  #reached(packets: number | null, octets: number | null): boolean {
    return (
      (packets !== null && this.#packets >= packets) || (octets !== null && this.#octets >= octets)
    );
  }
}

const after = (now: number, seconds: number | null, share: number): number | null =>
  seconds === null ? null : now + seconds * 1_000 * share;

const isPast = (now: number, at: number | null): boolean => at !== null && now >= at;
