import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadlines, type Scheduled } from './deadlines.js';

describe('deadlines', () => {
  it('wake everybody in order, at the time last set', () => {
    const time = fc.option(fc.integer({ min: 0, max: 50 }), { nil: null });
    const moves = fc.array(fc.tuple(fc.nat(9), time), { maxLength: 200 });
    fc.assert(
      fc.property(moves, (list) => {
        const items = Array.from({ length: 10 }, (_, name) => ({
          name,
          scheduledAt: null as number | null,
        }));
        const deadlines = new Deadlines<Scheduled & { name: number }>();
        for (const [name, at] of list) deadlines.schedule(items[name] as (typeof items)[0], at);
        const expected = items.flatMap((i) => (i.scheduledAt === null ? [] : [i.scheduledAt]));
        expected.sort((a, b) => a - b);
        const woken: number[] = [];
        for (let at = deadlines.next(); at !== null; at = deadlines.next()) {
          expect(deadlines.takeDue(at - 1)).toBeNull();
          expect(deadlines.takeDue(at)?.scheduledAt).toBeNull();
          woken.push(at);
        }
        expect(woken).toEqual(expected);
      }),
    );
  });
});
