/** Secrets in what objects show of themselves and in what errors say: reliability S10. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { TunnelConfig } from '../../src/dmvpn/config.js';
import { hubTunnel, spokeTunnel, VirtualLab } from '../../src/dmvpn/virtual-lab.js';
import { nodeCrypto } from '../../src/io/crypto-node.js';
import type { CryptoProvider } from '../../src/ipsec/crypto.js';
import { IkeV2 } from '../../src/ipsec/ike/v2/ike-v2.js';
import { IpsecProtection } from '../../src/ipsec/protection.js';
import { SecurityAssociationDatabase } from '../../src/ipsec/sa/database.js';
import { SecretBytes } from '../../src/ipsec/secret.js';
import { cipherSuite, DH_GROUPS } from '../../src/ipsec/suites.js';
import { address } from '../ike/pair.js';
import { SecretScanner } from '../log-scan.js';

const PSK = 'nobody guesses 7f3a';
const PASSWORD = 'Zq7!vW2x';
const KEY = Uint8Array.from({ length: 36 }, (_, i) => (i * 37 + 11) & 0xff);
const MAC_KEY = Uint8Array.from({ length: 20 }, (_, i) => (i * 53 + 5) & 0xff);

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function scannerOf(...more: Uint8Array[]): SecretScanner {
  const scanner = new SecretScanner();
  for (const secret of [utf8(PSK), utf8(PASSWORD), KEY, MAC_KEY, ...more])
    scanner.learn(secret, 'a secret');
  return scanner;
}

/** Everything that makes a text of a value. */
function* textsOf(value: unknown): Generator<string> {
  const json = (_: string, v: unknown): unknown => (typeof v === 'bigint' ? String(v) : v);
  yield String(value);
  yield `${Object.prototype.toString.call(value)}`;
  yield inspect(value, { depth: 20, showHidden: true, getters: true, maxArrayLength: null });
  yield inspect(value, { customInspect: false, depth: 20, maxArrayLength: null });
  try {
    yield JSON.stringify(value, json) ?? '';
  } catch {
    // a circle has no JSON
  }
}

function expectSilent(scanner: SecretScanner, what: string, value: unknown): void {
  for (const text of textsOf(value)) expect(scanner.find(text), what).toBeNull();
}

/** A provider that remembers every key. */
function remembering(scanner: SecretScanner): CryptoProvider {
  const base = nodeCrypto();
  return {
    ...base,
    openCipher: (suite, encryption, integrity) => {
      scanner.learn(encryption, 'a key');
      scanner.learn(integrity, 'a key');
      return base.openCipher(suite, encryption, integrity);
    },
    openHmac: (hash, key) => {
      scanner.learn(key, 'a key');
      return base.openHmac(hash, key);
    },
  };
}

const protection: TunnelConfig['protection'] = {
  kind: 'ipsec',
  keys: [{ peer: null, secret: PSK }],
};
const authentication: TunnelConfig['authentication'] = { kind: 'cisco', passwords: [PASSWORD] };

describe('no secret is shown by', () => {
  it('the scan of this test is no empty one', () => {
    for (const shown of [{ a: [PSK] }, new Map([[1, KEY]]), { at: MAC_KEY }])
      expect([...textsOf(shown)].some((text) => scannerOf().find(text) !== null)).toBe(true);
  });

  it('nodes that are up, their views, snapshots, counters, events and tables', () => {
    const scanner = scannerOf();
    const lab = new VirtualLab(remembering(scanner));
    const hub = lab.add(hubTunnel({ protection, authentication }));
    const spoke = lab.add(spokeTunnel(1, { protection, authentication }));
    lab.run(2_000);
    expect(hub.events.some(({ type }) => type === 'spoke-registered')).toBe(true);
    expect(scanner.size).toBeGreaterThan(20);
    for (const { node, events } of [hub, spoke]) {
      expectSilent(scanner, 'node', node);
      for (const shown of [node.view(lab.now), node.snapshot(lab.now), node.stats(), events])
        expectSilent(scanner, 'view', shown);
    }
  });

  it('key exchange, protection and associations', () => {
    const scanner = scannerOf();
    const crypto = remembering(scanner);
    const ike = new IkeV2({ keys: [{ peer: null, secret: utf8(PSK) }] }, crypto);
    const [local, remote] = [address('192.0.2.1'), address('192.0.2.2')];
    ike.want(0, { address: remote, port: 0 }, { protocol: 47, local, remote });
    const output = ike.pollOutput();
    expectSilent(scanner, 'IkeV2', ike);
    expectSilent(scanner, 'output', output);
    const random = (octets: number): Uint8Array => new Uint8Array(octets).fill(3);
    const database = new SecurityAssociationDatabase(random);
    const parts = { crypto, random, keyExchange: ike, database, local };
    expectSilent(scanner, 'IpsecProtection', new IpsecProtection(parts));
  });

  it('handles of the provider, and secrets', () => {
    const scanner = scannerOf();
    const crypto = nodeCrypto();
    const suite = cipherSuite('aes-256-gcm-16', null);
    const cbc = cipherSuite('aes-256-cbc', 'hmac-sha1-96');
    expectSilent(scanner, 'AEAD', crypto.openCipher(suite, KEY, new Uint8Array(0)));
    expectSilent(scanner, 'CBC', crypto.openCipher(cbc, KEY.subarray(0, 32), MAC_KEY));
    expectSilent(scanner, 'HMAC', crypto.openHmac('sha256', MAC_KEY));
    expectSilent(scanner, 'DH', crypto.openDh(DH_GROUPS[31], KEY.slice(0, 32)));
    expectSilent(scanner, 'secret', new SecretBytes(KEY));
    expectSilent(scanner, 'error', new Error('x', { cause: new SecretBytes(MAC_KEY) }));
  });
});

