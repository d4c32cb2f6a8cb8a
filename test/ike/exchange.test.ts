import { describe, expect, it } from 'vitest';
import type { EspProposal, IkeProposal } from '../../src/ipsec/ike/v2/proposals.js';
import type { IkeConfig } from '../../src/ipsec/ike/v2/settings.js';
import type { DhGroupNumber } from '../../src/ipsec/suites.js';
import { address, CLEAN, type Machine, Network, PSK, seeded, usablePairs } from './pair.js';

const MINUTE = 60_000;

interface Two {
  readonly net: Network;
  readonly a: Machine;
  readonly b: Machine;
}

function two(ofA: Partial<IkeConfig> = {}, ofB: Partial<IkeConfig> = ofA, seed = 1): Two {
  const net = new Network(seeded(seed));
  return { net, a: net.add('a', '192.0.2.1', ofA), b: net.add('b', '192.0.2.2', ofB) };
}

/** Both ends have exactly one pair, and it is the same. */
function expectOnePair({ a, b }: Two): void {
  expect([a.installed.size, b.installed.size, usablePairs(a, b)]).toEqual([1, 1, 1]);
}

const expectNothing = ({ a, b }: Two): void =>
  expect([a.installed.size, b.installed.size]).toEqual([0, 0]);

const ike = (p: Partial<IkeProposal>): IkeProposal => ({
  encryption: ['aes-256-gcm-16'],
  integrity: [],
  prf: ['hmac-sha2-256'],
  groups: [31],
  ...p,
});
const esp = (p: Partial<EspProposal>): EspProposal => ({
  encryption: ['aes-256-gcm-16'],
  integrity: [],
  groups: ['none'],
  extendedSequence: [true],
  ...p,
});

const onlyPair = (m: Machine): number => [...m.installed.keys()][0] ?? 0;

