/**
 * The NHRP cache: protocol prefix → NBMA endpoint. Entries live in typed columns and are named by their slot, a
 * small number that stays valid until the entry is removed; objects are made for the API only.
 * An entry is gone at its `expiresAt`, swept or not.
 */
import type { IpAddress, IpFamily, IpPrefix } from '../wire/address.js';
import type { Endpoint } from '../wire/path.js';
import { AddressIndex } from './address-index.js';
import {
  CACHE_KINDS,
  type CacheEntry,
  type CacheEntryInput,
  CacheFlag,
  type CacheFlags,
  type CacheKind,
} from './entry.js';
import { ExpiryWheel } from './expiry-wheel.js';
import { NONE } from './host-table.js';
import { PeerIndex } from './peer-index.js';
import type { PrefixSet } from './prefix-set.js';
import { SlotColumns } from './slot-columns.js';
import { type CacheSnapshot, entryFromSnapshot, snapshotOfEntry } from './snapshot.js';

export { NONE };

export interface NhrpCacheOptions {
  /** Entries that the network can make (incomplete to dynamic); default 65,536. */
  readonly maxEntries?: number;
  /** Of these, entries of one NBMA endpoint, or of one that registered them for others; default 1,024. */
  readonly maxEntriesPerPeer?: number;
}

export interface Upsert {
  readonly kind:
    | 'created'
    | 'updated'
    | 'refused-precedence'
    | 'refused-full'
    | 'refused-peer-limit';
  /** The entry's slot; for a refusal by precedence that of the entry which stays; else NONE. */
  readonly slot: number;
  /** What stood there before, valid or just expired. */
  readonly before: CacheEntry | null;
}

const MAX_LIMIT = 10_000_000; // of slots, which fit the cells of the trie
const NEVER = Number.POSITIVE_INFINITY;
/** The cache for those who look at it only. */
export type CacheReader = Omit<
  NhrpCache,
  'upsert' | 'remove' | 'expire' | 'setFlags' | 'refresh' | 'restore'
>;

/** Kinds below this one come from the network and count against the limits. */
const FIRST_CONFIGURED = CACHE_KINDS.indexOf('nhs');

export class NhrpCache {
  private readonly columns = new SlotColumns();
  private readonly index = new AddressIndex();
  private readonly peers = new PeerIndex(this.columns);
  private readonly wheel = new ExpiryWheel(this.columns);
  private readonly counts = new Int32Array(CACHE_KINDS.length);
  private readonly maxEntries: number;
  private readonly maxEntriesPerPeer: number;
  private learnedCount = 0;

  /** @throws RangeError when a limit is no whole number from 1 to 10,000,000. */
  constructor(options: NhrpCacheOptions = {}) {
    this.maxEntries = checkedLimit('maxEntries', options.maxEntries ?? 65_536);
    this.maxEntriesPerPeer = checkedLimit('maxEntriesPerPeer', options.maxEntriesPerPeer ?? 1_024);
  }

  /** Entries held, those included that have expired and await the sweep. */
  get size(): number {
    return this.index.size;
  }

  /** Slot of the host entry of this very address, or NONE (−1). */
  find(address: IpAddress, now: number): number {
    return this.valid(this.index.findHost(address), now);
  }

  /** Slot of the longest prefix that contains the address, or NONE (−1). */
  match(address: IpAddress, now: number): number {
    let slot = this.index.match(address);
    if (now < this.wheel.nextAt) return slot;
    while (slot !== NONE && this.hasExpired(slot, now))
      slot = this.index.matchWithin(address, (this.columns.length[slot] as number) - 1);
    return slot;
  }

  /** Slot of exactly this prefix, or NONE (−1). */
  findPrefix(prefix: IpPrefix, now: number): number {
    return this.valid(this.index.find(prefix), now);
  }

  /** Makes or overwrites the entry of a prefix, as precedence and limits allow. */
  upsert(now: number, entry: CacheEntryInput): Upsert {
    const rank = CACHE_KINDS.indexOf(entry.kind);
    const found = this.index.find(entry.prefix);
    const before = found === NONE ? null : this.entry(found);
    if (
      found !== NONE &&
      !this.hasExpired(found, now) &&
      (this.columns.kind[found] as number) > rank
    )
      return { kind: 'refused-precedence', slot: found, before };
    const refusal = rank < FIRST_CONFIGURED ? this.refusalOf(entry, found) : null;
    if (refusal !== null) return { kind: refusal, slot: NONE, before };
    if (found !== NONE) this.unlink(found);
    const slot = found === NONE ? this.columns.allocate(entry.prefix) : found;
    if (found === NONE) this.index.set(entry.prefix, slot);
    this.write(slot, rank, entry);
    this.columns.createdAt[slot] = before?.kind === entry.kind ? before.createdAt : now;
    this.link(slot, entry);
    return { kind: found === NONE ? 'created' : 'updated', slot, before };
  }