describe('no secret is said by an error', () => {
  const errorOf = (tunnel: unknown): unknown => {
    try {
      new VirtualLab(nodeCrypto()).add(tunnel as TunnelConfig);
    } catch (error) {
      return error;
    }
    return expect.fail(`taken: ${inspect(tunnel)}`);
  };
  const key = { peer: null, secret: PSK };
  const wrong: [string, object][] = [
    ['keys that are a text', { protection: { kind: 'ipsec', keys: PSK } }],
    ['a key that is a text', { protection: { kind: 'ipsec', keys: [PSK] } }],
    ['a secret in a list', { protection: { kind: 'ipsec', keys: [{ ...key, secret: [PSK] }] } }],
    [
      'a secret in an object',
      { protection: { kind: 'ipsec', keys: [{ ...key, secret: { PSK } }] } },
    ],
    [
      'a secret of numbers',
      { protection: { kind: 'ipsec', keys: [{ ...key, secret: [...KEY] }] } },
    ],
    [
      'a secret of a Map',
      { protection: { kind: 'ipsec', keys: [{ ...key, secret: new Map([[PSK, PSK]]) }] } },
    ],
    ['a secret for a peer', { protection: { kind: 'ipsec', keys: [{ ...key, peer: PSK }] } }],
    ['a secret for a place', { protection: { kind: 'ipsec', keys: [{ ...key, at: PSK }] } }],
    ['psk instead of keys', { protection: { kind: 'ipsec', psk: PSK } }],
    ['a protection that is a text', { protection: PSK }],
    ['an algorithm beside a secret', { protection: { kind: 'ipsec', keys: [key], ike: [] } }],
    [
      'a lifetime beside a secret',
      { protection: { kind: 'ipsec', keys: [key], lifetimeSeconds: 1 } },
    ],
    [
      'a password that is too long',
      { authentication: { kind: 'cisco', passwords: [`${PASSWORD}9`] } },
    ],
    [
      'a password with a space',
      { authentication: { kind: 'cisco', passwords: [`${PASSWORD.slice(1)} `] } },
    ],
    ['passwords that are a text', { authentication: { kind: 'cisco', passwords: PASSWORD } }],
    ['an authentication that is a text', { authentication: PASSWORD }],
    ['a password in an object', { authentication: { kind: 'cisco', passwords: [{ PASSWORD }] } }],
    [
      'a keyed hash without its hash',
      { authentication: { kind: 'mac', keys: [{ spi: 1, key: MAC_KEY }] } },
    ],
    ['a key that is a text', { authentication: { kind: 'mac', keys: [{ spi: 1, key: PSK }] } }],
    ['a key without SPI', { authentication: { kind: 'mac', keys: [{ spi: PSK, key: MAC_KEY }] } }],
  ];
  it.each(wrong)('about %s', (_, over) => {
    const tunnel = hubTunnel(over as Partial<TunnelConfig>);
    const error = errorOf(tunnel);
    expect(error).toBeInstanceOf(Error);
    const scanner = scannerOf(utf8(PASSWORD.slice(1)));
    for (const text of [...textsOf(error), (error as Error).stack ?? ''])
      expect(scanner.find(text)).toBeNull();
  });

  it('of key exchange and provider', () => {
    const scanner = scannerOf();
    const crypto = nodeCrypto();
    const wrongKeys = [
      () =>
        crypto.openCipher(cipherSuite('aes-256-gcm-16', null), KEY.subarray(1), new Uint8Array(0)),
      () => crypto.openCipher(cipherSuite('aes-128-cbc', 'hmac-sha1-96'), KEY.subarray(0, 16), KEY),
      () => new IkeV2({ keys: [{ peer: null, secret: PSK as never }], ike: [] }, crypto),
    ];
    for (const wrongKey of wrongKeys) {
      let error: unknown;
      try {
        wrongKey();
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(Error);
      for (const text of textsOf(error)) expect(scanner.find(text)).toBeNull();
    }
  });
});
