/** Peers that an association is wanted with, and when to try again. */
import { type Endpoint, endpointKey } from '../../../wire/path.js';
import type { CryptoProvider } from '../../crypto.js';
import type { FailureReason, Selector } from '../../key-exchange.js';
import type { IkeSa } from './ike-sa.js';
import { randomFraction } from './window.js';

export interface Want {
  readonly peer: Endpoint;
  selector: Selector;
  /** Our IKE SA that is to serve it, until it is established. */
  attempt: IkeSa | null;
  /** Attempts since the last success. */
  failures: number;
  /** The next attempt begins then; null while one is under way or an IKE SA serves. */
  retryAt: number | null;
}

/** Silence is tried again soon, a refusal later: somebody has to change a configuration first. */
const SILENCE_MS = { first: 1_000, most: 15_000 };
const REFUSAL_MS = { first: 15_000, most: 60_000 };

export class Wants {
  readonly #wants = new Map<string, Want>();

  constructor(
    private readonly crypto: CryptoProvider,
    private readonly limit: number,
  ) {}

  /** The want of exactly that endpoint. */
  get(peer: Endpoint): Want | null {
    return this.#wants.get(endpointKey(peer)) ?? null;
  }

  /** Null when there are too many. */
  add(peer: Endpoint, selector: Selector): Want | null {
    if (this.#wants.size >= this.limit) return null;
    const want = { peer, selector, attempt: null, failures: 0, retryAt: null };
    this.#wants.set(endpointKey(peer), want);
    return want;
  }

  remove(peer: Endpoint): Want | null {
    const want = this.get(peer);
    this.#wants.delete(endpointKey(peer));
    return want;
  }

  /** Takes out all of them. */
  clear(): readonly Want[] {
    const all = [...this.#wants.values()];
    this.#wants.clear();
    return all;
  }

  /** The want that an IKE SA serves: by its name, by where it is, or by its address alone. */
  servedBy(sa: IkeSa): Want | null {
    const { remote } = sa.path;
    return this.get(sa.peer) ?? this.get(remote) ?? this.get({ address: remote.address, port: 0 });
  }

  /** When to try again after one more failure; null: never, by itself. */
  retryAfter(now: number, want: Want, why: FailureReason): number | null {
    if (why === 'no-key') return null;
    const { first, most } = why === 'no-answer' ? SILENCE_MS : REFUSAL_MS;
    const delay = Math.min(first * 2 ** want.failures++, most);
    return now + Math.round(delay * (1 - 0.2 * randomFraction(this.crypto)));
  }
}