describe('IKE_SA_INIT and IKE_AUTH', () => {
  it('make one pair of associations in four messages', () => {
    const t = two();
    t.a.want(0, t.b);
    t.net.run(1_000);
    expectOnePair(t);
    expect(t.net.sent).toHaveLength(4);
    const [pair] = t.a.installed.values();
    expect(pair?.offer).toMatchObject({
      suite: { encryption: { name: 'aes-256-gcm-16' }, integrity: null },
      extendedSequence: true,
      encapsulation: { mode: 'transport', behindNat: false, path: { carrier: 'esp' } },
    });
  });

  const ciphers: [string, Partial<IkeProposal> & Partial<EspProposal>][] = [
    ...(['aes-128-gcm-8', 'aes-192-gcm-12', 'aes-256-gcm-16', 'chacha20-poly1305'] as const).map(
      (name): [string, Partial<IkeProposal>] => [name, { encryption: [name] }],
    ),
    ...(['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc'] as const).flatMap((name) =>
      (
        ['hmac-sha1-96', 'hmac-sha2-256-128', 'hmac-sha2-384-192', 'hmac-sha2-512-256'] as const
      ).map((check): [string, Partial<IkeProposal>] => [
        `${name}/${check}`,
        { encryption: [name], integrity: [check] },
      ]),
    ),
  ];
  it.each(ciphers)('are protected, and rekeyed, with %s', (_name, parts) => {
    const t = two({ ike: [ike(parts)], esp: [esp({ ...parts, groups: ['none'] })] });
    t.a.want(0, t.b);
    t.net.run(1_000);
    expectOnePair(t);
    t.b.ike.rekey(
      t.net.now,
      t.b.installed.get(onlyPair(t.b))?.peer ?? expect.fail(),
      onlyPair(t.b),
    );
    t.net.run(2_000);
    expectOnePair(t);
    expect(t.a.log.map((o) => o.kind)).toEqual(['installed', 'rekeyed', 'deleted']);
  });

  it.each([14, 15, 16, 19, 20, 21, 31] satisfies DhGroupNumber[])('agree by group %i', (group) => {
    const t = two({ ike: [ike({ groups: [group] })], esp: [esp({ groups: [group] })] });
    t.a.want(0, t.b);
    t.net.run(1_000);
    expectOnePair(t);
    t.a.ike.rekey(t.net.now, { address: t.b.address, port: 0 }, onlyPair(t.a));
    t.net.run(2_000);
    expectOnePair(t);
  });

  it.each(['hmac-sha1', 'hmac-sha2-256', 'hmac-sha2-384', 'hmac-sha2-512'] as const)(
    'derive by %s',
    (prf) => {
      const t = two({ ike: [ike({ prf: [prf] })] });
      t.a.want(0, t.b);
      t.net.run(1_000);
      expectOnePair(t);
    },
  );

  it('use the old groups only by insecure opt-in', () => {
    const old = { ike: [ike({ groups: [2, 5] })] };
    expect(() => two(old)).toThrow('ike[0]: group 2 is insecure');
    const t = two({ ...old, insecure: true });
    t.a.want(0, t.b);
    t.net.run(1_000);
    expectOnePair(t);
  });

  it('begin again with the group that the responder asks for', () => {
    const t = two({ ike: [ike({ groups: [31, 19, 14] })] }, { ike: [ike({ groups: [14, 19] })] });
    t.a.want(0, t.b);
    t.net.run(1_000);
    expectOnePair(t);
    expect(t.net.sent).toHaveLength(6);
  });

  it('take the responder’s order, not the initiator’s', () => {
    const t = two(
      {
        esp: [
          esp({
            encryption: ['aes-128-gcm-16', 'aes-256-gcm-16'],
            extendedSequence: [false, true],
          }),
        ],
      },
      {
        esp: [
          esp({
            encryption: ['aes-256-gcm-16', 'aes-128-gcm-16'],
            extendedSequence: [true, false],
          }),
        ],
      },
    );
    t.a.want(0, t.b);
    t.net.run(1_000);
    const [pair] = t.a.installed.values();
    expect(pair?.offer.suite.encryption.name).toBe('aes-256-gcm-16');
    expect(pair?.offer.extendedSequence).toBe(true);
  });

  it('fail without a common proposal, and try again later', () => {
    const t = two(
      { ike: [ike({ prf: ['hmac-sha2-512'] })] },
      { ike: [ike({ prf: ['hmac-sha2-256'] })] },
    );
    t.a.want(0, t.b);
    t.net.run(10_000);
    expectNothing(t);
    expect(t.a.failures()).toEqual(['no-proposal']);
    t.net.run(MINUTE);
    expect(t.a.failures().length).toBeGreaterThan(1);
  });

  it('fail without a common group', () => {
    const t = two({ ike: [ike({ groups: [31] })] }, { ike: [ike({ groups: [14] })] });
    t.a.want(0, t.b);
    t.net.run(10_000);
    expect(t.a.failures()).toEqual(['no-proposal']);
  });

  it('fail without a common ESP proposal, and leave no IKE SA', () => {
    const t = two({ esp: [esp({ encryption: ['aes-128-gcm-16'] })] }, {});
    t.b.ike.handleTimeout(0);
    const strict = two({ esp: [esp({ extendedSequence: [false] })] }, { esp: [esp({})] });
    strict.a.want(0, strict.b);
    strict.net.run(10_000);
    expect(strict.a.failures()).toEqual(['no-proposal']);
    expect([strict.a.ike.stats().ikeSas, strict.b.ike.stats().ikeSas]).toEqual([0, 0]);
  });

  it('fail with another key, and come up when it is right again', () => {
    const other = Uint8Array.from(PSK, (octet) => octet ^ 1);
    const t = two({}, { keys: [{ peer: null, secret: other }] });
    t.a.want(0, t.b);
    t.net.run(10_000);
    expectNothing(t);
    expect(t.a.failures()).toEqual(['authentication']);
    expect(t.b.log).toEqual([]); // a stranger causes no output
    const net = t.net;
    net.machines.splice(net.machines.indexOf(t.b), 1);
    const b = net.add('b again', '192.0.2.2');
    net.run(3 * MINUTE);
    expectOnePair({ net, a: t.a, b });
  });

  it('say that no key is configured', () => {
    const t = two({
      keys: [{ peer: { kind: 'address', address: address('198.51.100.1') }, secret: PSK }],
    });
    t.a.want(0, t.b);
    t.net.run(1_000);
    expect(t.a.log).toMatchObject([{ kind: 'failed', why: 'no-key', retryAt: null }]);
  });

  it('choose keys by identity and by prefix', () => {
    const own = (name: string): NonNullable<IkeConfig['identity']> => ({ kind: 'fqdn', name });
    const secret = Uint8Array.of(1, 2, 3);
    const decoy = { peer: null, secret: Uint8Array.of(9) };
    const prefix = { address: address('192.0.2.0'), length: 24 };
    const t = two(
      {
        identity: own('a.example'),
        keys: [{ peer: { kind: 'fqdn', name: 'b.example' }, at: prefix, secret }, decoy],
      },
      {
        identity: own('b.example'),
        keys: [{ peer: { kind: 'fqdn', name: 'a.example' }, secret }, decoy],
      },
    );
    t.a.want(0, t.b);
    t.net.run(1_000);
    expectOnePair(t);
    const p = two({ keys: [{ peer: prefix, secret }, decoy] });
    p.a.want(0, p.b);
    p.net.run(1_000);
    expectOnePair(p);
  });

  it.each<NonNullable<IkeConfig['identity']>>([
    { kind: 'fqdn', name: 'spoke.example' },
    { kind: 'email', name: 'spoke@example' },
    { kind: 'key-id', octets: Uint8Array.of(0, 255) },
    { kind: 'address', address: address('2001:db8::1') },
  ])('carry the identity $kind', (identity) => {
    const t = two({ identity }, {});
    t.a.want(0, t.b);
    t.net.run(1_000);
    expectOnePair(t);
    expect(t.b.notices).toContainEqual(expect.objectContaining({ kind: 'established', identity }));
  });

  it('work over IPv6', () => {
    const net = new Network(seeded(1));
    const a = net.add('a', '2001:db8::1');
    const b = net.add('b', '2001:db8::2');
    a.want(0, b);
    net.run(1_000);
    expectOnePair({ net, a, b });
  });

  it('go in tunnel mode when both want it, and not at all when one wants it', () => {
    const t = two({ mode: 'tunnel' });
    t.a.want(0, t.b);
    t.net.run(1_000);
    expectOnePair(t);
    const mixed = two({ mode: 'transport' }, { mode: 'tunnel' });
    mixed.a.want(0, mixed.b);
    mixed.net.run(1_000);
    expect(mixed.a.failures()).toEqual(['transport-mode']);
    mixed.net.run(2_000);
    expect(mixed.a.ike.stats().ikeSas).toBe(0);
  });

  it('travel in fragments when they are long', () => {
    const t = two({ fragmentOctets: 256 });
    t.a.want(0, t.b);
    t.net.run(1_000);
    expectOnePair(t);
    expect(t.net.sent.length).toBeGreaterThan(4);
    expect(t.net.sent.slice(2).every(({ bytes }) => bytes.length <= 256)).toBe(true);
  });
});

