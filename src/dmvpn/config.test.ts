import { describe, expect, it } from 'vitest';
import type { DmvpnConfig, TunnelConfig } from './config.js';
import { DEFAULT_LIMITS, readConfig } from './settings.js';
import { hubTunnel, spokeTunnel } from './virtual-lab.js';

const spoke = (over: object): DmvpnConfig => ({
  tunnels: [spokeTunnel(1, over as Partial<TunnelConfig>)],
});

describe('readConfig', () => {
  it('fills in the defaults, and hands the engine what is its', () => {
    const { name, address, local, protection } = hubTunnel();
    const [tunnel] = readConfig({ tunnels: [{ name, address, local, protection }] }).tunnels;
    expect(tunnel).toMatchObject({ carrier: 'gre', key: null, mtu: 1_400, local: { port: 0 } });
    expect(tunnel?.engine).toMatchObject({
      holdingTimeSeconds: 7_200,
      hopCount: 255,
      unique: true,
      protected: false,
      limits: DEFAULT_LIMITS,
      nhs: [],
    });
  });

  it('separates LANs from routes, and has port 4754 where GRE is in UDP', () => {
    const [tunnel] = readConfig(spoke({ carrier: 'gre-udp' })).tunnels;
    expect(tunnel?.engine.localPrefixes.map((p) => String(p.address))).toEqual(['192.168.101.0']);
    expect(tunnel?.routes.map((r) => r.kind)).toEqual(['static', 'static']);
    expect([tunnel?.local.port, tunnel?.engine.defaultPort]).toEqual([4_754, 4_754]);
  });

  it('gives each address family its engine, with what is of that family; a dynamic server is in both', () => {
    const nhs = ['dynamic', '10.0.0.100', '2001:db8::100'].map((address) => ({
      ...{ address, nbma: '192.168.0.2' },
    }));
    const routes = [
      { prefix: '172.16.1.0/24', via: null },
      { prefix: '2001:db8:1::/64', via: null },
    ];
    const over = { otherAddress: '2001:db8::1/64', nhs, routes, alsoRegister: ['2001:db8:2::/48'] };
    const [tunnel] = readConfig(spoke(over)).tunnels;
    const shape = [tunnel?.engine, tunnel?.otherEngine].map((e) => [
      String(e?.address),
      e?.nhs.map((n) => String(n.protocolAddress)),
      e?.localPrefixes.map((p) => String(p.address)),
      e?.alsoRegister.length,
    ]);
    expect(shape).toEqual([
      ['10.0.0.1', ['dynamic', '10.0.0.100'], ['172.16.1.0'], 0],
      ['2001:db8::1', ['dynamic', '2001:db8::100'], ['2001:db8:1::'], 1],
    ]);
    expect(readConfig(spoke({})).tunnels[0]?.otherEngine).toBeNull();
  });

  it('leaves the limits that are not given as they are', () => {
    const [tunnel] = readConfig(spoke({ limits: { maxEntries: 10 } })).tunnels;
    expect(tunnel?.engine.limits).toEqual({ ...DEFAULT_LIMITS, maxEntries: 10 });
  });

  const wrong: readonly [string, object, string][] = [
    [
      'an NBMA address',
      { nhs: [{ address: '10.0.0.100', nbma: '192.168.0' }] },
      "tunnels[0].nhs[0].nbma: '192.168.0' is not an IPv4 address",
    ],
    [
      'a family',
      { nhs: [{ address: '10.0.0.100', nbma: '2001:db8::1' }] },
      "tunnels[0].nhs[0].nbma: '2001:db8::1' is not an IPv4 address",
    ],
    [
      'a tunnel address',
      { address: '10.0.0.1' },
      "tunnels[0].address: '10.0.0.1' is not an address with a length, such as '10.0.0.1/24'",
    ],
    [
      'a multicast local address',
      { local: '224.0.0.1' },
      "tunnels[0].local: '224.0.0.1' is not a unicast address",
    ],
    [
      'host bits in a prefix',
      { routes: [{ prefix: '10.0.0.1/24' }] },
      "tunnels[0].routes[0].prefix: '10.0.0.1/24' is not a prefix; did you mean '10.0.0.0/24'?",
    ],
    ['an unknown option', { nsh: [] }, 'tunnels[0].nsh: there is no such option'],
    [
      'an unknown option further in',
      { nhs: [{ address: 'dynamic', nbma: 'hub.example', prio: 1 }] },
      'tunnels[0].nhs[0].prio: there is no such option',
    ],
    [
      'a missing value',
      { protection: undefined },
      'tunnels[0].protection: an object expected, got nothing',
    ],
    [
      'an unknown protection',
      { protection: { kind: 'none' } },
      "tunnels[0].protection.kind: 'insecure-cleartext' or 'ipsec' or 'key-exchange' expected, got 'none'",
    ],
    ['a number as text', { key: '42' }, "tunnels[0].key: a number expected, got '42'"],
    [
      'a number out of range',
      { holdingTimeSeconds: 65_536 },
      'tunnels[0].holdingTimeSeconds: a whole number from 1 to 65535 expected, got 65536',
    ],
    ['a list that is none', { routes: {} }, 'tunnels[0].routes: a list expected, got an object'],
    ['a flag', { redirect: 'yes' }, "tunnels[0].redirect: true or false expected, got 'yes'"],
    [
      'a multicast target',
      { multicast: ['dynamics'] },
      "tunnels[0].multicast[0]: 'dynamics' is not an IPv4 address",
    ],
    [
      'a small MTU for IPv6',
      { address: '2001:db8::1/64', mtu: 1_000 },
      'tunnels[0].mtu: at least 1280 expected where IPv6 is carried (RFC 8200 §5)',
    ],
    [
      'a limited broadcast as local address',
      { local: '255.255.255.255' },
      "tunnels[0].local: '255.255.255.255' is not a unicast address",
    ],
    [
      'an unspecified local address',
      { local: '0.0.0.0' },
      "tunnels[0].local: '0.0.0.0' is not a unicast address",
    ],
    [
      'a server of another family',
      { nhs: [{ address: '2001:db8::1', nbma: '192.168.0.2' }] },
      "tunnels[0].nhs[0].address: '2001:db8::1' is not IPv4, as the tunnel's address is",
    ],
    [
      'a next hop of another family',
      { routes: [{ prefix: '10.0.0.0/24', via: 'fe80::1' }] },
      "tunnels[0].routes[0].via: 'fe80::1' is not IPv4, as the tunnel's address is",
    ],
    [
      'a route of another family',
      { routes: [{ prefix: '2001:db8::/64', via: null }] },
      "tunnels[0].routes[0].prefix: '2001:db8::' is not IPv4, as the tunnel's address is",
    ],
    [
      'a mapping of another family',
      { maps: [{ prefix: '2001:db8::9/128', nbma: '192.168.9.2' }] },
      "tunnels[0].maps[0].prefix: '2001:db8::9' is not IPv4, as the tunnel's address is",
    ],
    [
      'an own prefix of another family',
      { alsoRegister: ['2001:db8::/64'] },
      "tunnels[0].alsoRegister[0]: '2001:db8::' is not IPv4, as the tunnel's address is",
    ],
    [
      'two addresses of one family',
      { otherAddress: '10.0.1.1/32' },
      "tunnels[0].otherAddress: '10.0.1.1' is IPv4, as the tunnel's address is",
    ],
    [
      'a next hop that is not of the family of its route',
      { otherAddress: '2001:db8::1/64', routes: [{ prefix: '10.0.0.0/24', via: '2001:db8::9' }] },
      "tunnels[0].routes[0].via: '2001:db8::9' is not of the prefix's family",
    ],
    [
      'a small MTU where the other address is IPv6',
      { otherAddress: '2001:db8::1/64', mtu: 1_000 },
      'tunnels[0].mtu: at least 1280 expected where IPv6 is carried (RFC 8200 §5)',
    ],
    [
      'a prefix that is to be unique',
      { unique: true, alsoRegister: ['10.0.0.9/32', '172.16.5.0/24'] },
      "tunnels[0].alsoRegister[1]: a prefix cannot be registered as unique: 'unique: false' expected beside it",
    ],
    [
      'registrations no more often than they hold',
      { holdingTimeSeconds: 300, registrationIntervalSeconds: 300 },
      'tunnels[0].registrationIntervalSeconds: less than the holding time of 300 s expected, got 300',
    ],
    [
      'no password at all',
      { authentication: { kind: 'cisco', passwords: [] } },
      'tunnels[0].authentication.passwords: at least 1 expected',
    ],
  ];
  it.each(wrong)('refuses %s by its path', (_, over, message) => {
    expect(() => readConfig(spoke(over))).toThrow(message);
  });

  it('never quotes a secret', () => {
    const passwords = ['much-too-long-a-secret'];
    const attempt = (): unknown =>
      readConfig(spoke({ authentication: { kind: 'cisco', passwords } }));
    expect(attempt).toThrow(
      'tunnels[0].authentication.passwords[0]: 1 to 8 printable ASCII characters expected',
    );
    expect(attempt).not.toThrow(/secret/);
    const keys = [{ spi: 1, key: 'another secret' }];
    expect(() => readConfig(spoke({ authentication: { kind: 'mac', keys } }))).not.toThrow(
      /secret/,
    );
  });

  it('wants tunnels that can be told apart', () => {
    const tunnels = [spokeTunnel(1), { ...spokeTunnel(1), name: 'tun101' }];
    expect(() => readConfig({ tunnels })).toThrow(
      'tunnels[1].key: tunnels[0] has the same local address and key',
    );
    expect(() => readConfig({ tunnels: [spokeTunnel(1), spokeTunnel(2)] })).toThrow(
      "tunnels[1].name: 'tun100' is the name of tunnels[0] already",
    );
    expect(() => readConfig({ tunnels: [] })).toThrow('tunnels: at least 1 expected');
    expect(() => readConfig(null as unknown as DmvpnConfig)).toThrow(TypeError);
  });
});

