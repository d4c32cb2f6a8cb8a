/** Life and death of a peer, and what somebody who can forge messages in the clear may do about it: facts C.7, RFC 7296 §2.4, §2.21. */
import { describe, expect, it } from 'vitest';
import { decodeIkeMessage, messageBytes } from '../../src/ipsec/ike/message.js';
import { EXCHANGE, FLAG_INITIATOR, FLAG_RESPONSE, NOTIFY } from '../../src/ipsec/ike/numbers.js';
import { espSpiBytes } from '../../src/ipsec/ike/v2/child.js';
import { notify } from '../../src/ipsec/ike/v2/payloads.js';
import { IpAddress } from '../../src/wire/address.js';
import type { Endpoint, Path } from '../../src/wire/path.js';
import { unwrap } from '../../src/wire/result.js';
import {
  address,
  CLEAN,
  Machine,
  Network,
  type NetworkOptions,
  seeded,
  seededCrypto,
  usablePairs,
} from './pair.js';

const SEEDS = Number(process.env.IKE_SEEDS ?? 90);
const HOUR = 3_600_000;
const TIMEOUT = { timeout: 60_000 + 100 * SEEDS };

interface Two {
  readonly net: Network;
  readonly a: Machine;
  readonly b: Machine;
}

function up(seed = 1, wantedBy: 'one' | 'both' = 'one'): Two {
  const net = new Network(seeded(seed));
  const a = net.add('a', '192.0.2.1');
  const b = net.add('b', '192.0.2.2');
  a.want(0, b);
  if (wantedBy === 'both') b.want(0, a);
  net.run(15_000); // asked at 10 s, and next at 20 s
  expect(usablePairs(a, b)).toBe(1);
  return { net, a, b };
}

const endpointOf = (m: Machine): Endpoint => ({ address: m.address, port: 0 });
const deaths = (m: Machine): number =>
  m.log.filter((o) => o.kind === 'deleted' && o.why === 'peer-dead').length;

/** Runs `forMs`, and gives when the machine noticed that its peer is gone. */
function noticedAt({ net, a }: Two, forMs: number): number {
  const began = net.now;
  net.run(began + forMs, () => deaths(a) > 0);
  return deaths(a) > 0 ? net.now - began : Number.POSITIVE_INFINITY;
}

describe('a peer that has died', () => {
  it(`is noticed within 30 seconds, whenever it dies; ${SEEDS} seeds`, TIMEOUT, () => {
    const times = Array.from({ length: SEEDS }, (_, i) => {
      const two = up(i + 1);
      two.net.run(two.net.now + 20_000 * two.net.random());
      two.net.down.add(two.b);
      return noticedAt(two, 60_000);
    });
    console.info(`liveness: noticed after ${Math.min(...times)} to ${Math.max(...times)} ms`);
    expect(Math.max(...times)).toBeLessThanOrEqual(30_000);
  });

  it.each(['child', 'IKE SA'])(
    'is noticed as soon in the middle of a rekeying of the %s',
    (what) => {
      const two = up();
      const { net, a, b } = two;
      net.down.add(b);
      if (what === 'IKE SA') a.ike.rekeyIkeSas(net.now, endpointOf(b));
      else a.ike.rekey(net.now, endpointOf(b), [...a.installed.keys()][0] ?? 0);
      expect(noticedAt(two, 60_000)).toBeLessThanOrEqual(30_000);
    },
  );

  it('is found again when it is back', () => {
    const { net, a, b } = up();
    net.down.add(b);
    net.run(net.now + 120_000);
    expect(deaths(a)).toBe(1);
    net.down.delete(b);
    net.run(net.now + 60_000);
    expect(usablePairs(a, b)).toBe(1);
  });
});

describe('a peer that lives', () => {
  it('is not given up at 30 percent loss each way, idle, by the hour', TIMEOUT, () => {
    const bad: NetworkOptions = { loss: 0.3, duplication: 0.1, minMs: 5, maxMs: 200 };
    let questions = 0;
    for (let seed = 1; seed <= SEEDS / 6; seed++) {
      const { net, a, b } = up(seed, 'both');
      net.options = bad;
      const before = net.sent.length;
      net.run(net.now + HOUR);
      questions += net.sent.length - before;
      expect([deaths(a), deaths(b)], `seed ${seed}`).toEqual([0, 0]);
    }
    console.info(`liveness: ${Math.floor(SEEDS / 6)} h at 30 % loss, ${questions} datagrams`);
  });

  it('may be heard in ESP alone, and is given up when that ends', () => {
    const two = up();
    const { net, a, b } = two;
    net.down.add(b);
    const [spi = 0] = a.installed.keys();
    const began = net.now;
    while (net.now < began + 600_000) {
      net.run(net.now + 1_000);
      a.ike.heard(net.now, endpointOf(b), spi);
    }
    expect(deaths(a)).toBe(0);
    expect(net.sent.filter(({ now, from }) => from === a && now >= began).length).toBeLessThan(400);
    expect(noticedAt(two, 60_000)).toBeLessThanOrEqual(30_000);
  });
});

