/** Whole nodes on raw GRE with a TUN device. Run by src/io/open.test.ts. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { TunnelConfig } from '../../src/dmvpn/config.js';
import { openNode } from '../../src/io/open.js';
import { report } from '../in-namespace.js';

const HUB: TunnelConfig = {
  name: 'dmvpn0',
  local: '192.0.2.1',
  address: '10.0.0.100/32',
  key: 42,
  protection: { kind: 'insecure-cleartext' },
};
const SPOKE: TunnelConfig = {
  ...HUB,
  local: '192.0.2.2',
  address: '10.0.0.1/32',
  nhs: [{ address: '10.0.0.100', nbma: '192.0.2.1' }],
  routes: [
    { prefix: '10.0.0.0/24', via: '10.0.0.100' },
    { prefix: '10.0.0.0/24', via: '10.0.0.101', distance: 2 }, // a second hub
    { prefix: '10.0.0.1/32', via: '10.0.0.100' },
  ],
};

await report([
  {
    name: 'the kernel behind a spoke reaches the host behind a hub, and is reached',
    run: async () => {
      const hub = await openNode({ tunnels: [HUB] }, { transport: 'raw', device: 'host' });
      const spoke = await openNode({ tunnels: [SPOKE] }, { transport: 'raw', device: 'tun' });
      try {
        for await (const { type } of spoke.events) if (type === 'registered') break;
        const reply = await hub.host().ping('10.0.0.1');
        assert.deepEqual([reply.kind, String(reply.from)], ['reply', '10.0.0.1']);
        const socket = createSocket('udp4');
        socket.connect(7, '10.0.0.100'); // closed: the host says so, and the kernel hears it
        await once(socket, 'connect');
        socket.send('anyone there?');
        const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
        socket.close();
        assert.equal(error.code, 'ECONNREFUSED');
      } finally {
        await spoke.close();
        await hub.close();
      }
    },
  },
  {
    name: 'an interface that is in use closes the sockets that were opened before it',
    run: async () => {
      const hub = await openNode({ tunnels: [HUB] }, { transport: 'raw', device: 'tun' });
      const spoke = openNode({ tunnels: [SPOKE] }, { transport: 'raw', device: 'tun' });
      await assert.rejects(spoke, { name: 'AdapterError', code: 'interface-in-use' });
      await hub.close();
    },
  },
]);
