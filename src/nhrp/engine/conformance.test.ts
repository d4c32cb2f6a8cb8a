/** One test a clause: RFC 2332, and what peers were found to do wrong. The clause stands in the name. */
import { describe, expect, it } from 'vitest';
import type { Cie } from '../codec/cie.js';
import type { Extension } from '../codec/extension.js';
import type { CieMessage, NhrpMessage } from '../codec/message.js';
import {
  AUTHENTICATION,
  checksumOf,
  cieMessage,
  EXTENSIONS,
  errorsIn,
  exchange,
  hubSlot,
  indicationWith,
  octetsOf,
  PASSWORD,
  parseTrace,
  ready,
  repliesIn,
  STRANGER,
  UNKNOWN_COMPULSORY,
} from './by-hand.test-support.js';
import {
  address,
  blueprint,
  HUB,
  LIMITS,
  type Network,
  prefix,
} from './engine-network.test-support.js';
import { cieExtension, cieOf, headerOf } from './messages.js';

describe('RFC 2332 §5.2.3: registration', () => {
  it.each([0, 32, 64, 255])('takes a CIE prefix length of %i for the host', (prefixLength) => {
    const net = ready();
    const cies = [cieOf({ prefixLength, holdingTimeSeconds: 300 })];
    const [reply] = repliesIn(
      exchange(net, cieMessage(3, HUB.address, { cies, flags: 0x8000 })),
      4,
    );
    expect(reply?.cies[0]).toMatchObject({ code: 0, prefixLength, holdingTimeSeconds: 300 });
    expect(hubSlot(net, '10.0.0.7')).toBeGreaterThanOrEqual(0);
  });

  it('gives its own holding time when the request has none', () => {
    const net = ready();
    const cies = [cieOf({ prefixLength: 32 })];
    const [reply] = repliesIn(exchange(net, cieMessage(3, HUB.address, { cies })), 4);
    expect(reply?.cies[0]?.holdingTimeSeconds).toBe(300);
  });

  it.each([1, 2, 10, 65_535])('holds a binding for exactly its %i s', (holdingTimeSeconds) => {
    const net = ready();
    exchange(
      net,
      cieMessage(3, HUB.address, { cies: [cieOf({ prefixLength: 32, holdingTimeSeconds })] }),
    );
    net.run(holdingTimeSeconds * 1_000 - 100);
    expect(hubSlot(net, '10.0.0.7')).toBeGreaterThanOrEqual(0);
    net.run(200);
    expect(hubSlot(net, '10.0.0.7')).toBe(-1);
  });

  it.each([10, 7_200])(
    'is refreshed at a third of a holding time of %i s, ten per cent either way',
    (seconds) => {
      const net = blueprint({ holdingTimeSeconds: seconds });
      net.run(100_000 + seconds * 10_000);
      const times = net.trace
        .map(parseTrace)
        .flatMap(({ by, message }, i) =>
          by === 's1' && message.type === 3 ? [Number(net.trace[i]?.split(' ')[0])] : [],
        );
      const gaps = times.slice(1).map((t, i) => t - (times[i] ?? 0));
      for (const gap of gaps) {
        expect(gap).toBeGreaterThan(seconds * 300 - 10);
        expect(gap).toBeLessThan(seconds * 366.7 + 10);
      }
    },
  );

  it('answers a refusal with a holding time of 0 and keeps the old binding: code 14', () => {
    const net = ready();
    const cies = [
      cieOf({ prefixLength: 32, holdingTimeSeconds: 300, protocolAddress: address('10.0.0.1') }),
    ];
    const [reply] = repliesIn(
      exchange(net, cieMessage(3, HUB.address, { cies, flags: 0x8000 })),
      4,
    );
    expect(reply?.cies[0]).toMatchObject({ code: 14, holdingTimeSeconds: 0 });
    const kept = net.engine('hub').cache.nbmaOf(hubSlot(net, '10.0.0.1'));
    expect(kept?.address.toString()).toBe('192.168.1.2');
  });

  it('lets the same NBMA address refresh a unique binding', () => {
    const net = ready();
    const request = cieMessage(3, HUB.address, { flags: 0x8000 });
    exchange(net, request);
    const [reply] = repliesIn(exchange(net, { ...request, requestId: 78 }), 4);
    expect(reply?.cies[0]?.code).toBe(0);
  });

  it('lets a binding that is not unique move to another NBMA address', () => {
    const net = ready({ unique: false });
    const cies = [
      cieOf({ prefixLength: 32, holdingTimeSeconds: 300, protocolAddress: address('10.0.0.1') }),
    ];
    exchange(net, cieMessage(3, HUB.address, { cies }));
    const moved = net.engine('hub').cache.nbmaOf(hubSlot(net, '10.0.0.1'));
    expect(moved?.address.toString()).toBe('192.168.7.2');
  });

  it('refuses the unique bit on a prefix, and takes a prefix without it', () => {
    const net = ready();
    const lan = {
      prefixLength: 24,
      holdingTimeSeconds: 300,
      protocolAddress: address('172.16.7.0'),
    };
    const ask = (flags: number) =>
      repliesIn(exchange(net, cieMessage(3, HUB.address, { flags, cies: [cieOf(lan)] })), 4)[0]
        ?.cies[0]?.code;
    expect(ask(0x8000)).toBe(4);
    expect(ask(0)).toBe(0);
    const slot = net.engine('hub').cache.findPrefix(prefix('172.16.7.0/24'), net.now);
    expect(net.engine('hub').cache.kindOf(slot)).toBe('dynamic');
  });

  it('takes several CIEs in one request, and says what became of each', () => {
    const net = ready();
    const own = (text: string): Cie =>
      cieOf({ prefixLength: 32, holdingTimeSeconds: 300, protocolAddress: address(text) });
    const cies = [own('10.0.0.7'), own('10.0.0.1'), own('10.0.0.8')];
    const [reply] = repliesIn(
      exchange(net, cieMessage(3, HUB.address, { cies, flags: 0x8000 })),
      4,
    );
    expect(reply?.cies.map((c) => c.code)).toEqual([0, 14, 0]);
  });

  it('answers a request without a CIE with an empty reply', () => {
    const [reply] = repliesIn(exchange(ready(), cieMessage(3, HUB.address, { cies: [] })), 4);
    expect(reply?.cies).toEqual([]);
  });

  it('keeps source and destination in the reply, and names itself to who does not know it', () => {
    const [known] = repliesIn(exchange(ready(), cieMessage(3, HUB.address)), 4);
    expect(String(known?.sourceProtocolAddress)).toBe('10.0.0.7');
    expect(String(known?.destinationProtocolAddress)).toBe(HUB.address);
    const [dynamic] = repliesIn(exchange(ready(), cieMessage(3, '10.0.0.7')), 4);
    expect(String(dynamic?.destinationProtocolAddress)).toBe(HUB.address);
  });

  it.each(['0.0.0.0', '224.0.0.5', '255.255.255.255', HUB.nbma])(
    'makes no binding to NBMA address %s',
    (nbma) => {
      const net = ready();
      const cies = [
        cieOf({ prefixLength: 32, holdingTimeSeconds: 300, nbmaAddress: address(nbma) }),
      ];
      const [reply] = repliesIn(exchange(net, cieMessage(3, HUB.address, { cies })), 4);
      expect(reply?.cies[0]?.code).toBe(4);
      expect(hubSlot(net, '10.0.0.7')).toBe(-1);
    },
  );

  it('refuses its own address, statically mapped ones, and more than a peer may have', () => {
    const net = ready({ limits: { ...LIMITS, maxEntriesPerPeer: 2 } });
    net.command('hub', {
      kind: 'map',
      prefix: prefix('10.0.0.50/32'),
      nbma: address('192.168.50.2'),
    });
    const codes = ['10.0.0.100', '10.0.0.50', '10.0.0.7', '10.0.0.8', '10.0.0.9'].map((text) => {
      const cies = [
        cieOf({ prefixLength: 32, holdingTimeSeconds: 300, protocolAddress: address(text) }),
      ];
      return repliesIn(exchange(net, cieMessage(3, HUB.address, { cies })), 4)[0]?.cies[0]?.code;
    });
    expect(codes).toEqual([4, 4, 0, 0, 5]);
  });

  it('takes code 4 in a reply for the refusal that it is (FRR #22957)', () => {
    const net = blueprint();
    net.command('hub', {
      kind: 'map',
      prefix: prefix('10.0.0.1/32'),
      nbma: address('192.168.77.2'),
    });
    net.run(2_000);
    expect(net.engine('s1').bestNhs).toBeNull();
    expect(net.eventsOf('s1')).toContainEqual(
      expect.objectContaining({ type: 'registration-failed', reason: 'refused', code: 4 }),
    );
  });

  it('request ids go on after a restart (non-volatile memory)', () => {
    const net = ready();
    const saved = net.engine('s1').snapshot(net.now);
    net.restart('s1', saved);
    net.run(100);
    const ids = net.trace
      .map(parseTrace)
      .flatMap(({ by, message }) => (by === 's1' && message.type === 3 ? [message.requestId] : []));
    expect(ids.at(-1)).toBeGreaterThan((ids[0] ?? 0) + 99);
  });

  it('tells a spoke behind a NAT its outside address, and stores both', () => {
    const net = ready();
    const sent = exchange(net, cieMessage(3, HUB.address), '192.168.99.9');
    const nat = repliesIn(sent, 4)[0]?.extensions?.find((e) => e.type === 9);
    expect(
      nat?.kind === 'cies' && nat.cies.map((c) => `${c.protocolAddress} ${c.nbmaAddress}`),
    ).toEqual(['10.0.0.7 192.168.99.9']);
    const entry = net.engine('hub').cache.entry(hubSlot(net, '10.0.0.7'));
    expect(`${entry.nbma?.address} ${entry.claimedNbma}`).toBe('192.168.99.9 192.168.7.2');
  });

  it('raw GRE: refuses a second station behind the same NAT address', () => {
    const net = ready();
    exchange(net, cieMessage(3, HUB.address), '192.168.99.9');
    const other = {
      ...cieMessage(3, HUB.address),
      sourceNbmaAddress: address('192.168.8.2'),
      sourceProtocolAddress: address('10.0.0.8'),
    };
    expect(repliesIn(exchange(net, other, '192.168.99.9'), 4)[0]?.cies[0]?.code).toBe(4);
  });
});

