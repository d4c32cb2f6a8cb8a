/** One test a clause, for messages on their way, and for what strangers write into them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostileNhrpOctets, nhrpOctets } from '../../testing/arbitraries/index.js';
import type { Cie } from '../codec/cie.js';
import type { CieMessage, NhrpMessage } from '../codec/message.js';
import {
  AUTHENTICATION,
  cieMessage,
  EXTENSIONS,
  errorsIn,
  exchange,
  PASSWORD,
  ready,
  type Sent,
  STRANGER,
} from './by-hand.test-support.js';
import { address, HUB, type Network } from './engine-network.test-support.js';
import { cieExtension, cieOf, headerOf } from './messages.js';

const request = (more: Partial<CieMessage> = {}): CieMessage =>
  cieMessage(1, '172.16.1.5', { flags: 0xc802, ...more });

/** A reply of spoke 1 to spoke 2, on its way through the hub. */
const reply = (more: Partial<CieMessage> = {}): CieMessage => ({
  ...cieMessage(2, '172.16.1.5', { flags: 0xe802 }),
  ...{ sourceProtocolAddress: address('10.0.0.2'), sourceNbmaAddress: address('192.168.2.2') },
  cies: [
    cieOf({
      ...{ prefixLength: 24, holdingTimeSeconds: 300 },
      ...{ nbmaAddress: address('192.168.1.2'), protocolAddress: address('10.0.0.1') },
    }),
  ],
  ...more,
});

const onwardIn = (sent: readonly Sent[], to: string): NhrpMessage | undefined =>
  sent.find((s) => s.by === 'hub' && s.to === to)?.message;

const ciesIn = (message: NhrpMessage | undefined, type: number): readonly Cie[] => {
  const found = message?.extensions?.find((e) => e.type === type);
  return found?.kind === 'cies' ? found.cies : [];
};

const textsIn = (message: NhrpMessage | undefined, type: number): string[] =>
  ciesIn(message, type).map((c) => `${c.protocolAddress} ${c.nbmaAddress}`);

const HUB_CIE = cieOf({ nbmaAddress: address(HUB.nbma), protocolAddress: address(HUB.address) });
const OTHER = cieOf({
  nbmaAddress: address('192.168.0.9'),
  protocolAddress: address('10.0.0.109'),
});

describe('RFC 2332 §5.3.2, §5.3.3: the transit records', () => {
  it('a request: behind those before us in the forward record, and nothing in the reverse one', () => {
    const extensions = [cieExtension(4, [OTHER]), cieExtension(5), AUTHENTICATION];
    const onward = onwardIn(exchange(ready(), request({ extensions })), '192.168.1.2');
    expect(textsIn(onward, 4)).toEqual(['10.0.0.109 192.168.0.9', '10.0.0.100 192.168.0.2']);
    expect(textsIn(onward, 5)).toEqual([]);
    expect(ciesIn(onward, 4)[1]).toMatchObject({ code: 0, prefixLength: 0 });
  });

  it('a reply: in the reverse record, and nothing in the forward one', () => {
    const sent = exchange(ready(), reply(), '192.168.1.2');
    const onward = onwardIn(sent, '192.168.2.2');
    expect(textsIn(onward, 5)).toEqual(['10.0.0.100 192.168.0.2']);
    expect(textsIn(onward, 4)).toEqual([]);
  });

  it('are not put into what has none', () => {
    const extensions = [cieExtension(3), AUTHENTICATION];
    const onward = onwardIn(exchange(ready(), request({ extensions })), '192.168.1.2');
    expect(onward?.extensions?.map((e) => e.type)).toEqual([3, 7]);
  });

  it('a reply that we stand in already, or that is our own answer, is a loop: error 3', () => {
    for (const type of [5, 3]) {
      const extensions = [cieExtension(type, [HUB_CIE]), AUTHENTICATION];
      const net = ready();
      expect(errorsIn(exchange(net, reply({ extensions }), '192.168.1.2'))).toEqual([3]);
      expect(net.engine('hub').stats().dropped.loop).toBe(1);
    }
  });
});

