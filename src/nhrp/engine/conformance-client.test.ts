/** One test a clause, the client's side: what a station sends of its own, and what it makes of answers. */
import { describe, expect, it } from 'vitest';
import type { CieMessage } from '../codec/message.js';
import {
  AUTHENTICATION,
  cieMessage,
  exchange,
  octetsOf,
  parseTrace,
  ready,
  repliesIn,
} from './by-hand.test-support.js';
import { address, blueprint, HUB, type Network, prefix } from './engine-network.test-support.js';
import { cieExtension, cieOf } from './messages.js';

interface Timed {
  readonly at: number;
  readonly message: CieMessage;
}

/** What a station has sent of a type, and when. */
const sentBy = (net: Network, name: string, type: number): Timed[] =>
  net.trace.flatMap((line) => {
    const { by, message } = parseTrace(line);
    const isMeant = by === name && message.type === type && message.type <= 6;
    return isMeant ? [{ at: Number(line.split(' ')[0]), message: message as CieMessage }] : [];
  });

/** Spoke 1 has asked for 172.16.2.1, and nobody has answered. */
function asking(more = {}): { net: Network; request: CieMessage } {
  const net = ready(more);
  net.cut('s2');
  net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1');
  net.run(10);
  const request = sentBy(net, 's1', 1)[0]?.message;
  if (request === undefined) throw new Error('bug: no request');
  return { net, request };
}

const answer = (request: CieMessage, ...cies: Parameters<typeof cieOf>[0][]): CieMessage => ({
  ...request,
  type: 2,
  cies: cies.map((fields) =>
    cieOf({
      ...{ prefixLength: 24, holdingTimeSeconds: 300 },
      ...{ nbmaAddress: address('192.168.2.2'), protocolAddress: address('10.0.0.2') },
      ...fields,
    }),
  ),
  extensions: [AUTHENTICATION],
});

const toSpoke1 = (net: Network, message: CieMessage) =>
  exchange(net, message, HUB.nbma, '192.168.1.2');

