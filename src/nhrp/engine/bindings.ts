/**
 * The one place where the cache changes. Each change tells the outside what it means: a neighbour set or removed,
 * a peer wanted or released, an event. Parts that hang on an entry (shortcuts, registrations) listen for its end.
 */

import { type NhrpCache, NONE, type Upsert } from '../../cache/cache.js';
import {
  type CacheEntry,
  type CacheEntryInput,
  CacheFlag,
  cacheFlagNames,
} from '../../cache/entry.js';
import { formatPrefix, type IpAddress } from '../../wire/address.js';
import { type Endpoint, endpointEquals } from '../../wire/path.js';
import type { RemovalReason } from './api.js';
import type { OutputQueue } from './output-queue.js';
import type { Peers } from './peers.js';

export type RemovalListener = (now: number, entry: CacheEntry, reason: RemovalReason) => void;
export type UpListener = (now: number, entry: CacheEntry) => void;

export class Bindings {
  readonly #removed: RemovalListener[] = [];
  readonly #up: UpListener[] = [];

  constructor(
    readonly tunnel: string,
    readonly cache: NhrpCache,
    readonly peers: Peers,
    readonly out: OutputQueue,
    /** How an NBMA endpoint is printed in events. */
    readonly text: (nbma: Endpoint) => string,
  ) {}

  onRemoved(listener: RemovalListener): void {
    this.#removed.push(listener);
  }

  /** An entry with an NBMA address became usable. */
  onUp(listener: UpListener): void {
    this.#up.push(listener);
  }

  /** Makes or refreshes an entry by the cache's precedence and limits; on a refusal nothing has changed. */
  set(now: number, input: CacheEntryInput): Upsert {
    const up = input.nbma !== null && this.peers.isUp(input.nbma);
    const flags = ((input.flags ?? 0) & ~CacheFlag.UP) | (up ? CacheFlag.UP : 0);
    const result = this.cache.upsert(now, { ...input, flags });
    if (result.kind !== 'created' && result.kind !== 'updated') return result;
    const entry = this.cache.entry(result.slot);
    if (result.before !== null && isSame(result.before, entry)) return result;
    if (entry.nbma !== null) this.peers.want(entry.nbma);
    if (result.before !== null && result.before.nbma !== null)
      this.peers.release(result.before.nbma);
    this.#announce(now, result.before, entry);
    return result;
  }

  remove(now: number, slot: number, reason: RemovalReason): void {
    const entry = slot === NONE ? null : this.cache.remove(slot);
    if (entry !== null) this.#ended(now, entry, reason);
  }

  /** Sweeps what has expired. */
  expire(now: number): void {
    this.cache.expire(now, (entry) => this.#ended(now, entry, 'expired'));
  }

  /** The peer can be sent to from now on: its entries become usable. */
  peerUp(now: number, nbma: Endpoint): void {
    for (const slot of [...this.cache.byNbma(nbma)]) {
      if (this.cache.flagsOf(slot) & CacheFlag.UP) continue;
      this.cache.setFlags(slot, CacheFlag.UP, 0);
      const entry = this.cache.entry(slot);
      this.#neighbour('set', entry);
      for (const listener of this.#up) listener(now, entry);
    }
  }

  /** The peer is gone: what was configured waits for it, what was learned goes with it (facts C.6). */
  peerDown(now: number, nbma: Endpoint): void {
    for (const slot of [...this.cache.byNbma(nbma)]) {
      const entry = this.cache.entry(slot);
      if (entry.kind !== 'static') {
        this.remove(now, slot, 'peer-down');
      } else if (entry.flags & CacheFlag.UP) {
        this.cache.setFlags(slot, 0, CacheFlag.UP);
        this.#neighbour('remove', entry);
      }
    }
  }

  #announce(now: number, before: CacheEntry | null, entry: CacheEntry): void {
    const { tunnel, out } = this;
    if (before !== null && before.flags & CacheFlag.UP && !(entry.flags & CacheFlag.UP)) {
      this.#neighbour('remove', before);
    }
    if (entry.flags & CacheFlag.UP) this.#neighbour('set', entry);
    out.event({
      type: 'entry-set',
      tunnel,
      kind: entry.kind,
      prefix: formatPrefix(entry.prefix),
      nbma: entry.nbma === null ? null : this.text(entry.nbma),
      flags: cacheFlagNames(entry.flags),
    });
    if (entry.flags & CacheFlag.UP) for (const listener of this.#up) listener(now, entry);
  }

  #ended(now: number, entry: CacheEntry, reason: RemovalReason): void {
    if (entry.flags & CacheFlag.UP) this.#neighbour('remove', entry);
    if (entry.nbma !== null) this.peers.release(entry.nbma);
    this.out.event({
      type: 'entry-removed',
      tunnel: this.tunnel,
      kind: entry.kind,
      prefix: formatPrefix(entry.prefix),
      nbma: entry.nbma === null ? null : this.text(entry.nbma),
      reason,
    });
    for (const listener of this.#removed) listener(now, entry, reason);
  }

  #neighbour(action: 'set' | 'remove', entry: CacheEntry): void {
    this.out.push({ kind: 'neighbour', action, prefix: entry.prefix, nbma: entry.nbma });
  }
}

/** A refresh: nothing that the outside knows of has changed. */
function isSame(a: CacheEntry, b: CacheEntry): boolean {
  if (a.kind !== b.kind || (a.flags ^ b.flags) & ~CacheFlag.USED) return false;
  if (!sameAddress(a.claimedNbma, b.claimedNbma)) return false;
  return a.nbma === null || b.nbma === null ? a.nbma === b.nbma : endpointEquals(a.nbma, b.nbma);
}

const sameAddress = (a: IpAddress | null, b: IpAddress | null): boolean =>
  a === null || b === null ? a === b : a.equals(b);
