/**
 * A spoke inside your own program. Its hub here, in clear text as it is (the README shows how to protect both):
 *
 *     npx tsx examples/hub.ts --local 127.168.0.2 --address 10.0.0.100/32 --key 42 --insecure-cleartext
 */
import { openNode } from 'dmvpn/io/open';

const node = await openNode(
  {
    tunnels: [
      {
        name: 'tun100',
        local: '127.168.1.2', // own address on the NBMA network
        address: '10.0.0.1/32',
        key: 42,
        nhs: [{ address: '10.0.0.100', nbma: '127.168.0.2' }],
        routes: [{ prefix: '10.0.0.0/24', via: '10.0.0.100' }],
        protection: { kind: 'insecure-cleartext' },
      },
    ],
  },
  { transport: 'udp', device: 'host' },
);
for await (const event of node.events) {
  if (event.type === 'registered') break;
}
const { kind, from, rttMs } = await node.host().ping('10.0.0.100');
console.log(`${kind} from ${from} in ${rttMs} ms`);
await node.close();
