/** Events on their way to a reader that may be slow: the oldest are dropped when it is too slow, and it is told. */

const MAX_QUEUED_EVENTS = 1_024;

/**
 * Each event is read once. A reader may stop (`break`) and another one go on; two at the same time share the events.
 * @typeParam E an event
 */
export class EventQueue<E> implements AsyncIterable<E> {
  readonly #lost: (count: number) => E;
  readonly #queued: E[] = [];
  #lostCount = 0;
  #waiting: (() => void)[] = [];
  #ended = false;

  /** @param lost makes the event that stands for those that were dropped. */
  constructor(lost: (count: number) => E) {
    this.#lost = lost;
  }

  push(event: E): void {
    if (this.#queued.length >= MAX_QUEUED_EVENTS) {
      this.#queued.shift();
      this.#lostCount += 1;
    }
    this.#queued.push(event);
    this.#wake();
  }

  /** Readers get what is queued, and then the end. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, void> {
    for (;;) {
      const event = this.#take();
      if (event !== undefined) yield event;
      else if (this.#ended) return;
      else await new Promise<void>((wake) => this.#waiting.push(wake));
    }
  }

  #take(): E | undefined {
    if (this.#lostCount === 0) return this.#queued.shift();
    const event = this.#lost(this.#lostCount);
    this.#lostCount = 0;
    return event;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
