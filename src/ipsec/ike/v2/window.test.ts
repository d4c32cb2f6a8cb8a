import { describe, expect, it } from 'vitest';
import type { CryptoProvider } from '../../crypto.js';
import { RequestWindow, ResponseWindow, type Task } from './window.js';

const task = (kind: Task['kind'] = 'liveness'): Task => ({
  kind,
  exchangeType: 37,
  request: () => [],
  complete: () => {},
  abandon: () => {},
});
const OPTIONS = { firstMs: 4_000, factor: 1.8, tries: 5, jitter: 0 };
const crypto = { fillRandom: (out: Uint8Array) => out.fill(0) } as unknown as CryptoProvider;
const DATAGRAM = [Uint8Array.of(1)];

/** When it repeats, and last when it has given up. */
function untilExhausted(window: RequestWindow): number[] {
  const times: number[] = [];
  for (;;) {
    const now = window.nextTimeout() ?? expect.fail();
    times.push(now);
    if (window.retransmit(now) === 'exhausted') return times;
    expect(window.retransmit(now)).toEqual([]); // early or again: nothing
  }
}

describe('requests', () => {
  it('are repeated after 4 s × 1.8^n, five times, and then the peer is given up', () => {
    const window = new RequestWindow(OPTIONS, crypto);
    window.sent(0, task('create-child'), DATAGRAM);
    expect(untilExhausted(window)).toEqual([4_000, 11_200, 24_160, 47_488, 89_478, 165_061]);
  });

  it('about life are repeated 21 times in 20 seconds, and so is what is outstanding when life is asked for', () => {
    const window = new RequestWindow(OPTIONS, crypto);
    window.sent(0, task(), DATAGRAM);
    const times = untilExhausted(window);
    expect(times).toHaveLength(22);
    expect(times.slice(0, 3)).toEqual([500, 1_025, 1_576]);
    expect(times.at(-1)).toBeLessThan(20_000);

    const other = new RequestWindow(OPTIONS, crypto);
    other.sent(0, task('rekey-child'), DATAGRAM);
    other.hurry(3_000);
    other.hurry(3_400); // no second time
    expect(untilExhausted(other)).toEqual(times.map((t) => t + 3_000));
  });

  it('about life are repeated as long as the peer is heard, others once more only', () => {
    for (const kind of ['liveness', 'rekey-child'] as const) {
      const window = new RequestWindow(OPTIONS, crypto);
      window.sent(0, task(kind), DATAGRAM);
      expect(window.askAgain(untilExhausted(window).at(-1) ?? 0, 0)).toBeNull(); // silence
      const turns = [0, 0, 0].map(() => {
        const now = untilExhausted(window).at(-1) ?? 0;
        return window.askAgain(now, now) !== null;
      });
      expect(turns).toEqual(kind === 'liveness' ? [true, true, true] : [true, false, false]);
    }
  });

  it('go out one at a time, in their order, and not before their time', () => {
    const window = new RequestWindow(OPTIONS, crypto);
    const first = task('create-child');
    const later = task('rekey-child');
    window.add(later, 500);
    window.add(first);
    expect(window.take(0)).toBe(first);
    window.sent(0, first, DATAGRAM);
    expect(window.take(1_000)).toBeNull();
    expect(window.complete(7)).toBeNull(); // no such id
    expect(window.complete(0)).toBe(first);
    expect(window.complete(0)).toBeNull(); // a repeated response
    expect(window.take(499)).toBeNull();
    expect(window.take(500)).toBe(later);
    expect(window.nextMessageId).toBe(1);
  });

  it('that wait go over to a successor', () => {
    const window = new RequestWindow(OPTIONS, crypto);
    window.add(task('rekey-child'), 9);
    expect(window.takeAll()).toMatchObject([{ notBefore: 9 }]);
    expect(window.nextTimeout()).toBeNull();
  });
});

describe('responses', () => {
  it('are repeated for the same octets under the last id only', () => {
    const window = new ResponseWindow();
    const request = Uint8Array.of(1, 2);
    window.answered(request, DATAGRAM);
    expect(window.nextMessageId).toBe(1);
    expect(window.repeated(0, Uint8Array.of(1, 2))).toBe(DATAGRAM);
    expect(window.repeated(0, Uint8Array.of(1, 3))).toBeNull();
    expect(window.repeated(1, request)).toBeNull();
    window.answered(Uint8Array.of(3), DATAGRAM);
    expect(window.repeated(0, request)).toBeNull();
  });
});
