import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatPrefix,
  hostPrefix,
  IpAddress,
  type IpPrefix,
  maskAddress,
  parseAddress,
  parsePrefix,
  prefixContains,
} from '../wire/address.js';
import type { Endpoint } from '../wire/path.js';
import { endpointEquals } from '../wire/path.js';
import { NhrpCache, NONE } from './cache.js';
import {
  CACHE_KINDS,
  type CacheEntry,
  type CacheEntryInput,
  CacheFlag,
  type CacheKind,
  cacheFlagNames,
} from './entry.js';

const ip = (text: string): IpAddress => parseAddress(text) as IpAddress;
const net = (text: string): IpPrefix => parsePrefix(text) as IpPrefix;
const at = (text: string, port = 0): Endpoint => ({ address: ip(text), port });
const spoke = (
  host: string,
  nbma: string,
  over: Partial<CacheEntryInput> = {},
): CacheEntryInput => ({
  kind: 'dynamic',
  prefix: net(host),
  nbma: at(nbma),
  expiresAt: 300_000,
  flags: CacheFlag.REGISTERED,
  ...over,
});

describe('NhrpCache', () => {
  it('finds hosts exactly and prefixes by longest match, in both families', () => {
    const cache = new NhrpCache();
    cache.upsert(0, spoke('10.0.0.1', '192.0.2.1'));
    cache.upsert(0, spoke('10.0.0.0/24', '192.0.2.2'));
    cache.upsert(0, spoke('2001:db8::/64', '192.0.2.3'));
    const hop = (a: string): string => String(cache.nbmaOf(cache.match(ip(a), 1))?.address);
    expect([hop('10.0.0.1'), hop('10.0.0.2'), hop('2001:db8::7')]).toEqual([
      '192.0.2.1',
      '192.0.2.2',
      '192.0.2.3',
    ]);
    expect(cache.find(ip('10.0.0.2'), 1)).toBe(NONE);
    expect(cache.match(ip('10.0.1.1'), 1)).toBe(NONE);
  });

  it('does not find an entry at its expiry, before any sweep, and finds the shorter prefix behind it', () => {
    const cache = new NhrpCache();
    cache.upsert(0, spoke('10.0.0.1', '192.0.2.1', { expiresAt: 1_000 }));
    cache.upsert(0, spoke('10.0.0.0/8', '192.0.2.2'));
    expect(cache.find(ip('10.0.0.1'), 999)).not.toBe(NONE);
    expect(cache.find(ip('10.0.0.1'), 1_000)).toBe(NONE);
    expect(String(cache.nbmaOf(cache.match(ip('10.0.0.1'), 1_000))?.address)).toBe('192.0.2.2');
  });

  it('lets no lower kind overwrite a higher one that is valid', () => {
    const cache = new NhrpCache();
    cache.upsert(0, spoke('10.0.0.1', '192.0.2.1', { kind: 'static', expiresAt: null }));
    expect(cache.upsert(0, spoke('10.0.0.1', '192.0.2.9')).kind).toBe('refused-precedence');
    expect(
      cache.upsert(0, spoke('10.0.0.2', '192.0.2.2', { kind: 'nhs', expiresAt: 5 })).kind,
    ).toBe('created');
    expect(cache.upsert(5, spoke('10.0.0.2', '192.0.2.9')).kind).toBe('updated');
  });

  it('refuses what is over its limits, and says which; configured entries are not counted', () => {
    const cache = new NhrpCache({ maxEntries: 3, maxEntriesPerPeer: 2 });
    const kinds = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(
      (a) => cache.upsert(0, spoke(a, '192.0.2.1')).kind,
    );
    expect(kinds).toEqual(['created', 'created', 'refused-peer-limit']);
    expect(cache.upsert(0, spoke('10.0.0.4', '192.0.2.4')).kind).toBe('created');
    expect(cache.upsert(0, spoke('10.0.0.5', '192.0.2.5')).kind).toBe('refused-full');
    expect(cache.upsert(0, spoke('10.0.0.1', '192.0.2.1')).kind).toBe('updated');
    expect(cache.upsert(0, spoke('10.0.0.6', '192.0.2.6', { kind: 'static' })).kind).toBe(
      'created',
    );
  });

  it('counts what one endpoint registers for others against that endpoint, and not against the others', () => {
    const cache = new NhrpCache({ maxEntriesPerPeer: 2 });
    const by = (a: string, nbma: string) =>
      cache.upsert(0, spoke(a, nbma, { registrant: at('192.0.2.66') })).kind;
    expect([by('10.0.0.1', '192.0.2.1'), by('10.0.0.2', '192.0.2.1')]).toEqual([
      'created',
      'created',
    ]);
    expect(by('10.0.0.3', '192.0.2.3')).toBe('refused-peer-limit');
    expect(by('10.0.0.1', '192.0.2.9')).toBe('updated'); // counted already
    expect(cache.upsert(0, spoke('10.0.0.4', '192.0.2.1')).kind).toBe('created');
    expect(cache.upsert(0, spoke('10.0.0.5', '192.0.2.1')).kind).toBe('created');
    expect(cache.upsert(0, spoke('10.0.0.6', '192.0.2.1')).kind).toBe('refused-peer-limit');
    cache.remove(cache.find(ip('10.0.0.2'), 0));
    expect(by('10.0.0.3', '192.0.2.3')).toBe('created');
    for (const e of cache.entries(0)) cache.remove(cache.findPrefix(e.prefix, 0));
    expect([by('10.0.0.1', '192.0.2.1'), by('10.0.0.2', '192.0.2.66')]).toEqual([
      'created',
      'created',
    ]);
    expect(by('10.0.0.3', '192.0.2.3')).toBe('refused-peer-limit');
  });

  it('may be changed while it is swept and while it is iterated', () => {
    const cache = new NhrpCache();
    for (let i = 1; i <= 20; i++)
      cache.upsert(0, spoke(`10.0.0.${i}`, '192.0.2.1', { expiresAt: 10 }));
    const gone: string[] = [];
    cache.expire(10, (e) => {
      gone.push(String(e.prefix.address));
      cache.remove(cache.find(ip('10.0.0.20'), 0));
      for (const slot of cache.byNbma(at('192.0.2.1')).slice(0, 2)) cache.remove(slot);
      cache.upsert(
        10,
        spoke(`10.9.0.${gone.length}`, '192.0.2.2', { expiresAt: 10 + gone.length }),
      );
    });
    expect(new Set(gone).size).toBe(gone.length);
    expect(cache.byNbma(at('192.0.2.1'))).toEqual([]);
    for (const e of cache.entries(10)) cache.remove(cache.findPrefix(e.prefix, 10));
    expect(cache.size).toBe(0);
  });

  it('sweeps no more than asked for at a time, and is due until it is done', () => {
    const cache = new NhrpCache();
    for (let i = 1; i <= 10; i++)
      cache.upsert(0, spoke(`10.0.0.${i}`, '192.0.2.1', { expiresAt: 500 + i }));
    expect(cache.expire(499, () => {})).toBe(0);
    expect(cache.expire(1_000, () => {}, 4)).toBe(4);
    expect(cache.nextExpiry()).toBeLessThanOrEqual(1_000);
    expect([cache.expire(1_000, () => {}), cache.nextExpiry()]).toEqual([6, null]);
  });

  it('postpones by refresh without losing an expiry that comes nearer', () => {
    const cache = new NhrpCache();
    const { slot } = cache.upsert(0, spoke('10.0.0.1', '192.0.2.1', { expiresAt: 7_200_000 }));
    cache.refresh(slot, null);
    expect(cache.expire(7_200_000, () => {})).toBe(0);
    cache.refresh(slot, 7_200_500);
    expect(cache.nextExpiry()).toBeLessThanOrEqual(7_200_500);
    expect(cache.expire(7_200_499, () => {}) + cache.expire(7_200_500, () => {})).toBe(1);
  });

  it('knows in one probe whether an endpoint is registered, port and all', () => {
    const cache = new NhrpCache();
    const { slot } = cache.upsert(
      0,
      spoke('10.0.0.1', '192.0.2.1', { nbma: at('192.0.2.1', 4754) }),
    );
    expect(cache.isRegistered(at('192.0.2.1', 4754))).toBe(true);
    expect(cache.isRegistered(at('192.0.2.1', 4755))).toBe(false);
    cache.setFlags(slot, 0, CacheFlag.REGISTERED);
    expect(cache.isRegistered(at('192.0.2.1', 4754))).toBe(false);
    cache.setFlags(slot, CacheFlag.REGISTERED);
    cache.remove(slot);
    expect(cache.isRegistered(at('192.0.2.1', 4754))).toBe(false);
  });

  it('comes back from its snapshot on another clock with the time that remained', () => {
    const cache = new NhrpCache();
    cache.upsert(
      1_000,
      spoke('10.0.0.1', '192.0.2.1', { claimedNbma: ip('10.1.1.1'), group: 'gold' }),
    );
    cache.upsert(1_000, spoke('2001:db8::1', '2001:db8::2', { kind: 'static', expiresAt: null }));
    cache.upsert(1_000, spoke('10.0.0.9', '192.0.2.9', { expiresAt: 2_000 }));
    const saved = JSON.parse(JSON.stringify(cache.snapshot(2_000)));
    const later = new NhrpCache();
    later.restore(saved, 50_000);
    expect(
      [...later.entries(50_000)].map((e) => [formatPrefix(e.prefix), e.expiresAt, e.createdAt]),
    ).toEqual([
      ['10.0.0.1/32', 348_000, 49_000],
      ['2001:db8::1/128', null, 49_000],
    ]);
    expect(later.snapshot(50_000)).toEqual(saved);
    saved.entries[1].prefix = '10.0.0';
    expect(() => new NhrpCache().restore(saved, 0)).toThrow('snapshot.entries[1].prefix');
  });

  it('refuses a limit that is none', () => {
    expect(() => new NhrpCache({ maxEntries: 0 })).toThrow(
      'options.maxEntries: a whole number from 1',
    );
  });

  it('names its flags', () => {
    expect(cacheFlagNames(CacheFlag.UNIQUE | CacheFlag.UP | CacheFlag.NO_SOCKET)).toEqual([
      'unique',
      'up',
      'no-socket',
    ]);
  });
});