/** INVALID_IKE_SPI as an answer to the last request of a machine, by somebody who has read it. */
function invalidIkeSpiTo({ net, a }: Two): [Path, Uint8Array] {
  const last = net.sent.findLast(({ from }) => from === a) ?? expect.fail();
  const { header } = unwrap(decodeIkeMessage(last.bytes));
  const { local, remote, carrier } = last.path;
  const flags = FLAG_RESPONSE | ((header.flags & FLAG_INITIATOR) ^ FLAG_INITIATOR);
  return [
    { carrier, local, remote },
    messageBytes({ ...header, flags }, [notify(NOTIFY.INVALID_IKE_SPI)]),
  ];
}

/** INVALID_SPI about the pair that a machine sends by. */
function invalidSpiTo({ a, b }: Two): [Path, Uint8Array] {
  const spi = [...a.installed.values()][0]?.offer.outbound.spi ?? 0; // none is left
  const fields = { initiatorSpi: 7n, responderSpi: 0n, messageId: 0, flags: FLAG_INITIATOR };
  const path: Path = {
    carrier: 'ike',
    local: { address: a.address, port: 500 },
    remote: { address: b.address, port: 500 },
  };
  const data = espSpiBytes(spi);
  const exchangeType = EXCHANGE.INFORMATIONAL;
  return [path, messageBytes({ ...fields, exchangeType }, [notify(NOTIFY.INVALID_SPI, data)])];
}

const sentBy = ({ net, a }: Two, since: number): number =>
  net.sent.filter(({ from, now }) => from === a && now >= since).length;

describe('a forger of hints', () => {
  const forge = (two: Two, ms: number): void => {
    const { net, a } = two;
    const until = net.now + ms;
    while (net.now < until) {
      for (const [path, bytes] of [invalidIkeSpiTo(two), invalidSpiTo(two)])
        a.ike.handleMessage(net.now, path, bytes);
      net.run(net.now + 50);
    }
  };

  it('makes the peer be asked at once, not more than every ten seconds, and changes nothing', () => {
    const two = up(1, 'both');
    const began = two.net.now;
    const [path, bytes] = invalidSpiTo(two);
    two.a.ike.handleMessage(began, path, bytes);
    two.net.run(began + 1);
    expect(sentBy(two, began)).toBe(1);
    const logged = two.a.log.length;
    forge(two, 600_000);
    expect(two.a.log.length).toBe(logged);
    expect(usablePairs(two.a, two.b)).toBe(1);
    expect(two.a.ike.stats().ikeSas).toBe(1);
    // asked every 10 s by hints; the other end's questions would be answered beside that
    expect(sentBy(two, began)).toBeLessThan(130);
  });

  it('brings on no end before a silent peer would have ended by itself', () => {
    const two = up();
    two.net.down.add(two.b);
    const began = two.net.now;
    forge(two, 12_000);
    expect(deaths(two.a)).toBe(0);
    expect(two.a.ike.stats().children).toBe(1);
    forge(two, 18_000);
    expect(deaths(two.a)).toBe(1);
    expect(two.net.now - began).toBeLessThanOrEqual(30_100);
  });

  it(
    'cannot end a pair at 30 percent loss either: at most the peers agree on a new one',
    TIMEOUT,
    () => {
      for (let seed = 1; seed <= SEEDS / 18; seed++) {
        const two = up(seed);
        two.net.options = { ...CLEAN, loss: 0.3 };
        forge(two, 120_000);
        two.net.options = CLEAN;
        two.net.run(two.net.now + 60_000);
        expect(deaths(two.a)).toBe(0);
        expect(usablePairs(two.a, two.b)).toBe(1);
        expect([two.a.installed.size, two.b.installed.size]).toEqual([1, 1]);
      }
    },
  );

  it('is not listened to with a wrong SPI, a wrong message id, or from elsewhere', () => {
    const two = up();
    const began = two.net.now;
    const [path, complaint] = invalidSpiTo(two);
    const wrongSpi = complaint.slice();
    wrongSpi[39] = (wrongSpi[39] ?? 0) ^ 1;
    const [, answer] = invalidIkeSpiTo(two); // to a request that has been answered long ago
    const elsewhere = { ...path, remote: { address: address('198.51.100.7'), port: 500 } };
    two.a.ike.handleMessage(began, path, wrongSpi);
    two.a.ike.handleMessage(began, path, answer);
    two.a.ike.handleMessage(began, elsewhere, complaint);
    two.net.run(began + 5_000);
    expect(sentBy(two, began)).toBe(0);
  });
});

