/** A skip that nobody gives a reason for: see test/skips.test.ts. */
import { expect, it } from 'vitest';

it('runs', () => expect(1).toBe(1));
it.skipIf(true)('is skipped', () => expect(1).toBe(2));
