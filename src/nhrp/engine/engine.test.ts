import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../wire/address.js';
import { address, blueprint, HUB, Network, prefix } from './engine-network.test-support.js';

describe('a hub and two spokes', () => {
  it('register, and the hub knows them', () => {
    const net = blueprint();
    net.run(2_000);
    const hub = net.engine('hub');
    const entries = [...hub.cache.entries(net.now)].filter((e) => e.kind === 'dynamic');
    expect(entries.map((e) => `${formatPrefix(e.prefix)} ${e.nbma?.address}`).sort()).toEqual([
      '10.0.0.1/32 192.168.1.2',
      '10.0.0.2/32 192.168.2.2',
    ]);
    expect(net.engine('s1').bestNhs?.address.toString()).toBe('192.168.0.2');
    expect(net.eventsOf('s1').some((e) => e.type === 'registered')).toBe(true);
  });

  it('stay registered, by refreshes at a third of the holding time', () => {
    const net = blueprint();
    net.run(1_000_000);
    expect(net.engine('hub').cache.countOf('dynamic')).toBe(2);
    expect(net.eventsOf('hub').filter((e) => e.type === 'entry-removed')).toEqual([]);
    const sent = net.engine('s1').stats().sent[3] ?? 0;
    expect(sent).toBeGreaterThanOrEqual(9);
    expect(sent).toBeLessThanOrEqual(12);
  });

  it('build a shortcut after a redirect', () => {
    const net = blueprint();
    net.run(2_000);
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1');
    net.run(100);
    const s1 = net.engine('s1');
    expect(s1.shortcuts().map((s) => `${formatPrefix(s.prefix)} ${s.via}`)).toEqual([
      '172.16.2.0/24 10.0.0.2',
    ]);
    expect(s1.locate(net.now, address('172.16.2.1')).nbma?.address.toString()).toBe('192.168.2.2');
    const s2 = net.engine('s2'); // caches its asker
    expect(s2.locate(net.now, address('10.0.0.1')).nbma?.address.toString()).toBe('192.168.1.2');
  });

  it('get no redirect for a packet that goes back to where it came from', () => {
    const net = blueprint();
    net.run(2_000);
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.1.9');
    expect(net.eventsOf('hub').filter((e) => e.type === 'redirect-sent')).toEqual([]);
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.9');
    expect(net.eventsOf('hub').filter((e) => e.type === 'redirect-sent').length).toBe(1);
  });

  it('are sent what is theirs, but nothing of a network that the hub has got since', () => {
    const net = blueprint();
    net.add('s7', {
      ...{ address: '10.0.0.7', nbma: '192.168.7.2', nhs: true },
      more: { alsoRegister: [prefix('172.20.0.5/32')] },
    });
    net.run(2_000);
    const hub = net.engine('hub');
    const kindOf = (): string => hub.locate(net.now, address('172.20.0.5')).kind;
    expect(kindOf()).toBe('direct');
    const device = (text: string) =>
      ({ action: 'add', prefix: prefix(text), via: null, kind: 'device' }) as const;
    hub.handleRoutes(net.now, [device('0.0.0.0/0')]); // says nothing of stations: the tunnel lies in it, too
    expect(kindOf()).toBe('direct');
    hub.handleRoutes(net.now, [device('172.20.0.0/24')]);
    expect(kindOf()).toBe('local');
  });

  it('let an unused shortcut expire and renew a used one without a gap', () => {
    const used = blueprint();
    used.run(2_000);
    used.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1');
    for (let i = 0; i < 100; i++) {
      used.run(10_000);
      used.engine('s1').handleUsed(used.now, address('10.0.0.2'));
    }
    expect(used.engine('s1').shortcuts().length).toBe(1);
    expect(used.eventsOf('s1').filter((e) => e.type === 'shortcut-removed')).toEqual([]);
    used.run(310_000);
    expect(used.engine('s1').shortcuts()).toEqual([]);
  });

  it('resolve an unknown next hop on the tunnel: Phase 2', () => {
    const net = blueprint({ prefixLength: 24 });
    net.run(2_000);
    const s1 = net.engine('s1');
    expect(s1.locate(net.now, address('10.0.0.2')).kind).toBe('pending');
    s1.handleMiss(net.now, address('10.0.0.2'));
    net.run(100);
    expect(s1.locate(net.now, address('10.0.0.2')).nbma?.address.toString()).toBe('192.168.2.2');
  });

  it('are told that nobody is there: negative, and no black hole', () => {
    const net = blueprint({ prefixLength: 24 });
    net.run(2_000);
    const s1 = net.engine('s1');
    s1.handleMiss(net.now, address('10.0.0.77'));
    net.run(100);
    expect(s1.cache.kindOf(s1.cache.find(address('10.0.0.77'), net.now))).toBe('negative');
    expect(s1.locate(net.now, address('10.0.0.77')).kind).toBe('pending');
    net.run(181_000);
    expect(s1.cache.find(address('10.0.0.77'), net.now)).toBe(-1);
  });

  it('retry exactly six times in 30 s when nobody answers, then give up', () => {
    const net = blueprint();
    net.run(2_000);
    net.cut('s2');
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1');
    net.run(29_900);
    expect(net.engine('s1').stats().resolutionRetries).toBe(6);
    net.run(200);
    expect(net.eventsOf('s1').filter((e) => e.type === 'resolution-failed').length).toBe(1);
    expect(net.engine('s1').stats().resolutionRetries).toBe(6);
  });

  it('tell those who know the old NBMA address, by the hub, when it changes', () => {
    const net = blueprint({ unique: false });
    net.run(2_000);
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1');
    net.run(100);
    expect(net.engine('s1').shortcuts().length).toBe(1);
    net.command('s2', { kind: 'local-nbma', address: address('192.168.9.2') });
    net.run(100);
    expect(net.engine('s1').shortcuts()).toEqual([]);
    expect(net.engine('s1').cache.find(address('10.0.0.2'), net.now)).toBe(-1);
  });

  it('take their addresses back at shutdown, and the other spoke is told', () => {
    const net = blueprint();
    net.run(2_000);
    net.forwarded('hub', 's1', '172.16.1.1', '172.16.2.1');
    net.run(100);
    net.command('s2', { kind: 'shutdown' });
    net.run(1_500);
    expect(net.engine('s2').state).toBe('closed');
    expect(net.engine('hub').cache.find(address('10.0.0.2'), net.now)).toBe(-1);
    expect(net.engine('s1').shortcuts()).toEqual([]);
  });
});

