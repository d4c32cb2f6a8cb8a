/** A store of registrations (Redis, Valkey, a file …) beside a node that runs: `StoreQueue` with promises and a timer. */
import {
  StoreQueue,
  type StoreRow,
  type StoreWrite,
  snapshotOfRows,
} from '../dmvpn/registration-store.js';
import type { NodeSnapshot } from '../dmvpn/snapshot.js';
import { monotonicClock } from './clock.js';
import type { Cancel, Clock } from './ports.js';

export type { StoreRow, StoreWrite };

/** Yours to implement: few lines over a client of the store. It may reject, and may take its time. */
export interface RegistrationStore {
  /** A batch need not be all or nothing: what was not confirmed is written again. Rows vanish after their `ttlMs`. */
  write(batch: readonly StoreWrite[]): Promise<void>;
  read(): Promise<readonly StoreRow[]>;
}

export interface StoreOptions {
  readonly clock?: Clock;
  /** Told of each failure; the node goes on from memory. */
  readonly onError?: (error: Error) => void;
  /** How often the node is compared with the store, and a failed write tried again; 5,000. */
  readonly everyMs?: number;
}

const READ_MS = 10_000;
const noAnswer = (): Error => new Error('the store does not answer');

/** Keeps the store in step with the node. Returns how to end that, and how many writes wait and were given up. */
export function storeRegistrations(
  node: { snapshot(): NodeSnapshot },
  store: RegistrationStore,
  { clock = monotonicClock, onError = () => {}, everyMs = 5_000 }: StoreOptions = {},
): { stats(): { readonly queued: number; readonly dropped: number }; close: Cancel } {
  const queue = new StoreQueue();
  let cancel: Cancel = () => {};
  let isClosed = false;
  const write = async (): Promise<void> => {
    for (;;) {
      const since = clock.now();
      const batch = isClosed ? null : queue.next(since);
      if (batch === null) return;
      const error = await errorOf(() => store.write(batch));
      if (!queue.settled(since, error === null)) return;
      if (error !== null) return onError(error);
    }
  };
  const tick = (): void => {
    if (!queue.update(clock.now(), node.snapshot())) onError(noAnswer());
    void write();
    cancel = clock.callAt(clock.now() + everyMs, tick);
  };
  cancel = clock.callAt(clock.now() + everyMs, tick);
  return {
    stats: () => ({ queued: queue.size, dropped: queue.dropped }),
    close: () => {
      isClosed = true;
      cancel();
    },
  };
}

/** What the store has, as `restored` for a node; nothing when it fails or does not answer within ten seconds. */
export async function loadRegistrations(
  store: RegistrationStore,
  { clock = monotonicClock, onError = () => {} }: StoreOptions = {},
): Promise<NodeSnapshot | undefined> {
  let rows: readonly StoreRow[] = [];
  let cancel: Cancel = () => {};
  const late = new Promise<Error>((resolve) => {
    cancel = clock.callAt(clock.now() + READ_MS, () => resolve(noAnswer()));
  });
  const read = errorOf(async () => {
    rows = await store.read();
  });
  const error = await Promise.race([read, late]);
  cancel();
  const { snapshot, corrupt } = snapshotOfRows(rows);
  if (error !== null) onError(error);
  else if (corrupt > 0)
    onError(new Error(`the store has ${corrupt} rows that are no registrations`));
  return error === null ? snapshot : undefined;
}

/** null when it went well. */
const errorOf = (work: () => Promise<void>): Promise<Error | null> =>
  work().then(
    () => null,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