  /** Takes an entry out and returns what it was; null when the slot holds none. */
  remove(slot: number): CacheEntry | null {
    if (!this.columns.isLive(slot)) return null;
    const entry = this.entry(slot);
    this.unlink(slot);
    this.index.delete(entry.prefix);
    this.columns.release(slot);
    return entry;
  }

  /**
   * Removes what has expired and hands out each entry removed; `each` may change the cache. At most `limit` a call:
   * when it returns `limit`, call again. Returns how many there were.
   */
  expire(now: number, each: (entry: CacheEntry) => void, limit: number = NEVER): number {
    return this.wheel.sweep(now, limit, (slot) => {
      const entry = this.remove(slot);
      if (entry !== null) each(entry);
    });
  }

  /** When to call `expire`: nothing expires earlier; null when nothing will. It may turn out to be too early. */
  nextExpiry(): number | null {
    return this.wheel.nextAt === NEVER ? null : this.wheel.nextAt;
  }

  /** A copy of the entry. @throws Error `bug: …` for a slot that holds none. */
  entry(slot: number): CacheEntry {
    const c = this.columns;
    if (!c.isLive(slot)) throw new Error(`bug: no cache entry in slot ${slot}`);
    return {
      kind: this.kindOf(slot),
      prefix: c.prefix(slot),
      nbma: this.nbmaOf(slot),
      claimedNbma: c.claimedNbma[slot] ?? null,
      flags: this.flagsOf(slot),
      mtu: c.mtu[slot] as number,
      holdingTimeSeconds: c.holdingTime[slot] as number,
      expiresAt: this.expiresAtOf(slot),
      createdAt: c.createdAt[slot] as number,
      requestId: c.requestId[slot] as number,
      preference: c.preference[slot] as number,
      group: c.group[slot] ?? null,
    };
  }

  /** The prefix of an entry; a new object each time. */
  prefixOf(slot: number): IpPrefix {
    return this.columns.prefix(slot);
  }

  kindOf(slot: number): CacheKind {
    return CACHE_KINDS[this.columns.kind[slot] as number] as CacheKind;
  }

  flagsOf(slot: number): CacheFlags {
    return this.columns.flags[slot] as number;
  }

  /** Sets, then clears, {@link CacheFlag} bits. */
  setFlags(slot: number, set: CacheFlags, clear: CacheFlags = 0): void {
    const old = this.flagsOf(slot);
    const flags = (old | set) & ~clear;
    this.columns.flags[slot] = flags;
    if ((old ^ flags) & CacheFlag.REGISTERED)
      this.peers.addRegistered(slot, flags & CacheFlag.REGISTERED ? 1 : -1);
  }

  /** The endpoint, the same object each time: nothing is allocated. */
  nbmaOf(slot: number): Endpoint | null {
    return this.peers.endpoint(this.columns.peer[slot] as number);
  }

  /** What the station calls its NBMA address, where a NAT made another of it. */
  claimedNbmaOf(slot: number): IpAddress | null {
    return this.columns.claimedNbma[slot] ?? null;
  }

  /** Octets, 0 = not told. */
  mtuOf(slot: number): number {
    return this.columns.mtu[slot] as number;
  }

  expiresAtOf(slot: number): number | null {
    const at = this.columns.expiresAt[slot] as number;
    return at === NEVER ? null : at;
  }

  /** Moves the expiry: one store, unless it comes nearer. */
  refresh(slot: number, expiresAt: number | null): void {
    const old = this.columns.expiresAt[slot] as number;
    const at = expiresAt ?? NEVER;
    this.columns.expiresAt[slot] = at;
    if (at < old) this.wheel.schedule(slot);
  }

  /** Copies of all valid entries. The cache may be changed while iterating; what is added may be passed over. */
  *entries(now: number): IterableIterator<CacheEntry> {
    for (const slot of this.slots(now)) yield this.entry(slot);
  }

  /** As `entries`, slots only. */
  *slots(now: number): IterableIterator<number> {
    for (let slot = 0; slot < this.columns.high; slot++)
      if (this.columns.isLive(slot) && !this.hasExpired(slot, now)) yield slot;
  }

