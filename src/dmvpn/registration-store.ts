/**
 * Registrations in a store that outlives a hub, or that several share: what is to be written, as a pure state machine.
 * A node never waits for a store: its snapshots are compared with what the store has confirmed, so that whatever was
 * dropped, refused or lost is offered again by the next comparison (reliability goal F7).
 */
import { CacheFlag } from '../cache/entry.js';
import { type EntrySnapshot, entryFromSnapshot } from '../cache/snapshot.js';
import type { NodeSnapshot } from './snapshot.js';

/** A registration as a store keeps it: opaque text under a key, gone after its time. `row` null deletes it. */
export interface StoreWrite {
  readonly key: string;
  readonly row: string | null;
  readonly ttlMs: number;
}

/** What a store has; `ttlMs` is what is left. */
export type StoreRow = StoreWrite & { readonly row: string };

const MAX_QUEUED = 10_000;
const MAX_BATCH = 256;
/** No answer by then is a failure. */
const ANSWER_MS = 10_000;
/** Expiries that differ by less are the same. */
const SLACK_MS = 1_000;
const VOLATILE = CacheFlag.UP | CacheFlag.USED;

interface Held {
  readonly row: string | null;
  readonly expiresAt: number;
}

export class StoreQueue {
  /** Writes given up because too many waited. */
  dropped = 0;
  readonly #confirmed = new Map<string, Held>();
  /** The latest of each key, the oldest first. */
  readonly #queue = new Map<string, Held>();
  #underWay: ReadonlyMap<string, Held> | null = null;
  #underWaySince = 0;

  get size(): number {
    return this.#queue.size;
  }

  /** Queues what differs between node and store. False: the store has not answered in time, and that batch is given up. */
  update(now: number, snapshot: NodeSnapshot): boolean {
    const isLate = this.#underWay !== null && now >= this.#underWaySince + ANSWER_MS;
    if (isLate) this.#underWay = null;
    const rows = rowsOf(now, snapshot);
    for (const [key, held] of rows) if (!this.#isSame(key, held)) this.#offer(key, held);
    for (const [key, { expiresAt }] of this.#confirmed) {
      if (rows.has(key)) continue;
      if (expiresAt > now) this.#offer(key, { row: null, expiresAt: now });
      else this.#confirmed.delete(key);
    }
    return !isLate;
  }

  /** The next batch to write; null when nothing waits, or one is under way. */
  next(now: number): readonly StoreWrite[] | null {
    if (this.#underWay !== null || this.#queue.size === 0) return null;
    const batch = new Map([...this.#queue].slice(0, MAX_BATCH));
    for (const key of batch.keys()) this.#queue.delete(key);
    this.#underWay = batch;
    this.#underWaySince = now;
    return [...batch].map(([key, { row, expiresAt }]) =>
      expiresAt > now ? { key, row, ttlMs: expiresAt - now } : { key, row: null, ttlMs: 0 },
    );
  }

  /** The store has answered about what was handed out at `since`; late answers are without effect, and false. */
  settled(since: number, isWritten: boolean): boolean {
    const batch = this.#underWay;
    if (batch === null || since !== this.#underWaySince) return false;
    this.#underWay = null;
    for (const [key, held] of isWritten ? batch : [])
      if (held.row === null) this.#confirmed.delete(key);
      else this.#confirmed.set(key, held);
    return true;
  }

  #isSame(key: string, { row, expiresAt }: Held): boolean {
    const last = this.#underWay?.get(key) ?? this.#confirmed.get(key);
    return last?.row === row && expiresAt <= last.expiresAt + SLACK_MS;
  }

  #offer(key: string, held: Held): void {
    this.#queue.delete(key);
    this.#queue.set(key, held);
    const [oldest] = this.#queue.keys();
    if (this.#queue.size <= MAX_QUEUED || oldest === undefined) return;
    this.#queue.delete(oldest);
    this.dropped++;
  }
}

/** The rows of a store as a snapshot to begin with; what is no registration is passed over and counted. */
export function snapshotOfRows(rows: readonly StoreRow[]): {
  readonly snapshot: NodeSnapshot;
  readonly corrupt: number;
} {
  const read = rows.flatMap((row) => entryOf(row) ?? []);
  const names = [...new Set(read.map(({ tunnel }) => tunnel))];
  const engineOf = (name: string) => ({
    version: 1 as const,
    requestId: null,
    cache: {
      version: 1 as const,
      entries: read.filter(({ tunnel }) => tunnel === name).map(({ entry }) => entry),
    },
  });
  const tunnels = Object.fromEntries(names.map((name) => [name, engineOf(name)]));
  return { snapshot: { version: 1, tunnels }, corrupt: rows.length - read.length };
}

const rowsOf = (now: number, { tunnels }: NodeSnapshot): Map<string, Held> =>
  new Map(
    Object.entries(tunnels).flatMap(([tunnel, { cache }]) =>
      cache.entries.filter(isRegistration).map(({ remainingMs, ageMs: _, flags, ...same }) => {
        const row = JSON.stringify({ tunnel, entry: { ...same, flags: flags & ~VOLATILE } });
        return [`${tunnel} ${same.prefix}`, { row, expiresAt: now + (remainingMs ?? 0) }] as const;
      }),
    ),
  );

const isRegistration = ({ kind, flags, remainingMs }: EntrySnapshot): boolean =>
  kind === 'dynamic' && (flags & CacheFlag.REGISTERED) !== 0 && remainingMs !== null;

/** What a row says; null for anything that is no registration. */
function entryOf({ row, ttlMs }: StoreRow): { tunnel: string; entry: EntrySnapshot } | null {
  try {
    const { tunnel, entry: saved } = JSON.parse(row);
    const entry: EntrySnapshot = { ...saved, remainingMs: ttlMs, ageMs: 0 };
    entryFromSnapshot(entry, 0, 'row');
    return typeof tunnel === 'string' && isRegistration(entry) ? { tunnel, entry } : null;
  } catch {
    return null;
  }
}
