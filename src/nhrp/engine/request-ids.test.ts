import { describe, expect, it } from 'vitest';
import { RequestIds } from './request-ids.js';

const from =
  (...octets: number[]) =>
  (): Uint8Array =>
    Uint8Array.from(octets);

describe('RFC 2332 §5.2.0.1: request ids', () => {
  it('start where the randomness of the caller says, so that a reply cannot be guessed', () => {
    const ids = new RequestIds(from(0x12, 0x34, 0x56, 0x78));
    expect([ids.next(), ids.next()]).toEqual([0x12345679, 0x1234567a]);
  });

  it('are of 32 bits and never 0', () => {
    const ids = new RequestIds(from(0xff, 0xff, 0xff, 0xfe));
    expect([ids.next(), ids.next(), ids.next()]).toEqual([0xffff_ffff, 1, 2]);
  });

  it('§5.2.3: go on past the snapshot, whatever the randomness says', () => {
    const ids = new RequestIds(from(9, 9, 9, 9));
    ids.restore(1_000);
    expect(ids.next()).toBeGreaterThan(1_000);
    expect(ids.next()).toBeLessThan(1_200);
  });

  it('§5.2.3: a snapshot near the end of the numbers wraps without a 0', () => {
    const ids = new RequestIds(from(0, 0, 0, 0));
    ids.restore(0xffff_ffff - 100);
    expect(ids.next()).toBe(1);
  });
});