describe('a downgrade', () => {
  it('of the offered proposals is found by AUTH', () => {
    const weak = ike({ encryption: ['aes-128-cbc'], integrity: ['hmac-sha2-256-128'] });
    const t = two({ ike: [ike({}), weak] });
    let changed = 0;
    t.net.options = {
      ...CLEAN,
      tamper: (from, _path, bytes) => {
        if (from === t.a && bytes[18] === 34) {
          bytes[28 + 4 + 8 + 6 + 1] = 13; // the cipher of proposal 1 becomes one that nobody has
          changed++;
        }
        return bytes;
      },
    };
    t.a.want(0, t.b);
    t.net.run(20_000);
    expect(changed).toBeGreaterThan(0);
    expectNothing(t);
  });
});

describe('a NAT', () => {
  it('makes both float to 4500 and put ESP in UDP', () => {
    const t = two();
    t.net.nat.set(t.a, address('203.0.113.1'));
    t.a.want(0, t.b);
    t.net.run(1_000);
    expectOnePair(t);
    const [ofA] = t.a.installed.values();
    const [ofB] = t.b.installed.values();
    expect(ofA?.offer.encapsulation).toMatchObject({
      behindNat: true,
      path: { carrier: 'ike-natt', local: { port: 4_500 }, remote: { port: 4_500 } },
    });
    expect(ofB?.offer.encapsulation).toMatchObject({
      behindNat: false,
      path: { carrier: 'ike-natt' },
    });
    expect(String(ofB?.offer.selector.remote)).toBe('203.0.113.1');
    expect(t.net.sent.slice(2).every(({ path }) => path.carrier === 'ike-natt')).toBe(true);
  });

  it('is pretended by forced encapsulation, from 4500 at once', () => {
    const t = two({ natTraversal: { forceEncapsulation: true, startOnNattPort: true } });
    t.a.want(0, t.b);
    t.net.run(1_000);
    expectOnePair(t);
    expect(t.net.sent.every(({ path }) => path.carrier === 'ike-natt')).toBe(true);
    for (const m of [t.a, t.b])
      for (const { offer } of m.installed.values())
        expect(offer.encapsulation.path.carrier).toBe('ike-natt');
  });

  it('that forgets its mapping moves the peer, and only an authentic message does', () => {
    const t = two({ livenessSeconds: 10 });
    t.net.nat.set(t.a, address('203.0.113.1'));
    t.a.want(0, t.b);
    t.net.run(1_000);
    t.net.nat.set(t.a, address('203.0.113.2'));
    t.net.run(MINUTE);
    expect(t.b.log).toContainEqual(expect.objectContaining({ kind: 'moved' }));
    const moved = t.b.log.findLast((o) => o.kind === 'moved');
    expect(String(moved?.kind === 'moved' && moved.path.remote.address)).toBe('203.0.113.2');
    expectOnePair(t);
  });
});