/** The twin: a list of entries, and rules told once more in the plainest way. */
class NaiveCache {
  entries: CacheEntry[] = [];

  valid(now: number): CacheEntry[] {
    return this.entries.filter((e) => e.expiresAt === null || e.expiresAt > now);
  }

  match(a: IpAddress, now: number): CacheEntry | undefined {
    return this.valid(now)
      .filter((e) => prefixContains(e.prefix, a))
      .sort((x, y) => y.prefix.length - x.prefix.length)[0];
  }

  upsert(now: number, e: CacheEntry): boolean {
    const same = (x: CacheEntry): boolean => formatPrefix(x.prefix) === formatPrefix(e.prefix);
    const old = this.valid(now).find(same);
    if (old && CACHE_KINDS.indexOf(old.kind) > CACHE_KINDS.indexOf(e.kind)) return false;
    this.entries = [...this.entries.filter((x) => !same(x)), e];
    return true;
  }
}

const prefixes = fc
  .tuple(fc.integer({ min: 0, max: 7 }), fc.constantFrom(8, 24, 30, 32))
  .map(([n, length]) => ({
    address: maskAddress(new IpAddress(4, 0x0a00_0000 | n), length),
    length,
  }));
const peers = fc.integer({ min: 1, max: 3 }).map((n) => at(`192.0.2.${n}`, n % 2));
type Step =
  | { do: 'upsert'; prefix: IpPrefix; kind: CacheKind; nbma: Endpoint; lifeMs: number }
  | { do: 'remove' | 'refresh'; prefix: IpPrefix; lifeMs: number }
  | { do: 'expire' }
  | { do: 'wait'; ms: number };
