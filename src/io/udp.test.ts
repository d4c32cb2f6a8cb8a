import { afterEach, describe, expect, it } from 'vitest';
import { runInNamespace } from '../../test/in-namespace.js';
import { needs } from '../../test/require.js';
import { CASES, type Link, settleInRealTime } from '../../test/transport-conformance.js';
import { type IpAddress, parseAddress } from '../wire/address.js';
import { AdapterError } from './adapter-error.js';
import type { Transport } from './ports.js';
import { openUdp } from './udp.js';

const address = (text: string): IpAddress => parseAddress(text) as IpAddress;

const opened: Transport[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((transport) => transport.close()));
});

async function open(text: string, port: number): Promise<Transport> {
  const transport = await openUdp([
    { carrier: 'gre-udp', local: { address: address(text), port } },
  ]);
  opened.push(transport);
  return transport;
}

async function link(nearText: string, farText: string, ports: [number, number]): Promise<Link> {
  const [near, far] = [await open(nearText, ports[0]), await open(farText, ports[1])];
  const path = {
    carrier: 'gre-udp' as const,
    local: { address: address(nearText), port: ports[0] },
    remote: { address: address(farText), port: ports[1] },
  };
  return { path, near, far, settle: settleInRealTime };
}

describe('UDP over loopback', () => {
  for (const { name, run } of CASES) {
    it(`IPv4 ${name}`, async () => run(await link('127.77.1.2', '127.77.2.2', [47540, 47540])));
    it(`IPv6 ${name}`, async () => run(await link('::1', '::1', [47541, 47542])));
  }
});

describe('opening UDP', () => {
  const failureOf = async (attempt: Promise<unknown>): Promise<AdapterError> =>
    attempt.then(
      () => expect.fail('it was opened'),
      (error) => error as AdapterError,
    );

  it('says which port is in use, and leaves nothing open', async () => {
    await open('127.77.3.2', 47540);
    const binds = [
      { carrier: 'ike-natt' as const, local: { address: address('127.77.3.2'), port: 47543 } },
      { carrier: 'gre-udp' as const, local: { address: address('127.77.3.2'), port: 47540 } },
    ];
    const error = await failureOf(openUdp(binds));
    expect(error).toBeInstanceOf(AdapterError);
    expect(error.code).toBe('port-in-use');
    expect(error.message).toMatch(/^UDP port 47540 on 127\.77\.3\.2 is in use: .*\.$/);
    await open('127.77.3.2', 47543); // the one that could be opened was closed again
  });

  it('says which address is not there', async () => {
    const error = await failureOf(open('192.0.2.1', 47540));
    expect(error.code).toBe('no-such-address');
    expect(error.message).toContain('192.0.2.1');
  });
});

needs('root')('UDP below port 1024 in a network namespace', () => {
  it('says that it needs privilege', async () => {
    const outcomes = await runInNamespace('udp.ts', []);
    expect(outcomes.filter(({ error }) => error !== null)).toEqual([]);
    expect(outcomes.length).toBe(2);
  }, 30_000);
});
