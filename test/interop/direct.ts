/** The proof that two spokes talk directly: no frame of their flow on the hub's leg, and frames between their own. */
import { expect } from 'vitest';
import type { Capture } from './capture.js';
import { nbmaOf, type Role } from './roles.js';

interface Flow {
  readonly hub?: Role;
  readonly spokes: readonly [Role, Role];
  /** Their NBMA addresses as seen on the first one's leg; default their own. */
  readonly outer?: readonly [string, string];
  /** The two overlay or LAN addresses that talk. */
  readonly between: readonly [string, string];
  /** Milliseconds of `Date.now()`: only what was sent later counts. */
  readonly since: number;
}

/** Fails unless every frame of a flow went from spoke to spoke, in both directions. Gives their number. */
export async function expectDirect(capture: Capture, flow: Flow): Promise<number> {
  const { hub = 'hub', spokes, between, since } = flow;
  const [a, b] = flow.outer ?? [nbmaOf(spokes[0]), nbmaOf(spokes[1])];
  const seen = await capture.flow(spokes[0], ...between, since);
  const ways = new Set(
    seen.map(({ sources, destinations }) => `${sources[0]} > ${destinations[0]}`),
  );
  expect([...ways].sort(), 'outer addresses of the flow').toEqual(
    [`${a} > ${b}`, `${b} > ${a}`].sort(),
  );
  expect(await capture.flow(hub, ...between, since), 'frames of the flow at the hub').toEqual([]);
  return seen.length;
}
