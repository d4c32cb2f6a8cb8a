/** Reliability goal F7: whatever the store does, the node goes on from memory, and the store catches up. */
import { describe, expect, it } from 'vitest';
import { DmvpnNode } from '../dmvpn/node.js';
import type { NodeSnapshot } from '../dmvpn/snapshot.js';
import { hubTunnel, spokeTunnel, VirtualLab } from '../dmvpn/virtual-lab.js';
import { type VirtualClock, virtualClock } from './clock.js';
import {
  loadRegistrations,
  type RegistrationStore,
  type StoreRow,
  type StoreWrite,
  storeRegistrations,
} from './registration-store.js';

/** A store in memory that can be told to misbehave. */
class FaultStore implements RegistrationStore {
  readonly rows = new Map<string, StoreRow & { until: number }>();
  batches = 0;
  largest = 0;
  behaves: 'well' | 'rejects' | 'hangs' | 'throws' | { readonly slowMs: number } = 'well';

  constructor(readonly clock: VirtualClock) {}

  async write(batch: readonly StoreWrite[]): Promise<void> {
    this.batches++;
    this.largest = Math.max(this.largest, batch.length);
    const { behaves } = this;
    if (behaves === 'rejects') throw new Error('READONLY');
    if (behaves === 'throws') throw 'no Error at all';
    if (behaves === 'hangs') await new Promise(() => {});
    if (typeof behaves === 'object')
      await new Promise<void>((go) => this.clock.callAt(this.clock.now() + behaves.slowMs, go));
    for (const { key, row, ttlMs } of batch)
      if (row === null) this.rows.delete(key);
      else this.rows.set(key, { key, row, ttlMs, until: this.clock.now() + ttlMs });
  }

  async read(): Promise<readonly StoreRow[]> {
    if (this.behaves === 'rejects') throw new Error('LOADING');
    if (this.behaves === 'hangs') await new Promise(() => {});
    return [...this.rows.values()].flatMap(({ until, ...row }) =>
      until > this.clock.now() ? [{ ...row, ttlMs: until - this.clock.now() }] : [],
    );
  }
}

/** Lets promises settle between the steps of a virtual clock. */
async function pass(clock: VirtualClock, ms: number, stepMs = 500): Promise<void> {
  for (let gone = 0; gone < ms; gone += stepMs) {
    clock.advance(stepMs);
    for (let i = 0; i < 200; i++) await Promise.resolve();
  }
}

const registration = (n: number, over: object = {}) => ({
  kind: 'dynamic' as const,
  prefix: `10.${1 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}/32`,
  nbma: { address: `172.16.${n >> 8}.${n & 255}`, port: 0 },
  ...{ claimedNbma: null, flags: 0x0042, mtu: 1_400, holdingTimeSeconds: 300 },
  ...{ remainingMs: 3_600_000, ageMs: 0, requestId: 1, preference: 0, group: null },
  ...over,
});
type Entries = NodeSnapshot['tunnels'][string]['cache']['entries'];
const snapshotOf = (entries: Entries): NodeSnapshot => ({
  version: 1,
  tunnels: { tun100: { version: 1, requestId: 5, cache: { version: 1, entries } } },
});

/** A node that is no more than its registrations, and a store beside it. */
function beside(count: number) {
  const clock = virtualClock();
  const store = new FaultStore(clock);
  const errors: string[] = [];
  const state = { entries: Array.from({ length: count }, (_, n) => registration(n)) as Entries };
  const expiresAt = clock.now() + 3_600_000;
  const snapshot = () =>
    snapshotOf(state.entries.map((e) => ({ ...e, remainingMs: expiresAt - clock.now() })));
  const onError = (error: Error) => void errors.push(error.message);
  const stored = storeRegistrations({ snapshot }, store, { clock, onError });
  return { clock, store, errors, state, stored, onError };
}

