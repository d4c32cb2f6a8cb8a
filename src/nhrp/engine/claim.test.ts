/** What a registration may not have: facts C.9 step 6 and the limits of docs/limits.md. */
import { describe, expect, it } from 'vitest';
import { cieMessage, exchange, ready, repliesIn } from './by-hand.test-support.js';
import { address, blueprint, HUB, LIMITS, type Network } from './engine-network.test-support.js';
import { cieOf } from './messages.js';

/** The CIE codes of the reply to a registration of these prefixes, all by the stranger at 192.168.7.2. */
function register(net: Network, ...prefixes: readonly string[]): (number | undefined)[] {
  const cies = prefixes.map((text) => {
    const [host = '', bits] = text.split('/');
    const common = { holdingTimeSeconds: 300, protocolAddress: address(host) };
    return cieOf({ ...common, prefixLength: Number(bits) });
  });
  const [reply] = repliesIn(exchange(net, cieMessage(3, HUB.address, { cies })), 4);
  return reply?.cies.map((cie) => cie.code) ?? [];
}

describe('facts C.9 step 6: a registered prefix draws in no more than is behind the spoke', () => {
  it('refuses with code 4 one that holds the tunnel address of the server, and so its network', () => {
    const net = ready({ prefixLength: 24 });
    expect(register(net, '10.0.0.0/24', '10.0.0.0/16', '10.0.0.0/25')).toEqual([4, 4, 4]);
    expect(register(net, '10.0.0.128/25', '172.16.7.0/24')).toEqual([0, 0]);
  });

  it('refuses with code 4 one that is shorter than the limit: /8 where nothing else is said', () => {
    expect(register(ready(), '128.0.0.0/1', '64.0.0.0/7', '11.0.0.0/8')).toEqual([4, 4, 0]);
    const strict = ready({ minPrefixLength: 16 });
    expect(register(strict, '11.0.0.0/15', '11.0.0.0/16')).toEqual([4, 0]);
  });

  it('refuses with code 4 one that holds the address of a server that this one registers with', () => {
    const net = blueprint();
    const central = { protocolAddress: address('10.9.0.1'), nbma: address('192.168.9.2') };
    net.add('central', { address: '10.9.0.1', nbma: '192.168.9.2' });
    net.add('region', {
      address: '10.8.0.1',
      nbma: '192.168.8.2',
      nhs: [{ ...central, priority: 0, cluster: 0 }],
    });
    net.run(2_000);
    const cies = ['10.9.0.0', '10.10.0.0'].map((text) =>
      cieOf({ prefixLength: 16, holdingTimeSeconds: 300, protocolAddress: address(text) }),
    );
    const request = cieMessage(3, '10.8.0.1', { cies });
    const [reply] = repliesIn(exchange(net, request, '192.168.7.2', '192.168.8.2'), 4);
    expect(reply?.cies.map((cie) => cie.code)).toEqual([4, 0]);
  });
});

describe('limits: entries of a peer', () => {
  it('count by the outer NBMA address, whatever the CIEs name: no peer exceeds its own, or uses up another’s', () => {
    const net = ready({ limits: { ...LIMITS, maxEntriesPerPeer: 3 } });
    const ask = (from: string, nets: readonly number[]) => {
      const cies = nets.map((n) =>
        cieOf({
          prefixLength: 32,
          holdingTimeSeconds: 300,
          protocolAddress: address(`10.7.0.${n}`),
          nbmaAddress: address('192.168.1.2'), // spoke 1's
        }),
      );
      const [reply] = repliesIn(exchange(net, cieMessage(3, HUB.address, { cies }), from), 4);
      return reply?.cies.map((cie) => cie.code);
    };
    expect(ask('192.168.7.2', [1, 2, 3, 4, 5])).toEqual([0, 0, 0, 5, 5]);
    expect(ask('192.168.1.2', [6, 7, 8])).toEqual([0, 0, 5]); // beside its own
  });
});
