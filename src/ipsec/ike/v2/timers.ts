/** Who wants to be called next, among many: a binary heap whose stale entries are passed over. */

interface Entry<T> {
  readonly at: number;
  readonly item: T;
}

/** At most one time for each item counts: the one set last. */
export class Timers<T> {
  readonly #heap: Entry<T>[] = [];
  readonly #due = new Map<T, number>();

  /** @param at null for never. */
  set(item: T, at: number | null): void {
    if (this.#due.get(item) === (at ?? undefined)) return;
    if (at === null) {
      this.#due.delete(item);
      return;
    }
    this.#due.set(item, at);
    this.#push({ at, item });
  }

  /** The earliest time; null when nothing waits. */
  next(): number | null {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#due.get(top.item) === top.at) return top.at;
      this.#pop();
    }
    return null;
  }

  /** Takes out one item that is due. */
  take(now: number): T | null {
    const at = this.next();
    if (at === null || at > now) return null;
    const item = this.#pop()?.item ?? null;
    if (item !== null) this.#due.delete(item);
    return item;
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.at <= entry.at) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): Entry<T> | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      const left = heap[2 * i + 1];
      if (left === undefined) break;
      const right = heap[2 * i + 2];
      const isRight = right !== undefined && right.at < left.at;
      const child = isRight ? right : left;
      if (child.at >= last.at) break;
      heap[i] = child;
      i = 2 * i + (isRight ? 2 : 1);
    }
    heap[i] = last;
    return top;
  }
}