describe('RFC 2332 §5.2.3: a registration of ours', () => {
  it.each([
    [true, 0x8002, 255],
    [false, 0x0002, 32],
  ])('unique %s: flags %i and a prefix length of %i', (unique, flags, prefixLength) => {
    const [first] = sentBy(ready({ unique }), 's1', 3);
    expect(first?.message.flags).toBe(flags);
    expect(first?.message.cies).toMatchObject([
      { prefixLength, holdingTimeSeconds: 300, nbmaAddress: null, protocolAddress: null },
    ]);
  });

  it('has the extensions of Cisco in their order, and the server in the NAT extension', () => {
    const [first] = sentBy(ready(), 's1', 3);
    expect(first?.message.extensions?.map((e) => e.type)).toEqual([3, 4, 5, 7, 9]);
    const nat = first?.message.extensions?.[4];
    expect(
      nat?.kind === 'cies' && nat.cies.map((c) => `${c.protocolAddress} ${c.nbmaAddress}`),
    ).toEqual(['10.0.0.100 192.168.0.2']);
  });

  it('is repeated after 1, 2, 4 … 64 s, up to a quarter early, with the id of the first (§5.2.0.1)', () => {
    const net = blueprint();
    net.cut('hub');
    net.run(300_000);
    const sent = sentBy(net, 's1', 3);
    expect(new Set(sent.map(({ message }) => message.requestId)).size).toBe(1);
    const ladder = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 64_000];
    for (const [i, wait] of ladder.entries()) {
      const gap = (sent[i + 1]?.at ?? 0) - (sent[i]?.at ?? 0);
      expect(gap, `retry ${i + 1}`).toBeGreaterThan(0.75 * wait - 2);
      expect(gap, `retry ${i + 1}`).toBeLessThan(wait + 2);
    }
  });

  it('is not repeated by all spokes at the same time', () => {
    const net = blueprint();
    net.cut('hub');
    net.run(300_000);
    const [one, other] = ['s1', 's2'].map((name) =>
      sentBy(net, name, 3).map(({ at }) => Math.round(at)),
    );
    expect(one?.[0]).toBe(other?.[0]);
    const together = one?.slice(1).filter((at) => other?.includes(at));
    expect(one?.length).toBeGreaterThanOrEqual(8);
    expect(together).toEqual([]);
  });

  it('has an id of its own at each refresh', () => {
    const net = ready();
    net.run(400_000);
    const ids = sentBy(net, 's1', 3).map(({ message }) => message.requestId);
    expect(ids.length).toBeGreaterThan(3);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('goes out at once when the caller asks for it', () => {
    const net = ready();
    const before = sentBy(net, 's1', 3).length;
    net.command('s1', { kind: 'reregister' });
    expect(sentBy(net, 's1', 3).length).toBe(before + 1);
  });

  it('names further own addresses and prefixes in CIEs of their own, all in one request', () => {
    const net = blueprint({ unique: false });
    net.add('s7', {
      ...{ address: '10.0.0.7', nbma: '192.168.7.2', nhs: true },
      unique: false,
      more: { alsoRegister: [prefix('10.0.0.8/32'), prefix('172.16.7.0/24')] },
    });
    net.run(2_000);
    const [first] = sentBy(net, 's7', 3);
    expect(first?.message.cies.map((c) => `${c.protocolAddress}/${c.prefixLength}`)).toEqual([
      'null/32',
      '10.0.0.8/32',
      '172.16.7.0/24',
    ]);
    const { cache } = net.engine('hub');
    for (const text of ['10.0.0.7/32', '10.0.0.8/32', '172.16.7.0/24'])
      expect(cache.kindOf(cache.findPrefix(prefix(text), net.now)), text).toBe('dynamic');
    expect(net.engine('s7').bestNhs).not.toBeNull();
  });

  it('is taken back with the id of the registration where Cisco wants it, else with a new one (§5.2.5)', () => {
    for (const ciscoPurgeId of [true, false]) {
      const net = ready({ ciscoPurgeId });
      net.command('s1', { kind: 'shutdown' });
      const registered = sentBy(net, 's1', 3).at(-1)?.message.requestId;
      const purged = sentBy(net, 's1', 5).at(-1)?.message;
      expect(purged?.requestId === registered).toBe(ciscoPurgeId);
      expect(purged?.cies).toMatchObject([{ protocolAddress: address('10.0.0.1') }]);
    }
  });

  it.each([
    ['always', 1, 2_000],
    ['refuse', 0, 30_000],
  ] as const)(
    'refused with code 14, takeover %s: %i purge of the old one that wants no reply, and again after %i ms',
    (takeover, purges, againMs) => {
      const net = blueprint();
      net.add('s7', {
        ...{ address: '10.0.0.1', nbma: '192.168.7.2', nhs: true }, // the address of spoke 1
        more: { takeover },
      });
      net.run(100);
      const purge = sentBy(net, 's7', 5);
      expect(purge.map(({ message }) => message.flags)).toEqual(Array(purges).fill(0x8000));
      const [first] = sentBy(net, 's7', 3);
      if (purges > 0) expect(purge[0]?.message.requestId).toBe(first?.message.requestId);
      net.run(againMs - 200);
      expect(sentBy(net, 's7', 3).length).toBe(1);
      net.run(200);
      expect(sentBy(net, 's7', 3).length).toBe(2);
    },
  );

  it('is not answered by a reply to another request: dropped as unsolicited', () => {
    const net = ready();
    const reply = { ...cieMessage(4, HUB.address), sourceProtocolAddress: address('10.0.0.1') };
    const cies = [cieOf({ code: 14 })];
    toSpoke1(net, { ...reply, cies, requestId: 0x7777_7777 });
    expect(net.engine('s1').stats().dropped.unsolicited).toBe(1);
    expect(net.engine('s1').bestNhs).not.toBeNull();
  });
});

describe('RFC 2332 §5.2.1: a resolution of ours', () => {
  it('asks with Q, A, S and NAT, about a host, and for the record of its way', () => {
    const { request } = asking();
    expect(request.flags).toBe(0xc802);
    expect(request.hopCount).toBe(255);
    expect(String(request.destinationProtocolAddress)).toBe('172.16.2.1');
    expect(request.cies).toMatchObject([{ prefixLength: 32, holdingTimeSeconds: 300 }]);
    expect(request.extensions?.map((e) => e.type)).toEqual([3, 4, 5, 7, 9]);
  });

  it('is repeated with the same id; the next one has another', () => {
    const { net } = asking();
    net.run(15_000);
    const ids = sentBy(net, 's1', 1).map(({ message }) => message.requestId);
    expect([ids.length > 3, new Set(ids).size]).toEqual([true, 1]);
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.200');
    net.run(10);
    expect(sentBy(net, 's1', 1).at(-1)?.message.requestId).not.toBe(ids[0]);
  });

  it('is not repeated while it is under way, and no more are than the limit', () => {
    const { net } = asking({ limits: { ...LIMITS_OF_ONE } });
    net.run(900);
    net.forwarded('hub', 's1', '172.16.1.2', '172.16.2.1');
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.200');
    net.run(10);
    expect(sentBy(net, 's1', 1).length).toBe(1);
    expect(net.engine('s1').stats().dropped.limit).toBe(1);
  });
});

const LIMITS_OF_ONE = {
  ...{ maxEntries: 100, maxEntriesPerPeer: 64, maxPendingResolutions: 1, maxShortcuts: 10 },
  ...{ maxPendingAuthorizations: 16, maxRedirectPairs: 100, maxQueuedEvents: 1_024 },
  ...{ maxQueuedSends: 100, errorsPerSecond: 100, errorsPerSourcePerSecond: 1, maxSend: null },
} as const;

describe('RFC 2332 §5.2.2: a reply to us', () => {
  it('with several CIEs: the most preferred that carries no error is used (§5.2.0.1)', () => {
    const { net, request } = asking();
    const cies = [
      { preference: 1 },
      { preference: 9, nbmaAddress: address('192.168.3.2'), protocolAddress: address('10.0.0.3') },
      { preference: 200, code: 12 },
    ];
    toSpoke1(net, answer(request, ...cies));
    expect(net.engine('s1').shortcuts()).toMatchObject([{ via: address('10.0.0.3') }]);
  });

  it.each([12, 11])(
    'with code %i, as the RFC and as FRR and OpenNHRP number it, leaves a negative entry of 180 s',
    (code) => {
      const { net, request } = asking();
      toSpoke1(net, answer(request, { code, holdingTimeSeconds: 0 }));
      const { cache } = net.engine('s1');
      const kind = () => {
        const slot = cache.find(address('172.16.2.1'), net.now);
        return slot < 0 ? null : cache.kindOf(slot);
      };
      expect(kind()).toBe('negative');
      expect(net.eventsOf('s1').at(-1)).toMatchObject({ reason: 'no binding' });
      net.run(179_000);
      expect(kind()).toBe('negative');
      net.run(2_000);
      expect(kind()).toBeNull();
    },
  );

  it('with a holding time of 0 is not kept', () => {
    const { net, request } = asking();
    toSpoke1(net, answer(request, { holdingTimeSeconds: 0 }));
    expect(net.engine('s1').shortcuts()).toEqual([]);
    expect(net.engine('s1').cache.countOf('cached')).toBe(0);
  });

  it('that comes after the question was taken back changes nothing (FRR 5d9ebe6181)', () => {
    const { net, request } = asking();
    net.command('s1', { kind: 'clear', what: 'shortcuts' });
    toSpoke1(net, answer(request, {}));
    expect(net.engine('s1').shortcuts()).toEqual([]);
    expect(net.engine('s1').cache.countOf('cached')).toBe(0);
  });

  it('that comes twice changes nothing the second time, and is no fault', () => {
    const { net, request } = asking();
    toSpoke1(net, answer(request, {}));
    const other = answer(request, { protocolAddress: address('10.0.0.3') });
    expect(toSpoke1(net, other)).toEqual([]);
    expect(net.engine('s1').stats().dropped.stale).toBe(1);
    expect(net.engine('s1').shortcuts()).toMatchObject([{ via: address('10.0.0.2') }]);
  });

  it('in which we are the responder ourselves is a loop, and is not installed (§5.3.1)', () => {
    const { net, request } = asking();
    const own = cieOf({ protocolAddress: address('10.0.0.1') });
    const extensions = [cieExtension(3, [own]), AUTHENTICATION];
    toSpoke1(net, { ...answer(request, {}), extensions });
    expect(net.engine('s1').stats().dropped.loop).toBe(1);
    expect(net.engine('s1').shortcuts()).toEqual([]);
  });

  it('marks the entry with what it said: authoritative, unique, stable', () => {
    const { net, request } = asking();
    toSpoke1(net, { ...answer(request, {}), flags: 0xf802 });
    const set = net
      .eventsOf('s1')
      .filter((e) => e.type === 'entry-set' && e.prefix === '10.0.0.2/32')
      .at(-1);
    expect(set).toMatchObject({
      kind: 'cached',
      flags: ['unique', 'authoritative', 'up', 'source-stable'],
    });
  });

  it('an error about the request, by whatever number, ends it without a black hole', () => {
    for (const errorCode of [2, 3, 6, 15]) {
      const { net, request } = asking();
      const { cies: _, flags: __, requestId: ___, ...header } = request;
      const quoted = net.trace.find((line) => parseTrace(line).message.type === 1)?.split(' ')[4];
      const packet = Uint8Array.from(quoted?.match(/../g) ?? [], (h) => Number.parseInt(h, 16));
      net.inject(
        HUB.nbma,
        '192.168.1.2',
        octetsOf({
          ...header,
          sourceProtocolAddress: address(HUB.address),
          destinationProtocolAddress: address('10.0.0.1'),
          ...{ type: 7, unused: 0, errorCode, errorOffset: 0, packet },
          extensions: [AUTHENTICATION],
        }),
      );
      net.run(10);
      const s1 = net.engine('s1');
      expect(net.eventsOf('s1').at(-1)).toMatchObject({ reason: `error ${errorCode}` });
      expect(s1.cache.kindOf(s1.cache.find(address('172.16.2.1'), net.now))).toBe('negative');
      expect(String(s1.locate(net.now, address('172.16.2.1')).nbma?.address)).toBe(HUB.nbma);
    }
  });
});

describe('shortcuts of ours', () => {
  it('stay for three seconds when the route under them changes, and on when they are confirmed', () => {
    const net = ready();
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1');
    net.run(100);
    const change = () =>
      net.engine('s1').handleRoutes(net.now, [
        {
          ...{ action: 'add', kind: 'static', distance: 5 },
          ...{ prefix: prefix('172.16.0.0/16'), via: address(HUB.address) },
        },
      ]);
    change();
    net.run(2_900);
    expect(net.engine('s1').shortcuts().length).toBe(1);
    net.run(10_000);
    expect(net.engine('s1').shortcuts().length).toBe(1); // spoke 2 has confirmed it
    net.cut('s2');
    change();
    net.run(2_900);
    expect(net.engine('s1').shortcuts().length).toBe(1);
    net.run(200);
    expect(net.engine('s1').shortcuts()).toEqual([]);
    expect(net.eventsOf('s1')).toContainEqual(
      expect.objectContaining({ type: 'shortcut-removed', reason: 'route-changed' }),
    );
  });
});

describe('whoever asks is there', () => {
  it('a negative entry about it goes at once (OpenNHRP 0.11.5)', () => {
    const { net, request } = asking();
    toSpoke1(net, answer(request, { code: 12 }));
    const { cache } = net.engine('s1');
    expect(cache.find(address('172.16.2.1'), net.now)).toBeGreaterThanOrEqual(0);
    const theirs = {
      ...cieMessage(1, '172.16.1.5', { flags: 0xc002 }),
      sourceProtocolAddress: address('172.16.2.1'),
    };
    expect(repliesIn(toSpoke1(net, theirs), 2).length).toBeGreaterThan(0);
    expect(cache.find(address('172.16.2.1'), net.now)).toBe(-1);
  });
});