describe('the hub', () => {
  it('refuses a unique address from another NBMA address with code 14', () => {
    const net = blueprint();
    net.add('thief', { address: '10.0.0.1', nbma: '192.168.9.9', nhs: true, unique: true });
    net.engine('s1');
    net.run(2_000);
    const refused = net.eventsOf('hub').filter((e) => e.type === 'registration-refused');
    expect(refused).toMatchObject([{ code: 14, nbma: '192.168.9.9' }]);
  });

  it('lets nobody in with a wrong password, and says so with error 11', () => {
    const net = blueprint();
    net.add('stranger', { address: '10.0.0.9', nbma: '192.168.9.9', nhs: true, password: 'wrong' });
    net.run(2_000);
    expect(net.engine('hub').cache.find(address('10.0.0.9'), net.now)).toBe(-1);
    expect(net.engine('hub').stats().dropped.authentication).toBeGreaterThan(0);
    expect(net.eventsOf('hub').some((e) => e.type === 'error-sent' && e.code === 11)).toBe(true);
  });

  it('answers for a registered spoke when it is told to', () => {
    const net = blueprint({ prefixLength: 24, answerFromRegistrations: true });
    net.run(2_000);
    net.engine('s1').handleMiss(net.now, address('10.0.0.2'));
    net.run(100);
    expect(net.engine('s2').stats().received[1]).toBe(0);
    expect(net.engine('s1').locate(net.now, address('10.0.0.2')).kind).toBe('direct');
  });

  it('asks before it accepts, when it is told to', () => {
    const net = blueprint({ authorize: true });
    net.run(500);
    expect(net.engine('hub').cache.countOf('dynamic')).toBe(0);
    for (const { id } of net.questionsOf('hub'))
      net.answer('hub', id, { kind: 'accept', holdingTimeSeconds: 60 });
    net.run(500);
    expect(net.engine('hub').cache.countOf('dynamic')).toBe(2);
    expect(
      [...net.engine('hub').cache.entries(net.now)].find((e) => e.kind === 'dynamic')
        ?.holdingTimeSeconds,
    ).toBe(60);
  });

  it('holds for less than was asked, and the spoke refreshes in time', () => {
    const net = blueprint({ authorize: true });
    for (let second = 0; second < 300; second++) {
      for (const { id } of net.questionsOf('hub'))
        net.answer('hub', id, { kind: 'accept', holdingTimeSeconds: 30 });
      net.run(1_000);
    }
    expect(net.eventsOf('s1')).toContainEqual(
      expect.objectContaining({ type: 'registered', holdingTimeSeconds: 30 }),
    );
    expect(net.eventsOf('hub').filter(({ type }) => type === 'entry-removed')).toEqual([]);
    expect(net.engine('hub').cache.countOf('dynamic')).toBe(2);
    const sent = net.engine('s1').stats().sent[3] ?? 0;
    expect(sent).toBeGreaterThanOrEqual(27);
    expect(sent).toBeLessThanOrEqual(34);
  });

  it('keeps the entry of a server with two NBMA addresses while one of them answers', () => {
    const net = new Network();
    const two = ['192.168.0.2', '192.168.0.3'];
    for (const nbma of two) net.add(`hub at ${nbma}`, { ...HUB, nbma });
    const server = { protocolAddress: address(HUB.address), priority: 0, cluster: 0 };
    const nhs = two.map((nbma) => ({ ...server, nbma: address(nbma) }));
    net.add('s1', { address: '10.0.0.1', nbma: '192.168.1.2', nhs });
    const entries = () =>
      [...net.engine('s1').cache.entries(net.now)].filter((e) => e.kind === 'nhs');
    const at = () => entries().map((e) => String(e.nbma?.address));
    net.run(1_000_000);
    const [kept] = at();
    expect(two).toContain(kept);
    const sets = () => net.eventsOf('s1').filter((e) => e.type === 'entry-set' && e.kind === 'nhs');
    expect(new Set(sets().map((e) => e.type === 'entry-set' && e.nbma))).toEqual(new Set([kept]));

    net.cut(`hub at ${kept}`);
    net.run(200_000);
    expect(at()).toEqual(two.filter((nbma) => nbma !== kept));
    expect(net.eventsOf('s1').filter((e) => e.type === 'nhs-down')).toHaveLength(1);
  });

  it('takes a snapshot over a restart without its spokes noticing', () => {
    const net = blueprint();
    net.run(2_000);
    const saved = JSON.parse(JSON.stringify(net.engine('hub').snapshot(net.now)));
    net.restart('hub', saved);
    expect(net.engine('hub').cache.countOf('dynamic')).toBe(2);
  });
});

