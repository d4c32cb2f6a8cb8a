/**
 * A Phase 3 spoke that runs until SIGTERM.
 *
 *     DMVPN_PSK='a long secret' node --import tsx examples/spoke.ts --local 127.168.1.2 --address 10.0.0.1/32 --key 42 \
 *       --nhs 10.0.0.100=127.168.0.2 --lan 172.16.1.0/24 --route 10.0.0.0/24=10.0.0.100
 */
import { readOptions } from './options.js';
import { refuse, run } from './run.js';
import { Refusal } from './terminal.js';

const USAGE = `Usage: spoke.ts --local ADDRESS --address PREFIX --nhs ADDRESS=NBMA [options]
A spoke: registers with its hubs, and goes direct where they say that it could.

  --nhs ADDRESS=NBMA       a hub: its tunnel address, or dynamic, and its NBMA address or name; may be given again
  --lan PREFIX             a network behind this spoke; may be given again`;

const {
  tunnel,
  run: options,
  own,
} = readOptions(USAGE, {
  nhs: { type: 'string', multiple: true, default: [] },
  lan: { type: 'string', multiple: true, default: [] },
});
const lans = (own.lan as string[]).map((prefix) => ({ prefix }));
if ((own.nhs as string[]).length === 0) refuse(new Refusal('--nhs is required; see --help.'));
const nhs = (own.nhs as string[]).map((text) => {
  const [address = '', nbma, ...more] = text.split('=');
  if (nbma && more.length === 0) return { address, nbma };
  return refuse(new Refusal(`--nhs: ADDRESS=NBMA expected, not '${text}'.`));
});
const routes = [...lans, ...(tunnel.routes ?? [])];
await run({ tunnels: [{ ...tunnel, nhs, routes, shortcut: true, multicast: ['nhs'] }] }, options);
