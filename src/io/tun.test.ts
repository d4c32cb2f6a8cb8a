import { expect, it } from 'vitest';
import { runInNamespace } from '../../test/in-namespace.js';
import { needs } from '../../test/require.js';

needs('root')('a TUN device in a network namespace', () => {
  it('joins the kernel to a port, and says what it lacks', async () => {
    const outcomes = await runInNamespace('tun.ts', []);
    expect(outcomes.filter(({ error }) => error !== null)).toEqual([]);
    expect(outcomes.length).toBe(10);
  }, 30_000);
});
