/** Who may speak NHRP: passwords, keyed hashes (RFC 2332 §5.3.4), roll-over, and what a wrong one gets. */
import { createHmac } from 'node:crypto';
import type { TunnelConfig } from 'dmvpn/dmvpn';
import { Simulation } from 'dmvpn/testing';
import { describe, expect, it } from 'vitest';

const MINUTE = 60_000;
const hmac = (key: Uint8Array, data: Uint8Array): Uint8Array =>
  createHmac('md5', key).update(data).digest();
const key = (text: string): Uint8Array => new TextEncoder().encode(text);

const cisco = (...passwords: string[]): Partial<TunnelConfig> => ({
  authentication: { kind: 'cisco', passwords },
});
const mac = (...keys: [spi: number, key: string][]): Partial<TunnelConfig> => ({
  authentication: { kind: 'mac', keys: keys.map(([spi, text]) => ({ spi, key: key(text) })) },
});

/** A hub and two spokes that speak as the hub wants it. */
const network = (tunnel: Partial<TunnelConfig>): Simulation =>
  new Simulation({ tunnel, mac: hmac }).hub('hub').spoke('s1').spoke('s2').run({ forMs: 2_000 });

describe('a keyed hash over every message (RFC 2332 §5.3.4)', () => {
  it('registers, redirects, resolves across the hub, which makes it anew, and purges', () => {
    const sim = network(mac([256, 'a key of the whole network']));
    expect(sim.registered('hub')).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(sim.ping('s1', '172.16.2.1', { count: 2 }).received).toBe(2);
    expect(sim.path('s1', '172.16.2.1')).toEqual(['s1', 's2']);
    sim.command('s2', { kind: 'shutdown' }).run({ forMs: 1_500 });
    expect([sim.registered('hub'), sim.shortcuts('s1')]).toEqual([['10.0.0.1'], []]);
    expect(sim.messages().errorIndications).toBe(0);
  });

  it('with another key, the right key under another SPI, or a password nobody gets in: error 11', () => {
    const sim = network(mac([256, 'a key of the whole network']));
    const over = [mac([256, 'guess']), mac([257, 'a key of the whole network']), cisco('test123')];
    for (const [i, tunnel] of over.entries()) sim.spoke(`s${3 + i}`, tunnel);
    sim.run({ forMs: MINUTE });
    expect(sim.registered('hub')).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(new Set(sim.events('hub', 'error-sent').map((e) => e.code))).toEqual(new Set([11]));
    for (const s of ['s3', 's4', 's5'])
      expect(sim.events(s, 'registration-failed').length, s).toBeGreaterThan(0);
  });

  it('rolls over: a hub that knows both keys serves spokes with either', () => {
    const sim = network(mac([256, 'old']));
    sim.spoke('s3', mac([257, 'new'], [256, 'old'])).run({ forMs: 2_000 });
    expect(sim.servers('s3')).toEqual([]);
    sim.restart('hub', { tunnel: mac([256, 'old'], [257, 'new']) }).run({ forMs: 2 * MINUTE });
    expect(sim.registered('hub')).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    expect(sim.servers('s3')).toEqual(['10.255.0.1']);
  });
});

describe('a password', () => {
  it('that is wrong gets error 11, and nothing at all from a hub that keeps silent', () => {
    for (const authenticationFailure of ['error', 'silent'] as const) {
      const sim = new Simulation().hub('hub', { ...cisco('right'), authenticationFailure });
      sim.spoke('s1', cisco('wrong')).run({ forMs: MINUTE });
      expect(sim.registered('hub')).toEqual([]);
      expect(sim.messages('hub').errorIndications > 0).toBe(authenticationFailure === 'error');
      expect(sim.messages('s1').errorIndications).toBe(0);
      expect(sim.events('s1', 'registration-failed').length).toBeGreaterThan(0);
    }
  });

  it('is wanted by nobody where none is configured, whatever comes along', () => {
    const sim = new Simulation().hub('hub', { authentication: null });
    sim.spoke('s1', cisco('any')).spoke('s2', { authentication: null }).run({ forMs: 2_000 });
    expect(sim.registered('hub')).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  it('changes while the network runs: hub first with both, then the spokes, then without the old one', () => {
    const sim = network(cisco('old'));
    const flow = sim.flow('s1', '10.255.0.1', { everyMs: 500 });
    const step = (name: string, tunnel: Partial<TunnelConfig>): void => {
      const store = sim.snapshot(name);
      sim.restart(name, { store, tunnel }).run({ forMs: MINUTE });
    };
    step('hub', cisco('old', 'new'));
    for (const s of ['s1', 's2']) step(s, cisco('new', 'old'));
    step('hub', cisco('new'));
    for (const s of ['s1', 's2']) step(s, cisco('new'));
    sim.run({ forMs: 4 * MINUTE });
    expect(sim.registered('hub')).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(sim.events('hub', 'registration-refused')).toEqual([]);
    expect(flow.received / flow.sent).toBeGreaterThan(0.99);
  });
});