const life = fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 9_000_000 }));
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('upsert' as const),
        prefix: prefixes,
        kind: fc.constantFrom(...CACHE_KINDS),
        nbma: peers,
        lifeMs: life,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constantFrom('remove' as const, 'refresh' as const),
        prefix: prefixes,
        lifeMs: life,
      }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'expire' as const }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: life }) },
  ),
  { maxLength: 80, size: 'max' },
);

describe('NhrpCache against a naive twin', () => {
  it('agrees after any upserts, removals, refreshes, sweeps and waits', () => {
    fc.assert(fc.property(steps, runBoth), { numRuns: 100 });
  });
});

function runBoth(script: readonly Step[]): void {
  const cache = new NhrpCache();
  const naive = new NaiveCache();
  let now = 1_000;
  for (const step of script) {
    if (step.do === 'wait') now += step.ms;
    else if (step.do === 'expire') expireBoth(cache, naive, now);
    else if (step.do === 'upsert') upsertBoth(cache, naive, now, step);
    else changeBoth(cache, naive, now, step);
    compare(cache, naive, now);
  }
}

function upsertBoth(
  cache: NhrpCache,
  naive: NaiveCache,
  now: number,
  step: Step & { do: 'upsert' },
): void {
  const { prefix, kind, nbma, lifeMs } = step;
  const input: CacheEntryInput = { kind, prefix, nbma, expiresAt: now + lifeMs, flags: lifeMs & 2 };
  const result = cache.upsert(now, input);
  const entry = {
    claimedNbma: null,
    flags: 0,
    mtu: 0,
    holdingTimeSeconds: 0,
    requestId: 0,
    preference: 0,
    group: null,
    createdAt: now,
    ...input,
  };
  expect(result.kind !== 'refused-precedence').toBe(naive.upsert(now, entry));
}

