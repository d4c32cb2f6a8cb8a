/**
 * The engine's alarms: a binary heap on (time, order of arming), so that equal times ring in the order in which
 * they were armed and the same inputs give the same outputs. Cancelling takes an alarm out at once.
 */

export interface Timer {
  /** Takes the alarm out; harmless when it has rung or was cancelled before. */
  cancel(): void;
}

interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly why: string;
  readonly ring: (now: number) => void;
  index: number; // its place in the heap, -1 when out
}

export class Timers {
  readonly #heap: Alarm[] = [];
  #armed = 0;

  /** The next alarm's time and reason; null when there is none. */
  next(): { readonly at: number; readonly why: string } | null {
    return this.#heap[0] ?? null;
  }

  /** Rings at `at`, milliseconds of the caller's clock. */
  arm(at: number, why: string, ring: (now: number) => void): Timer {
    const alarm: Alarm = { at, order: this.#armed++, why, ring, index: this.#heap.length };
    this.#heap.push(alarm);
    this.#rise(alarm);
    return { cancel: () => this.#takeOut(alarm) };
  }

  /** Rings all that are due. An alarm armed by another one for a time that has passed rings in the next call. */
  ring(now: number): void {
    const newest = this.#armed;
    for (let alarm = this.#heap[0]; alarm !== undefined && alarm.at <= now; alarm = this.#heap[0]) {
      if (alarm.order >= newest) return;
      this.#takeOut(alarm);
      alarm.ring(now);
    }
  }

  clear(): void {
    for (const alarm of this.#heap) alarm.index = -1;
    this.#heap.length = 0;
  }

  #takeOut(alarm: Alarm): void {
    const at = alarm.index;
    if (at < 0) return;
    alarm.index = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === alarm) return;
    this.#put(last, at);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(alarm: Alarm): void {
    for (let at = alarm.index; at > 0; ) {
      const parent = this.#heap[(at - 1) >> 1];
      if (parent === undefined || !before(alarm, parent)) return;
      this.#put(parent, at);
      at = (at - 1) >> 1;
      this.#put(alarm, at);
    }
  }

  #sink(alarm: Alarm): void {
    for (;;) {
      const at = alarm.index;
      const left = this.#heap[2 * at + 1];
      const right = this.#heap[2 * at + 2];
      const child = right !== undefined && left !== undefined && before(right, left) ? right : left;
      if (child === undefined || !before(child, alarm)) return;
      const down = child.index;
      this.#put(child, at);
      this.#put(alarm, down);
    }
  }

  #put(alarm: Alarm, at: number): void {
    this.#heap[at] = alarm;
    alarm.index = at;
  }
}

const before = (a: Alarm, b: Alarm): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
