/** Two tunnels of one hub: what makes them one network (facts C.9, steps 1 and 5; A.6 "hierarchical hubs"). */
import type { TunnelConfig } from 'dmvpn/dmvpn';
import { decodeMessage } from 'dmvpn/nhrp';
import { Simulation } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

type Over = Partial<TunnelConfig>;

/** s1 hangs on the hub's tunnel `east`, s2 on `west`; each tunnel knows its own spoke alone. */
function network(both: Over, west: Over = {}, s2: Over = {}): Simulation {
  const sim = new Simulation();
  const { blueprint } = sim;
  const route = (n: number) => [{ prefix: `172.16.${n}.0/24`, via: `10.0.0.${n}` }];
  sim.node('hub', [
    { ...blueprint.hub(1), name: 'east', routes: route(1), ...both },
    { ...blueprint.hub(2), name: 'west', routes: route(2), ...both, ...west },
  ]);
  const lan = (n: number) => ({ lan: [blueprint.lan(n) ?? ''] });
  sim.node('s1', blueprint.spoke(1, [1]), lan(1));
  sim.node('s2', { ...blueprint.spoke(2, [2]), ...s2 }, lan(2));
  return sim.run({ forMs: 5_000 });
}

describe('two tunnels with the same network id', () => {
  it('forward between each other, redirect, and resolve through both: the spokes go direct', () => {
    const sim = network({ networkId: 7 });
    expect(sim.ping('s1', '172.16.2.1', { count: 5 }).received).toBe(5);
    const redirects = sim.events('hub', 'redirect-sent');
    expect(redirects.map((e) => [e.tunnel, e.destination])).toContainEqual(['east', '172.16.2.1']);
    expect(sim.shortcuts('s1')).toEqual(['172.16.2.0/24 via 10.0.0.2']);
    expect(sim.path('s1', '172.16.2.1')).toEqual(['s1', 's2']);
    expect(sim.messages().errorIndications).toBe(0);
  });

  it('the request and its reply are authenticated anew, by the password of the tunnel they leave by', () => {
    const other = { authentication: { kind: 'cisco', passwords: ['another'] } } as const;
    const sim = network({ networkId: 7 }, other, other);
    const sent: string[] = [];
    sim.tap('hub', ({ bytes, to }) => {
      const message = decodeMessage(bytes.subarray(8)); // keyed GRE header
      if (!message.ok || message.value.type > 2) return;
      const found = message.value.extensions?.find((e) => e.kind === 'authentication');
      const password = found?.kind === 'authentication' ? String.fromCharCode(...found.data) : '';
      sent.push(`${message.value.type} to ${to.address}: ${password}`);
    });
    sim.ping('s1', '172.16.2.1', { count: 5 });
    expect(sent).toContain('1 to 198.18.0.2: another');
    expect(sent).toContain('1 to 198.18.0.1: test123');
  });

  it('with different keys their spokes cannot speak to each other: all goes by the hub, without redirects', () => {
    const sim = network({ networkId: 7 }, { key: 43 }, { key: 43 });
    expect(sim.ping('s1', '172.16.2.1', { count: 5 }).received).toBe(5);
    expect(sim.events('hub', 'redirect-sent')).toEqual([]);
    expect(sim.shortcuts('s1')).toEqual([]);
    expect(sim.traceroute('s1', '172.16.2.1').length).toBe(2);
  });

  it('a hop is a hop: the hub lowers the TTL, and a probe that dies there is answered', () => {
    const sim = network({ networkId: 7 }, { key: 43 }, { key: 43 });
    const hops = sim.traceroute('s1', '172.16.2.1').map(({ from }) => String(from));
    expect(hops).toEqual(['10.255.0.1', '172.16.2.1']);
  });
});

describe('tunnels without one', () => {
  it.each([
    ['none is given', {}, {}],
    ['they are different', { networkId: 7 }, { networkId: 8 }],
  ])('do not know of each other: %s', (_, both, west) => {
    const sim = network(both, west);
    expect(sim.ping('s1', '172.16.2.1', { count: 3 }).received).toBe(0);
    expect(sim.stats('hub').tunnels.east?.packets.dropped['no-route']).toBeGreaterThan(0);
    expect(sim.events('hub', 'redirect-sent')).toEqual([]);
  });
});
