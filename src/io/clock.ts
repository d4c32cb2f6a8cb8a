/** Clocks: the machine's monotonic one, and one for tests that moves only when it is told. */
import type { Cancel, Clock } from './ports.js';

/** `setTimeout` takes no more; a longer wait is woken early, which is harmless. */
const MAX_DELAY_MS = 0x7fff_ffff;

/** Milliseconds since the process started: not wall time, and never back. */
export const monotonicClock: Clock = {
  now: () => Math.floor(performance.now()),
  callAt(at, run) {
    const delay = Math.ceil(at - performance.now());
    if (delay <= 0) {
      const immediate = setImmediate(run);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(run, Math.min(delay, MAX_DELAY_MS));
    return () => clearTimeout(timer);
  },
};

/** A clock for tests. */
export interface VirtualClock extends Clock {
  /** Moves on by so many milliseconds and makes the calls that fall due, in order, those they arrange included. */
  advance(ms: number): void;
}

interface Call {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that stands still at `start` until `advance` is called. */
export function virtualClock(start = 0): VirtualClock {
  const calls = new Set<Call>();
  let now = start;
  let order = 0;

  const nextUntil = (end: number): Call | null => {
    let first: Call | null = null;
    for (const call of calls) if (call.at <= end && (!first || isBefore(call, first))) first = call;
    return first;
  };

  return {
    now: () => now,
    callAt(at, run): Cancel {
      const call = { at: Math.max(at, now), order: order++, run };
      calls.add(call);
      return () => void calls.delete(call);
    },
    advance(ms) {
      const end = now + ms;
      for (let call = nextUntil(end); call; call = nextUntil(end)) {
        calls.delete(call);
        now = call.at;
        call.run();
      }
      now = end;
    },
  };
}

const isBefore = (a: Call, b: Call): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
