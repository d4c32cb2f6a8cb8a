/** One test a clause, the server's side: what is registered, answered for, asked about and purged. */
import { describe, expect, it } from 'vitest';
import type { Extension } from '../codec/extension.js';
import type { CieMessage, NhrpMessage } from '../codec/message.js';
import {
  cieMessage,
  EXTENSIONS,
  exchange,
  hubSlot,
  octetsOf,
  parseTrace,
  ready,
  repliesIn,
} from './by-hand.test-support.js';
import {
  address,
  blueprint,
  HUB,
  LIMITS,
  type Network,
  prefix,
} from './engine-network.test-support.js';
import { cieOf } from './messages.js';

const cieTexts = (message: NhrpMessage | undefined, type: number): string[] => {
  const found = message?.extensions?.find((e) => e.type === type);
  if (found?.kind !== 'cies') return ['no such extension'];
  return found.cies.map((c) => `${c.protocolAddress} ${c.nbmaAddress}`);
};

const HUB_CIE = `${HUB.address} ${HUB.nbma}`;

describe('RFC 2332 §5.3.1: the responder address', () => {
  it('of a registration, a resolution and a purge is that of the station that answers, once', () => {
    const net = ready();
    const registered = repliesIn(exchange(net, cieMessage(3, HUB.address)), 4)[0];
    expect(cieTexts(registered, 3)).toEqual([HUB_CIE]);
    const purged = repliesIn(exchange(net, cieMessage(5, HUB.address)), 6)[0];
    expect(cieTexts(purged, 3)).toEqual([HUB_CIE]);
    const request = cieMessage(1, '172.16.1.5', { flags: 0xc802 });
    const resolved = repliesIn(exchange(net, request, '192.168.7.2', '192.168.1.2'), 2)[0];
    expect(cieTexts(resolved, 3)).toEqual(['10.0.0.1 192.168.1.2']);
    expect(resolved?.requestId).toBe(request.requestId);
  });

  it('is not given to who did not ask for it', () => {
    const extensions = EXTENSIONS.slice(1);
    const [reply] = repliesIn(exchange(ready(), cieMessage(3, HUB.address, { extensions })), 4);
    expect(reply?.extensions?.map((e) => e.type)).toEqual([4, 5, 7, 9]);
  });
});

describe('RFC 2332 §5.3.5: the vendor extension', () => {
  it('is taken any number of times, and does not come back in the reply', () => {
    const vendor: Extension = {
      ...{ kind: 'vendor', type: 8, compulsory: false, reserved: false, oui: 0x123456 },
      data: Uint8Array.of(1, 2, 3),
    };
    const extensions = [...EXTENSIONS, vendor, vendor];
    const [reply] = repliesIn(exchange(ready(), cieMessage(3, HUB.address, { extensions })), 4);
    expect(reply?.cies[0]?.code).toBe(0);
    expect(reply?.extensions?.map((e) => e.type)).toEqual([3, 4, 5, 7, 9]);
  });
});