describe('RFC 2332 §5.2.1, §5.2.2: resolution', () => {
  const request = (more: Partial<CieMessage> = {}) =>
    cieMessage(1, '172.16.1.5', { flags: 0xc802, ...more });

  it('a reply keeps Q, S and NAT of the request and adds A and D', () => {
    const sent = exchange(ready(), request(), '192.168.7.2', '192.168.1.2');
    expect(repliesIn(sent, 2)[0]?.flags).toBe(0xc802 | 0x2000 | 0x1000);
  });

  it('the source is cached only with S and a holding time (FRR #21515)', () => {
    const cached = (more: Partial<CieMessage>): boolean => {
      const net = ready();
      exchange(net, request(more), '192.168.7.2', '192.168.1.2');
      return net.engine('s1').cache.find(address('10.0.0.7'), net.now) >= 0;
    };
    expect(cached({})).toBe(true);
    expect(cached({ flags: 0xc002 })).toBe(false);
    expect(cached({ cies: [cieOf({ prefixLength: 32 })] })).toBe(false);
  });

  it('§6.3: the prefix of a reply holds no route that goes elsewhere', () => {
    const net = ready();
    const change = {
      action: 'add',
      prefix: prefix('172.16.1.128/25'),
      via: address('10.0.0.100'),
      kind: 'static',
    } as const;
    net.engine('s1').handleRoutes(net.now, [change]);
    const sent = exchange(net, request(), '192.168.7.2', '192.168.1.2');
    expect(repliesIn(sent, 2)[0]?.cies[0]?.prefixLength).toBe(25);
  });

  it('answers U for a binding that is not unique with code 13', () => {
    const net = ready({ unique: false });
    const sent = exchange(net, request({ flags: 0xd802 }), '192.168.7.2', '192.168.1.2');
    expect(repliesIn(sent, 2)[0]?.cies[0]).toMatchObject({ code: 13, holdingTimeSeconds: 0 });
  });

  it('answers an address of its network that nobody registered with code 12', () => {
    const net = ready({ prefixLength: 24 });
    const sent = exchange(net, request({ destinationProtocolAddress: address('10.0.0.66') }));
    expect(repliesIn(sent, 2)[0]?.cies[0]?.code).toBe(12);
  });

  it('a reply that nobody asked for is dropped and counted, and changes nothing', () => {
    const net = ready();
    const reply = { ...cieMessage(2, '172.16.9.1'), sourceProtocolAddress: address('10.0.0.1') };
    const sizeBefore = net.engine('s1').cache.size;
    exchange(net, reply, '192.168.7.2', '192.168.1.2');
    expect(net.engine('s1').stats().dropped.unsolicited).toBe(1);
    expect(net.engine('s1').cache.size).toBe(sizeBefore);
  });

  it.each(['0.0.0.0', '224.0.0.5', '192.168.1.2'])(
    'a reply that names NBMA address %s is not installed',
    (nbma) => {
      const net = ready();
      net.cut('s2');
      net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1');
      net.run(10);
      const pending = net.trace
        .map(parseTrace)
        .find(({ by, message }) => by === 's1' && message.type === 1);
      const asked = pending?.message as CieMessage;
      const cies = [
        cieOf({
          prefixLength: 24,
          holdingTimeSeconds: 300,
          nbmaAddress: address(nbma),
          protocolAddress: address('10.0.0.2'),
        }),
      ];
      exchange(
        net,
        { ...asked, type: 2, cies, extensions: [AUTHENTICATION] },
        HUB.nbma,
        '192.168.1.2',
      );
      expect(net.engine('s1').shortcuts()).toEqual([]);
    },
  );

  it('a reply cannot widen a shortcut past the route that led to the hub, nor past /8', () => {
    const net = ready();
    net.cut('s2');
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1');
    net.run(10);
    const pending = net.trace
      .map(parseTrace)
      .find(({ by, message }) => by === 's1' && message.type === 1);
    const cies = [
      cieOf({
        prefixLength: 1,
        holdingTimeSeconds: 300,
        nbmaAddress: address('192.168.2.2'),
        protocolAddress: address('10.0.0.2'),
      }),
    ];
    exchange(
      net,
      { ...(pending?.message as CieMessage), type: 2, cies, extensions: [AUTHENTICATION] },
      HUB.nbma,
      '192.168.1.2',
    );
    expect(
      net
        .engine('s1')
        .shortcuts()
        .map((s) => s.prefix.length),
    ).toEqual([16]);
  });
});

