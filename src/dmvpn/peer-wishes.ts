/**
 * Which peers the engines of a tunnel want protection for: two address families share one association, which is let go
 * when neither wants it any more, and made anew when one lets it go and wants it at once.
 */
import type { EngineOutput } from '../nhrp/engine/api.js';
import { type Endpoint, endpointKey } from '../wire/path.js';
import type { Protection } from './protection.js';

/** Who wants something: compared by identity. */
type Wisher = object;

interface Wish {
  readonly nbma: Endpoint;
  readonly by: Set<Wisher>;
  /** Who has let it go since the last `settle`. */
  readonly released: Set<Wisher>;
}

export class PeerWishes {
  readonly #wishes = new Map<string, Wish>();
  readonly #released = new Map<string, Wish>();

  constructor(readonly protection: Protection) {}

  change(now: number, who: Wisher, { action, nbma }: EngineOutput & { kind: 'peer' }): void {
    const key = endpointKey(nbma);
    const wish = this.#wishes.get(key) ?? { nbma, by: new Set(), released: new Set() };
    this.#wishes.set(key, wish);
    if (action === 'release') {
      wish.by.delete(who);
      wish.released.add(who);
      this.#released.set(key, wish);
      return;
    }
    const isRenewal = wish.released.delete(who);
    if (isRenewal) this.protection.release(now, nbma);
    if (isRenewal || wish.by.size === 0) this.protection.want(now, nbma);
    wish.by.add(who);
  }

  /** Lets go whom nobody wants any more: at the end, so that answers to them go out before. */
  settle(now: number): void {
    if (this.#released.size === 0) return;
    for (const [key, { nbma, by, released }] of this.#released) {
      released.clear();
      if (by.size > 0) continue;
      this.#wishes.delete(key);
      this.protection.release(now, nbma);
    }
    this.#released.clear();
  }
}
