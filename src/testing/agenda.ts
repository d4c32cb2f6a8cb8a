/**
 * What is going to happen, in order: the simulator's one virtual clock. A binary heap on (time, order of entry), so
 * that things of the same time happen in the order in which they were planned, and the same seed gives the same run.
 */

interface Plan {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/** Something that plans a thing for now again and again does not come to rest: that is a fault, not a simulation. */
const MAX_AT_ONE_TIME = 1_000_000;

export class Agenda {
  /** Virtual time, whole milliseconds from the start: clocks that differ by an offset must not differ by rounding. */
  now = 0;
  /** How many plans have been carried out. */
  done = 0;
  readonly #heap: Plan[] = [];
  #planned = 0;

  /** What is still to come. */
  get size(): number {
    return this.#heap.length;
  }

  /** Acts at that time, in the first whole millisecond, or now if it has passed. */
  at(time: number, act: () => void): void {
    const plan = { at: Math.max(Math.ceil(time), this.now), order: this.#planned++, act };
    const heap = this.#heap;
    let place = heap.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above] as Plan;
      if (!isBefore(plan, parent)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = plan;
  }

  /** Acts after so many milliseconds. */
  after(ms: number, act: () => void): void {
    this.at(this.now + ms, act);
  }

  /** Lets time pass until then, or until it is told to stop: `isDone` is asked after each thing that happened. */
  runUntil(time: number, isDone: () => boolean = never): void {
    let atOnce = 0;
    for (let next = this.#heap[0]; next !== undefined && next.at <= time; next = this.#heap[0]) {
      atOnce = next.at > this.now ? 0 : atOnce + 1;
      if (atOnce > MAX_AT_ONE_TIME) throw new Error(`bug: no rest at ${this.now} ms`);
      this.now = next.at;
      this.done++;
      this.#takeFirst();
      next.act();
      if (isDone()) return;
    }
    this.now = Math.max(this.now, Math.ceil(time));
  }

  #takeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Plan;
    if (heap.length === 0) return;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Plan, heap[below] as Plan))
        below++;
      const child = heap[below] as Plan;
      if (!isBefore(child, last)) break;
      heap[place] = child;
      place = below;
    }
    heap[place] = last;
  }
}

const never = (): boolean => false;

const isBefore = (a: Plan, b: Plan): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
