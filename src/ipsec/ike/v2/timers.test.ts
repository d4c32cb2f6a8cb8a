import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timers } from './timers.js';

describe('Timers', () => {
  it('agree with a plain map, whatever is set, changed and taken', () => {
    const step = fc.oneof(
      fc.record({ item: fc.nat(9), at: fc.option(fc.nat(100)) }),
      fc.record({ now: fc.nat(100) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const timers = new Timers<number>();
        const model = new Map<number, number>();
        for (const s of steps) {
          if ('item' in s) {
            timers.set(s.item, s.at);
            if (s.at === null) model.delete(s.item);
            else model.set(s.item, s.at);
          } else {
            const taken = timers.take(s.now);
            const least = Math.min(...model.values());
            if (taken === null) expect(least).toBeGreaterThan(s.now);
            else expect(model.get(taken)).toBe(least);
            if (taken !== null) model.delete(taken);
          }
          expect(timers.next()).toBe(model.size === 0 ? null : Math.min(...model.values()));
        }
      }),
      { numRuns: 300 },
    );
  });
});