describe('an established IKE SA', () => {
  const up = (config: Partial<IkeConfig> = {}): Two => {
    const t = two(config);
    t.a.want(0, t.b);
    t.net.run(1_000);
    expectOnePair(t);
    return t;
  };
  const peerOf = (m: Machine): { address: Machine['address']; port: number } => ({
    address: m.address,
    port: 0,
  });

  it.each(['none', 31, 14] as const)('rekeys its child from either side with group %s', (group) => {
    const t = up({ esp: [esp({ groups: [group] })] });
    const before = [...t.a.installed.values()][0]?.inbound;
    t.a.ike.rekey(t.net.now, peerOf(t.b), onlyPair(t.a));
    t.net.run(2_000);
    expectOnePair(t);
    t.b.ike.rekey(t.net.now, peerOf(t.a), onlyPair(t.b));
    t.net.run(3_000);
    expectOnePair(t);
    expect([...t.a.installed.values()][0]?.inbound).not.toBe(before);
    const started = t.a.log.flatMap((o) => (o.kind === 'rekeyed' ? [o.startedHere] : []));
    expect(started).toEqual([true, false]);
  });

  it('is replaced by another when it is old, with its child', () => {
    const t = up({ ikeLifetimeSeconds: 100 });
    const spis = new Set(t.net.sent.map(({ bytes }) => String(bytes.subarray(0, 16))));
    t.net.run(20 * MINUTE);
    expectOnePair(t);
    expect(
      new Set(t.net.sent.map(({ bytes }) => String(bytes.subarray(0, 16)))).size,
    ).toBeGreaterThan(spis.size + 5);
    expect(t.a.log.map((o) => o.kind)).toEqual(['installed']);
    expect([t.a.ike.stats().ikeSas, t.b.ike.stats().ikeSas]).toEqual([1, 1]);
  });

  it('is deleted by release, at both ends', () => {
    const t = up();
    t.a.ike.release(t.net.now, peerOf(t.b), t.a.selector(t.b));
    t.net.run(2_000);
    expectNothing(t);
    expect(t.b.log.at(-1)).toMatchObject({ kind: 'deleted', why: 'peer' });
    expect([t.a.ike.stats().ikeSas, t.b.ike.stats().ikeSas]).toEqual([0, 0]);
  });

  it('is deleted by shutdown, after which no stranger is answered', () => {
    const t = up();
    t.a.ike.shutdown(t.net.now);
    t.net.run(2_000);
    expect(t.a.installed.size).toBe(0);
    expect(t.a.log.at(-1)).toMatchObject({ kind: 'deleted', why: 'shutdown' });
    const sent = t.net.sent.length;
    t.b.want(t.net.now, t.a);
    t.net.run(3_000);
    expect(t.net.sent.slice(sent).every(({ from }) => from === t.b)).toBe(true);
  });

  it('makes a new child when the hard limit has ended the old one', () => {
    const t = up();
    t.b.ike.discard(t.net.now, peerOf(t.a), onlyPair(t.b));
    t.net.run(3_000);
    expectOnePair(t);
  });

  it('finds out that the peer is dead, and gets it back', () => {
    const t = up();
    t.net.down.add(t.b);
    t.net.run(5 * MINUTE);
    expect(t.a.log).toContainEqual(expect.objectContaining({ kind: 'deleted', why: 'peer-dead' }));
    expect(t.a.installed.size).toBe(0);
    t.net.down.delete(t.b);
    t.net.run(12 * MINUTE);
    expectOnePair(t);
  });

  it('gives way to the INITIAL_CONTACT of a peer that has lost its memory', () => {
    const t = up();
    t.net.machines.splice(t.net.machines.indexOf(t.a), 1);
    const reborn = t.net.add('a', '192.0.2.1');
    reborn.want(t.net.now, t.b);
    t.net.run(3_000);
    expectOnePair({ net: t.net, a: reborn, b: t.b });
    expect(t.b.log.map((o) => (o.kind === 'deleted' ? o.why : o.kind))).toEqual([
      'installed',
      'superseded',
      'installed',
    ]);
  });

  it('is not touched by what strangers send', () => {
    const t = up();
    const [first] = t.net.sent.filter(({ bytes }) => bytes[18] === 35);
    const forged = first?.bytes.slice() ?? expect.fail();
    for (const at of [0, 8, 17, 18, 19, 23, 27, 40, forged.length - 1]) {
      const bytes = forged.slice();
      bytes[at] = (bytes[at] ?? 0) ^ 0x21;
      t.b.ike.handleMessage(t.net.now, first?.path ?? expect.fail(), bytes);
    }
    t.net.run(2_000);
    expectOnePair(t);
  });
});
