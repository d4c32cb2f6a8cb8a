/**
 * The NHRP cache: exact and longest-prefix lookup beside Maps with integer keys, and expiry beside a Map in insertion
 * order. Lookups go through `NhrpCache`, as the datapath's do: the test for expiry is part of them. Entries are made and
 * refreshed by `upsert` and read back, as the engine does for each registration.
 */
import { type CacheEntry, NhrpCache } from 'dmvpn/cache';
import { type Endpoint, IpAddress, type IpPrefix, maskAddress } from 'dmvpn/wire';
import type { Row } from './harness.js';

/** Entries in the rows of each kind. */
interface Sizes {
  readonly lookup: readonly number[];
  readonly refresh: readonly number[];
  readonly churn: readonly number[];
}

const SIZES: Sizes = {
  lookup: [1_000, 100_000, 1_000_000],
  refresh: [100_000, 1_000_000],
  churn: [100_000],
};
const PROBES = 1 << 16;
/** Of each ten prefixes in the longest-match rows, one is no host; half of the probes hit hosts. */
const PREFIX_LENGTHS = [8, 12, 16, 18, 20, 22, 24, 26, 28, 30];
const HOLDING_TIME_MS = 7_200_000;

/** 10,000,000 spokes would each have an own NBMA address; here 4,096 endpoints are shared. */
const endpoints: readonly Endpoint[] = Array.from({ length: 4_096 }, (_, i) => ({
  address: new IpAddress(4, (0xc0a8_0000 + i) | 0),
  port: 0,
}));

/** A repeatable pseudo-random sequence of 32-bit integers (xorshift). */
function generator(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x;
  };
}

function add(cache: NhrpCache, prefix: IpPrefix, i: number, expiresAt: number): number {
  const nbma = endpoints[i & 4_095] ?? null;
  return cache.upsert(0, { kind: 'dynamic', prefix, nbma, expiresAt }).slot;
}

const roomy = (): NhrpCache =>
  new NhrpCache({ maxEntries: 10_000_000, maxEntriesPerPeer: 10_000_000 });

const nameOf = (size: number): string => (size >= 1e6 ? `${size / 1e6} M` : `${size / 1e3} k`);

/** What the packets of a round ask for, as octets 16..20 of an IPv4 header have it. */
function exactRow(size: number): Row {
  const next = generator(size);
  const cache = roomy();
  const map = new Map<number, number>();
  const members = new Int32Array(size);
  while (map.size < size) {
    const address = new IpAddress(4, next());
    if (map.has(address.w0)) continue;
    members[map.size] = address.w0;
    map.set(address.w0, add(cache, { address, length: 32 }, map.size, HOLDING_TIME_MS));
  }
  const probes = new Int32Array(PROBES);
  return {
    name: `cache exact, ${nameOf(size)}`,
    ours: (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++)
        sum += cache.find(new IpAddress(4, probes[i % PROBES] as number), 1);
      return sum;
    },
    reference: {
      name: 'Map, integer keys',
      run: (times) => {
        let sum = 0;
        for (let i = 0; i < times; i++) sum += map.get(probes[i % PROBES] as number) as number;
        return sum;
      },
      agrees: true,
    },
    limit: 0.7,
    calls: [['cache.find(', 'src/nhrp/engine/locate.ts']],
    mutate: () => {
      for (let i = 0; i < probes.length; i++) probes[i] = members[(next() >>> 0) % size] as number;
    },
  };
}

/** The naive way: a Map for each length in use, longest first. */
class MapPerLength {
  readonly #maps: readonly (readonly [number, Map<number, number>])[];

  constructor() {
    const lengths = [32, ...PREFIX_LENGTHS.toReversed()];
    this.#maps = lengths.map((length) => [-1 << (32 - length), new Map()] as const);
  }

  set({ address, length }: IpPrefix, value: number): void {
    this.#maps.find(([mask]) => mask === -1 << (32 - length))?.[1].set(address.w0, value);
  }

  match(w0: number): number {
    for (const [mask, map] of this.#maps) {
      const value = map.get(w0 & mask);
      if (value !== undefined) return value;
    }
    return -1;
  }
}

function matchRow(size: number): Row {
  const next = generator(size + 1);
  const cache = roomy();
  const naive = new MapPerLength();
  const hosts: number[] = [];
  for (let i = 0; i < size; i++) {
    const length = i % 10 === 0 ? (PREFIX_LENGTHS[(next() >>> 0) % 10] as number) : 32;
    const prefix = { address: maskAddress(new IpAddress(4, next()), length), length };
    naive.set(prefix, add(cache, prefix, i, HOLDING_TIME_MS));
    if (length === 32) hosts.push(prefix.address.w0);
  }
  const probes = new Int32Array(PROBES);
  return {
    name: `cache longest prefix, ${nameOf(size)}, one in ten no host`,
    ours: (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++)
        sum += cache.match(new IpAddress(4, probes[i % PROBES] as number), 1);
      return sum;
    },
    reference: {
      name: 'Map per length',
      run: (times) => {
        let sum = 0;
        for (let i = 0; i < times; i++) sum += naive.match(probes[i % PROBES] as number);
        return sum;
      },
      agrees: true,
    },
    limit: 0.7,
    calls: [['cache.match(', 'src/nhrp/engine/locate.ts']],
    mutate: () => {
      for (let i = 0; i < probes.length; i++)
        probes[i] = i & 1 ? (hosts[(next() >>> 0) % hosts.length] as number) : next();
    },
  };
}