describe('RFC 2332 §5.2.3: a registration', () => {
  it.each(['10.0.0.255', '0.0.0.0', '255.255.255.255'])(
    'to %s, as OpenNHRP writes when it does not know the server, is ours',
    (destination) => {
      const [reply] = repliesIn(exchange(ready(), cieMessage(3, destination)), 4);
      expect(String(reply?.destinationProtocolAddress)).toBe(HUB.address);
    },
  );

  it('to another server goes on to it by the route, and is recorded', () => {
    const net = ready();
    const sent = exchange(net, cieMessage(3, '10.0.0.1'));
    const onward = sent.find(({ by, to }) => by === 'hub' && to === '192.168.1.2');
    expect([onward?.message.type, onward?.message.hopCount]).toEqual([3, 254]);
    expect(cieTexts(onward?.message, 4)).toEqual([HUB_CIE]);
    expect(hubSlot(net, '10.0.0.7')).toBe(-1);
  });

  it('makes an entry that says what was claimed: registered, unique, behind a NAT', () => {
    const net = ready();
    exchange(net, cieMessage(3, HUB.address, { flags: 0x8000 }), '192.168.99.9');
    const set = net
      .eventsOf('hub')
      .filter((e) => e.type === 'entry-set' && e.prefix === '10.0.0.7/32');
    expect(set).toMatchObject([{ flags: ['unique', 'registered', 'nat', 'up'] }]);
  });

  it('that nobody allows in 10 s is refused with code 4', () => {
    const net = blueprint({ authorize: true });
    net.run(9_900);
    const replies = () => repliesIn(net.trace.map(parseTrace), 4);
    expect(replies()).toEqual([]);
    net.run(200);
    expect(replies().map((reply) => reply.cies[0]?.code)).toEqual([4, 4]);
  });

  it('past the limit of open questions is refused with code 5', () => {
    const net = blueprint({ authorize: true, limits: { ...LIMITS, maxPendingAuthorizations: 2 } });
    net.run(100);
    const [reply] = repliesIn(exchange(net, cieMessage(3, HUB.address)), 4);
    expect(reply?.cies).toMatchObject([{ code: 5, holdingTimeSeconds: 0 }]);
    expect(net.questionsOf('hub').length).toBe(2);
  });

  it('that was refused by whoever was asked gets code 4, and leaves nothing', () => {
    const net = blueprint({ authorize: true });
    net.run(100);
    for (const { id } of net.questionsOf('hub')) net.answer('hub', id, { kind: 'reject' });
    const codes = repliesIn(net.trace.map(parseTrace), 4).map((reply) => reply.cies[0]?.code);
    expect(codes).toEqual([4, 4]);
    expect(net.engine('hub').cache.countOf('dynamic')).toBe(0);
  });
});

describe('the group of a spoke (Cisco `ip nhrp group`)', () => {
  const group = (name: string, oui = 0x00000c): Extension => ({
    ...{ kind: 'vendor', type: 8, compulsory: false, reserved: false, oui },
    data: Uint8Array.from(`\u0001${name}`, (c) => c.charCodeAt(0)),
  });
  const groupAfter = (extension: Extension): string | null => {
    const net = ready();
    exchange(net, cieMessage(3, HUB.address, { extensions: [...EXTENSIONS, extension] }));
    return net.engine('hub').cache.entry(hubSlot(net, '10.0.0.7')).group;
  };

  it('travels in the vendor extension, stands in the entry, and in the question', () => {
    const net = blueprint({ authorize: true });
    net.add('s7', {
      ...{ address: '10.0.0.7', nbma: '192.168.7.2', nhs: true },
      more: { group: 'gold' },
    });
    net.run(100);
    for (const { id } of net.questionsOf('hub')) net.answer('hub', id, { kind: 'accept' });
    const asked = net
      .questionsOf('hub')
      .map(({ question }) => 'group' in question && question.group);
    expect(asked).toEqual([null, null, 'gold']);
    const { cache } = net.engine('hub');
    expect(cache.entry(hubSlot(net, '10.0.0.7')).group).toBe('gold');
    expect(cache.entry(hubSlot(net, '10.0.0.1')).group).toBeNull();
  });

  it('is none when another vendor says it, or its octets are no printable name', () => {
    expect(groupAfter(group('silver'))).toBe('silver');
    expect(groupAfter(group('silver', 0x00000d))).toBeNull();
    expect(groupAfter(group(''))).toBeNull();
    expect(groupAfter(group('a\u0007b'))).toBeNull();
  });
});

