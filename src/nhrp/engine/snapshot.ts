/** What outlives the process: the cache with remaining times, and the request ids (RFC 2332 §5.2.3). Plain JSON data. */

import { CacheFlag } from '../../cache/entry.js';
import { type CacheSnapshot, type EntrySnapshot, entryFromSnapshot } from '../../cache/snapshot.js';
import type { EngineContext } from './context.js';

export interface EngineSnapshot {
  readonly version: 1;
  /** null: none was kept, and ids start anywhere. */
  readonly requestId: number | null;
  readonly cache: CacheSnapshot;
}

export const snapshotEngine = (
  now: number,
  { cache, requestIds }: EngineContext,
): EngineSnapshot => ({
  version: 1,
  requestId: requestIds.last,
  cache: cache.snapshot(now),
});

/** Of the engines of one tunnel, each of another address family, one snapshot that each can be restored from. */
export const joinSnapshots = (all: readonly EngineSnapshot[]): EngineSnapshot => ({
  version: 1,
  requestId: Math.max(...all.map((one) => one.requestId ?? 0)), // ids go on past it in each
  cache: { version: 1, entries: all.flatMap((one) => one.cache.entries) },
});

/**
 * Takes over what was registered here in its own address family. What this node configured or was told itself is made anew.
 * @throws TypeError naming the wrong value when the snapshot is not one.
 */
export function restoreEngine(
  now: number,
  { bindings, requestIds, config }: EngineContext,
  saved: EngineSnapshot,
): void {
  if (saved?.version !== 1) throw new TypeError('snapshot.version: 1 expected');
  const { requestId } = saved;
  const isId = Number.isInteger(requestId) && (requestId ?? 0) >>> 0 === requestId;
  if (requestId !== null && !isId)
    throw new TypeError('snapshot.requestId: a whole number of 32 bits expected');
  if (!Array.isArray(saved.cache?.entries))
    throw new TypeError('snapshot.cache.entries: a list expected');
  if (requestId !== null) requestIds.restore(requestId);
  saved.cache.entries.forEach((one: EntrySnapshot | null, i) => {
    if (typeof one !== 'object' || one === null)
      throw new TypeError(`snapshot.cache.entries[${i}]: an object expected`);
    const { entry } = entryFromSnapshot(one, now, `snapshot.cache.entries[${i}]`);
    const isRegistered = entry.kind === 'dynamic' && (entry.flags ?? 0) & CacheFlag.REGISTERED;
    const isOurFamily = entry.prefix.address.family === config.address.family;
    if (isRegistered && isOurFamily) bindings.set(now, entry);
  });
}
