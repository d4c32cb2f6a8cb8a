/** What the cache holds: one mapping of a protocol prefix to an NBMA endpoint (RFC 2332 §2.2, facts of the vendors). */
import type { IpAddress, IpPrefix } from '../wire/address.js';
import type { Endpoint } from '../wire/path.js';

/** From the lowest to the highest precedence: a lower kind never overwrites a higher one that is still valid. */
export const CACHE_KINDS = [
  'incomplete', // a resolution is under way
  'negative', // a resolution found nothing (RFC 2332 §5.2.2, code 12)
  'cached', // learned from a resolution, from a packet in transit or from its source (S bit)
  'dynamic', // registered here
  'nhs', // a next hop server that we are registered with
  'static', // configured by `ip nhrp map`
  'local', // our own, answered for
] as const;

export type CacheKind = (typeof CACHE_KINDS)[number];

/** Bits of {@link CacheFlags}. */
export const CacheFlag = {
  /** Registered with the U bit: only the same NBMA address may refresh it (RFC 2332 §5.2.3). */
  UNIQUE: 0x0001,
  /** Made by a Registration Request that we accepted. */
  REGISTERED: 0x0002,
  /** The peer is behind a NAT: its claimed NBMA address is not the one it is reached at. */
  NAT: 0x0004,
  /** The peer said that it is a router (Q bit). */
  ROUTER: 0x0008,
  /** The mapping came from its owner's server (A bit). */
  AUTHORITATIVE: 0x0010,
  /** Data was sent by it since this bit was last cleared: such an entry is renewed. */
  USED: 0x0020,
  /** The peer can be sent to: protection is up, or none is wanted. */
  UP: 0x0040,
  /** No data is to be sent by it ("no socket"): it only answers others. */
  NO_SOCKET: 0x0080,
  /** Source stable (D and S bits). */
  SOURCE_STABLE: 0x0100,
  /** Overrides the next hop of an existing route ("nho"). */
  NEXT_HOP_OVERRIDE: 0x0200,
} as const;

/** Any sum of {@link CacheFlag} bits. */
export type CacheFlags = number;

/** A copy of an entry, for the API; the packet path reads the cache's columns by slot instead. */
export interface CacheEntry {
  readonly kind: CacheKind;
  readonly prefix: IpPrefix;
  /** Where packets are sent; null for incomplete, negative and local entries. */
  readonly nbma: Endpoint | null;
  /** What the peer said its NBMA address is, where that differs from `nbma` (NAT); else null. */
  readonly claimedNbma: IpAddress | null;
  readonly flags: CacheFlags;
  /** Octets, 0 = not told. */
  readonly mtu: number;
  readonly holdingTimeSeconds: number;
  /** Milliseconds on the caller's clock; null = never. At this very time it is gone. */
  readonly expiresAt: number | null;
  /** When this kind of entry was first made for this prefix, milliseconds. */
  readonly createdAt: number;
  readonly requestId: number;
  readonly preference: number;
  /** NHRP group of the peer (Cisco vendor extension). */
  readonly group: string | null;
}

/** What `upsert` needs; the rest is 0 or null when it is not given. */
export type CacheEntryInput = Pick<CacheEntry, 'kind' | 'prefix' | 'nbma' | 'expiresAt'> &
  Partial<Omit<CacheEntry, 'createdAt'>> & {
    /** Who registered it, where that is not `nbma`: the entry counts against the limit of that endpoint. */
    readonly registrant?: Endpoint | null;
  };

const FLAG_NAMES = Object.entries(CacheFlag).map(
  ([name, bit]) => [bit, name.toLowerCase().replaceAll('_', '-')] as const,
);

/** The names of the bits that are set: `['unique', 'registered', 'up']`. */
export const cacheFlagNames = (flags: CacheFlags): string[] =>
  FLAG_NAMES.filter(([bit]) => flags & bit).map(([, name]) => name);