describe('takeover of a unique address', () => {
  /** A protected hub that comes back with its store, and with no association yet to the spoke in it. */
  const codeAfterRestart = (takeover: 'refuse' | 'when-down' | 'always'): number | undefined => {
    const net = ready();
    const saved = net.engine('hub').snapshot(net.now);
    net.add('guarded', { ...HUB, nbma: '192.168.0.99', more: { protected: true, takeover } });
    net.restart('guarded', saved);
    const hub = net.engine('guarded');
    const from = { address: address('192.168.7.2'), port: 0 };
    hub.handlePeer(net.now, from, 'up');
    const cies = [
      cieOf({ prefixLength: 32, holdingTimeSeconds: 300, protocolAddress: address('10.0.0.1') }),
    ];
    const request = cieMessage(3, HUB.address, { cies, flags: 0x8000 });
    const local = { address: address('192.168.0.99'), port: 0 };
    hub.handleMessage(net.now, { local, remote: from }, octetsOf(request));
    net.run(0);
    return repliesIn(net.trace.map(parseTrace), 4).at(-1)?.cies[0]?.code;
  };

  it.each([
    ['refuse', 14],
    ['when-down', 0],
    ['always', 0],
  ] as const)('%s, when the old peer is not up: code %i', (takeover, code) => {
    expect(codeAfterRestart(takeover)).toBe(code);
  });

  it('when-down, while the old peer is up: code 14', () => {
    const cies = [
      cieOf({ prefixLength: 32, holdingTimeSeconds: 300, protocolAddress: address('10.0.0.1') }),
    ];
    const net = ready({ takeover: 'when-down' });
    const request = cieMessage(3, HUB.address, { cies, flags: 0x8000 });
    expect(repliesIn(exchange(net, request), 4)[0]?.cies[0]?.code).toBe(14);
  });
});

describe('RFC 2332 §5.2.2: an answer from a registration', () => {
  const answering = { answerFromRegistrations: true };
  const about = (more: Partial<CieMessage> = {}) =>
    cieMessage(1, '10.0.0.1', { flags: 0xc802, ...more });

  it('holds no longer than the registration has left, and is authoritative', () => {
    const net = ready({ ...answering, registrationIntervalSeconds: 280 });
    net.run(98_000);
    const [reply] = repliesIn(exchange(net, about()), 2);
    expect(reply?.cies).toMatchObject([
      { prefixLength: 32, nbmaAddress: address('192.168.1.2'), code: 0 },
    ]);
    expect(reply?.cies[0]?.holdingTimeSeconds).toBeGreaterThan(190);
    expect(reply?.cies[0]?.holdingTimeSeconds).toBeLessThan(205);
    expect(reply?.flags).toBe(0xc802 | 0x1000);
  });

  it('with U is refused by code 13 when the binding is not unique', () => {
    const net = ready({ ...answering, unique: false });
    const [reply] = repliesIn(exchange(net, about({ flags: 0xd802 })), 2);
    expect(reply?.cies).toMatchObject([{ code: 13, holdingTimeSeconds: 0 }]);
  });

  it('names the outside address of who is behind a NAT in the NAT extension', () => {
    const net = ready(answering);
    exchange(net, cieMessage(3, HUB.address), '192.168.99.9');
    const request = { ...about(), destinationProtocolAddress: address('10.0.0.7') };
    const from = { sourceProtocolAddress: address('10.0.0.2') };
    const sent = exchange(net, { ...request, ...from }, '192.168.2.2');
    const [reply] = repliesIn(sent, 2);
    expect(String(reply?.cies[0]?.nbmaAddress)).toBe('192.168.7.2');
    expect(cieTexts(reply, 9)).toEqual(['10.0.0.7 192.168.99.9']);
  });

  it('is none where the hub is not told to answer: the request goes on', () => {
    const sent = exchange(ready(), about());
    expect(sent.some(({ by, to }) => by === 'hub' && to === '192.168.1.2')).toBe(true);
  });
});

describe('RFC 2332 §5.2.4: a reply', () => {
  const request = cieMessage(1, '172.16.1.5', { flags: 0xc802 });
  const repliesTo = (net: Network): string[] =>
    exchange(net, request, HUB.nbma, '192.168.1.2').flatMap(({ by, to, message }) =>
      by === 's1' && message.type === 2 ? [to] : [],
    );

  it('goes straight to the requester when it can be reached', () => {
    expect(repliesTo(ready())).toEqual(['192.168.7.2']);
  });

  it('goes back the way that the request came when it cannot', () => {
    const unknown = { ...request, flags: 0xc002 }; // its binding may not be kept
    const sent = exchange(ready(), unknown, HUB.nbma, '192.168.1.2');
    const replies = sent.filter(({ by, message }) => by === 's1' && message.type === 2);
    expect(replies.map(({ to }) => to)).toEqual([HUB.nbma]);
  });
});

