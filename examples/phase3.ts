/**
 * A DMVPN Phase 3 network in one process, as an ordinary user: a hub and three spokes, GRE in UDP over loopback.
 * Spoke 1 traces the route to a LAN behind spoke 3: first by the hub, then direct.
 *
 *     npm start          writes phase3.pcap: tshark -r phase3.pcap
 */
import type { DmvpnEvent, TunnelConfig } from 'dmvpn/dmvpn';
import { AdapterError, openNode, type RunningNode } from 'dmvpn/io/open';
import { openPcapFile, pcap } from 'dmvpn/io/pcap';
import { hubTunnel, SPOKES, spokeTunnel } from './blueprint.js';

const RECORDING = 'phase3.pcap';

async function main(): Promise<void> {
  const recording = openPcapFile(RECORDING);
  const open = (tunnel: TunnelConfig, transport: 'udp' | 'memory'): Promise<RunningNode> =>
    openNode(
      { tunnels: [tunnel] },
      { transport, wrap: (inner) => pcap(inner, recording.sink, { record: 'sent' }) },
    );
  let transport: 'udp' | 'memory' = 'udp';
  const hub = await open(hubTunnel, transport).catch((error: unknown) => {
    if (!isWithoutLoopbackRange(error)) throw error;
    console.log(`${error.message}\nOn this system the network is one in memory.\n`);
    transport = 'memory';
    return open(hubTunnel, transport);
  });
  const spokes = await Promise.all(SPOKES.map((n) => open(spokeTunnel(n), transport)));
  const [spoke] = spokes as [RunningNode];

  await registrations(hub, SPOKES.length);
  await trace(spoke, 'Before the shortcut');
  await event(spoke, 'shortcut-set');
  await trace(spoke, 'After it');
  console.log(`\nCache of the hub\n${hub.show('cache')}`);
  console.log(`\nCache of spoke 1\n${spoke.show('cache')}`);
  console.log(`\nRoutes of spoke 1\n${spoke.show('routes')}`);

  await Promise.all(spokes.map((node) => node.close()));
  await hub.close();
  await recording.close();
  console.log(`\nThe whole exchange is in ${RECORDING}.`);
}

async function registrations(hub: RunningNode, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { protocolAddress, nbma } = await event(hub, 'spoke-registered');
    console.log(`${protocolAddress} has registered from ${nbma}`);
  }
}

async function trace(from: RunningNode, title: string): Promise<void> {
  const [source, destination] = ['172.16.1.1', '172.16.3.1'];
  console.log(`\n${title}: traceroute from ${source} to ${destination}`);
  for (const hop of await from.host().traceroute(destination, { source })) {
    console.log(` ${hop.ttl}  ${hop.from ?? '*'}  ${hop.rttMs} ms`);
  }
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

await main().catch((error: unknown) => {
  console.error(error instanceof AdapterError ? error.message : error);
  process.exit(1);
});
