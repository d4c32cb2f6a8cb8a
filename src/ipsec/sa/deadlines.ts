/** Who has to be woken when: a binary heap with one live entry per item. */

interface Entry<T> {
  readonly at: number;
  readonly item: T;
}

/** Something that may wait in a queue of deadlines; the queue keeps the time here, and nobody else writes it. */
export interface Scheduled {
  scheduledAt: number | null;
}

/** Moving or cancelling an entry leaves the old one in the heap, where it is passed over when its time comes. */
export class Deadlines<T extends Scheduled> {
  readonly #heap: Entry<T>[] = [];

  /** Sets, moves or, with null, cancels the item's deadline. */
  schedule(item: T, at: number | null): void {
    if (item.scheduledAt === at) return;
    item.scheduledAt = at;
    if (at !== null) this.#push({ at, item });
  }

  /** The earliest deadline, or null. */
  next(): number | null {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (top.item.scheduledAt === top.at) return top.at;
      this.#pop();
    }
    return null;
  }

  /** Takes out one item whose time has come, or null. */
  takeDue(now: number): T | null {
    const at = this.next();
    const top = this.#heap[0];
    if (at === null || top === undefined || at > now) return null;
    this.#pop();
    top.item.scheduledAt = null;
    return top.item;
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up] as Entry<T>;
      if (parent.at <= entry.at) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (let down = 1; down < heap.length; down = 2 * i + 1) {
      const right = heap[down + 1];
      if (right !== undefined && right.at < (heap[down] as Entry<T>).at) down++;
      const child = heap[down] as Entry<T>;
      if (child.at >= last.at) break;
      heap[i] = child;
      i = down;
    }
    heap[i] = last;
  }
}
