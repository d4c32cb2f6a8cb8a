/** A queue of outputs from which the oldest event can be given up: each step costs the same however long it is. */

const MIN_SWEEP = 1_024;

export class Waiting<T extends { readonly kind: string }> {
  /** null: given up. */
  #items: (T | null)[] = [];
  #head = 0;
  /** No event stands before it. */
  #oldestEvent = 0;
  #holes = 0;

  get isEmpty(): boolean {
    return this.#items.length - this.#head === this.#holes;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes out the first; null when there is none. */
  shift(): T | null {
    while (this.#head < this.#items.length) {
      const item = this.#items[this.#head++] ?? null;
      if (item === null) this.#holes--;
      else return this.#swept(item);
    }
    this.#sweep();
    return null;
  }

  /** Gives up the oldest event; there is one. */
  dropOldestEvent(): void {
    let at = Math.max(this.#oldestEvent, this.#head);
    while (at < this.#items.length && this.#items[at]?.kind !== 'event') at++;
    if (at === this.#items.length) return;
    this.#items[at] = null;
    this.#oldestEvent = at + 1;
    this.#holes++;
    this.#swept(null);
  }

  /** Closes the gaps when they are half of all: a constant share of the work of what made them. */
  #swept(item: T | null): T | null {
    const gone = this.#head + this.#holes;
    if (this.isEmpty || (gone >= MIN_SWEEP && 2 * gone >= this.#items.length)) this.#sweep();
    return item;
  }

  #sweep(): void {
    this.#items = this.isEmpty
      ? []
      : this.#items.filter((item, i) => i >= this.#head && item !== null);
    this.#head = 0;
    this.#oldestEvent = 0;
    this.#holes = 0;
  }
}
