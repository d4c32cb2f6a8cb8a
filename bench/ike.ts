/**
 * A whole IKEv2 handshake, IKE_SA_INIT and IKE_AUTH of both ends in memory, beside the cryptography alone that it cannot
 * do without: two key pairs, two shared secrets, and as many HMACs and AEAD operations, by the same provider.
 */

import { nodeCrypto } from 'dmvpn/io/crypto-node';
import { type CryptoProvider, cipherSuite, DH_GROUPS, IkeV2 } from 'dmvpn/ipsec';
import { IpAddress, type Path } from 'dmvpn/wire';
import type { Row } from './harness.js';

const GROUPS = [31, 19, 14] as const;
const NAMES: Readonly<Record<(typeof GROUPS)[number], string>> = {
  31: 'x25519',
  19: 'ecp256',
  14: 'modp2048',
};

/** What two new machines, messages, NAT hashes and states may cost above the cryptography: 1.6 to 3.4 have been seen. */
const LIMIT = 4;

export const ikeRows = (): Row[] =>
  GROUPS.map((group) => {
    let pair = pairOf(0);
    return {
      name: `IKEv2 handshake ${NAMES[group]}, both ends`,
      ours: (times) => handshakes(group, pair, times),
      calls: [
        ['new IkeV2(', 'src/dmvpn/ipsec.ts'],
        ['keyExchange.want(', 'src/ipsec/sa/keeper.ts'],
        ['keyExchange.pollOutput(', 'src/ipsec/sa/keeper.ts'],
        ['keyExchange.handleMessage(', 'src/ipsec/protection.ts'],
      ],
      reference: {
        name: 'its cryptography alone',
        run: (times) => primitives(group, pair, times),
        agrees: false,
      },
      limit: LIMIT,
      mutate: (round) => {
        pair = pairOf(round);
      },
    };
  });

const crypto = nodeCrypto();

/** Who speaks with whom, and what both know. */
interface Pair {
  readonly a: IpAddress;
  readonly b: IpAddress;
  readonly secret: Uint8Array;
}

const pairOf = (round: number): Pair => ({
  a: new IpAddress(4, (0xc612_0000 + round) | 0),
  b: new IpAddress(4, (0xc613_0000 + round) | 0),
  secret: new Uint8Array(32).fill(round),
});

/** @returns the addresses of those with whom keys were installed, added up */
function handshakes(
  group: (typeof GROUPS)[number],
  { a: A, b: B, secret }: Pair,
  times: number,
): number {
  const config = {
    keys: [{ peer: null, secret }],
    ike: [
      {
        encryption: ['aes-128-gcm-16'],
        integrity: [],
        prf: ['hmac-sha2-256'],
        groups: [group],
      },
    ],
  } as const;
  let sum = 0;
  for (let i = 0; i < times; i++) {
    const a = new IkeV2(config, crypto);
    const b = new IkeV2(config, crypto);
    let installed = 0;
    a.want(0, { address: B, port: 0 }, { protocol: 47, local: A, remote: B });
    for (let flight = 0; flight < 5; flight++)
      installed += flight % 2 === 0 ? exchange(a, b) : exchange(b, a);
    if (installed !== A.w0 + B.w0) throw new Error('the handshake failed');
    sum += installed;
  }
  return sum;
}

/** Hands over what one has to say; adds up the peers for whom it has installed keys. */
function exchange(from: IkeV2, to: IkeV2): number {
  let installed = 0;
  for (;;) {
    const output = from.pollOutput();
    if (output.kind === 'timeout') return installed;
    if (output.kind === 'installed') installed += output.peer.address.w0;
    if (output.kind === 'transmit') to.handleMessage(0, turned(output.path), output.bytes);
  }
}

const turned = ({ carrier, local, remote }: Path): Path => ({
  carrier,
  local: remote,
  remote: local,
});

/** RFC 7296 §2.14, §2.15, §2.17 counted: SKEYSEED, prf+ of seven keys, three of PRF for each AUTH made or checked, KEYMAT. */
function primitives(group: (typeof GROUPS)[number], { secret: key }: Pair, times: number): number {
  const suite = cipherSuite('aes-128-gcm-16', null);
  const init = new Uint8Array(300);
  const message = new Uint8Array(28 + 4 + 8 + 200 + 16);
  let sum = 0;
  for (let i = 0; i < times; i++) {
    const one = crypto.openDh(DH_GROUPS[group]);
    const two = crypto.openDh(DH_GROUPS[group]);
    sum += one.derive(two.publicValue)?.length ?? 0;
    sum += two.derive(one.publicValue)?.length ?? 0;
    for (let end = 0; end < 2; end++) {
      sum += macs(crypto, key, [64], 1) + macs(crypto, key, [32 + 64 + 16 + 1], 5);
      sum += 2 * (macs(crypto, key, [24], 2) + macs(crypto, key, [init.length + 64], 1));
      sum += macs(crypto, key, [32 + 64 + 1], 3);
      const seal = crypto.openCipher(suite, new Uint8Array(20), new Uint8Array(0));
      const open = crypto.openCipher(suite, new Uint8Array(20), new Uint8Array(0));
      seal.seal(message, 0, 40, 200, null);
      sum += open.open(message, 0, 40, 200, null) ? 1 : 0;
    }
  }
  return sum;
}

function macs(by: CryptoProvider, key: Uint8Array, [octets]: [number], times: number): number {
  const keyed = by.openHmac('sha256', key);
  const text = new Uint8Array(octets);
  let sum = 0;
  for (let i = 0; i < times; i++) sum += keyed.compute(text).length;
  keyed.wipe();
  return sum;
}