describe('addresses that cannot be meant', () => {
  const hub = { address: '10.0.0.100', nbma: '192.168.0.2' };
  const map = { prefix: '10.0.0.9/32', nbma: '192.168.9.2' };
  const many = (count: number) => Array.from({ length: count }, (_, i) => `10.1.0.${i}/32`);
  it.each<[string, object, string]>([
    ['a loopback address', { address: '127.0.0.1/32' }, "address: '127.0.0.1' is not the address"],
    ['class E', { address: '240.0.0.1/24' }, "address: '240.0.0.1' is not the address of a host"],
    ['multicast', { address: '224.0.0.5/24' }, 'address'],
    ["the network's", { address: '10.0.0.0/24' }, "address: '10.0.0.0/24' is the network's"],
    ["the other network's", { otherAddress: '2001:db8::/64' }, "otherAddress: '2001:db8::/64' is"],
    ['64 more CIEs', { alsoRegister: many(64) }, 'alsoRegister: at most 63 of IPv4 expected'],
    ['everything', { alsoRegister: ['0.0.0.0/0'] }, 'alsoRegister[0]: not everything can be'],
    ['nothing', { alsoRegister: ['0.0.0.0/32'] }, "alsoRegister[0]: '0.0.0.0' is not the"],
    ['a group', { alsoRegister: ['224.0.0.5/32'] }, "alsoRegister[0]: '224.0.0.5' is not the"],
    ['own loopback', { alsoRegister: ['127.0.0.1/32'] }, "alsoRegister[0]: '127.0.0.1' is not"],
    ['broadcast', { alsoRegister: ['255.255.255.255/32'] }, "alsoRegister[0]: '255.255.255.255'"],
    ['itself as server', { nhs: [{ ...hub, address: '10.0.0.1' }] }, 'nhs[0].address: '],
    ['its own end as server', { nhs: [{ ...hub, nbma: '192.168.1.2' }] }, 'nhs[0].nbma: '],
    [
      'a server twice',
      { nhs: [hub, { ...hub, priority: 9 }] },
      'nhs[1]: the same as tunnels[0].nh',
    ],
    ['a mapping of itself', { maps: [{ ...map, prefix: '10.0.0.1/32' }] }, 'maps[0].prefix: '],
    ['a mapped group', { maps: [{ ...map, prefix: '224.0.0.0/4' }] }, 'maps[0].prefix: '],
    ['a mapping to itself', { maps: [{ ...map, nbma: '192.168.1.2' }] }, 'maps[0].nbma: '],
    [
      'two mappings of one',
      { maps: [map, { ...map, nbma: '192.168.8.2' }] },
      'maps[1].prefix: the',
    ],
    [
      'a way by itself',
      { routes: [{ prefix: '10.9.0.0/16', via: '10.0.0.1' }] },
      'routes[0].via: ',
    ],
  ])('%s is refused by its path', (_, over, message) => {
    expect(() => readConfig(spoke(over))).toThrow(`tunnels[0].${message}`);
  });

  it('what is like them and can be meant is taken', () => {
    const nhs = [hub, { ...hub, nbma: '192.168.0.3' }, { ...hub, address: 'dynamic' }];
    const over = { address: '10.0.0.0/31', alsoRegister: many(63), nhs, maps: [map] };
    const other = { otherAddress: '2001:db8::/127', registrationIntervalSeconds: 299 };
    const [tunnel] = readConfig(spoke({ ...over, ...other })).tunnels;
    expect(tunnel?.engine).toMatchObject({ prefixLength: 31, registrationIntervalSeconds: 299 });
    expect([tunnel?.engine.nhs.length, tunnel?.engine.alsoRegister.length]).toEqual([3, 63]);
  });
});

describe('a secret in the wrong place', () => {
  it.each([
    { authentication: 'hunter2' },
    { authentication: ['hunter2'] },
    { authentication: { kind: 'cisco', passwords: 'hunter2' } },
    { protection: 'hunter2' },
  ])('is not quoted: %j', (over) => {
    const config = { tunnels: [{ ...spokeTunnel(1), ...over }] } as unknown as DmvpnConfig;
    expect(() => readConfig(config)).toThrow(/^tunnels\[0\]\.(authentication|protection)/);
    expect(() => readConfig(config)).not.toThrow(/hunter2/);
  });
});
