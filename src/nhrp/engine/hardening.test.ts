/** What a peer that knows the password, or a recording of one, must not be able to do. */
import { describe, expect, it } from 'vitest';
import type { CieMessage, ErrorIndication } from '../codec/message.js';
import {
  AUTHENTICATION,
  cieMessage,
  exchange,
  indicationWith,
  octetsOf,
  parseTrace,
  ready,
  repliesIn,
  STRANGER,
} from './by-hand.test-support.js';
import { address, HUB, LIMITS, Network } from './engine-network.test-support.js';
import { cieExtension, cieOf, headerOf } from './messages.js';

/** For the given time, a bare error 11 about each registration of s1, in the hub's name, there before any reply. */
function forgeErrors(net: Network, forMs: number): void {
  let seen = net.trace.length;
  for (const end = net.now + forMs; net.now < end; ) {
    net.run(1);
    for (const line of net.trace.slice(seen)) {
      const { by, message } = parseTrace(line);
      if (by !== 's1' || message.type !== 3) continue;
      const error: ErrorIndication = {
        ...headerOf(STRANGER, address('10.0.0.1')),
        type: 7,
        unused: 0,
        errorCode: 11,
        errorOffset: 0,
        packet: octetsOf(message),
        extensions: null,
      };
      net.inject(HUB.nbma, '192.168.1.2', octetsOf(error));
    }
    seen = net.trace.length;
  }
}

const TO_S1 = ['192.168.7.2', '192.168.1.2'] as const;

describe('a peer that is let in', () => {
  it('does not keep a dead hub alive by repeating its reply', () => {
    const net = ready();
    const isReply = ({ by, message }: ReturnType<typeof parseTrace>): boolean =>
      by === 'hub' && message.type === 4 && String(message.sourceProtocolAddress) === '10.0.0.1';
    const reply = net.trace.map(parseTrace).find(isReply)?.message as CieMessage;
    net.cut('hub');
    for (let minute = 0; minute < 10; minute++) {
      net.inject(HUB.nbma, '192.168.1.2', octetsOf(reply));
      net.run(60_000);
    }
    expect(net.engine('s1').bestNhs).toBeNull();
  });

  it('does not keep a spoke from its hub by forging errors about the password', () => {
    const net = ready();
    forgeErrors(net, 400_000);
    expect(String(net.engine('s1').bestNhs?.address)).toBe(HUB.nbma);
    expect(net.eventsOf('s1').filter((e) => e.type === 'nhs-down')).toEqual([]);
    expect(net.engine('s1').stats().dropped.stale).toBe(0);
  });

  it('does not keep a dead hub alive by errors either', () => {
    const net = ready();
    net.cut('hub');
    forgeErrors(net, 400_000);
    expect(net.engine('s1').bestNhs).toBeNull();
  });

  it('has no purge answered that was not asked for', () => {
    const net = ready();
    const reply = {
      ...cieMessage(6, '10.0.0.7', { requestId: 0, extensions: [AUTHENTICATION] }),
      sourceProtocolAddress: address(HUB.address),
    };
    expect(exchange(net, reply, ...TO_S1).map(({ to }) => to)).toEqual([HUB.nbma]); // it goes on
  });

  it.each(['172.16.1.5', '127.0.0.1', '255.255.255.255', '224.0.0.9', '0.0.0.0'])(
    'gets no entry for %s: of our own network, or of none',
    (text) => {
      const net = ready();
      const request = { ...cieMessage(1, '10.0.0.1', { flags: 0xc802 }) };
      exchange(net, { ...request, sourceProtocolAddress: address(text) }, ...TO_S1);
      expect(net.engine('s1').cache.find(address(text), net.now)).toBe(-1);
    },
  );

  it('may not register a host of the network behind the server', () => {
    const net = ready();
    const registration = {
      ...cieMessage(3, HUB.address),
      sourceProtocolAddress: address('172.16.0.9'),
    };
    const [reply] = repliesIn(exchange(net, registration), 4);
    expect(reply?.cies[0]?.code).toBe(4);
    expect(net.engine('hub').locate(net.now, address('172.16.0.9')).kind).toBe('local');
  });

  it.each(['0.0.0.0/0', '10.0.0.0/8'])(
    'may register with a server of /32 whose device has %s, which is wider than the tunnel',
    (lan) => {
      const net = new Network();
      net.add('hub', { ...HUB, lan });
      net.add('s1', { address: '10.0.0.1', nbma: '192.168.1.2', nhs: true, lan: '0.0.0.0/0' });
      net.run(1_000);
      expect(net.engine('hub').locate(net.now, address('10.0.0.1')).kind).toBe('direct');
    },
  );

  it('fills the cache with sources of Resolution Requests up to its own share', () => {
    const net = ready({ limits: { ...LIMITS, maxEntriesPerPeer: 5 } });
    const record = cieExtension(4, [cieOf({ protocolAddress: address('10.0.0.99') })]);
    for (let n = 1; n <= 20; n++) {
      const named = {
        sourceProtocolAddress: address(`10.0.9.${n}`),
        sourceNbmaAddress: address(`192.168.9.${n}`),
      };
      const more = { flags: 0xc802, requestId: n, extensions: [record, AUTHENTICATION] };
      exchange(net, { ...cieMessage(1, HUB.address, more), ...named });
    }
    const cached = [...net.engine('hub').cache.entries(net.now)].filter((e) => e.kind === 'cached');
    expect(cached.length).toBe(3); // half: there is room for its registration
  });

  it('starts no resolution here by a redirect about packets that it was never sent', () => {
    const net = ready();
    const indication = indicationWith([AUTHENTICATION]);
    expect(exchange(net, indication, ...TO_S1)).toEqual([]);
    expect(exchange(net, indication, HUB.nbma, TO_S1[1])[0]?.message.type).toBe(1); // from the hub it does
  });
});