describe('RFC 2332 §5.2.5: purge', () => {
  const purge = (text: string, more: Partial<CieMessage> = {}): CieMessage =>
    cieMessage(5, HUB.address, {
      cies: [cieOf({ prefixLength: 32, protocolAddress: address(text) })],
      ...more,
    });

  it('takes back what the same station registered, and is answered', () => {
    const net = ready();
    exchange(net, cieMessage(3, HUB.address));
    const sent = exchange(net, purge('10.0.0.7'));
    expect(repliesIn(sent, 6).length).toBe(1);
    expect(hubSlot(net, '10.0.0.7')).toBe(-1);
  });

  it('is not answered when N is set', () => {
    const net = ready();
    exchange(net, cieMessage(3, HUB.address));
    expect(repliesIn(exchange(net, purge('10.0.0.7', { flags: 0x8000 })), 6)).toEqual([]);
    expect(hubSlot(net, '10.0.0.7')).toBe(-1);
  });

  it('does not take back what another station registered', () => {
    const net = ready();
    exchange(net, purge('10.0.0.1'));
    expect(hubSlot(net, '10.0.0.1')).toBeGreaterThanOrEqual(0);
  });

  it('goes on to everyone who was given the mapping', () => {
    const net = ready({ prefixLength: 24, answerFromRegistrations: true });
    exchange(net, cieMessage(3, HUB.address));
    net.miss('s1', '10.0.0.7');
    net.run(100);
    expect(net.engine('s1').locate(net.now, address('10.0.0.7')).kind).toBe('direct');
    exchange(net, purge('10.0.0.7'));
    expect(net.engine('s1').locate(net.now, address('10.0.0.7')).kind).toBe('pending');
  });
});

