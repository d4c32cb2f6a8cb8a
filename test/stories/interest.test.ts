/** What is asked for: interest of packets and of the application, and the transit records (facts A.5, A.7, A.14). */

import type { TunnelConfig } from 'dmvpn/dmvpn';
import { decodeMessage } from 'dmvpn/nhrp';
import { Simulation } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

const MINUTE = 60_000;

const network = (spoke: Partial<TunnelConfig> = {}, hub: Partial<TunnelConfig> = {}): Simulation =>
  new Simulation().hub('hub', hub).spoke('s1', spoke).spoke('s2').spoke('s3').run({ forMs: 5_000 });

const keep = (address: string, keep = true) =>
  ({ kind: 'keepResolved', tunnel: 'tun0', address, keep }) as const;

describe('ip nhrp interest: packets start resolutions for what the list names alone', () => {
  it('Phase 3: a redirect about another destination is heard, and nothing is asked', () => {
    const sim = network({ interest: ['172.16.2.0/24'] });
    expect(sim.ping('s1', '172.16.3.1', { count: 3 }).received).toBe(3);
    expect(sim.events('s1', 'redirect-received').length).toBeGreaterThan(0);
    expect(sim.events('s1', 'resolution-started')).toEqual([]);
    expect(sim.path('s1', '172.16.3.1')).toEqual(['s1', 'hub', 's3']);
    sim.ping('s1', '172.16.2.1', { count: 3 });
    expect(sim.shortcuts('s1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
  });

  it('Phase 2: a next hop that is not in the list is reached by the hub', () => {
    const sim = new Simulation({ phase: 2 }).hub('hub').spoke('s1', { interest: ['10.0.0.2/32'] });
    sim.spoke('s2').spoke('s3').run({ forMs: 5_000 });
    sim.ping('s1', '172.16.2.1', { count: 3 });
    sim.ping('s1', '172.16.3.1', { count: 3 });
    expect(sim.events('s1', 'resolution-started').map((e) => e.destination)).toEqual(['10.0.0.2']);
  });

  it('the application is not bound by it', () => {
    const sim = network({ interest: [] }).command('s1', keep('172.16.2.1')).run({ forMs: 1_000 });
    expect(sim.shortcuts('s1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
  });
});

describe('interest of the application: an address is kept resolved', () => {
  it('without a packet it is resolved, and renewed for hours, where one not kept runs out', () => {
    const sim = network().command('s1', keep('172.16.2.1'));
    sim.ping('s1', '172.16.3.1', { count: 2 });
    const both = ['172.16.2.0/24 via 10.0.0.2', '172.16.3.0/24 via 10.0.0.3'];
    expect([...sim.shortcuts('s1')].sort()).toEqual(both);
    sim.run({ forMs: 120 * MINUTE });
    expect(sim.shortcuts('s1')).toEqual(both.slice(0, 1));
    expect(sim.events('s1', 'shortcut-removed').map((e) => e.prefix)).toEqual(['172.16.3.0/24']);
  });

  it('what was refused or lost is asked for again once the negative entry is over', () => {
    const sim = network()
      .kill('s2')
      .run({ forMs: 10 * MINUTE });
    sim.command('s1', keep('172.16.2.1')).run({ forMs: 5 * MINUTE });
    expect(sim.shortcuts('s1')).toEqual([]);
    sim.restart('s2').run({ forMs: 4 * MINUTE });
    expect(sim.shortcuts('s1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
    sim
      .kill('s2')
      .run({ forMs: 10 * MINUTE })
      .restart('s2')
      .run({ forMs: 5 * MINUTE });
    expect(sim.shortcuts('s1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
  });

  it('no longer wanted, it runs out like any other', () => {
    const sim = network()
      .command('s1', keep('172.16.2.1'))
      .run({ forMs: 30 * MINUTE });
    expect(sim.shortcuts('s1').length).toBe(1);
    sim.command('s1', keep('172.16.2.1', false)).run({ forMs: 10 * MINUTE });
    expect(sim.shortcuts('s1')).toEqual([]);
  });

  it('a host on the tunnel (Phase 2) is kept as well, and an own or registered address needs nothing', () => {
    const sim = new Simulation({ phase: 2 }).hub('hub').spoke('s1').spoke('s2');
    sim.run({ forMs: 5_000 }).command('s1', keep('10.0.0.2')).command('s1', keep('10.0.0.1'));
    sim.command('hub', keep('10.0.0.2')).run({ forMs: 30 * MINUTE });
    expect(sim.lookup('s1', '10.0.0.2').kind).toBe('direct');
    expect(sim.events('s1', 'resolution-started').every((e) => e.destination === '10.0.0.2')).toBe(
      true,
    );
    expect(sim.events('hub', 'resolution-started')).toEqual([]);
  });
});

describe('ip nhrp record: forward and reverse transit NHS records (RFC 2332 §5.3.2, §5.3.3)', () => {
  /** The extension types of every message of that NHRP type that the node sent, and CIEs in the records. */
  function recorded(sim: Simulation, node: string, type: number): Map<number, number>[] {
    const seen: Map<number, number>[] = [];
    sim.tap(node, ({ bytes }) => {
      const message = decodeMessage(bytes.subarray(8)); // keyed GRE header
      if (!message.ok || message.value.type !== type) return;
      const all = message.value.extensions ?? [];
      seen.push(new Map(all.map((e) => [e.type, 'cies' in e ? e.cies.length : -1])));
    });
    return seen;
  }

  it('off at the requester: its requests ask for neither; the reply has neither', () => {
    const sim = network({ record: false });
    const [requests, replies] = [recorded(sim, 's1', 1), recorded(sim, 's2', 2)];
    expect(sim.ping('s1', '172.16.2.1', { count: 3 }).received).toBe(3);
    expect(requests.length).toBeGreaterThan(0);
    for (const types of [...requests, ...replies])
      expect([types.has(3), types.has(4), types.has(5)]).toEqual([true, false, false]);
    expect(sim.shortcuts('s1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
  });

  it('off at a transit server: it does not append itself to the record that others ask for', () => {
    for (const record of [true, false]) {
      const sim = network({}, { record });
      const forwarded = recorded(sim, 'hub', 1);
      sim.ping('s1', '172.16.2.1', { count: 3 });
      expect(forwarded.length).toBeGreaterThan(0);
      for (const types of forwarded) expect(types.get(4)).toBe(record ? 1 : 0);
      expect(sim.shortcuts('s1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
    }
  });
});