describe('the network in the tests', () => {
  it('is deterministic: the same run gives the same octets', () => {
    const run = (): string => {
      const net: Network = blueprint();
      net.run(400_000);
      return net.trace.join('\n');
    };
    expect(run()).toBe(run());
  });
});

describe('next hop servers', () => {
  const second = { address: '10.0.0.101', nbma: '192.168.0.3' };
  const servers = (priorities: readonly [number, number]) =>
    [HUB, second].map(({ address: a, nbma }, i) => ({
      protocolAddress: address(a),
      nbma: address(nbma),
      priority: priorities[i] ?? 0,
      cluster: 0,
    }));
  const twoHubs = (priorities: readonly [number, number]): Network => {
    const net = blueprint();
    net.add('hub2', second);
    net.add('s7', { address: '10.0.0.7', nbma: '192.168.7.2', nhs: servers(priorities) });
    net.run(2_000);
    return net;
  };
  const up = (net: Network): string[] =>
    net
      .engine('s7')
      .nhsStates()
      .flatMap((s) => (s.state === 'up' ? [`${s.nbma.address}`] : []));

  it('of equal priority are both registered with, and one that was down is when it is back', () => {
    const net = twoHubs([0, 0]);
    expect(up(net)).toEqual([HUB.nbma, second.nbma]);
    net.cut('hub');
    net.run(200_000);
    expect(up(net)).toEqual([second.nbma]);
    net.mend('hub');
    net.run(65_000);
    expect(up(net)).toEqual([HUB.nbma, second.nbma]);
  });

  it('of another priority stand in when the better is down, within 15 s of its silence, and are left when it is back', () => {
    const net = twoHubs([0, 10]);
    expect(up(net)).toEqual([HUB.nbma]);
    net.cut('hub');
    net.run(110_000 + 15_000); // the next refresh, and three losses
    expect(up(net)).toEqual([second.nbma]);
    net.mend('hub');
    net.run(65_000);
    expect(up(net)).toEqual([HUB.nbma]);
  });
});
