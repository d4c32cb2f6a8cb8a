/** What the engine counts: a number for each type received and sent, and for each reason to drop. */
import type { DropReason } from './api.js';

export interface EngineStats {
  /** Packets by NHRP type, index 1..8; index 0 counts those whose type is none of them. */
  readonly received: readonly number[];
  readonly sent: readonly number[];
  readonly forwarded: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
  readonly resolutionRetries: number;
  readonly redirectsSuppressed: number;
  readonly registrationsAccepted: number;
  readonly registrationsRefused: number;
}

const DROP_REASONS: readonly DropReason[] = [
  'malformed',
  'authentication',
  'peer-not-up',
  'hop-count',
  'loop',
  'no-route',
  'unsolicited',
  'unknown-extension',
  'rate-limited',
  'limit',
  'not-for-us',
  'unsupported',
  'own-packet',
  'refused',
  'stale',
];

export class Counters {
  readonly received: number[] = new Array<number>(9).fill(0);
  readonly sent: number[] = new Array<number>(9).fill(0);
  readonly dropped: Record<DropReason, number> = noDrops();
  forwarded = 0;
  resolutionRetries = 0;
  redirectsSuppressed = 0;
  registrationsAccepted = 0;
  registrationsRefused = 0;

  /** A copy as plain data. */
  read(): EngineStats {
    const {
      forwarded,
      resolutionRetries,
      redirectsSuppressed,
      registrationsAccepted,
      registrationsRefused,
    } = this;
    return {
      received: [...this.received],
      sent: [...this.sent],
      dropped: { ...this.dropped },
      forwarded,
      resolutionRetries,
      redirectsSuppressed,
      registrationsAccepted,
      registrationsRefused,
    };
  }

  clear(): void {
    this.received.fill(0);
    this.sent.fill(0);
    Object.assign(this.dropped, noDrops());
    this.forwarded = this.resolutionRetries = this.redirectsSuppressed = 0;
    this.registrationsAccepted = this.registrationsRefused = 0;
  }
}

/** The sums of several engines' counters. */
export const joinStats = (all: readonly EngineStats[]): EngineStats => all.reduce(added);

const added = <T>(a: T, b: T): T => {
  if (typeof a === 'number') return (a + Number(b)) as T;
  const pairs = Object.entries(a as object).map(([key, value]) => [
    key,
    added(value, (b as Record<string, unknown>)[key]),
  ]);
  return (Array.isArray(a) ? pairs.map(([, value]) => value) : Object.fromEntries(pairs)) as T;
};

const noDrops = (): Record<DropReason, number> =>
  Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>;
