/** What changes under a running engine (RFC 2332 §5.2.3: a station registers anew when what it registered is no longer so). */
import { describe, expect, it } from 'vitest';
import type { CieMessage } from '../codec/message.js';
import {
  AUTHENTICATION,
  cieMessage,
  errorsIn,
  exchange,
  parseTrace,
  ready,
  repliesIn,
} from './by-hand.test-support.js';
import { address, blueprint, HUB, prefix } from './engine-network.test-support.js';
import { cieExtension, cieOf } from './messages.js';

describe('a station whose tunnel changes registers anew', () => {
  it('with another address: the old one is purged, the new one is known, both ways', () => {
    const net = ready();
    net.command('s1', { kind: 'own-address', address: address('10.0.0.9') });
    net.run(1_000);
    const { cache } = net.engine('hub');
    expect(cache.find(address('10.0.0.1'), net.now)).toBe(-1);
    expect(String(cache.nbmaOf(cache.find(address('10.0.0.9'), net.now))?.address)).toBe(
      '192.168.1.2',
    );
    expect(net.engine('s1').locate(net.now, address('10.0.0.9')).kind).toBe('local');
    expect(net.engine('s1').locate(net.now, address('10.0.0.1')).kind).not.toBe('local');
    expect(net.engine('s1').bestNhs).not.toBeNull();
    expect(net.engine('s1').ownAddresses.map(String)).toEqual(['10.0.0.9']);
  });

  it('with another address of another network: the connected route goes with it', () => {
    const net = blueprint();
    const at = { address: '10.0.0.7', nbma: '192.168.7.2', nhs: true, more: { prefixLength: 24 } };
    net.add('s7', at);
    net.command('s7', { kind: 'own-address', address: address('10.9.0.9') });
    const routes = [...net.engine('s7').routes].filter((r) => r.kind === 'connected');
    expect(routes.map((r) => String(r.prefix.address))).toEqual(['10.9.0.0']);
  });

  it('with another MTU: the request says it at once', () => {
    const net = ready();
    const before = net.trace.length;
    net.command('s1', { kind: 'mtu', mtu: 1_280 });
    net.run(10);
    const [request] = repliesIn(net.trace.slice(before).map(parseTrace), 3);
    expect(request?.cies[0]?.mtu).toBe(1_280);
  });
});

describe('a client that knows several passwords', () => {
  it('registers with the one that its server has gone over to, from the next refresh on', () => {
    const passwords = ['test123', 'new'].map((text) =>
      Uint8Array.from(text, (c) => c.charCodeAt(0)),
    );
    const net = ready();
    net.add('s7', {
      ...{ address: '10.0.0.7', nbma: '192.168.7.2', nhs: true },
      more: { authentication: { kind: 'cisco', passwords } },
    });
    net.run(1_000);
    const extension = { ...AUTHENTICATION, data: passwords[1] } as typeof AUTHENTICATION;
    exchange(
      net,
      { ...cieMessage(1, '10.0.0.7'), extensions: [extension] },
      HUB.nbma,
      '192.168.7.2',
    );
    const before = net.trace.length;
    net.command('s7', { kind: 'reregister' });
    net.run(10);
    const [request] = repliesIn(net.trace.slice(before).map(parseTrace), 3);
    const sent = request?.extensions?.find((e) => e.kind === 'authentication');
    expect(sent?.kind === 'authentication' && String(sent.data)).toBe(String(passwords[1]));
  });
});

describe('RFC 2332 §5.2.7: errors about replies', () => {
  it('go to who answered: 10 about one that nobody asked for (§5.2.2)', () => {
    const net = ready();
    const reply = { ...cieMessage(2, '172.16.9.1'), sourceProtocolAddress: address('10.0.0.1') };
    const sent = exchange(net, reply, '192.168.7.2', '192.168.1.2');
    expect(errorsIn(sent)).toEqual([10]);
    expect(String(sent[0]?.message.destinationProtocolAddress)).toBe('172.16.9.1');
  });

  it('3 about one of which we are the responder ourselves (§5.3.1)', () => {
    const net = ready();
    net.cut('s2');
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1');
    net.run(10);
    const isRequest = ({ by, message }: ReturnType<typeof parseTrace>): boolean =>
      by === 's1' && message.type === 1;
    const request = net.trace.map(parseTrace).find(isRequest)?.message as CieMessage;
    const responder = cieExtension(3, [cieOf({ protocolAddress: address('10.0.0.1') })]);
    const extensions = [responder, ...(request.extensions ?? []).filter((e) => e.type === 7)];
    const reply = { ...request, type: 2, cies: [cieOf({ holdingTimeSeconds: 300 })], extensions };
    const sent = exchange(net, reply as CieMessage, HUB.nbma, '192.168.1.2');
    expect(errorsIn(sent.filter(({ by }) => by === 's1'))).toEqual([3]);
  });
});

describe('registrations in part, and by other servers', () => {
  it('a registration that another server passed on is bound to the station, not to that server', () => {
    const net = ready();
    exchange(net, cieMessage(3, '10.0.0.1')); // the hub passes it on to spoke 1
    const { cache } = net.engine('s1');
    const slot = cache.find(address('10.0.0.7'), net.now);
    expect(String(cache.nbmaOf(slot)?.address)).toBe('192.168.7.2');
  });

  it('a prefix that is refused does not take the registered address with it', () => {
    const net = blueprint({ unique: false });
    net.add('s7', {
      ...{ address: '10.0.0.7', nbma: '192.168.7.2', nhs: true, unique: false },
      more: { alsoRegister: [prefix('172.16.7.0/24')] },
    });
    const map = { prefix: prefix('172.16.7.0/24'), nbma: address('192.168.50.2') };
    net.command('hub', { kind: 'map', ...map }); // what is configured is not given away
    net.run(2_000);
    expect(net.engine('s7').bestNhs).not.toBeNull();
    expect(net.engine('hub').cache.find(address('10.0.0.7'), net.now)).toBeGreaterThanOrEqual(0);
  });

  it('a Purge Reply that nobody waits for does not end a shutdown', () => {
    const net = ready();
    net.cut('hub');
    net.command('s1', { kind: 'shutdown' });
    const own = { sourceProtocolAddress: address('10.0.0.1'), requestId: 1_234 };
    exchange(net, { ...cieMessage(6, HUB.address), ...own }, '192.168.66.6', '192.168.1.2');
    expect(net.engine('s1').state).toBe('closing');
  });
});
