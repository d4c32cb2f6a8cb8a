import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timers } from './timers.js';

describe('Timers', () => {
  it('rings in order of time, then of arming', () => {
    const timers = new Timers();
    const rung: string[] = [];
    for (const [at, name] of [
      [5, 'c'],
      [1, 'a'],
      [5, 'd'],
      [1, 'b'],
    ] as const)
      timers.arm(at, name, () => rung.push(name));
    expect(timers.next()?.why).toBe('a');
    timers.ring(1);
    expect(rung).toEqual(['a', 'b']);
    timers.ring(5);
    expect(rung).toEqual(['a', 'b', 'c', 'd']);
    expect(timers.next()).toBeNull();
  });

  it('lets an alarm that is armed while ringing wait for the next call', () => {
    const timers = new Timers();
    let count = 0;
    const again = (now: number): void => {
      count++;
      timers.arm(now, 'again', again);
    };
    timers.arm(0, 'first', again);
    timers.ring(10);
    expect(count).toBe(1);
  });

  it('agrees with a sorted list under any arming and cancelling', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat(50), cancels: fc.option(fc.nat(100), { nil: null }) }), {
          maxLength: 80,
        }),
        (steps) => {
          const timers = new Timers();
          const rung: number[] = [];
          const handles = steps.map(({ at }, i) => timers.arm(at, String(i), () => rung.push(i)));
          const gone = new Set<number>();
          for (const { cancels } of steps) {
            if (cancels === null || cancels >= steps.length) continue;
            handles[cancels]?.cancel();
            gone.add(cancels);
          }
          timers.ring(1_000);
          const expected = steps.map((s, i) => ({ at: s.at, i })).filter(({ i }) => !gone.has(i));
          expected.sort((a, b) => a.at - b.at || a.i - b.i);
          expect(rung).toEqual(expected.map(({ i }) => i));
        },
      ),
    );
  });
});
