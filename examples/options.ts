/** The options that a hub and a spoke have in common, and the tunnel that they describe. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { RouteEntry, TunnelConfig } from 'dmvpn/dmvpn';
import {
  PROTECTION_HELP,
  PROTECTION_OPTIONS,
  type Protected,
  protectionOf,
  refuseKeyInArguments,
} from './protection.js';
import { type RunOptions, refuse } from './run.js';
import { Refusal } from './terminal.js';

const COMMON = {
  ...PROTECTION_OPTIONS,
  local: { type: 'string' },
  address: { type: 'string' },
  transport: { type: 'string', default: 'udp' },
  device: { type: 'string', default: 'host' },
  name: { type: 'string', default: 'tun100' },
  key: { type: 'string' },
  authentication: { type: 'string' },
  'holding-time': { type: 'string', default: '300' },
  route: { type: 'string', multiple: true, default: [] },
  pcap: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const satisfies ParseArgsConfig['options'];

/** For `--help`, after a script's own lines. */
const HELP = `  --local ADDRESS          own address on the NBMA network (required)
  --address PREFIX         own tunnel address: 10.0.0.1/32 (required)
  --route PREFIX=NEXTHOP   overlay route, or PREFIX alone for a network behind this node; may be given again
${PROTECTION_HELP}
  --transport udp|raw      all in UDP, or IP protocols 50 and 47, which need root; udp
  --device host|tun        a host in the process, or an interface, which needs root; host
  --name NAME              of the tunnel and its interface; tun100
  --key NUMBER             GRE key
  --authentication TEXT    at most 8 characters; NHRP sends it in the clear, and other users can see arguments
  --holding-time SECONDS   300
  --pcap FILE              record all that passes and, in the clear, what is inside ESP
  --json                   one JSON object a line
Signals: SIGUSR1 shows the state, SIGTERM takes registrations back and ends.`;

export interface Options {
  readonly tunnel: TunnelConfig;
  readonly run: RunOptions;
  readonly own: Readonly<Record<string, unknown>>;
}

/** Reads the command line. Wrong options end the process with one sentence; `--help` prints and ends it. */
export function readOptions(usage: string, own: ParseArgsConfig['options'] = {}): Options {
  try {
    refuseKeyInArguments();
    const { values } = parseArgs({ options: { ...own, ...COMMON } });
    if (!values.help) return optionsOf(values);
  } catch (error) {
    return refuse(error);
  }
  console.log(`${usage}\n${HELP}`);
  process.exit(0);
}

type Values = ReturnType<typeof parseArgs<{ options: typeof COMMON }>>['values'];

function optionsOf(values: Values): Options {
  if (!values.local || !values.address)
    throw new Refusal('--local and --address are required; see --help.');
  const at = { local: values.local, address: values.address };
  const secured = protectionOf(values);
  return { tunnel: tunnelOf(values, at, secured), run: runOf(values, secured), own: values };
}

type At = Pick<TunnelConfig, 'local' | 'address'>;

function tunnelOf(v: Values, { local, address }: At, { protection }: Protected): TunnelConfig {
  const passwords = v.authentication === undefined ? null : [v.authentication];
  return {
    name: v.name,
    address,
    local,
    key: v.key === undefined ? null : numberOf('--key', v.key),
    authentication: passwords && { kind: 'cisco', passwords },
    holdingTimeSeconds: numberOf('--holding-time', v['holding-time']),
    unique: false,
    protection,
    routes: v.route.map(routeOf),
  };
}

function runOf({ transport, device, json, pcap }: Values, { wipe }: Protected): RunOptions {
  if (transport !== 'udp' && transport !== 'raw')
    throw new Refusal(`--transport: udp or raw expected, not '${transport}'.`);
  if (device !== 'host' && device !== 'tun')
    throw new Refusal(`--device: host or tun expected, not '${device}'.`);
  return { transport, device, json, recording: pcap ?? null, onOpen: wipe };
}

function routeOf(text: string): RouteEntry {
  const [prefix = '', via = null, ...more] = text.split('=');
  if (more.length === 0 && via !== '') return { prefix, via };
  throw new Refusal(`--route: PREFIX=NEXTHOP or PREFIX expected, not '${text}'.`);
}

function numberOf(option: string, text: string): number {
  if (/^(\d+|0x[0-9a-f]+)$/i.test(text)) return Number(text);
  throw new Refusal(`${option}: a whole number expected, not '${text}'.`);
}
