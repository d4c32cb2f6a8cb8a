/** The NHRP cache and the overlay route table: entries, exact and longest-prefix lookup, expiry, snapshot. */
export { type CacheReader, NhrpCache, type NhrpCacheOptions, NONE, type Upsert } from './cache.js';
export {
  CACHE_KINDS,
  type CacheEntry,
  type CacheEntryInput,
  CacheFlag,
  type CacheFlags,
  type CacheKind,
  cacheFlagNames,
} from './entry.js';
export { type AddressWords, PrefixSet } from './prefix-set.js';
export { type Route, type RouteKind, type RouteReader, RouteTable } from './routes.js';
export type { CacheSnapshot, EntrySnapshot } from './snapshot.js';
