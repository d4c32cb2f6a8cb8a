import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { SecretBytes } from './secret.js';

const KEY = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);

describe('SecretBytes', () => {
  it.each([
    ['String', (s: unknown) => String(s)],
    ['template', (s: unknown) => `${s}`],
    ['JSON', (s: unknown) => JSON.stringify({ s })],
    ['inspect', (s: unknown) => inspect({ s }, { showHidden: true, depth: 9, getters: true })],
    ['error', (s: unknown) => inspect(new Error('x', { cause: s }))],
  ])('shows nothing to %s', (_, show) => {
    const text = show(new SecretBytes(KEY));
    expect(text).toContain('[secret]');
    expect(text).not.toMatch(/a0|160|oKGi/i);
  });

  it('keeps octets of its own, and overwrites them', () => {
    const given = KEY.slice();
    const secret = new SecretBytes(given);
    given.fill(0);
    const view = secret.octets;
    expect(view).toEqual(KEY);
    secret.wipe();
    expect(view.every((octet) => octet === 0)).toBe(true);
    expect(secret.length).toBe(0);
    secret.wipe();
  });

  it('copies a Buffer too, whose slice is a view', () => {
    const given = Buffer.from(KEY);
    new SecretBytes(given).wipe();
    expect(given.equals(KEY)).toBe(true);
  });

  it('takes octets over', () => {
    const given = KEY.slice();
    SecretBytes.adopt(given).wipe();
    expect(given.every((octet) => octet === 0)).toBe(true);
  });
});
