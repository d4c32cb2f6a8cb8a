/**
 * The NHRP cache: exact and longest-prefix lookup beside Maps with integer keys, and expiry beside a Map in insertion
 * order. Lookups go through `NhrpCache`, as the datapath's do: the test for expiry is part of them.
 */
import { NhrpCache } from 'dmvpn/cache';
import { type Endpoint, IpAddress, type IpPrefix, maskAddress } from 'dmvpn/wire';
import type { Row } from './harness.js';

const SIZES = [1_000, 100_000, 1_000_000];
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
    mutate: () => {
      for (let i = 0; i < probes.length; i++)
        probes[i] = i & 1 ? (hosts[(next() >>> 0) % hosts.length] as number) : next();
    },
  };
}

/** Every entry is refreshed again and again while time passes: what a hub does all day. */
function refreshRow(size: number): Row {
  const cache = roomy();
  const order = new Map<number, number>();
  const stepMs = HOLDING_TIME_MS / 3 / size;
  const slots = Array.from({ length: size }, (_, i) =>
    add(cache, { address: new IpAddress(4, i), length: 32 }, i, HOLDING_TIME_MS),
  );
  for (const slot of slots) order.set(slot, HOLDING_TIME_MS);
  let now = 0;
  let mapNow = 0;
  let ours = 0;
  let theirs = 0;
  const nothing = (): void => {};
  return {
    name: `cache refresh while time passes, ${nameOf(size)}`,
    ours: (times) => {
      for (let i = 0; i < times; i++) {
        now += stepMs;
        cache.refresh(slots[ours++ % size] as number, now + HOLDING_TIME_MS);
        if ((i & 63) === 0) cache.expire(now, nothing);
      }
      return cache.size;
    },
    reference: {
      name: 'Map in order of expiry',
      run: (times) => {
        for (let i = 0; i < times; i++) {
          mapNow += stepMs;
          const slot = slots[theirs++ % size] as number;
          order.delete(slot);
          order.set(slot, mapNow + HOLDING_TIME_MS);
          if ((i & 63) === 0) for (const [, at] of order) if (at > mapNow) break;
        }
        return order.size;
      },
      agrees: true,
    },
    limit: 0.7,
    mutate: nothing,
  };
}

/** One entry comes and one expires, over and over, with `size` of them standing. */
function churnRow(size: number): Row {
  const cache = roomy();
  const stepMs = HOLDING_TIME_MS / size;
  const nbma = endpoints[0] as Endpoint;
  let now = 0;
  let host = 0;
  let expired = 0;
  const count = (): void => {
    expired++;
  };
  const step = (): void => {
    now += stepMs;
    const prefix = { address: new IpAddress(4, host++ | 0), length: 32 };
    cache.upsert(now, { kind: 'dynamic', prefix, nbma, expiresAt: now + HOLDING_TIME_MS });
    if ((host & 63) === 0) cache.expire(now, count);
  };
  for (let i = 0; i < size; i++) step();
  return {
    name: `cache insert and expire, ${nameOf(size)} standing`,
    ours: (times) => {
      for (let i = 0; i < times; i++) step();
      return expired;
    },
    reference: null,
    limit: null,
    mutate: () => {},
  };
}

/** One suite a row: the entries of one do not lie in memory while another is measured. */
export const cacheSuites: readonly (() => readonly Row[])[] = [
  ...SIZES.map((size) => () => [exactRow(size)]),
  ...SIZES.map((size) => () => [matchRow(size)]),
  () => [refreshRow(100_000)],
  () => [refreshRow(1_000_000)],
  () => [churnRow(100_000)],
];
