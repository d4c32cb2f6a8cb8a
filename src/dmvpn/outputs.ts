/** What waits to be polled from a node: in order, and bounded. Events give way to newer ones, and the loss is said. */
import { Waiting } from '../nhrp/engine/waiting.js';
import type { Path } from '../wire/path.js';
import { type Frame, viewOf } from './frame.js';
import type { DmvpnEvent, Output } from './output.js';

const MAX_EVENTS = 1_024;
/** Packets that a caller who does not poll can pile up. */
const MAX_PACKETS = 4_096;

type Item = Exclude<Output, { kind: 'timeout' }>;

export class Outputs {
  readonly #items = new Waiting<Item>();
  #events = 0;
  #packets = 0;
  #lost = 0;

  get isEmpty(): boolean {
    return this.#items.isEmpty;
  }

  /** False when there are too many: the caller counts the drop. */
  transmit(path: Path, frame: Frame, dscp: number): boolean {
    return this.#packet({ kind: 'transmit', path, bytes: viewOf(frame), dscp, dontFragment: true });
  }

  deliver(tunnel: string, frame: Frame): boolean {
    return this.#packet({ kind: 'deliver', tunnel, packet: viewOf(frame) });
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
    if (this.#lost > 0) {
      const count = this.#lost;
      this.#lost = 0;
      return { kind: 'event', event: { type: 'events-lost', tunnel: '', count } };
    }
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
