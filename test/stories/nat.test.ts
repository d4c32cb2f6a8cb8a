/** Spokes behind NATs of the kinds of RFC 4787 (reliability goals F5 and F8). */
import { Simulation } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

const MINUTE = 60_000;
const UDP = { carrier: 'gre-udp', unique: false, registrationIntervalSeconds: 30 } as const;

/** Spokes 1 and 2 behind one NAT, spoke 3 outside. */
function oneNat(
  nat: Omit<Parameters<Simulation['nat']>[1], 'address'> = {},
  tunnel: NonNullable<ConstructorParameters<typeof Simulation>[0]>['tunnel'] = UDP,
): Simulation {
  const sim = new Simulation({ tunnel }).hub('hub').nat('nat', { address: '203.0.113.1', ...nat });
  sim.spoke('s1', { local: '192.168.1.11' }, { behind: 'nat' });
  sim.spoke('s2', { local: '192.168.1.12' }, { behind: 'nat' });
  return sim.spoke('s3').run({ forMs: 2_000 });
}

describe('two spokes behind one NAT, GRE in UDP', () => {
  it('both are registered, told apart by port, and stay so for an hour', () => {
    const sim = oneNat();
    const ports = sim.cache('hub', 'dynamic').map((e) => `${e.prefix.address} ${e.nbma?.address}`);
    expect(ports).toEqual(['10.0.0.1 203.0.113.1', '10.0.0.2 203.0.113.1', '10.0.0.3 198.18.0.3']);
    const before = sim.entries('hub');
    sim.run({ forMs: 60 * MINUTE });
    expect(sim.entries('hub')).toEqual(before);
    expect(sim.events('hub', 'spoke-registered').length).toBe(3);
    for (const s of ['s1', 's2']) expect(sim.events(s, 'nhs-down'), s).toEqual([]);
  });

  it('they are told their outside address', () => {
    const sim = oneNat();
    expect(sim.events('s1', 'registered')).toMatchObject([{ behindNat: '203.0.113.1' }]);
    expect(sim.events('s3', 'registered')).toMatchObject([{ behindNat: null }]);
  });

  it('a flow between one of them and a spoke outside never stops, whatever the NAT', () => {
    for (const kind of [
      'endpoint-independent',
      'address-dependent',
      'address-and-port-dependent',
    ] as const) {
      const sim = oneNat({ mapping: kind, filtering: kind, preservesPorts: false });
      const there = sim.flow('s1', '172.16.3.1', { everyMs: 500 });
      const back = sim.flow('s3', '172.16.1.1', { everyMs: 500 });
      sim.run({ forMs: 4 * MINUTE });
      expect(there.received / there.sent, `${kind}: out`).toBeGreaterThan(0.99);
      expect(back.received / back.sent, `${kind}: in`).toBeGreaterThan(0.99);
      expect(sim.path('s1', '172.16.3.1'), `${kind}: direct`).toEqual(['s1', 's3']);
    }
  });

  it('the two speak to each other too', () => {
    for (const hairpins of [true, false]) {
      const sim = oneNat({ hairpins });
      const flow = sim.flow('s1', '172.16.2.1', { everyMs: 500 });
      sim.run({ forMs: 4 * MINUTE });
      expect(flow.received / flow.sent, `hairpins: ${hairpins}`).toBeGreaterThan(0.99);
    }
  });

  it('the NAT restarts and every port is another one: within a registration interval all is well again', () => {
    const sim = oneNat({ preservesPorts: false });
    const before = sim.entries('hub');
    sim.rebind('nat').run({ forMs: 35_000 });
    expect(sim.entries('hub')).not.toEqual(before);
    for (const to of ['10.0.0.1', '10.0.0.2']) expect(sim.ping('hub', to).received, to).toBe(1);
  });

  it('the NAT gets another address: the same', () => {
    const sim = oneNat();
    sim.rebind('nat', '203.0.113.99').run({ forMs: 35_000 });
    const there = sim.cache('hub', 'dynamic').map((e) => String(e.nbma?.address));
    expect(there).toEqual(['203.0.113.99', '203.0.113.99', '198.18.0.3']);
    for (const to of ['10.0.0.1', '10.0.0.2']) expect(sim.ping('hub', to).received, to).toBe(1);
  });

  it('a NAT that forgets after 30 s: registrations every 20 s keep the way open', () => {
    const sim = oneNat({ timeoutMs: 30_000 }, { ...UDP, registrationIntervalSeconds: 20 });
    sim.run({ forMs: 10 * MINUTE });
    expect(sim.ping('hub', '10.0.0.1', { count: 20, everyMs: 10_000 }).received).toBe(20);
  });
});

