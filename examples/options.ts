/** The options that a hub and a spoke have in common, and the tunnel that they describe. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { RouteEntry, TunnelConfig } from 'dmvpn/dmvpn';
import { type RunOptions, refuse } from './run.js';

const COMMON = {
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
  --route PREFIX=NEXTHOP   overlay route; may be given again
  --transport udp|raw      GRE in UDP, or IP protocol 47, which needs root; udp
  --device host|tun        a host in the process, or an interface, which needs root; host
  --name NAME              of the tunnel and its interface; tun100
  --key NUMBER             GRE key
  --authentication TEXT    at most 8 characters
  --holding-time SECONDS   300
  --pcap FILE              record all that passes
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
    const { values } = parseArgs({ options: { ...own, ...COMMON } });
    if (!values.help) return { tunnel: tunnelOf(values), run: runOf(values), own: values };
  } catch (error) {
    return refuse(error);
  }
  console.log(`${usage}\n${HELP}`);
  process.exit(0);
}

type Values = ReturnType<typeof parseArgs<{ options: typeof COMMON }>>['values'];

function tunnelOf(v: Values): TunnelConfig {
  if (!v.local || !v.address) throw new TypeError('--local and --address are required; see --help');
  const passwords = v.authentication === undefined ? null : [v.authentication];
  return {
    name: v.name,
    address: v.address,
    local: v.local,
    key: v.key === undefined ? null : Number(v.key),
    authentication: passwords && { kind: 'cisco', passwords },
    holdingTimeSeconds: Number(v['holding-time']),
    unique: false,
    protection: { kind: 'insecure-cleartext' },
    routes: v.route.map(routeOf),
  };
}

function runOf({ transport, device, json, pcap }: Values): RunOptions {
  if (transport !== 'udp' && transport !== 'raw') throw new TypeError('--transport: udp or raw');
  if (device !== 'host' && device !== 'tun') throw new TypeError('--device: host or tun');
  return { transport, device, json, ...(pcap === undefined ? {} : { pcap }) };
}

function routeOf(text: string): RouteEntry {
  const [prefix = '', via] = text.split('=');
  return { prefix, via: via ?? null };
}
