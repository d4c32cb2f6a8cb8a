import { expect, it } from 'vitest';
import { runInNamespace } from '../../test/in-namespace.js';
import { needs } from '../../test/require.js';

needs('root')('raw sockets in a network namespace', () => {
  it('are transports, and say what they lack', async () => {
    const outcomes = await runInNamespace('raw.ts', [
      'link set lo mtu 1500',
      'address add 192.0.2.1/32 dev lo',
      'address add 192.0.2.2/32 dev lo',
      'address add 2001:db8::1/128 dev lo nodad',
      'address add 2001:db8::2/128 dev lo nodad',
    ]);
    expect(outcomes.filter(({ error }) => error !== null)).toEqual([]);
    expect(outcomes.length).toBe(36);
  }, 30_000);
});
