/** What waits to be polled from a node: in order, and bounded. Events give way to newer ones, and the loss is said. */
import { Waiting } from '../nhrp/engine/waiting.js';
import type { Path } from '../wire/path.js';
import { type Frame, viewOf } from './frame.js';
import type { DmvpnEvent, Output } from './output.js';

const MAX_EVENTS = 1_024;
/** Packets that a caller who does not poll can pile up. */
const MAX_PACKETS = 4_096;
/** Multicast packets whose copies such a caller leaves unmade. */
const MAX_REPLICATIONS = 256;

type Item = Exclude<Output, { kind: 'timeout' }>;

export class Outputs {
  readonly #items = new Waiting<Item>();
  #events = 0;
  #packets = 0;
  #lost = 0;
  readonly #replications: (() => boolean)[] = [];

  get isEmpty(): boolean {
    return this.#items.isEmpty && this.#replications.length === 0;
  }

  /** False when there are too many: the caller counts the drop. */
  transmit(path: Path, frame: Frame, dscp: number): boolean {
    return this.#packet({ kind: 'transmit', path, bytes: viewOf(frame), dscp, dontFragment: true });
  }

  deliver(tunnel: string, frame: Frame): boolean {
    return this.#packet({ kind: 'deliver', tunnel, packet: viewOf(frame) });
  }

  /**
   * Packets that are made when there is nothing else to poll, as many as there are, and never more than one at a time
   * in memory: `next` makes one and is false when it had none left. False when too many such wait.
   */
  replicate(next: () => boolean): boolean {
    if (this.#replications.length >= MAX_REPLICATIONS) return false;
    this.#replications.push(next);
    return true;
  }

  ask(ask: Output & { kind: 'ask' }): void {
    this.#items.push(ask); // bounded by the engine's limits on open questions
  }

  event(event: DmvpnEvent): void {
    if (this.#events >= MAX_EVENTS) this.#dropOldestEvent();
    this.#events++;
    this.#items.push({ kind: 'event', event });
  }

  poll(): Item | null {
    for (;;) {
      const item = this.#lostEvents() ?? this.#next();
      if (item !== null) return item;
      const [next] = this.#replications;
      if (next === undefined) return null;
      if (!next()) this.#replications.shift();
    }
  }

  #lostEvents(): Item | null {
    if (this.#lost === 0) return null;
    const count = this.#lost;
    this.#lost = 0;
    return { kind: 'event', event: { type: 'events-lost', tunnel: '', count } };
  }

  #next(): Item | null {
    const item = this.#items.shift();
    if (item?.kind === 'event') this.#events--;
    else if (item !== null && item.kind !== 'ask') this.#packets--;
    return item;
  }

  #packet(output: Item): boolean {
    if (this.#packets >= MAX_PACKETS) return false;
    this.#packets++;
    this.#items.push(output);
    return true;
  }

  #dropOldestEvent(): void {
    this.#items.dropOldestEvent();
    this.#events--;
    this.#lost++;
  }
}
