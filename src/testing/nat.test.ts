import { describe, expect, it } from 'vitest';
import type { Carrier, Endpoint } from '../wire/path.js';
import { addressOf } from './addresses.js';
import { Nat, type NatBehaviour, type NatDependence, RFC4787_NAT } from './nat.js';
import { SeededRandom } from './random.js';
import { type Datagram, Realm } from './realm.js';

const end = (text: string, port: number): Endpoint => ({ address: addressOf(text), port });
const INSIDE = end('192.168.1.2', 4754);
const PEER = end('192.0.2.1', 4754);
const PEER_OTHER_PORT = end('192.0.2.1', 500);
const STRANGER = end('192.0.2.9', 4754);

/** A NAT with one station inside, which keeps what reaches it. */
function natWith(behaviour: Partial<NatBehaviour>) {
  const outer = new Realm(null);
  const drops: string[] = [];
  const all = { ...RFC4787_NAT, preservesPorts: false, ...behaviour };
  const nat = new Nat('nat', addressOf('203.0.113.1'), outer, all, new SeededRandom(1), (why) =>
    drops.push(why),
  );
  const received: Datagram[] = [];
  nat.inside.attach(INSIDE.address, { name: 's1', receive: (_now, d) => received.push(d) });
  const datagram = (from: Endpoint, to: Endpoint, carrier: Carrier = 'gre-udp'): Datagram => ({
    carrier,
    from,
    to,
    bytes: new Uint8Array(1),
    sender: 'x',
  });
  const out = (now: number, to: Endpoint, from = INSIDE) =>
    nat.outbound(now, datagram(from, to))?.from;
  return { nat, received, drops, datagram, out };
}

describe('mapping (RFC 4787 §4.1)', () => {
  it.each<[NatDependence, boolean, boolean]>([
    ['endpoint-independent', true, true],
    ['address-dependent', true, false],
    ['address-and-port-dependent', false, false],
  ])(
    '%s: the same port outside for another port %s, for another address %s',
    (mapping, samePort, sameAddress) => {
      const { out } = natWith({ mapping });
      const first = out(0, PEER)?.port;
      expect(out(1, PEER)?.port).toBe(first);
      expect(out(2, PEER_OTHER_PORT)?.port === first).toBe(samePort);
      expect(out(3, STRANGER)?.port === first).toBe(sameAddress);
    },
  );

  it('keeps the port where that is free, and takes another where it is not', () => {
    const { out } = natWith({ preservesPorts: true });
    expect(out(0, PEER)?.port).toBe(4754);
    expect(out(0, PEER, end('192.168.1.3', 4754))?.port).not.toBe(4754);
  });

  it('ends after the timeout, is kept by what goes out, and not by what comes in', () => {
    const { nat, out, received, datagram } = natWith({ timeoutMs: 1_000 });
    const outside = out(0, PEER) ?? PEER;
    out(900, PEER);
    nat.receive(1_800, datagram(PEER, outside));
    expect(received.length).toBe(1);
    nat.receive(1_901, datagram(PEER, outside));
    expect(received.length).toBe(1);
    expect(out(2_000, PEER)?.port).not.toBe(outside.port);
  });

  it('is forgotten as a whole by a restart', () => {
    const { nat, out, received, datagram } = natWith({});
    const outside = out(0, PEER) ?? PEER;
    nat.forget();
    nat.receive(1, datagram(PEER, outside));
    expect([received.length, out(2, PEER)?.port === outside.port]).toEqual([0, false]);
  });
});

describe('filtering (RFC 4787 §5)', () => {
  it.each<[NatDependence, boolean, boolean]>([
    ['endpoint-independent', true, true],
    ['address-dependent', true, false],
    ['address-and-port-dependent', false, false],
  ])('%s: lets in another port of the peer %s, a stranger %s', (filtering, port, stranger) => {
    const { nat, out, received, datagram, drops } = natWith({ filtering });
    const outside = out(0, PEER) ?? PEER;
    const passes = (from: Endpoint) => {
      const before = received.length;
      nat.receive(1, datagram(from, outside));
      return received.length > before;
    };
    expect([passes(PEER), passes(PEER_OTHER_PORT), passes(STRANGER)]).toEqual([
      true,
      port,
      stranger,
    ]);
    expect(received[0]?.to).toEqual(INSIDE);
    expect(drops.length).toBe([port, stranger].filter((p) => !p).length);
  });
});

describe('carriers without ports', () => {
  const other = end('192.168.1.3', 0);
  const gre = (a: Endpoint, b: Endpoint): [Endpoint, Endpoint, Carrier] => [a, b, 'gre'];
  const peer = end('192.0.2.1', 0);

  it('exclusive: the second station that speaks to the same peer does not get out', () => {
    const { nat, datagram, drops } = natWith({ portless: 'exclusive' });
    expect(nat.outbound(0, datagram(...gre(end('192.168.1.2', 0), peer)))).not.toBeNull();
    expect(nat.outbound(1, datagram(...gre(other, peer)))).toBeNull();
    expect(nat.outbound(1, datagram(...gre(other, end('192.0.2.7', 0))))).not.toBeNull();
    expect(drops).toEqual(['nat: taken']);
  });

  it('shared: it gets out, and what comes back is for the last that spoke', () => {
    const { nat, datagram, received, drops } = natWith({ portless: 'shared' });
    nat.outbound(0, datagram(...gre(other, peer)));
    nat.outbound(1, datagram(...gre(end('192.168.1.2', 0), peer)));
    nat.receive(2, datagram(...gre(peer, end('203.0.113.1', 0))));
    expect([received.length, drops]).toEqual([1, []]);
  });
});
