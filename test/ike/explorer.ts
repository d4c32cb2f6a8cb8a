/**
 * Tries every order in which two machines' actions and datagrams can happen. A state of a machine cannot be copied,
 * so each order is played from the start; the datagrams of one direction keep their order, or not.
 */

import type { IkeConfig } from '../../src/ipsec/ike/v2/settings.js';
import type { Path } from '../../src/wire/path.js';
import { address, Machine, seeded, seededCrypto, usablePairs } from './pair.js';

export type Action = (two: Two) => void;

/** What both ends begin with, and what then happens in any order. */
export interface Scenario {
  readonly name: string;
  readonly before: (two: Two) => void;
  readonly actions: readonly Action[];
}

interface Datagram {
  readonly path: Path;
  readonly bytes: Uint8Array;
}

/** Everything is sent at the same millisecond until the orders are over. */
export class Two {
  now = 0;
  readonly a: Machine;
  readonly b: Machine;
  readonly toA: Datagram[] = [];
  readonly toB: Datagram[] = [];

  constructor(seed: number, config: Partial<IkeConfig>) {
    const random = seeded(seed);
    this.a = new Machine('a', address('192.0.2.1'), config, seededCrypto(random));
    this.b = new Machine('b', address('192.0.2.2'), config, seededCrypto(random));
  }

  collect(): void {
    for (const { path, bytes } of this.a.drain()) this.toB.push({ path: swapped(path), bytes });
    for (const { path, bytes } of this.b.drain()) this.toA.push({ path: swapped(path), bytes });
  }

  deliver(queue: Datagram[], at: number): void {
    const [datagram] = queue.splice(at, 1);
    if (datagram === undefined) throw new Error('bug: nothing to deliver');
    const to = queue === this.toA ? this.a : this.b;
    to.ike.handleMessage(this.now, datagram.path, datagram.bytes);
    this.collect();
  }

  /** Lets everything that is under way, or timed, happen until `until`. */
  settle(until: number): void {
    for (;;) {
      this.collect();
      if (this.toA.length > 0) this.deliver(this.toA, 0);
      else if (this.toB.length > 0) this.deliver(this.toB, 0);
      else {
        const wakes = [this.a, this.b].filter((m) => m.wakeAt !== null && m.wakeAt <= until);
        const [first] = wakes.sort((x, y) => (x.wakeAt ?? 0) - (y.wakeAt ?? 0));
        if (first === undefined) break;
        this.now = Math.max(this.now, first.wakeAt ?? 0);
        first.ike.handleTimeout(this.now);
      }
    }
    this.now = until;
  }
}

export interface Outcome {
  readonly runs: number;
  /** Runs in which more was to be tried than the limit allowed. */
  readonly isComplete: boolean;
}

const QUIET_MS = 40_000; // past every retry after TEMPORARY_FAILURE, and every grace

/** Plays all orders, or `limit` of them; `check` throws when one ends wrong. */
export function explore(
  scenario: Scenario,
  config: Partial<IkeConfig>,
  limit: number,
  check: (two: Two, order: readonly number[]) => void,
): Outcome {
  let order: number[] = [];
  for (let runs = 1; ; runs++) {
    const { two, widths } = play(scenario, config, order);
    check(two, order);
    const next = following(order, widths);
    if (next === null) return { runs, isComplete: true };
    if (runs === limit) return { runs, isComplete: false };
    order = next;
  }
}

/** Plays `limit` orders that chance picks. */
export function sample(
  scenario: Scenario,
  config: Partial<IkeConfig>,
  seeds: number,
  check: (two: Two, order: readonly number[]) => void,
): void {
  for (let seed = 1; seed <= seeds; seed++) {
    const random = seeded(seed);
    const { two, order } = play(scenario, config, [], (width) => Math.floor(random() * width));
    check(two, order);
  }
}

interface Played {
  readonly two: Two;
  /** How many ways there were to go on, at each step. */
  readonly widths: readonly number[];
  readonly order: readonly number[];
}

/** Follows `order`, and beyond it `choose`. */
function play(
  { before, actions }: Scenario,
  config: Partial<IkeConfig>,
  order: readonly number[],
  choose: (width: number) => number = () => 0,
): Played {
  const two = new Two(7, config);
  before(two);
  two.collect();
  const left = [...actions];
  const widths: number[] = [];
  const taken: number[] = [];
  for (;;) {
    const ways: (() => void)[] = left.map((action, i) => () => {
      left.splice(i, 1);
      action(two);
      two.collect();
    });
    if (two.toA.length > 0) ways.push(() => two.deliver(two.toA, 0));
    if (two.toB.length > 0) ways.push(() => two.deliver(two.toB, 0));
    if (ways.length === 0) break;
    const way = order[widths.length] ?? choose(ways.length);
    widths.push(ways.length);
    taken.push(way);
    ways[way]?.();
  }
  two.settle(two.now + QUIET_MS);
  return { two, widths, order: taken };
}

/** The next order in depth-first sequence; null after the last. */
function following(order: readonly number[], widths: readonly number[]): number[] | null {
  for (let i = widths.length - 1; i >= 0; i--) {
    const way = order[i] ?? 0;
    if (way + 1 < (widths[i] ?? 0))
      return [...widths.slice(0, i).map((_, k) => order[k] ?? 0), way + 1];
  }
  return null;
}

const swapped = ({ carrier, local, remote }: Path): Path => ({
  carrier,
  local: remote,
  remote: local,
});

/** `pairs/ofA/ofB/ikeA/ikeB`: 1/1/1/1/1 is what it should be. */
export const shapeOf = ({ a, b }: Two): string =>
  [
    usablePairs(a, b),
    a.installed.size,
    b.installed.size,
    a.ike.stats().ikeSas,
    b.ike.stats().ikeSas,
  ].join('/');
