/** What a Purge Request may cost, counted: addresses looked at and entries built, however many CIEs it has. */
import { afterEach, expect, it, vi } from 'vitest';
import { NhrpCache } from '../../cache/cache.js';
import { PrefixSet } from '../../cache/prefix-set.js';
import { IpAddress } from '../../wire/address.js';
import type { Cie } from '../codec/cie.js';
import { cieMessage, exchange, ready } from './by-hand.test-support.js';
import { address, HUB, type Network } from './engine-network.test-support.js';
import { cieOf } from './messages.js';

const SPOKE = '192.168.1.2';
const HELD = 300;

afterEach(() => vi.restoreAllMocks());

/** A spoke that its server told of 10.9.0.0 and the 299 after it. */
function told(): { readonly net: Network; readonly cache: NhrpCache } {
  const net = ready();
  const cache = net.engine('s1').cache as NhrpCache; // to be written, for once
  for (let i = 0; i < HELD; i++) {
    const prefix = { address: new IpAddress(4, 0x0a09_0000 + i, 0, 0, 0), length: 32 };
    const nbma = { address: address(`198.18.${i >> 8}.${i & 255}`), port: 0 };
    cache.upsert(net.now, { kind: 'cached', prefix, nbma, expiresAt: net.now + 600_000 });
  }
  return { net, cache };
}

const wideCies = (count: number, first: number): readonly Cie[] =>
  Array.from({ length: count }, (_, i) =>
    cieOf({ prefixLength: 9, protocolAddress: new IpAddress(4, (first + i) << 24, 0, 0, 0) }),
  );

function costOf(net: Network, cies: readonly Cie[], from: string) {
  const looked = vi.spyOn(PrefixSet.prototype, 'has');
  const built = vi.spyOn(NhrpCache.prototype, 'entry');
  looked.mockClear();
  built.mockClear();
  exchange(net, cieMessage(5, '10.0.0.1', { flags: 0x8000, cies }), from, SPOKE);
  return { looked: looked.mock.calls.length, built: built.mock.calls.length };
}

it('of a server with many prefixes that match nothing looks at each entry once and builds none', () => {
  const { net, cache } = told();
  const one = costOf(net, wideCies(1, 20), HUB.nbma);
  const many = costOf(net, wideCies(64, 20), HUB.nbma);
  expect(one).toEqual({ looked: cache.size, built: 0 });
  expect(many).toEqual(one);
});

it('of a server takes all that was told, each entry built once', () => {
  const { net, cache } = told();
  const before = cache.size;
  const cost = costOf(net, wideCies(64, 10), HUB.nbma);
  expect(cache.countOf('cached')).toBe(0);
  expect(cost).toEqual({ looked: before, built: HELD });
});

it('of another looks at what is at its own NBMA address only', () => {
  const { net, cache } = told();
  const cost = costOf(net, wideCies(64, 10), '198.18.0.5');
  expect(cache.countOf('cached')).toBe(HELD - 1);
  expect(cost).toEqual({ looked: 1, built: 1 });
});