describe('RFC 2332 §5.2.5: a purge', () => {
  it('is passed on once, wanting no answer, to everyone who was given the mapping', () => {
    const net = ready({ prefixLength: 24, answerFromRegistrations: true });
    exchange(net, cieMessage(3, HUB.address));
    for (const spoke of ['s1', 's2']) net.miss(spoke, '10.0.0.7');
    net.run(100);
    const purge = cieMessage(5, HUB.address, {
      cies: [cieOf({ prefixLength: 32, protocolAddress: address('10.0.0.7') })],
    });
    const passed = exchange(net, purge).filter(
      ({ by, message }) => by === 'hub' && message.type === 5,
    );
    expect(passed.map(({ to }) => to).sort()).toEqual(['192.168.1.2', '192.168.2.2']);
    expect(passed.every(({ message }) => message.type === 5 && message.flags === 0x8000)).toBe(
      true,
    );
    expect(
      exchange(net, { ...purge, requestId: 78 }).filter(({ message }) => message.type === 5),
    ).toEqual([]);
  });

  it('of a prefix takes all of it that the sender registered', () => {
    const net = ready();
    const own = (text: string) =>
      cieOf({ prefixLength: 32, holdingTimeSeconds: 300, protocolAddress: address(text) });
    const cies = [own('10.0.0.7'), own('10.0.0.8'), own('10.0.1.9')];
    exchange(net, cieMessage(3, HUB.address, { cies }));
    const wide = cieOf({ prefixLength: 24, protocolAddress: address('10.0.0.0') });
    exchange(net, cieMessage(5, HUB.address, { cies: [wide] }));
    expect(['10.0.0.7', '10.0.0.8', '10.0.1.9'].map((a) => hubSlot(net, a) >= 0)).toEqual([
      false,
      false,
      true,
    ]);
    expect(hubSlot(net, '10.0.0.1')).toBeGreaterThanOrEqual(0);
  });

  it('by command empties the prefix here and where it was given', () => {
    const net = ready({ prefixLength: 24, answerFromRegistrations: true });
    net.miss('s1', '10.0.0.2');
    net.run(100);
    net.command('hub', { kind: 'purge', prefix: prefix('10.0.0.2/32') });
    net.run(10);
    expect(hubSlot(net, '10.0.0.2')).toBe(-1);
    expect(net.engine('s1').locate(net.now, address('10.0.0.2')).kind).toBe('pending');
  });
});

describe('an entry for each thing', () => {
  it('a static mapping is sent by, never expires, and goes by command alone', () => {
    const net = ready();
    const mapped = prefix('10.0.0.50/32');
    net.command('hub', { kind: 'map', prefix: mapped, nbma: address('192.168.50.2') });
    net.run(1_000_000);
    const found = net.engine('hub').locate(net.now, address('10.0.0.50'));
    expect([found.kind, String(found.nbma?.address)]).toEqual(['direct', '192.168.50.2']);
    net.command('hub', { kind: 'clear', what: 'cache' });
    expect(hubSlot(net, '10.0.0.50')).toBeGreaterThanOrEqual(0);
    net.command('hub', { kind: 'unmap', prefix: mapped });
    expect(hubSlot(net, '10.0.0.50')).toBe(-1);
  });

  it('a mapping of the configuration is there from the beginning', () => {
    const maps = [{ prefix: prefix('10.0.0.50/32'), nbma: address('192.168.50.2') }];
    expect(hubSlot(ready({ maps }), '10.0.0.50')).toBeGreaterThanOrEqual(0);
  });
});

