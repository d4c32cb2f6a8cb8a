/** UDP ports that need privilege, without it. Run by src/io/udp.test.ts: a new namespace has them below 1024. */
import assert from 'node:assert/strict';
import { bindsAt } from '../../src/io/bind.js';
import { openUdp } from '../../src/io/udp.js';
import { parseAddress } from '../../src/wire/address.js';
import { report } from '../in-namespace.js';

const address = parseAddress('127.0.0.1');
assert(address);

await report([
  {
    name: 'port 500 opens with privilege',
    run: async () => (await openUdp(bindsAt(address, ['ike']))).close(),
  },
  {
    name: 'want of privilege is named, and what can be done without it',
    run: () => {
      process.seteuid?.(65_534);
      return assert.rejects(() => openUdp(bindsAt(address, ['ike', 'ike-natt'])), {
        name: 'AdapterError',
        code: 'no-privilege',
        message:
          'UDP port 500 needs privilege: run as root or with CAP_NET_BIND_SERVICE, or use IKE on port 4500.',
      });
    },
  },
]);