describe('RFC 2332 §5.2.7: errors', () => {
  it('are never about an error, whatever it holds', () => {
    const net = ready();
    for (const errorCode of [1, 3, 6, 7, 8, 9, 10, 11, 15, 999]) {
      const error = {
        ...headerOf(STRANGER, address(HUB.address)),
        type: 7,
        unused: 0,
        errorCode,
        errorOffset: 0,
        packet: new Uint8Array(40),
        extensions: null,
      } as const;
      expect(exchange(net, error)).toEqual([]);
    }
  });

  it.each([
    [false, 11, undefined],
    [true, 11, undefined], // who sent no password is not told ours
    [false, 1, undefined],
    [true, 1, [7]],
  ] as const)(
    'come from the node that found the fault, quote at most 128 octets, and have no extensions but, with authenticateErrors %s and code %i, the password',
    (authenticateErrors, errorCode, types) => {
      const net = ready({ authenticateErrors });
      const extensions = errorCode === 11 ? null : [AUTHENTICATION, UNKNOWN_COMPULSORY];
      const error = exchange(net, cieMessage(3, HUB.address, { extensions }))[0]?.message;
      expect(error).toMatchObject({ type: 7, errorCode, hopCount: 255 });
      expect(String(error?.sourceProtocolAddress)).toBe(HUB.address);
      expect(String(error?.destinationProtocolAddress)).toBe('10.0.0.7');
      expect(error?.extensions?.map((e) => e.type)).toEqual(types);
      expect(error?.type === 7 && error.packet.length <= 128).toBe(true);
    },
  );

  it('are limited: one a second for a source', () => {
    const net = ready();
    const bad = cieMessage(3, HUB.address, { extensions: null });
    const count = [...Array(20)].reduce((n: number) => n + errorsIn(exchange(net, bad)).length, 0);
    expect(count).toBe(1);
  });

  it('two nodes with different passwords do not answer each other for ever', () => {
    const net = blueprint();
    net.add('stranger', { address: '10.0.0.9', nbma: '192.168.9.9', nhs: true, password: 'wrong' });
    net.run(60_000);
    const errors = net.trace.map(parseTrace).filter(({ message }) => message.type === 7);
    expect(errors.length).toBeLessThan(10);
  });

  it('error 7 for a packet type that does not exist', () => {
    const net = ready();
    const octets = octetsOf(cieMessage(3, HUB.address, { extensions: null }));
    octets[17] = 99;
    octets[12] = octets[13] = 0;
    const sum = checksumOf(octets);
    octets[12] = sum >> 8;
    octets[13] = sum;
    const before = net.trace.length;
    net.inject('192.168.7.2', HUB.nbma, octets);
    net.run(10);
    expect(errorsIn(net.trace.slice(before).map(parseTrace))).toEqual([7]);
  });

  it('error 9 for a duplicate extension', () => {
    const net = ready();
    const sent = exchange(
      net,
      cieMessage(3, HUB.address, { extensions: [...EXTENSIONS, cieExtension(4)] }),
    );
    expect(errorsIn(sent)).toEqual([9]);
  });
});