function changeBoth(
  cache: NhrpCache,
  naive: NaiveCache,
  now: number,
  step: Step & { do: 'remove' | 'refresh' },
): void {
  const slot = cache.findPrefix(step.prefix, now);
  const same = (e: CacheEntry): boolean => formatPrefix(e.prefix) === formatPrefix(step.prefix);
  const found = naive.valid(now).find(same);
  expect(slot === NONE).toBe(found === undefined);
  if (slot === NONE || !found) return;
  naive.entries = naive.entries.filter((e) => e !== found);
  if (step.do === 'remove') expect(cache.remove(slot)?.kind).toBe(found.kind);
  else {
    cache.refresh(slot, now + step.lifeMs);
    naive.entries.push({ ...found, expiresAt: now + step.lifeMs });
  }
}

function expireBoth(cache: NhrpCache, naive: NaiveCache, now: number): void {
  const gone: string[] = [];
  cache.expire(now, (e) => gone.push(formatPrefix(e.prefix)));
  const valid = naive.valid(now);
  const expected = naive.entries
    .filter((e) => !valid.includes(e))
    .map((e) => formatPrefix(e.prefix));
  expect(gone.sort()).toEqual(expected.sort());
  naive.entries = valid;
}

function compare(cache: NhrpCache, naive: NaiveCache, now: number): void {
  const valid = naive.valid(now);
  expect(cache.size).toBe(naive.entries.length);
  expect([...cache.entries(now)].map((e) => formatPrefix(e.prefix)).sort()).toEqual(
    valid.map((e) => formatPrefix(e.prefix)).sort(),
  );
  for (const kind of CACHE_KINDS)
    expect(cache.countOf(kind)).toBe(naive.entries.filter((e) => e.kind === kind).length);
  for (let n = 0; n < 8; n++) {
    const a = new IpAddress(4, 0x0a00_0000 | n);
    const slot = cache.match(a, now);
    const entry = slot === NONE ? undefined : cache.entry(slot);
    expect(entry?.expiresAt).toBe(naive.match(a, now)?.expiresAt);
    expect(cache.find(a, now) !== NONE).toBe(
      valid.some((e) => formatPrefix(e.prefix) === formatPrefix(hostPrefix(a))),
    );
  }
  for (const nbma of [at('192.0.2.1', 1), at('192.0.2.2')]) {
    const theirs = naive.entries.filter((e) => e.nbma && endpointEquals(e.nbma, nbma));
    expect(cache.byNbma(nbma).length).toBe(theirs.length);
    expect(cache.isRegistered(nbma)).toBe(theirs.some((e) => e.flags & CacheFlag.REGISTERED));
  }
  const soonest = Math.min(...naive.entries.map((e) => e.expiresAt ?? Number.POSITIVE_INFINITY));
  expect(cache.nextExpiry() ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(soonest);
}
