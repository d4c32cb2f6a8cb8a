import { expect, it } from 'vitest';
import { runInNamespace } from '../../test/in-namespace.js';
import { needs } from '../../test/require.js';

/** That they carry packets is seen in a guest, whose kernel has GRE: test/interop/kernel-mgre.test.ts. */
needs('root')('packet sockets in a network namespace', () => {
  it('say what they lack', async () => {
    const outcomes = await runInNamespace('packet.ts refusals', []);
    expect(outcomes.filter(({ error }) => error !== null)).toEqual([]);
    expect(outcomes.length).toBe(4);
  }, 30_000);
});