describe('somebody who remembers an IKE SA that is forgotten', () => {
  const path = (n: number): Path => ({
    carrier: 'ike',
    local: { address: address('192.0.2.2'), port: 500 },
    remote: { address: new IpAddress(4, 0x0a000000 + n), port: 500 },
  });
  const fresh = (config = {}): Machine =>
    new Machine('b', address('192.0.2.2'), config, seededCrypto(seeded(3)));
  /** A question about life of an IKE SA that only `a` knows. */
  const question = (): Uint8Array => {
    const { net, a } = up();
    const before = net.sent.length;
    a.ike.probe(net.now, { address: address('192.0.2.2'), port: 0 });
    net.flush();
    return net.sent[before]?.bytes ?? expect.fail();
  };
  const said = (m: Machine, now: number, p: Path, bytes: Uint8Array): Uint8Array[] => {
    m.ike.handleMessage(now, p, bytes);
    return m.drain().map((d) => d.bytes);
  };

  it('is told so, shorter than it asked, with its own SPIs and message id', () => {
    const asked = question();
    const [answer = expect.fail()] = said(fresh(), 0, path(1), asked);
    expect(answer.length).toBeLessThanOrEqual(asked.length);
    expect(answer.slice(0, 16)).toEqual(asked.slice(0, 16));
    const { header, payloads } = unwrap(decodeIkeMessage(answer));
    expect(header).toMatchObject({ flags: FLAG_RESPONSE, exchangeType: EXCHANGE.INFORMATIONAL });
    expect(header.messageId).toBe(unwrap(decodeIkeMessage(asked)).header.messageId);
    expect(payloads).toMatchObject([{ kind: 'notify', notifyType: NOTIFY.INVALID_IKE_SPI }]);
    expect(fresh().ike.stats().ikeSas).toBe(0);
  });

  it('is told once a second, and all of them together not more often than the limit', () => {
    const machine = fresh();
    const asked = question();
    expect(said(machine, 0, path(1), asked)).toHaveLength(1);
    expect(said(machine, 999, path(1), asked)).toHaveLength(0);
    expect(said(machine, 1_000, path(1), asked)).toHaveLength(1);
    let answers = 0;
    for (let i = 0; i < 2_000; i++) answers += said(machine, 5_000, path(i), asked).length;
    expect(answers).toBe(100);
    expect(said(fresh({ limits: { hintsPerSecond: 0 } }), 0, path(1), asked)).toEqual([]);
  });

  it('gets no answer to an answer, to a hint, or to what is no encrypted message', () => {
    const machine = fresh();
    const asked = question();
    const response = asked.slice();
    response[19] = (response[19] ?? 0) | FLAG_RESPONSE;
    const { header } = unwrap(decodeIkeMessage(asked));
    const two = up();
    const cases = [
      response,
      invalidSpiTo(two)[1],
      messageBytes(header, []),
      messageBytes(header, [notify(NOTIFY.INVALID_IKE_SPI)]),
    ];
    for (const [i, bytes] of cases.entries()) expect(said(machine, 0, path(i), bytes)).toEqual([]);
  });

  it('by ESP alone is told of it on the port where IKE lives, and only for a packet that is longer', () => {
    const machine = fresh();
    const esp = (n: number): Path => ({
      carrier: 'esp',
      local: { address: machine.address, port: 0 },
      remote: { address: new IpAddress(4, 0x0a000000 + n), port: 0 },
    });
    machine.ike.unknownSpi(0, esp(1), 0x1234, 47);
    expect(machine.drain()).toEqual([]);
    machine.ike.unknownSpi(0, esp(1), 0x1234, 48);
    const [told = expect.fail()] = machine.drain();
    expect(told.path).toMatchObject({ carrier: 'ike', remote: { port: 500 } });
    expect(told.bytes.length + 8).toBeLessThanOrEqual(48);
    const { payloads } = unwrap(decodeIkeMessage(told.bytes));
    expect(payloads).toMatchObject([{ notifyType: NOTIFY.INVALID_SPI, data: espSpiBytes(0x1234) }]);
    const { net, a, b } = up();
    const before = net.sent.length;
    b.ike.unknownSpi(net.now, { ...esp(1), remote: endpointOf(a) }, 0x1234, 100);
    net.flush();
    expect(net.sent.length).toBe(before); // IKE with it is well: no need of hints
  });
});