  /**
   * Slots of the valid entries whose prefix begins in one of those: one walk over the columns, in a list of its own.
   * @param among - Slots to look at, where it need not be all.
   */
  slotsWithin(
    prefixes: PrefixSet,
    now: number,
    among: Iterable<number> = this.slots(now),
  ): readonly number[] {
    const { words } = this.columns;
    const address = { family: 4 as IpFamily, w0: 0, w1: 0, w2: 0, w3: 0 };
    const found: number[] = [];
    for (const slot of among) {
      if (this.hasExpired(slot, now)) continue;
      address.family = this.columns.family[slot] === 4 ? 4 : 6;
      address.w0 = words[4 * slot] as number;
      address.w1 = words[4 * slot + 1] as number;
      address.w2 = words[4 * slot + 2] as number;
      address.w3 = words[4 * slot + 3] as number;
      if (prefixes.has(address)) found.push(slot);
    }
    return found;
  }

  /** Slots of the entries with this NBMA endpoint: a list of its own, safe to remove while iterating. */
  byNbma(nbma: Endpoint): readonly number[] {
    return this.peers.slots(nbma);
  }

  /** Whether this endpoint holds a registration here: one probe. */
  isRegistered(nbma: Endpoint): boolean {
    return this.peers.registeredCount(nbma) > 0;
  }

  countOf(kind: CacheKind): number {
    return this.counts[CACHE_KINDS.indexOf(kind)] as number;
  }

  /** All valid entries as plain data with remaining times: what outlives the process. */
  snapshot(now: number): CacheSnapshot {
    return { version: 1, entries: [...this.entries(now)].map((e) => snapshotOfEntry(e, now)) };
  }

  /** Adds the entries of a snapshot. @throws TypeError that names the wrong value. */
  restore(snapshot: CacheSnapshot, now: number): void {
    if (snapshot.version !== 1) throw new TypeError('snapshot.version: 1 expected');
    snapshot.entries.forEach((saved, i) => {
      const { entry, createdAt } = entryFromSnapshot(saved, now, `snapshot.entries[${i}]`);
      const { kind, slot } = this.upsert(now, entry);
      if (kind === 'created') this.columns.createdAt[slot] = createdAt;
    });
  }

  private hasExpired(slot: number, now: number): boolean {
    return (this.columns.expiresAt[slot] as number) <= now;
  }

  /** While nothing has expired anywhere, which the wheel knows, the entry need not be looked at. */
  private valid(slot: number, now: number): number {
    if (now < this.wheel.nextAt) return slot;
    return slot !== NONE && this.hasExpired(slot, now) ? NONE : slot;
  }

  private refusalOf(
    entry: CacheEntryInput,
    found: number,
  ): 'refused-full' | 'refused-peer-limit' | null {
    const isNew = found === NONE || (this.columns.kind[found] as number) >= FIRST_CONFIGURED;
    if (isNew && this.learnedCount >= this.maxEntries) return 'refused-full';
    const payer = entry.registrant ?? entry.nbma;
    const isToldOfOthers = entry.kind === 'cached' && (entry.registrant ?? null) !== null;
    const most = isToldOfOthers ? Math.ceil(this.maxEntriesPerPeer / 2) : this.maxEntriesPerPeer; // room to register
    if (payer === null || this.peers.share(payer) < most) return null;
    const same = found !== NONE && this.peers.isShareOf(found, payer);
    return same ? null : 'refused-peer-limit';
  }

  private write(slot: number, rank: number, entry: CacheEntryInput): void {
    const c = this.columns;
    c.kind[slot] = rank;
    c.flags[slot] = entry.flags ?? 0;
    c.expiresAt[slot] = entry.expiresAt ?? NEVER;
    c.mtu[slot] = entry.mtu ?? 0;
    c.holdingTime[slot] = entry.holdingTimeSeconds ?? 0;
    c.requestId[slot] = entry.requestId ?? 0;
    c.preference[slot] = entry.preference ?? 0;
    c.claimedNbma[slot] = entry.claimedNbma ?? null;
    c.group[slot] = entry.group ?? null;
  }

  private link(slot: number, entry: CacheEntryInput): void {
    this.peers.link(slot, entry.nbma, entry.registrant);
    if (this.flagsOf(slot) & CacheFlag.REGISTERED) this.peers.addRegistered(slot, 1);
    this.count(slot, 1);
    this.wheel.schedule(slot);
  }

  private unlink(slot: number): void {
    if (this.flagsOf(slot) & CacheFlag.REGISTERED) this.peers.addRegistered(slot, -1);
    this.peers.unlink(slot);
    this.count(slot, -1);
    this.wheel.unlink(slot);
  }

  private count(slot: number, by: 1 | -1): void {
    const rank = this.columns.kind[slot] as number;
    this.counts[rank] = (this.counts[rank] as number) + by;
    if (rank < FIRST_CONFIGURED) this.learnedCount += by;
  }
}

function checkedLimit(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_LIMIT) return value;
  throw new RangeError(`options.${name}: a whole number from 1 to ${MAX_LIMIT} expected`);
}