describe('RFC 2332 §5.2: a message on its way', () => {
  it('keeps its request id, flags, addresses and CIEs', () => {
    const sent = request({ requestId: 0xdead_beef, flags: 0xd803 });
    const onward = onwardIn(exchange(ready(), sent), '192.168.1.2') as CieMessage;
    const { hopCount, extensions, ...kept } = onward;
    const { hopCount: before, extensions: _, ...original } = sent;
    expect(kept).toEqual(original);
    expect([before - hopCount, extensions?.length]).toEqual([1, 5]);
  });

  it('that no longer fits is not sent: error 8', () => {
    const many = Array.from({ length: 60 }, () => OTHER); // 60 × 20 octets
    const extensions = [...EXTENSIONS.slice(2), cieExtension(4, many)];
    const cies = Array.from({ length: 10 }, () => cieOf({ prefixLength: 32 }));
    const net = ready();
    expect(errorsIn(exchange(net, request({ extensions, cies })))).toEqual([8]);
  });

  it('has the outside address of who is behind a NAT put into its NAT extension, if that is empty', () => {
    const net = ready();
    exchange(net, cieMessage(3, HUB.address), '192.168.99.9');
    const onward = onwardIn(exchange(net, request(), '192.168.99.9'), '192.168.1.2');
    expect(textsIn(onward, 9)).toEqual(['10.0.0.7 192.168.99.9']);
    const told = [...EXTENSIONS.slice(0, 4), cieExtension(9, [OTHER])];
    const again = exchange(net, request({ extensions: told }), '192.168.99.9');
    expect(textsIn(onwardIn(again, '192.168.1.2'), 9)).toEqual(['10.0.0.109 192.168.0.9']);
  });

  it('has the outside address of the answering station put into the reply as well', () => {
    const net = ready();
    exchange(net, cieMessage(3, HUB.address), '192.168.99.9');
    const cies = [
      cieOf({
        ...{ prefixLength: 32, holdingTimeSeconds: 300 },
        ...{ nbmaAddress: STRANGER.nbma, protocolAddress: STRANGER.protocol },
      }),
    ];
    const sent = exchange(net, reply({ cies }), '192.168.99.9');
    expect(textsIn(onwardIn(sent, '192.168.2.2'), 9)).toEqual(['10.0.0.7 192.168.99.9']);
  });

  it.each([
    [false, undefined],
    [true, [7]],
  ] as const)(
    'an error for somebody else goes on, and nothing is put into it but, with authenticateErrors %s, the password',
    (authenticateErrors, types) => {
      const error = {
        ...headerOf(STRANGER, address('10.0.0.1')),
        type: 7,
        ...{ unused: 0, errorCode: 6, errorOffset: 0, packet: new Uint8Array(40) },
        extensions: [AUTHENTICATION],
      } as const;
      const onward = onwardIn(exchange(ready({ authenticateErrors }), error), '192.168.1.2');
      expect(onward).toMatchObject({ type: 7, errorCode: 6, hopCount: 254 });
      expect(onward?.extensions?.map((e) => e.type)).toEqual(types);
    },
  );

  it('does not go back where it came from: error 6', () => {
    const sent = exchange(ready(), cieMessage(1, '10.0.0.1', { flags: 0xc802 }), '192.168.1.2');
    expect(errorsIn(sent)).toEqual([6]);
  });
});

describe('a traffic indication', () => {
  const indication = (packet: Uint8Array) =>
    ({
      ...headerOf({ ...STRANGER, protocol: address(HUB.address) }, address('172.16.1.1')),
      type: 8,
      ...{ unused: 0, trafficCode: 0, unused2: 0 },
      ...{ packet, extensions: EXTENSIONS },
    }) as const;
  const inner = (first: number, total: number): Uint8Array =>
    Uint8Array.from([
      ...[first, 0, total >> 8, total, 0, 0, 0, 0, 64, 17, 0, 0],
      ...[172, 16, 1, 1, 172, 16, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    ]);

  it.each([
    ['a header of no word', 0x40, 28],
    ['a header of four words', 0x44, 28],
    ['a total length of nothing', 0x45, 0],
    ['a total length inside the header', 0x45, 19],
    ['a header longer than the packet', 0x4f, 28],
    ['version 5', 0x55, 28],
    ['IPv6 that is cut off', 0x60, 28],
  ])('about a packet with %s starts no resolution (FRR 00542bb170)', (_, first, total) => {
    const net = ready();
    exchange(net, indication(inner(first, total)), HUB.nbma, '192.168.1.2');
    expect(net.engine('s1').stats().sent[1]).toBe(0);
    expect(net.engine('s1').stats().dropped.malformed).toBe(1);
  });

  it('is taken where it is right, and is no resolution where shortcuts are not wanted', () => {
    for (const [name, at, count] of [
      ['s1', '192.168.1.2', 1],
      ['hub', HUB.nbma, 0],
    ] as const) {
      const net = ready();
      exchange(net, indication(inner(0x45, 28)), HUB.nbma === at ? '192.168.1.2' : HUB.nbma, at);
      expect(net.engine(name).stats().sent[1], name).toBe(count);
    }
  });
});

describe('whatever strangers send, with every event switched on', () => {
  const inject = (net: Network, octets: Uint8Array): void => {
    const at = (text: string) => ({ address: address(text), port: 0 });
    const ends = { local: at(HUB.nbma), remote: at('192.168.7.2') };
    net.engine('hub').handleMessage(net.now, ends, octets);
  };

  it('nothing throws, and no event tells the password (FRR dabe8dc367)', () => {
    const net = ready();
    const told: string[] = [];
    fc.assert(
      fc.property(fc.oneof(hostileNhrpOctets(), nhrpOctets()), (octets) => {
        inject(net, octets);
        const hub = net.engine('hub');
        for (let output = hub.pollOutput(); output.kind !== 'timeout'; output = hub.pollOutput())
          if (output.kind === 'event') told.push(JSON.stringify(output.event));
      }),
      { numRuns: 500 },
    );
    expect(told.length).toBeGreaterThan(400);
    const secret = String.fromCharCode(...PASSWORD);
    const hex = [...PASSWORD].map((o) => o.toString(16)).join('');
    for (const text of told) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(hex);
      expect(text).not.toContain([...PASSWORD].join());
    }
  });

  it.each([7, 8] as const)(
    'type %i without the password changes nothing (FRR 05cd35616c)',
    (type) => {
      const net = ready();
      const packet = new Uint8Array(40).fill(0x45);
      const common = { ...headerOf(STRANGER, address(HUB.address)), unused: 0, packet };
      const numbers =
        type === 7 ? { errorCode: 11, errorOffset: 0 } : { trafficCode: 0, unused2: 0 };
      const before = net.engine('hub').cache.size;
      const sent = exchange(net, { ...common, type, ...numbers, extensions: null } as NhrpMessage);
      expect(errorsIn(sent)).toEqual(type === 7 ? [] : [11]);
      expect(net.engine('hub').stats().dropped.authentication).toBe(1);
      expect(net.engine('hub').cache.size).toBe(before);
    },
  );
});
