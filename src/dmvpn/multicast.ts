/** Whom a multicast packet is copied to, asked of the engine only when something has changed since. */
import type { NhrpEngine } from '../nhrp/engine/engine.js';
import type { Endpoint } from '../wire/path.js';

export class MulticastTargets {
  readonly #engine: NhrpEngine;
  #targets: readonly Endpoint[] | null = null;

  constructor(engine: NhrpEngine) {
    this.#engine = engine;
  }

  at(now: number): readonly Endpoint[] {
    this.#targets ??= this.#engine.multicastTargets(now);
    return this.#targets;
  }

  /** An entry, a server or a peer has changed. */
  forget(): void {
    this.#targets = null;
  }
}