describe('RFC 2332 §5.3: extensions', () => {
  it('an end station answers an unknown compulsory extension with error 1 and does nothing else', () => {
    const net = ready();
    const extensions = [...EXTENSIONS, UNKNOWN_COMPULSORY];
    expect(errorsIn(exchange(net, cieMessage(3, HUB.address, { extensions })))).toEqual([1]);
    expect(hubSlot(net, '10.0.0.7')).toBe(-1);
  });

  it('a transit server forwards an unknown compulsory extension and is not recorded (FRR drops it)', () => {
    const extensions = [...EXTENSIONS, UNKNOWN_COMPULSORY];
    const sent = exchange(ready(), cieMessage(1, '172.16.1.5', { extensions, flags: 0xc802 }));
    const onward = sent.find(({ by, to }) => by === 'hub' && to === '192.168.1.2');
    const record = onward?.message.extensions?.find((e) => e.type === 4);
    expect(record?.kind === 'cies' && record.cies).toEqual([]);
    expect(onward?.message.extensions?.at(-1)).toMatchObject({ type: 0x123, compulsory: true });
  });

  it('an unknown extension that is not compulsory comes back unchanged in the reply', () => {
    const extension = { ...UNKNOWN_COMPULSORY, compulsory: false, type: 0x3900 };
    const sent = exchange(
      ready(),
      cieMessage(3, HUB.address, { extensions: [...EXTENSIONS, extension] }),
    );
    expect(repliesIn(sent, 4)[0]?.extensions?.at(-1)).toMatchObject({
      type: 0x3900,
      compulsory: false,
    });
  });

  it('transit keeps the order, adds itself to the record and makes authentication anew, once', () => {
    const sent = exchange(ready(), cieMessage(1, '172.16.1.5', { flags: 0xc802 }));
    const onward = sent.find(({ by, to }) => by === 'hub' && to === '192.168.1.2')?.message;
    expect(onward?.extensions?.map((e) => e.type)).toEqual([3, 4, 5, 7, 9]);
    const record = onward?.extensions?.[1];
    expect(record?.kind === 'cies' && record.cies.map((c) => String(c.protocolAddress))).toEqual([
      HUB.address,
    ]);
    expect(onward?.hopCount).toBe(254);
  });

  it.each([
    [0, [15]],
    [1, [15]],
    [2, []],
    [255, []],
  ])('a hop count of %i on the way is answered by error %j', (hopCount, codes) => {
    expect(
      errorsIn(exchange(ready(), cieMessage(1, '172.16.1.5', { hopCount, flags: 0xc802 }))),
    ).toEqual(codes);
  });

  it.each([0, 1, 255])('a hop count of %i does not matter at the destination', (hopCount) => {
    expect(repliesIn(exchange(ready(), cieMessage(3, HUB.address, { hopCount })), 4).length).toBe(
      1,
    );
  });

  it('loop: the own address in the forward record is error 3, once, and the packet is gone', () => {
    const own = cieOf({ nbmaAddress: address(HUB.nbma), protocolAddress: address(HUB.address) });
    const extensions = [cieExtension(4, [own]), AUTHENTICATION];
    const sent = exchange(ready(), cieMessage(1, '172.16.1.5', { extensions }));
    expect(errorsIn(sent)).toEqual([3]);
    expect(sent.length).toBe(1);
  });

  it('no route is error 6', () => {
    expect(errorsIn(exchange(ready(), cieMessage(1, '203.0.113.9', { flags: 0xc802 })))).toEqual([
      6,
    ]);
  });
});

