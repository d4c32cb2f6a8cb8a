/**
 * A DMVPN Phase 3 network in one process, as an ordinary user: a hub and three spokes, IKEv2 and ESP in UDP over
 * loopback. Spoke 1 traces the route to a LAN behind spoke 3: first by the hub, then direct.
 *
 *     npm start          writes phase3.pcap: tshark -r phase3.pcap
 */
import { parseArgs } from 'node:util';
import type { DmvpnEvent, TunnelConfig } from 'dmvpn/dmvpn';
import { AdapterError, openNode, type RunningNode } from 'dmvpn/io/open';
import { openPcapngFile, type PcapngFile, pcap, pcapInside } from 'dmvpn/io/pcap';
import { hubTunnel, SPOKES, spokeTunnel } from './blueprint.js';
import {
  PROTECTION_HELP,
  PROTECTION_OPTIONS,
  type Protected,
  protectionOf,
  refuseKeyInArguments,
} from './protection.js';
import { refuse } from './run.js';
import { endWithReader } from './terminal.js';

const RECORDING = 'phase3.pcap';
const TARGET = '172.16.3.1';
const HELP = `Usage: npm start [-- options]
A hub and three spokes on loopback, protected by a key that is made for the run unless one is given.

${PROTECTION_HELP}`;

const SUMMARY: Readonly<Record<Protected['key'], string>> = {
  none: 'In clear text: GRE in UDP 4754.',
  given: 'Protected: IKEv2 with the key that was given, ESP, all in UDP 4500.',
  otherwise: 'Protected: IKEv2 with a random key for this run, ESP, all in UDP 4500.',
};

async function main(): Promise<void> {
  refuseKeyInArguments();
  const { values } = parseArgs({
    options: { ...PROTECTION_OPTIONS, help: { type: 'boolean', default: false } },
  });
  if (values.help) return console.log(HELP);
  const secured = protectionOf(values, globalThis.crypto.getRandomValues(new Uint8Array(32)));
  console.log(`${SUMMARY[secured.key]}\n`);
  const recording = openPcapngFile(RECORDING, ['wire', 'inside']);
  const { hub, spokes } = await openAll(secured, recording);
  secured.wipe();
  await tell(hub, spokes);
  await Promise.all(spokes.map((node) => node.close()));
  await hub.close();
  await recording.close();
  console.log(
    `\nThe whole exchange is in ${RECORDING}: what was on the wire, and what was inside ESP.`,
  );
}

/** On loopback; in memory where the system has too little of it. */
async function openAll({ protection }: Protected, { sinks: [wire, inside] }: PcapngFile) {
  if (!wire || !inside) throw new Error('bug: a recording without its interfaces');
  let transport: 'udp' | 'memory' = 'udp';
  const open = (tunnel: TunnelConfig): Promise<RunningNode> =>
    openNode(
      { tunnels: [tunnel] },
      {
        transport,
        wrap: (inner) => pcap(inner, wire, { record: 'sent' }),
        inside: pcapInside(inside, { record: 'sent' }),
      },
    );
  const hub = await open(hubTunnel(protection)).catch((error: unknown) => {
    if (!isWithoutLoopbackRange(error)) throw error;
    console.log(`${error.message}\nOn this system the network is one in memory.\n`);
    transport = 'memory';
    return open(hubTunnel(protection));
  });
  return { hub, spokes: await Promise.all(SPOKES.map((n) => open(spokeTunnel(n, protection)))) };
}

async function tell(hub: RunningNode, spokes: readonly RunningNode[]): Promise<void> {
  const [spoke] = spokes as [RunningNode];
  await registrations(hub, spokes.length);
  await trace(spoke, 'Before the shortcut');
  await event(spoke, 'shortcut-set');
  await direct(spoke, TARGET);
  await trace(spoke, 'After it');
  console.log(`\nCache of the hub\n${hub.show('cache')}`);
  console.log(`\nCache of spoke 1\n${spoke.show('cache')}`);
  console.log(`\nRoutes of spoke 1\n${spoke.show('routes')}`);
}

async function registrations(hub: RunningNode, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { protocolAddress, nbma } = await event(hub, 'spoke-registered');
    console.log(`${protocolAddress} has registered from ${nbma}`);
  }
}

async function trace(from: RunningNode, title: string): Promise<void> {
  const source = '172.16.1.1';
  console.log(`\n${title}: traceroute from ${source} to ${TARGET}`);
  for (const { ttl, from: hop, rttMs } of await from.host().traceroute(TARGET, { source })) {
    console.log(` ${ttl}  ${hop === null ? '*' : `${hop}  ${rttMs} ms`}`);
  }
}

/** The shortcut may be there before the association with its peer is: until then packets go on by the hub. */
async function direct(node: RunningNode, destination: string): Promise<void> {
  const isDirect = (): boolean => node.lookup(destination).kind === 'direct';
  if (isDirect()) return;
  for await (const _ of node.events) if (isDirect()) return;
  throw new Error(`The node has ended without a direct way to ${destination}.`);
}

/** The next event of that type. */
async function event<T extends DmvpnEvent['type']>(
  node: RunningNode,
  type: T,
): Promise<Extract<DmvpnEvent, { type: T }>> {
  for await (const next of node.events) {
    if (next.type === type) return next as Extract<DmvpnEvent, { type: T }>;
  }
  throw new Error(`The node has ended without ${type}.`);
}

/** On Linux all of 127.0.0.0/8 can be bound; on macOS only 127.0.0.1. */
const isWithoutLoopbackRange = (error: unknown): error is AdapterError =>
  error instanceof AdapterError && error.code === 'no-such-address' && process.platform !== 'linux';

endWithReader(() => process.exit());
await main().catch(refuse);