describe('multicast targets', () => {
  it('are put out at the beginning, and again when they have changed, not when an entry is refreshed', () => {
    const net = blueprint();
    expect(net.targetsOf('hub')).toEqual([[]]);
    net.run(400_000); // three refreshes
    const one = ['192.168.1.2'];
    const both = [...one, '192.168.2.2'];
    expect(net.targetsOf('hub')).toEqual([[], one, both]);
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1'); // entries of shortcuts are no targets
    net.run(10_000);
    net.command('s1', { kind: 'shutdown' });
    net.cut('s2'); // its time goes by
    net.run(400_000);
    expect(net.targetsOf('hub')).toEqual([[], one, both, ['192.168.2.2'], []]);
  });

  const texts = (net: Network, name: string): string[] => [...(net.targetsOf(name).at(-1) ?? [])];

  it('are the registered spokes, the servers that are up, or what is configured, each once', () => {
    const net = ready();
    expect(texts(net, 'hub')).toEqual(['192.168.1.2', '192.168.2.2']);
    net.add('s7', {
      ...{ address: '10.0.0.7', nbma: '192.168.7.2', nhs: true },
      more: { multicast: ['nhs', address('192.168.55.2'), address(HUB.nbma)] },
    });
    expect(texts(net, 's7')).toEqual(['192.168.55.2', HUB.nbma]);
    net.run(2_000);
    expect(texts(net, 's7').sort()).toEqual([HUB.nbma, '192.168.55.2']);
    net.cut('hub');
    net.run(200_000);
    expect(texts(net, 's7')).toEqual(['192.168.55.2', HUB.nbma]); // configured
    net.add('s8', {
      ...{ address: '10.0.0.8', nbma: '192.168.8.2', nhs: true },
      more: { multicast: ['nhs'] },
    });
    expect(texts(net, 's8')).toEqual([]); // not up yet
  });
});

describe('a stranger', () => {
  it('with another protocol family changes nothing (FRR 8c01a3bd14)', () => {
    const net = ready();
    const v6 = { ...cieMessage(3, 'fd00::100'), protocolType: 0x86dd };
    exchange(net, { ...v6, sourceProtocolAddress: address('fd00::7') });
    expect(net.engine('hub').stats().dropped.unsupported).toBe(1);
    expect(hubSlot(net, 'fd00::7')).toBe(-1);
  });

  it('in the name of our own address is dropped', () => {
    const net = ready();
    const forged = { ...cieMessage(3, HUB.address), sourceProtocolAddress: address(HUB.address) };
    expect(exchange(net, forged)).toEqual([]);
    expect(net.engine('hub').stats().dropped['own-packet']).toBe(1);
  });

  it('is not heard while protection of its address is not up', () => {
    const net = ready();
    net.add('guarded', { ...HUB, nbma: '192.168.0.99', more: { protected: true } });
    exchange(net, cieMessage(3, HUB.address), '192.168.7.2', '192.168.0.99');
    expect(net.engine('guarded').stats().dropped['peer-not-up']).toBe(1);
    expect(net.engine('guarded').cache.countOf('dynamic')).toBe(0);
  });
});

describe('max-send', () => {
  it('bounds what is sent in a window, forwarded packets too, and counts the rest', () => {
    const net = blueprint({ limits: { ...LIMITS, maxSend: { packets: 5, seconds: 10 } } });
    net.run(2_000);
    const engine = net.engine('hub');
    const sent = (): number => engine.stats().sent.reduce((sum, n) => sum + n, 0);
    for (let i = 0; i < 20; i++) exchange(net, cieMessage(3, HUB.address, { requestId: i }));
    expect(sent()).toBe(5);
    expect(engine.stats().dropped['rate-limited']).toBe(22 - sent());
    net.run(10_000);
    for (let i = 0; i < 20; i++) exchange(net, cieMessage(1, '172.16.1.5', { flags: 0xc802 }));
    expect(engine.stats().forwarded).toBe(5);
  });
});

describe('a key that cannot be used', () => {
  it('a keyed hash without `mac` in the environment is refused by name', () => {
    const net = ready();
    const keys = [{ spi: 256, key: new Uint8Array(16) }];
    const add = () =>
      net.add('s7', {
        ...{ address: '10.0.0.7', nbma: '192.168.7.2' },
        more: { authentication: { kind: 'mac', keys } },
      });
    expect(add).toThrow('env.mac');
  });
});
