/** What waits to be polled: in order, and bounded. Events give way to newer ones, and the loss is said. */
import type { EngineOutput, NhrpEvent } from './api.js';

export class OutputQueue {
  #items: EngineOutput[] = [];
  #head = 0;
  #events = 0;
  #sends = 0;
  #lost = 0;

  constructor(
    readonly tunnel: string,
    readonly maxEvents: number,
    readonly maxSends: number,
  ) {}

  /** Queues a packet; false when the caller has not polled and the queue is full. */
  send(output: EngineOutput & { kind: 'send' }): boolean {
    if (this.#sends >= this.maxSends) return false;
    this.#sends++;
    this.#items.push(output);
    return true;
  }

  /** Queues an output that must not be lost: the number of these is bounded by the tables that they speak of. */
  push(output: EngineOutput): void {
    this.#items.push(output);
  }

  event(event: NhrpEvent): void {
    if (this.#events >= this.maxEvents) this.#dropOldestEvent();
    this.#events++;
    this.#items.push({ kind: 'event', event });
  }

  poll(): EngineOutput | null {
    if (this.#lost > 0) {
      const count = this.#lost;
      this.#lost = 0;
      return { kind: 'event', event: { type: 'events-lost', tunnel: this.tunnel, count } };
    }
    const item = this.#items[this.#head];
    if (item === undefined) return null;
    this.#head++;
    if (item.kind === 'event') this.#events--;
    if (item.kind === 'send') this.#sends--;
    this.#compact();
    return item;
  }

  #compact(): void {
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1_024) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  #dropOldestEvent(): void {
    const at = this.#items.findIndex((item, i) => i >= this.#head && item.kind === 'event');
    this.#items.splice(at, 1);
    this.#events--;
    this.#lost++;
  }
}
