import { describe, expect, it } from 'vitest';
import { monotonicClock, virtualClock } from './clock.js';

describe('a virtual clock', () => {
  it('makes calls in order of time, then in order of asking', () => {
    const clock = virtualClock(1_000);
    const calls: string[] = [];
    for (const [at, name] of [
      [1_020, 'c'],
      [1_010, 'a'],
      [1_010, 'b'],
    ] as const) {
      clock.callAt(at, () => calls.push(`${name} at ${clock.now()}`));
    }
    clock.advance(15);
    expect(calls).toEqual(['a at 1010', 'b at 1010']);
    expect(clock.now()).toBe(1_015);
  });

  it('makes the calls that calls arrange, unless they were cancelled', () => {
    const clock = virtualClock();
    const calls: number[] = [];
    const cancel = clock.callAt(7, () => calls.push(-1));
    clock.callAt(5, () => {
      cancel();
      clock.callAt(0, () => calls.push(clock.now()));
    });
    clock.advance(10);
    expect(calls).toEqual([5]);
  });
});

describe('the monotonic clock', () => {
  it('calls at the time and not before, and not at all when cancelled', async () => {
    const start = monotonicClock.now();
    let cancelled = false;
    monotonicClock.callAt(start + 5, () => {
      cancelled = true;
    })();
    monotonicClock.callAt(start - 1, () => {
      cancelled = true;
    })();
    await new Promise<void>((done) => monotonicClock.callAt(start + 10, done));
    expect(monotonicClock.now()).toBeGreaterThanOrEqual(start + 9);
    expect(cancelled).toBe(false);
  });

  it('calls after the caller is done when the time has passed', async () => {
    let called = false;
    monotonicClock.callAt(0, () => {
      called = true;
    });
    expect(called).toBe(false);
    await new Promise<void>((done) => monotonicClock.callAt(0, done));
    expect(called).toBe(true);
  });
});
