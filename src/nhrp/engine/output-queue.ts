/** What waits to be polled: in order, and bounded. Events give way to newer ones, and the loss is said. */
import type { EngineOutput, NhrpEvent } from './api.js';
import { Waiting } from './waiting.js';

export class OutputQueue {
  readonly #items = new Waiting<EngineOutput>();
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
    const item = this.#items.shift();
    if (item?.kind === 'event') this.#events--;
    if (item?.kind === 'send') this.#sends--;
    return item;
  }

  #dropOldestEvent(): void {
    this.#items.dropOldestEvent();
    this.#events--;
    this.#lost++;
  }
}
