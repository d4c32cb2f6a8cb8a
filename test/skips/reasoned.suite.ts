/** One test that runs, and three that need what a machine may lack: see test/skips.test.ts. */
import { expect, it } from 'vitest';
import { needs } from '../require.js';

it('needs nothing', () => expect(needs).toBeTypeOf('function'));

needs('tshark')('a group', () => {
  it('is one', () => expect(1).toBe(1));
  it('is two', () => expect(2).toBe(2));
});

needs('tshark')('a group that cannot be listed without it', () => {
  throw new Error('there is no tshark');
});