/** What a plain Map would hold of a registration. */
interface Standing {
  readonly nbma: Endpoint;
  readonly requestId: number;
  readonly expiresAt: number;
}

/** All entries hold for the same time, so the order in which they were set is the order in which they expire. */
class MapByExpiry {
  readonly #entries = new Map<number, Standing>();

  set(w0: number, nbma: Endpoint, requestId: number, expiresAt: number): Standing {
    const standing = { nbma, requestId, expiresAt };
    this.#entries.delete(w0);
    this.#entries.set(w0, standing);
    return standing;
  }

  expire(now: number): void {
    for (const [w0, { expiresAt }] of this.#entries) {
      if (expiresAt > now) return;
      this.#entries.delete(w0);
    }
  }
}

const WRITES: Row['calls'] = [
  ['cache.upsert(', 'src/nhrp/engine/bindings.ts'],
  ['cache.entry(', 'src/nhrp/engine/bindings.ts'],
  ['cache.expire(', 'src/nhrp/engine/bindings.ts'],
];
const SWEEP_EVERY = 64;
const ignore = (): void => {};
const nbmaOf = (w0: number): Endpoint => endpoints[w0 & 4_095] as Endpoint;

/** A registration is written and read back. */
function register(cache: NhrpCache, now: number, w0: number, requestId: number): CacheEntry {
  const prefix = { address: new IpAddress(4, w0), length: 32 };
  const expiresAt = now + HOLDING_TIME_MS;
  const nbma = nbmaOf(w0);
  const { slot } = cache.upsert(now, { kind: 'dynamic', prefix, nbma, requestId, expiresAt });
  return cache.entry(slot);
}

interface Writes {
  readonly name: string;
  /** Addresses that are there from the start, one every `stepMs`. */
  readonly first: Int32Array;
  /** Time from one registration to the next. */
  readonly stepMs: number;
  /** Chooses what `addressAt` will say. */
  readonly mutate: (round: number) => void;
  /** The address of the `count`-th registration from the start on. */
  readonly addressAt: (count: number) => number;
}

function writeRow({ name, first, stepMs, mutate, addressAt }: Writes): Row {
  const cache = roomy();
  const map = new MapByExpiry();
  let count = 0;
  let mapCount = 0;
  let requestId = 0;
  for (const w0 of first) {
    register(cache, count++ * stepMs, w0, requestId);
    map.set(w0, nbmaOf(w0), requestId, mapCount++ * stepMs + HOLDING_TIME_MS);
  }
  return {
    name,
    ours: (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        const now = count * stepMs;
        sum = (sum + register(cache, now, addressAt(count++), requestId).requestId) | 0;
        if (count % SWEEP_EVERY === 0) cache.expire(now, ignore);
      }
      return sum;
    },
    reference: {
      name: 'Map in order of expiry',
      run: (times) => {
        let sum = 0;
        for (let i = 0; i < times; i++) {
          const now = mapCount * stepMs;
          const w0 = addressAt(mapCount++);
          const standing = map.set(w0, nbmaOf(w0), requestId, now + HOLDING_TIME_MS);
          sum = (sum + standing.requestId) | 0;
          if (mapCount % SWEEP_EVERY === 0) map.expire(now);
        }
        return sum;
      },
      agrees: true,
    },
    limit: null,
    calls: WRITES,
    mutate: (round) => {
      requestId = Math.imul(round, 0x9e37_79b1) >>> 0;
      mutate(round);
    },
  };
}

/**
 * Entries are refreshed in any order while time passes: what a hub does all day. The time is a tenth of that in which
 * spokes do so, lest chance leave one out until it expires.
 */
function refreshRow(size: number): Row {
  const next = generator(size + 2);
  const members = new Int32Array(size).map(next);
  const probes = members.slice(0, PROBES);
  return writeRow({
    name: `cache refresh while time passes, ${nameOf(size)}`,
    first: members,
    stepMs: HOLDING_TIME_MS / 30 / size,
    addressAt: (count) => probes[count % probes.length] as number,
    mutate: () => {
      for (let i = 0; i < probes.length; i++) probes[i] = members[(next() >>> 0) % size] as number;
    },
  });
}

/** One entry comes and one expires, over and over, with `size` of them standing. */
function churnRow(size: number): Row {
  let network = 0;
  /** No address comes twice while it stands: 2^24 hosts in any order, in another network each round. */
  const addressAt = (count: number): number =>
    (network << 24) | (Math.imul(count, 0x9e37_79b1) & 0xff_ffff);
  return writeRow({
    name: `cache insert and expire, ${nameOf(size)} standing`,
    first: new Int32Array(size).map((_, i) => addressAt(i)),
    stepMs: HOLDING_TIME_MS / size,
    addressAt,
    mutate: (round) => {
      network = round & 0xff;
    },
  });
}

/** One suite a row: the entries of one do not lie in memory while another is measured. */
export const cacheSuites = (sizes: Sizes = SIZES): readonly (() => readonly Row[])[] => [
  ...sizes.lookup.map((size) => () => [exactRow(size)]),
  ...sizes.lookup.map((size) => () => [matchRow(size)]),
  ...sizes.refresh.map((size) => () => [refreshRow(size)]),
  ...sizes.churn.map((size) => () => [churnRow(size)]),
];