describe('F7: a hub and its store', () => {
  it('another hub begins with what the store has: addresses, flags, and the time that is left', async () => {
    const lab = new VirtualLab();
    const hub = lab.add(hubTunnel());
    for (const n of [1, 2]) lab.add(spokeTunnel(n));
    lab.run(1_000);
    const clock = virtualClock();
    const store = new FaultStore(clock);
    const node = { snapshot: () => hub.node.snapshot(lab.now) };
    const stored = storeRegistrations(node, store, { clock });
    await pass(clock, 5_000);
    expect([...store.rows.keys()]).toEqual(['tun100 10.0.0.1/32', 'tun100 10.0.0.2/32']);
    const restored = await loadRegistrations(store, { clock });
    const environment = { now: 0, random: () => Uint8Array.of(1, 2, 3, 4), crypto: null };
    const other = new DmvpnNode({ tunnels: [hubTunnel()] }, environment, restored);
    const entries = other.view(0).tunnels[0]?.entries.filter((e) => e.kind === 'dynamic');
    expect(entries?.map((e) => [String(e.nbma?.address), e.holdingTimeSeconds])).toEqual([
      ['192.168.1.2', 300],
      ['192.168.2.2', 300],
    ]);
    expect(
      entries?.every(({ expiresAt }) => (expiresAt ?? 0) > 290_000 && (expiresAt ?? 0) <= 300_000),
    ).toBe(true);
    expect(other.snapshot(0).tunnels.tun100?.requestId).toBe(0x01020304); // ids are not the store's
    stored.close();
  });

  it('what does not change is written once; a refresh, a change and an end once each', async () => {
    const { clock, store, state, stored } = beside(3);
    await pass(clock, 60_000);
    expect([store.rows.size, store.batches]).toEqual([3, 1]);
    state.entries = [registration(0, { flags: 0x0062 }), registration(1, { group: 'gold' })];
    await pass(clock, 10_000); // used: not worth a write · another group · gone
    expect([store.rows.size, store.batches]).toEqual([2, 2]);
    expect(store.rows.get('tun100 10.1.0.1/32')?.row).toContain('gold');
    stored.close();
    state.entries = [];
    await pass(clock, 60_000);
    expect(store.batches).toBe(2);
  });

  it.each([
    ['rejects', 'READONLY'],
    ['throws', 'no Error at all'],
    ['hangs', 'the store does not answer'],
  ] as const)(
    'a store that %s is told of, and caught up with when it is back',
    async (how, error) => {
      const { clock, store, errors, state, stored } = beside(600);
      store.behaves = how;
      await pass(clock, 60_000);
      expect(store.rows.size).toBe(0);
      expect(new Set(errors)).toEqual(new Set([error]));
      expect(errors.length).toBeGreaterThanOrEqual(3);
      expect(stored.stats().queued).toBeLessThanOrEqual(600);
      store.behaves = 'well';
      state.entries = state.entries.slice(100);
      await pass(clock, 30_000);
      expect([store.rows.size, stored.stats()]).toEqual([500, { queued: 0, dropped: 0 }]);
    },
  );

  it('a store that takes five seconds for a batch gets one at a time, and all in the end', async () => {
    const { clock, store, errors, stored } = beside(1_000);
    store.behaves = { slowMs: 5_000 };
    await pass(clock, 40_000);
    expect([errors, store.rows.size, store.batches, store.largest]).toEqual([[], 1_000, 4, 256]);
    expect(stored.stats()).toEqual({ queued: 0, dropped: 0 });
  });

  it('no more than 10,000 writes wait: the oldest are dropped, counted, and written later all the same', async () => {
    const { clock, store, stored } = beside(12_000);
    store.behaves = 'rejects';
    await pass(clock, 6_000);
    expect(stored.stats().queued).toBeLessThanOrEqual(10_000);
    expect(stored.stats().dropped).toBeGreaterThanOrEqual(2_000 - 256);
    store.behaves = 'well';
    await pass(clock, 20_000);
    expect(store.rows.size).toBe(12_000);
  });

  it('rows that are none are passed over and said; the others are taken', async () => {
    const { clock, store, errors, stored, onError } = beside(2);
    await pass(clock, 5_000);
    const good = [...store.rows.values()][0] as StoreRow & { until: number };
    const bad = [
      '',
      '{',
      'null',
      '7',
      '{"tunnel":1}',
      good.row.replace('10.1.0.0/32', '10.1.0/32'),
    ];
    const local = good.row.replace('"dynamic"', '"local"');
    for (const [i, row] of [...bad, local].entries())
      store.rows.set(`bad ${i}`, { ...good, key: `bad ${i}`, row });
    const restored = await loadRegistrations(store, { clock, onError });
    expect(restored?.tunnels.tun100?.cache.entries.length).toBe(2);
    expect(errors).toEqual(['the store has 7 rows that are no registrations']);
    stored.close();
  });

  it('without an answer a hub begins empty, and not later than ten seconds after', async () => {
    const clock = virtualClock();
    const store = new FaultStore(clock);
    const errors: string[] = [];
    const onError = (error: Error) => void errors.push(error.message);
    store.behaves = 'rejects';
    expect(await loadRegistrations(store, { clock, onError })).toBeUndefined();
    store.behaves = 'hangs';
    const loading = loadRegistrations(store, { clock, onError });
    await pass(clock, 10_000);
    expect(await loading).toBeUndefined();
    expect(errors).toEqual(['LOADING', 'the store does not answer']);
  });
});
