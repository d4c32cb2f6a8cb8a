import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../io/crypto-node.js';
import { ManualKeys } from '../ipsec/manual-keys.js';
import type { TunnelConfig } from './config.js';
import type { DmvpnEvent } from './output.js';
import { readConfig } from './settings.js';
import { hubTunnel, type LabNode, spokeTunnel, VirtualLab } from './virtual-lab.js';

const SECRET = 'a secret that nobody else has';
const ipsec = (secret = SECRET): TunnelConfig['protection'] => ({
  kind: 'ipsec',
  keys: [{ peer: null, secret }],
});
const CARRIERS = ['gre', 'gre-udp'] as const;

function phase3(carrier: 'gre' | 'gre-udp', over: Partial<TunnelConfig> = {}) {
  const lab = new VirtualLab(nodeCrypto());
  const common = { carrier, protection: ipsec(), ...over } as const;
  const hub = lab.add(hubTunnel(common));
  const one = lab.add(spokeTunnel(1, common));
  const two = lab.add(spokeTunnel(2, common));
  lab.run(3_000);
  return { lab, hub, one, two };
}

const ofType = <T extends DmvpnEvent['type']>(node: LabNode, type: T) =>
  node.events.filter((e): e is DmvpnEvent & { type: T } => e.type === type);

/** Nothing but IKE and ESP has left the node. */
function isAllProtected(...nodes: LabNode[]): boolean {
  return nodes.every((n) =>
    n.sent.every((s) => s.path.carrier !== 'gre' && s.path.carrier !== 'gre-udp'),
  );
}

describe.each(CARRIERS)('a protected DMVPN over %s', (carrier) => {
  it('registers once there is an association, pings, and builds a protected shortcut', () => {
    const { lab, hub, one, two } = phase3(carrier);
    expect(
      ofType(hub, 'spoke-registered')
        .map((e) => e.protocolAddress)
        .sort(),
    ).toEqual(['10.0.0.1', '10.0.0.2']);
    one.ping('192.168.101.5', '192.168.102.5');
    lab.run(2_000);
    expect(two.delivered).toHaveLength(1);
    expect(ofType(one, 'shortcut-set')).toHaveLength(1);
    const atHub = hub.sent.length;
    one.ping('192.168.101.5', '192.168.102.5', 64, 2);
    lab.run(100);
    expect(two.delivered).toHaveLength(2);
    expect(hub.sent.length).toBe(atHub);
    expect(isAllProtected(hub, one, two)).toBe(true);
  });

  it('leaves for good: its Purge is answered before the association goes, and nothing begins anew', () => {
    const { lab, hub, one } = phase3(carrier);
    const [seen, from] = [one.events.length, lab.now];
    one.act((node, now) => node.command(now, { kind: 'shutdown' }));
    lab.run(100);
    expect(one.node.state).toBe('closed');
    lab.run(10_000);
    expect(one.events.slice(seen).map((e) => e.type)).not.toContain('registered');
    expect(one.sent.filter((s) => s.at > from + 100)).toEqual([]);
    expect(ofType(hub, 'peer-up').filter((e) => e.nbma.startsWith('192.168.1.2'))).toHaveLength(1);
    const left = ofType(hub, 'entry-removed').filter((e) => e.prefix === '10.0.0.1/32');
    expect(left).toMatchObject([{ reason: 'purged' }]);
  });

  it('leaves together with one that goes direct to it, and nobody is told of an error', () => {
    const { lab, hub, one, two } = phase3(carrier);
    one.ping('192.168.101.5', '192.168.102.5');
    lab.run(2_000);
    expect(ofType(one, 'shortcut-set')).toHaveLength(1);
    for (const spoke of [one, two])
      spoke.act((node, now) => node.command(now, { kind: 'shutdown' }));
    lab.run(2_000);
    expect([hub, one, two].flatMap((node) => ofType(node, 'error-sent'))).toEqual([]);
    expect([one, two].flatMap((spoke) => ofType(spoke, 'purge-received'))).not.toEqual([]);
  });

  it('leaves at once where its hub has gone before', () => {
    const { lab, hub, one } = phase3(carrier);
    lab.passes = () => false; // its Purge is lost
    one.act((node, now) => node.command(now, { kind: 'shutdown' }));
    lab.passes = () => true;
    hub.act((node, now) => node.command(now, { kind: 'shutdown' }));
    lab.run(100);
    expect(one.node.state).toBe('closed');
  });

  it('stays up over three rekeyings, and nothing passes in the clear', () => {
    const { lab, hub, one, two } = phase3(carrier);
    for (let i = 0; i < 3; i++) {
      lab.run(3_600_000);
      one.ping('10.0.0.1', '10.0.0.100', 64, i);
      lab.run(100);
    }
    expect(hub.delivered).toHaveLength(3);
    expect(ofType(one, 'peer-down')).toEqual([]);
    expect(isAllProtected(hub, one, two)).toBe(true);
  });

  it('with the wrong key there is no association and no registration, and an event says why', () => {
    const lab = new VirtualLab(nodeCrypto());
    const hub = lab.add(hubTunnel({ carrier, protection: ipsec() }));
    const one = lab.add(spokeTunnel(1, { carrier, protection: ipsec('another one') }));
    lab.run(60_000);
    expect(ofType(hub, 'spoke-registered')).toEqual([]);
    expect(ofType(one, 'protection-failed')[0]).toMatchObject({ why: 'authentication' });
    expect(JSON.stringify([hub.events, one.events])).not.toContain(SECRET);
  });

  it('a spoke that dies is noticed, its entries go, and it is back when it is', () => {
    const { lab, hub, one } = phase3(carrier);
    lab.remove(one);
    hub.ping('10.0.0.100', '10.0.0.1');
    lab.run(30_000);
    expect(ofType(hub, 'peer-down').map((e) => e.nbma)).toContain(
      carrier === 'gre' ? '192.168.1.2' : '192.168.1.2:4500',
    );
    expect(ofType(hub, 'entry-removed')).toContainEqual(
      expect.objectContaining({ prefix: '10.0.0.1/32', reason: 'peer-down' }),
    );
    lab.add(spokeTunnel(1, { carrier, protection: ipsec() }));
    lab.run(20_000);
    expect(
      ofType(hub, 'spoke-registered').filter((e) => e.protocolAddress === '10.0.0.1'),
    ).toHaveLength(2);
  });

  it('a restarted hub is registered with again: in seconds with traffic, within half a minute without', () => {
    for (const [isBusy, seconds] of [
      [true, 6],
      [false, 20],
    ] as const) {
      const { lab, hub, one, two } = phase3(carrier);
      lab.remove(hub);
      lab.run(1_000);
      const again = lab.add(hubTunnel({ carrier, protection: ipsec() }));
      if (isBusy) {
        one.ping('10.0.0.1', '10.0.0.100');
        two.ping('10.0.0.2', '10.0.0.100');
      }
      lab.run(seconds * 1_000);
      expect(ofType(again, 'spoke-registered')).toHaveLength(2);
      expect(ofType(one, 'peer-down')).toHaveLength(1);
      expect(isAllProtected(again, one, two)).toBe(true);
    }
  });
});

