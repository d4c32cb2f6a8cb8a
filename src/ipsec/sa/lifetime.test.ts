import { describe, expect, it } from 'vitest';
import { Lifetime, UNLIMITED } from './lifetime.js';

const PLENTY = 2 ** 32;

describe('lifetime', () => {
  it('without limits is good as long as there are sequence numbers', () => {
    const lifetime = new Lifetime(UNLIMITED, 0, 0.5);
    expect(lifetime.nextAt).toBeNull();
    expect(lifetime.state(1e12, PLENTY)).toBe('good');
    expect(lifetime.state(0, 2 ** 28 - 1)).toBe('soft'); // new keys long before the numbers are used up
  });

  it('changes by time exactly when it says, the soft limit earlier by the share given', () => {
    const lifetime = new Lifetime({ ...UNLIMITED, softSeconds: 100, hardSeconds: 120 }, 1_000, 0.1);
    expect(lifetime.nextAt).toBe(91_000);
    expect(lifetime.state(90_999, PLENTY)).toBe('good');
    expect(lifetime.state(91_000, PLENTY)).toBe('soft');
    lifetime.softDone();
    expect(lifetime.nextAt).toBe(121_000);
    expect(lifetime.state(120_999, PLENTY)).toBe('good');
    expect(lifetime.state(121_000, PLENTY)).toBe('hard');
  });

  it('with one limit waits for that one', () => {
    expect(new Lifetime({ ...UNLIMITED, hardSeconds: 5 }, 0, 1).nextAt).toBe(5_000);
    expect(new Lifetime({ ...UNLIMITED, softSeconds: 5 }, 0, 0).nextAt).toBe(5_000);
  });

  it('counts packets and octets', () => {
    const lifetime = new Lifetime({ ...UNLIMITED, softOctets: 100, hardPackets: 3 }, 0, 0);
    lifetime.charge(99);
    expect(lifetime.state(0, PLENTY)).toBe('good');
    lifetime.charge(1);
    expect(lifetime.state(0, PLENTY)).toBe('soft');
    lifetime.charge(0);
    expect(lifetime.state(0, PLENTY)).toBe('hard');
    expect([lifetime.packets, lifetime.octets]).toEqual([3, 100]);
  });
});
