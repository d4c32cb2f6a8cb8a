/** The cache as plain JSON data: addresses as text, times as what remains, so that it fits any later clock. */
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from '../wire/address.js';
import type { Endpoint } from '../wire/path.js';
import { CACHE_KINDS, type CacheEntry, type CacheEntryInput, type CacheKind } from './entry.js';

export interface EntrySnapshot {
  readonly kind: CacheKind;
  readonly prefix: string;
  readonly nbma: { readonly address: string; readonly port: number } | null;
  readonly claimedNbma: string | null;
  readonly flags: number;
  readonly mtu: number;
  readonly holdingTimeSeconds: number;
  /** Milliseconds left; null = for ever. */
  readonly remainingMs: number | null;
  readonly ageMs: number;
  readonly requestId: number;
  readonly preference: number;
  readonly group: string | null;
}

export interface CacheSnapshot {
  readonly version: 1;
  readonly entries: readonly EntrySnapshot[];
}

export function snapshotOfEntry(entry: CacheEntry, now: number): EntrySnapshot {
  const { prefix, nbma, claimedNbma, expiresAt, createdAt, ...same } = entry;
  return {
    ...same,
    prefix: formatPrefix(prefix),
    nbma: nbma === null ? null : { address: formatAddress(nbma.address), port: nbma.port },
    claimedNbma: claimedNbma === null ? null : formatAddress(claimedNbma),
    remainingMs: expiresAt === null ? null : expiresAt - now,
    ageMs: now - createdAt,
  };
}

/** The entry on the clock of `now`. @throws TypeError that names the wrong value below `path`. */
export function entryFromSnapshot(
  saved: EntrySnapshot,
  now: number,
  path: string,
): { entry: CacheEntryInput; createdAt: number } {
  const { prefix, nbma, claimedNbma, remainingMs, ageMs, ...same } = saved;
  if (!CACHE_KINDS.includes(saved.kind)) throw new TypeError(`${path}.kind: unknown`);
  const entry = {
    ...same,
    prefix: expected(textOf(prefix, parsePrefix), `${path}.prefix: a prefix expected`),
    nbma: nbma === null ? null : endpointOf(nbma, path),
    claimedNbma:
      claimedNbma === null
        ? null
        : expected(textOf(claimedNbma, parseAddress), `${path}.claimedNbma: an address expected`),
    expiresAt: remainingMs === null ? null : now + numberAt(remainingMs, `${path}.remainingMs`),
  };
  return { entry, createdAt: now - numberAt(ageMs, `${path}.ageMs`) };
}

const endpointOf = (nbma: { address: string; port: number }, path: string): Endpoint => ({
  address: expected(
    textOf(nbma?.address, parseAddress),
    `${path}.nbma.address: an address expected`,
  ),
  port: numberAt(nbma.port, `${path}.nbma.port`),
});

/** Whatever a file of a stranger has there. */
const textOf = <T>(value: unknown, parse: (text: string) => T | null): T | null =>
  typeof value === 'string' ? parse(value) : null;

function expected<T>(value: T | null, message: string): T {
  if (value === null) throw new TypeError(message);
  return value;
}

function numberAt(value: number, path: string): number {
  if (!Number.isFinite(value)) throw new TypeError(`${path}: a number expected`);
  return value;
}