describe('RFC 2332 §5.3.4: authentication', () => {
  const state = (net: Network) =>
    JSON.stringify(
      [...net.engine('hub').cache.entries(net.now)].map((e) => [e.kind, e.prefix, e.nbma]),
    );

  it.each([1, 2, 3, 4, 5, 6] as const)(
    'type %i without or with a wrong password changes nothing',
    (type) => {
      const wrong = { ...AUTHENTICATION, data: PASSWORD.slice(0, 6) } as Extension;
      for (const extensions of [
        null,
        [],
        [wrong],
        [{ ...AUTHENTICATION, spi: 2, source: new Uint8Array(4) } as Extension],
      ]) {
        const net = ready();
        const before = state(net);
        exchange(net, cieMessage(type, HUB.address, { extensions }));
        expect(state(net)).toBe(before);
        expect(net.engine('hub').stats().dropped.authentication).toBe(1);
      }
    },
  );

  it('an indication without the password starts no resolution', () => {
    const net = ready();
    exchange(net, indicationWith(null), HUB.nbma, '192.168.1.2');
    expect(net.engine('s1').stats().sent[1]).toBe(0);
    exchange(net, indicationWith([AUTHENTICATION]), HUB.nbma, '192.168.1.2');
    expect(net.engine('s1').stats().sent[1]).toBe(1); // with it, it does
  });

  it('any password of the list is accepted, and the peer is answered with its own: roll-over', () => {
    const password = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
    const net = blueprint({
      authentication: { kind: 'cisco', passwords: [password('new'), PASSWORD] },
    });
    net.run(2_000);
    const dataOf = (message: NhrpMessage | undefined): Uint8Array | null => {
      const found = message?.extensions?.find((e) => e.kind === 'authentication');
      return found?.kind === 'authentication' ? found.data : null;
    };
    const exchanged = exchange(net, cieMessage(3, HUB.address));
    expect(dataOf(repliesIn(exchanged, 4)[0])).toEqual(PASSWORD);
    // our own spokes use the first, and are answered with that
    expect(net.trace.filter((line) => line.includes('6e6577')).length).toBeGreaterThan(0);
  });
});

