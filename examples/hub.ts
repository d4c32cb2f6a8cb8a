/**
 * A Phase 3 hub that runs until SIGTERM.
 *
 *     DMVPN_PSK='a long secret' node --import tsx examples/hub.ts --local 127.168.0.2 --address 10.0.0.100/32 --key 42 \
 *       --route 172.16.1.0/24=10.0.0.1
 */
import { readOptions } from './options.js';
import { run } from './run.js';

const { tunnel, run: options } = readOptions(
  'Usage: hub.ts --local ADDRESS --address PREFIX [options]\nA hub: takes registrations, and tells spokes when they could go direct.\n',
);
await run({ tunnels: [{ ...tunnel, redirect: true, multicast: ['dynamic'] }] }, options);
