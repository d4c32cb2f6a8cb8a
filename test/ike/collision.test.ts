/** Two ends that do the same, or the opposite, at the same time: RFC 7296 §2.8.1, §2.8.2, §2.25; reliability F9. */
import { describe, expect, it } from 'vitest';
import { type Action, explore, type Scenario, sample, shapeOf, type Two } from './explorer.js';
import type { Machine } from './pair.js';

/** `npm test` plays this many orders of each scenario; `IKE_ORDERS=1000000` plays all. */
const LIMIT = Number(process.env.IKE_ORDERS ?? 12);
const TIMEOUT = { timeout: 60_000 + 200 * LIMIT };
const FAST = {
  esp: [
    { encryption: ['aes-256-gcm-16'], integrity: [], groups: ['none'], extendedSequence: [true] },
  ],
} as const;

const peerOf = (m: Machine): { address: Machine['address']; port: number } => ({
  address: m.address,
  port: 0,
});
const other = (two: Two, m: Machine): Machine => (m === two.a ? two.b : two.a);
const childOf = (m: Machine): number => [...m.installed.keys()].at(-1) ?? 0;

type Side = 'a' | 'b';
const want =
  (side: Side): Action =>
  (two) =>
    two[side].want(two.now, other(two, two[side]));
const rekeyChild =
  (side: Side): Action =>
  (two) =>
    two[side].ike.rekey(two.now, peerOf(other(two, two[side])), childOf(two[side]));
const discardChild =
  (side: Side): Action =>
  (two) =>
    two[side].ike.discard(two.now, peerOf(other(two, two[side])), childOf(two[side]));
const rekeyIke =
  (side: Side): Action =>
  (two) =>
    two[side].ike.rekeyIkeSas(two.now, peerOf(other(two, two[side])));
const release =
  (side: Side): Action =>
  (two) => {
    const machine = two[side];
    const peer = other(two, machine);
    machine.ike.release(two.now, peerOf(peer), machine.selector(peer));
    machine.want(two.now, peer);
  };

const up = (two: Two): void => {
  want('a')(two);
  want('b')(two);
  two.settle(20_000);
  if (shapeOf(two) !== '1/1/1/1/1') throw new Error(`bug: not up, ${shapeOf(two)}`);
};
const fresh = (): void => {};

const SCENARIOS: readonly Scenario[] = [
  { name: 'both begin', before: fresh, actions: [want('a'), want('b')] },
  { name: 'both rekey the child', before: up, actions: [rekeyChild('a'), rekeyChild('b')] },
  { name: 'both rekey the IKE SA', before: up, actions: [rekeyIke('a'), rekeyIke('b')] },
  {
    name: 'one rekeys the child, one the IKE SA',
    before: up,
    actions: [rekeyChild('a'), rekeyIke('b')],
  },
  {
    name: 'one rekeys the child that the other deletes',
    before: up,
    actions: [rekeyChild('a'), discardChild('b')],
  },
  { name: 'both delete the child', before: up, actions: [discardChild('a'), discardChild('b')] },
  {
    name: 'one deletes the child, one rekeys the IKE SA',
    before: up,
    actions: [discardChild('a'), rekeyIke('b')],
  },
  { name: 'both release and want again', before: up, actions: [release('a'), release('b')] },
  {
    name: 'one releases, one rekeys the IKE SA',
    before: up,
    actions: [release('a'), rekeyIke('b')],
  },
  {
    name: 'one releases, one rekeys the child',
    before: up,
    actions: [release('a'), rekeyChild('b')],
  },
  {
    name: 'both rekey both',
    before: up,
    actions: [rekeyChild('a'), rekeyChild('b'), rekeyIke('a'), rekeyIke('b')],
  },
  {
    name: 'both rekey and delete the child',
    before: up,
    actions: [rekeyChild('a'), discardChild('a'), rekeyChild('b'), discardChild('b')],
  },
];

describe.each(SCENARIOS)('$name', (scenario) => {
  const check = (two: Two, order: readonly number[]): void => {
    const shape = shapeOf(two);
    if (shape !== '1/1/1/1/1') throw new Error(`order ${order.join('')}: ${shape}`);
  };

  it('leaves exactly one usable pair in every order', TIMEOUT, () => {
    const { runs, isComplete } = explore(scenario, FAST, LIMIT, check);
    console.info(
      `collision: ${scenario.name}: ${runs} orders${isComplete ? ', all there are' : ''}`,
    );
    expect(runs).toBeGreaterThan(0);
  });

  it('leaves exactly one usable pair in orders picked by chance', TIMEOUT, () => {
    sample(scenario, FAST, Math.min(LIMIT, 2_000), check);
  });
});