describe('a wrong protection', () => {
  it('is refused by its path, and the secret is not quoted', () => {
    const lab = new VirtualLab(nodeCrypto());
    const add = (protection: unknown) => () =>
      lab.add(spokeTunnel(1, { protection: protection as TunnelConfig['protection'] }));
    expect(add({ kind: 'ipsec', keys: [] })).toThrow(
      'tunnels[0].protection.keys: at least 1 expected',
    );
    expect(add({ kind: 'ipsec', keys: [{ peer: null, secret: '' }] })).toThrow(
      'tunnels[0].protection.keys[0].secret: octets or a text expected, at least one',
    );
    expect(
      add({
        kind: 'ipsec',
        keys: [{ peer: null, secret: 'x' }],
        esp: [
          {
            encryption: ['3des-cbc'],
            integrity: ['hmac-md5-96'],
            groups: ['none'],
            extendedSequence: [false],
          },
        ],
      }),
    ).toThrow(/tunnels\[0\]\.protection\.esp\[0\].*insecure/);
  });

  it('needs a crypto provider', () => {
    expect(() => new VirtualLab().add(spokeTunnel(1, { protection: ipsec() }))).toThrow(
      'env.crypto',
    );
  });
});

describe('protected tunnels of one local address', () => {
  const second = (over: Partial<TunnelConfig> = {}): TunnelConfig => ({
    ...spokeTunnel(1, { protection: ipsec(), address: '10.1.0.1/32', nhs: [], routes: [] }),
    name: 'tun101',
    key: 43,
    ...over,
  });
  const config = (over: Partial<TunnelConfig>) => () =>
    readConfig({ tunnels: [spokeTunnel(1, { protection: ipsec() }), second(over)] });

  it('are accepted with the same protection', () => {
    expect(config({})).not.toThrow();
    expect(config({ protection: { ...ipsec(), mode: 'transport' } as never })).not.toThrow();
  });

  it.each([
    ['protection.keys', { protection: ipsec('another one') }],
    ['protection.lifetimeSeconds', { protection: { ...ipsec(), lifetimeSeconds: 600 } }],
    ['protection.mode', { protection: { ...ipsec(), mode: 'tunnel' } }],
    ['protection.identity', { protection: { ...ipsec(), identity: 'hub.example.net' } }],
    [
      'protection.esp',
      {
        protection: {
          ...ipsec(),
          esp: [
            {
              encryption: ['aes-256-gcm-16'],
              integrity: [],
              groups: ['none'],
              extendedSequence: [false],
            },
          ],
        },
      },
    ],
    ['protection', { protection: { kind: 'insecure-cleartext' } }],
    ['carrier', { carrier: 'gre-udp' }],
    ['key', { key: 42 }],
    ['protection.kind', { protection: { kind: 'key-exchange', keyExchange: new ManualKeys() } }],
  ])('are refused by path where they differ: %s', (path, over) => {
    const attempt = config(over as Partial<TunnelConfig>);
    expect(attempt).toThrow(`tunnels[1].${path}: tunnels[0] has the same local address`);
    expect(attempt).not.toThrow(/another one|nobody else/);
  });

  it('may have one key exchange of the embedder', () => {
    const [one, two] = [new ManualKeys(), new ManualKeys()];
    const tunnels = (a: ManualKeys, b: ManualKeys) =>
      [a, b].map((keyExchange, i) => ({
        ...second({ protection: { kind: 'key-exchange', keyExchange } }),
        name: `tun${i}`,
        key: i,
      }));
    expect(() => readConfig({ tunnels: tunnels(one, one) })).not.toThrow();
    expect(() => readConfig({ tunnels: tunnels(one, two) })).toThrow(
      'tunnels[1].protection.keyExchange: tunnels[0] has the same local address',
    );
  });
});
