import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Waiting } from './waiting.js';

type Item = { readonly kind: 'event' | 'send'; readonly n: number };

it('is a queue from which the oldest event goes, whatever the order of calls', () => {
  const call = fc.constantFrom<'event' | 'send' | 'shift' | 'drop'>(
    'event',
    'send',
    'shift',
    'drop',
  );
  fc.assert(
    fc.property(fc.array(call, { maxLength: 5_000, size: 'max' }), (calls) => {
      const waiting = new Waiting<Item>();
      const model: Item[] = [];
      for (const [n, one] of calls.entries()) {
        const oldest = model.findIndex(({ kind }) => kind === 'event');
        if (one === 'shift') expect(waiting.shift()).toEqual(model.shift() ?? null);
        else if (one !== 'drop') {
          waiting.push({ kind: one, n });
          model.push({ kind: one, n });
        } else if (oldest >= 0) {
          waiting.dropOldestEvent();
          model.splice(oldest, 1);
        }
        expect(waiting.isEmpty).toBe(model.length === 0);
      }
    }),
    { numRuns: 20 },
  );
});

it('gives up 200,000 events among as many other outputs without walking them each time', () => {
  const waiting = new Waiting<Item>();
  const begin = performance.now();
  for (let n = 0; n < 200_000; n++) {
    waiting.push({ kind: 'send', n });
    waiting.push({ kind: 'event', n });
    if (n >= 1_024) waiting.dropOldestEvent();
  }
  expect(performance.now() - begin).toBeLessThan(5_000); // by walking: minutes
  let [sends, events] = [0, 0];
  for (let one = waiting.shift(); one !== null; one = waiting.shift())
    if (one.kind === 'send') sends++;
    else events++;
  expect([sends, events]).toEqual([200_000, 1_024]);
});