describe('spokes behind NATs of their own, GRE in UDP', () => {
  const KINDS = [
    'endpoint-independent',
    'address-dependent',
    'address-and-port-dependent',
  ] as const;
  const pairs = KINDS.flatMap((a) => KINDS.map((b) => [a, b] as const));

  it.each(pairs)('%s and %s: traffic flows, direct or by the hub', (a, b) => {
    const sim = new Simulation({ tunnel: UDP }).hub('hub');
    sim.nat('nat1', { address: '203.0.113.1', mapping: a, filtering: a, preservesPorts: false });
    sim.nat('nat2', { address: '203.0.113.2', mapping: b, filtering: b, preservesPorts: false });
    sim.spoke('s1', { local: '192.168.1.11' }, { behind: 'nat1' });
    sim.spoke('s2', { local: '192.168.1.11' }, { behind: 'nat2' });
    sim.run({ forMs: 2_000 });
    const there = sim.flow('s1', '172.16.2.1', { everyMs: 500 });
    const back = sim.flow('s2', '172.16.1.1', { everyMs: 500 });
    sim.run({ forMs: 3 * MINUTE });
    expect(there.received / there.sent).toBeGreaterThan(0.98);
    expect(back.received / back.sent).toBeGreaterThan(0.98);
  });

  it.each(pairs)('two hubs show what the mappings depend on: %s and %s', (a, b) => {
    const sim = new Simulation({ tunnel: UDP }).hub('hub1').hub('hub2');
    // the strictest filter: both sides have to send before either can be heard
    const nat = { filtering: 'address-and-port-dependent', preservesPorts: false } as const;
    sim.nat('nat1', { ...nat, address: '203.0.113.1', mapping: a });
    sim.nat('nat2', { ...nat, address: '203.0.113.2', mapping: b });
    sim.spoke('s1', { local: '192.168.1.11' }, { behind: 'nat1' });
    sim.spoke('s2', { local: '192.168.1.11' }, { behind: 'nat2' });
    sim.run({ forMs: 2_000 });
    const there = sim.flow('s1', '172.16.2.1', { everyMs: 500 });
    const back = sim.flow('s2', '172.16.1.1', { everyMs: 500 });
    sim.run({ forMs: 4 * MINUTE });
    const isDirect = a === 'endpoint-independent' && b === 'endpoint-independent';
    expect(sim.path('s1', '172.16.2.1').length).toBe(isDirect ? 2 : 3);
    expect(sim.path('s2', '172.16.1.1').length).toBe(isDirect ? 2 : 3);
    expect(there.received / there.sent).toBeGreaterThan(0.99);
    expect(back.received / back.sent).toBeGreaterThan(0.99);
  });

  it('behind two NATs one after the other (carrier-grade): registered and reached', () => {
    const sim = new Simulation({ tunnel: UDP }).hub('hub').nat('cgn', { address: '203.0.113.1' });
    sim.nat('home', { address: '100.64.0.5', behind: 'cgn' });
    sim.spoke('s1', { local: '192.168.1.11' }, { behind: 'home' }).run({ forMs: 2_000 });
    expect(sim.cache('hub', 'dynamic').map((e) => String(e.nbma?.address))).toEqual([
      '203.0.113.1',
    ]);
    expect(sim.ping('hub', '10.0.0.1').received).toBe(1);
  });
});

describe('raw GRE behind a NAT', () => {
  it('one spoke for each address: the second is refused with a reason, and the first is not disturbed', () => {
    const sim = oneNat({ portless: 'shared' }, {});
    sim.run({ forMs: 10 * MINUTE });
    expect(sim.registered('hub')).toEqual(['10.0.0.1', '10.0.0.3']);
    const [refused] = sim.events('hub', 'registration-refused');
    expect(refused).toMatchObject({ protocolAddress: '10.0.0.2', nbma: '203.0.113.1' });
  });

  it('a NAT that lets only one of them out: the other stays unregistered and says so', () => {
    const sim = oneNat({ portless: 'exclusive' }, {}).run({ forMs: MINUTE });
    expect(sim.registered('hub')).toEqual(['10.0.0.1', '10.0.0.3']);
    expect(sim.events('s2', 'registration-failed')).toMatchObject([{ reason: 'no-reply' }]);
  });
});