describe('traffic indications', () => {
  const indication = (packet: Uint8Array) =>
    ({
      ...headerOf({ ...STRANGER, protocol: address(HUB.address) }, address('172.16.1.1')),
      type: 8,
      unused: 0,
      trafficCode: 0,
      unused2: 0,
      packet,
      extensions: EXTENSIONS,
    }) as const;
  const ipv4 = (bytes: number[]) =>
    Uint8Array.from([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 172, 16, 1, 1, ...bytes]);

  it('with an inner packet of every length from 0 to 60 never throw, and need its header', () => {
    for (let octets = 0; octets <= 60; octets++) {
      const net = ready();
      const inner = new Uint8Array(octets);
      inner.set(ipv4([172, 16, 2, 1]).subarray(0, octets));
      exchange(net, indication(inner), HUB.nbma, '192.168.1.2');
      expect(net.engine('s1').stats().sent[1]).toBe(octets >= 20 ? 1 : 0);
    }
  });

  it.each([
    ['multicast', [224, 0, 0, 5]],
    ['an own LAN', [172, 16, 1, 9]],
    ['nothing', [0, 0, 0, 0]],
  ])('about %s start no resolution', (_, destination) => {
    const net = ready();
    exchange(net, indication(ipv4(destination)), HUB.nbma, '192.168.1.2');
    expect(net.engine('s1').stats().sent[1]).toBe(0);
  });

  it('are sent at once, three times five seconds apart, and then once a minute for a pair', () => {
    const net = ready();
    net.cut('s2');
    net.engine('s1').command(net.now, { kind: 'clear', what: 'counters' });
    for (let i = 0; i < 1_800; i++) {
      net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1');
      net.run(100);
    }
    const times = net.trace
      .filter((l) => parseTrace(l).message.type === 8)
      .map((l) => Math.round((Number(l.split(' ')[0]) - 2_000) / 1_000));
    expect(times).toEqual([0, 5, 10, 15, 75, 135]);
  });

  it('are not sent about multicast, nor to who is not registered', () => {
    const net = ready();
    net.forwarded('hub', 's1', '172.16.1.1', '224.0.0.5');
    net.engine('hub').handleForwarded(net.now, ipv4([172, 16, 2, 1]), {
      address: address('192.168.55.5'),
      port: 0,
    });
    net.run(10);
    expect(net.engine('hub').stats().sent[8]).toBe(0);
  });

  it('quote at least 28 octets and carry the extensions that Cisco sends', () => {
    const net = ready();
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1');
    const sent = net.trace.map(parseTrace).find(({ message }) => message.type === 8)?.message;
    expect(sent?.type === 8 && sent.packet.length).toBe(68);
    expect(sent?.extensions?.map((e) => e.type)).toEqual([4, 5, 7, 9]);
    expect(String(sent?.destinationProtocolAddress)).toBe('172.16.1.1');
  });
});

describe('several stations behind one NAT', () => {
  it('are told apart by port when the carrier has ports, and neither flaps (FRR #8308)', () => {
    const net = blueprint({ defaultPort: 4_754 });
    const register = (protocol: string, nbma: string, port: number) => {
      const message = {
        ...cieMessage(3, HUB.address),
        sourceProtocolAddress: address(protocol),
        sourceNbmaAddress: address(nbma),
      };
      net.engine('hub').handleMessage(
        net.now,
        {
          local: { address: address(HUB.nbma), port: 4_754 },
          remote: { address: address('192.168.99.9'), port },
        },
        octetsOf(message),
      );
    };
    for (let round = 0; round < 5; round++) {
      register('10.0.0.7', '192.168.7.2', 40_001);
      register('10.0.0.8', '192.168.7.3', 40_002);
      net.run(50_000);
    }
    const hub = net.engine('hub');
    expect(hub.locate(net.now, address('10.0.0.7')).nbma?.port).toBe(40_001);
    expect(hub.locate(net.now, address('10.0.0.8')).nbma?.port).toBe(40_002);
    expect(
      net
        .eventsOf('hub')
        .filter((e) => e.type === 'entry-removed' && e.nbma?.startsWith('192.168.99.9')),
    ).toEqual([]);
  });
});
