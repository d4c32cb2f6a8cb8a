/** Authorisation by asking (facts A.4): what becomes of registrations while the caller thinks. */
import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, messageOctets } from '../codec/message.js';
import { address, blueprint, LIMITS, type Network } from './engine-network.test-support.js';
import { cieOf } from './messages.js';

const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (h) => Number.parseInt(h, 16));

/** What s1 sent first: its Registration Request. */
function requestOf(net: Network): Uint8Array {
  const line = net.trace.find((l) => l.split(' ')[1] === 's1');
  return fromHex(line?.split(' ')[4] ?? '');
}

const askedAbout = (net: Network, nbma: string): number[] =>
  net
    .questionsOf('hub')
    .flatMap(({ id, question }) =>
      question.kind === 'authorize-registration' && String(question.nbma.address) === nbma
        ? [id]
        : [],
    );

const repliesTo = (net: Network, nbma: string): number =>
  net.trace.filter((l) => l.includes(` hub > ${nbma} `)).length;

describe('RFC 2332 §5.2.0.1: a retransmission has the id of the request', () => {
  it('is no second question while the first is open, and the answer is one reply', () => {
    const net = blueprint({ authorize: true });
    net.run(9_000); // s1 has sent its request at 0 s, and again after 1, 3 and 7 s
    expect(net.trace.filter((l) => l.includes(' s1 > ')).length).toBeGreaterThanOrEqual(4);
    const [id, ...more] = askedAbout(net, '192.168.1.2');
    expect(more).toEqual([]);
    net.answer('hub', id ?? 0, { kind: 'accept' });
    net.run(10);
    expect(repliesTo(net, '192.168.1.2')).toBe(1);
    expect(net.engine('s1').bestNhs).not.toBeNull();
  });

  it('the next registration, of another id, is a question of its own', () => {
    const net = blueprint({ authorize: true });
    net.run(100);
    net.command('s1', { kind: 'reregister' });
    net.run(100);
    expect(askedAbout(net, '192.168.1.2').length).toBe(2);
  });

  it('after the answer the same id is asked about anew', () => {
    const net = blueprint({ authorize: true });
    net.run(100);
    for (const id of askedAbout(net, '192.168.1.2')) net.answer('hub', id, { kind: 'reject' });
    net.inject('192.168.1.2', '192.168.0.2', requestOf(net));
    net.run(10);
    expect(askedAbout(net, '192.168.1.2').length).toBe(2);
  });

  it('from another NBMA address, or with another claim, it is another question', () => {
    const net = blueprint({ authorize: true });
    net.run(100);
    net.inject('192.168.66.6', '192.168.0.2', requestOf(net));
    const decoded = decodeMessage(requestOf(net));
    if (!decoded.ok || !('cies' in decoded.value)) throw new Error('bug: no request');
    const cies = [cieOf({ protocolAddress: address('10.0.0.66'), holdingTimeSeconds: 300 })];
    const other = { ...decoded.value, cies };
    const octets = new Uint8Array(messageOctets(other));
    encodeMessage(other, octets, 0);
    net.inject('192.168.1.2', '192.168.0.2', octets);
    net.run(10);
    expect(askedAbout(net, '192.168.66.6').length).toBe(1);
    expect(askedAbout(net, '192.168.1.2').length).toBe(2);
    const [first] = askedAbout(net, '192.168.1.2');
    net.answer('hub', first ?? 0, { kind: 'accept' });
    expect(net.engine('hub').cache.find(address('10.0.0.66'), net.now)).toBe(-1);
  });

  it('retransmissions do not use up the limit on open questions', () => {
    const limits = { ...LIMITS, maxPendingAuthorizations: 2 };
    const net = blueprint({ authorize: true, limits });
    net.run(9_000);
    expect(net.eventsOf('hub').filter((e) => e.type === 'registration-refused')).toEqual([]);
    expect(net.questionsOf('hub').length).toBe(2);
  });
});
