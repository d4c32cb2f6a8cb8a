/** The ports that a configuration needs: what `openNode` opens before there is a node. */
import type { DmvpnConfig, TunnelConfig } from '../dmvpn/config.js';
import type { Answer, InsidePacket, Question } from '../dmvpn/output.js';
import { readConfig, type TunnelSettings } from '../dmvpn/settings.js';
import type { NodeSnapshot } from '../dmvpn/snapshot.js';
import {
  formatAddress,
  formatPrefix,
  hostBits,
  IpAddress,
  type IpPrefix,
  maskAddress,
} from '../wire/address.js';
import { type Bind, bindsAt } from './bind.js';
import { monotonicClock } from './clock.js';
import { Host } from './host.js';
import { joined } from './joined.js';
import { MemoryNetwork } from './memory.js';
import { readDevice, readOptions, readTransport } from './open-options.js';
import { openPcapFile, type PcapFile, pcap } from './pcap.js';
import type { Clock, PacketDevice, Transport } from './ports.js';
import { openRaw } from './raw.js';
import { openTun, type TunOptions } from './tun.js';
import { openUdp } from './udp.js';

export interface OpenOptions {
  /**
   * `udp`: GRE in UDP, no privilege · `raw`: IP protocol 47, Linux and privilege · `memory`: other nodes of this
   * process · or one of your own. `udp` and `raw` set the carrier of tunnels that name none.
   */
  readonly transport: 'udp' | 'raw' | 'memory' | Transport;
  /**
   * What is behind the tunnel. `tun`: the kernel, by an interface with the tunnel's name, its address and routes ·
   * `host`: a {@link Host} in the process, at the tunnel's address and the first of each LAN · or your own, one a
   * tunnel. `host` when not given.
   */
  readonly device?: 'tun' | 'host' | PacketDevice | DeviceFactory;
  /** Records all that passes into this file: of a protected tunnel, IKE and ESP. */
  readonly pcap?: string;
  /** DEBUGGING ONLY: sees what is inside the ESP of protected tunnels, in the clear; `pcapInside` records it. */
  readonly inside?: (packet: InsidePacket) => void;
  /** Puts middleware around the transport: `(t) => fault(t, …)`. */
  readonly wrap?: (transport: Transport) => Transport;
  /** The state of an earlier life, from `snapshot`. */
  readonly restored?: NodeSnapshot;
  /** Decides whether a spoke may register, where the configuration says `authorize`; without it none may. */
  readonly authorize?: (question: AuthorizeQuestion) => Answer | Promise<Answer>;
  readonly clock?: Clock;
}

/** Makes the device of a tunnel. */
export type DeviceFactory = (tunnel: TunnelConfig) => PacketDevice | Promise<PacketDevice>;
/** Who wants to register. */
export type AuthorizeQuestion = Extract<Question, { kind: 'authorize-registration' }>;

export interface OpenedPorts {
  readonly transport: Transport;
  /** By name of the tunnel. */
  readonly devices: Readonly<Record<string, PacketDevice>>;
  close(): Promise<void>;
}

/** The network of all nodes in this process whose transport is `memory`. */
let sharedMemory: MemoryNetwork | null = null;

/**
 * Opens all ports, or none.
 * @returns them, and the configuration with the carriers that the transport implies
 */
export async function openPorts(
  config: DmvpnConfig,
  given: OpenOptions,
): Promise<{ readonly whole: DmvpnConfig; readonly ports: OpenedPorts }> {
  const options = readOptions(given);
  const whole = withCarriers(config, options.transport);
  const { tunnels } = readConfig(whole);
  const opened: { close(): Promise<void> }[] = [];
  const close = async () => {
    await Promise.allSettled(opened.splice(0).map(async (port) => port.close())); // all, whatever one of them says
  };
  try {
    const inner = await transportFor(tunnels, options);
    opened.push(inner);
    const file = options.pcap === undefined ? null : openPcapFile(options.pcap);
    if (file !== null) opened.push(file);
    const transport = wrapped(file === null ? inner : recorded(inner, file), options);
    const devices: Record<string, PacketDevice> = {};
    for (const tunnel of whole.tunnels) {
      const device = await deviceFor(tunnel, whole, options);
      opened.push(device);
      devices[tunnel.name] = device;
    }
    return { whole, ports: { transport, devices, close } };
  } catch (error) {
    await close();
    throw error;
  }
}

function withCarriers(config: DmvpnConfig, transport: OpenOptions['transport']): DmvpnConfig {
  if (transport !== 'udp' && transport !== 'raw') return config;
  if (!isShaped(config)) return config; // readConfig says what is wrong with it
  const carrier = transport === 'udp' ? 'gre-udp' : 'gre';
  for (const [i, tunnel] of config.tunnels.entries()) {
    if (tunnel.carrier !== undefined && tunnel.carrier !== carrier)
      throw new TypeError(
        `tunnels[${i}].carrier: '${tunnel.carrier}' does not go by the transport '${transport}'`,
      );
  }
  return { ...config, tunnels: config.tunnels.map((tunnel) => ({ ...tunnel, carrier })) };
}

function isShaped(config: unknown): config is DmvpnConfig {
  const isObject = (value: unknown): value is object =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject(config) && 'tunnels' in config && Array.isArray(config.tunnels)
    ? config.tunnels.every(isObject)
    : false;
}

function transportFor(
  tunnels: readonly TunnelSettings[],
  { transport, clock = monotonicClock }: OpenOptions,
): Transport | Promise<Transport> {
  if (typeof transport === 'object') return transport;
  const binds = bindsOf(tunnels);
  switch (transport) {
    case 'udp':
      return openUdp(binds);
    case 'raw':
      return openRawAndUdp(binds);
    case 'memory':
      sharedMemory ??= new MemoryNetwork({ clock });
      return sharedMemory.open(binds);
  }
}

/** GRE and ESP are IP protocols; key exchange is UDP whatever carries the rest. */
async function openRawAndUdp(binds: readonly Bind[]): Promise<Transport> {
  const isRaw = ({ carrier }: Bind): boolean => carrier === 'gre' || carrier === 'esp';
  const raw = await openRaw(binds.filter(isRaw));
  const overUdp = binds.filter((bind) => !isRaw(bind));
  if (overUdp.length === 0) return raw;
  try {
    return joined([raw, await openUdp(overUdp)]);
  } catch (error) {
    await raw.close();
    throw error;
  }
}

/** One for each local end: tunnels that differ in their key alone share it. */
function bindsOf(tunnels: readonly TunnelSettings[]): Bind[] {
  const ends = tunnels.flatMap(bindsOfTunnel);
  const keys = ends.map(({ carrier, local }) => `${carrier} ${local.address} ${local.port}`);
  return ends.filter((_, i) => keys.indexOf(keys[i] ?? '') === i);
}

/** A protected tunnel has ESP and IKE on the wire, and no GRE. */
function bindsOfTunnel({ carrier, local, protection }: TunnelSettings): Bind[] {
  if (protection.kind === 'insecure-cleartext') return [{ carrier, local }];
  return bindsAt(local.address, carrier === 'gre-udp' ? ['ike-natt'] : ['esp', 'ike', 'ike-natt']);
}

const wrapped = (transport: Transport, { wrap }: OpenOptions): Transport =>
  wrap === undefined ? transport : readTransport(wrap(transport), 'wrap');

/** The file ends with the transport. */
function recorded(transport: Transport, file: PcapFile): Transport {
  const close = async () => {
    await transport.close();
    await file.close();
  };
  return { ...pcap(transport, file.sink), close };
}

async function deviceFor(
  tunnel: TunnelConfig,
  config: DmvpnConfig,
  { device = 'host', clock = monotonicClock }: OpenOptions,
): Promise<PacketDevice> {
  if (typeof device === 'function') return readDevice(await device(tunnel), 'device');
  if (typeof device === 'object') {
    if (config.tunnels.length === 1) return device;
    throw new RangeError('device: one device cannot serve several tunnels');
  }
  const settings = readConfig({ tunnels: [tunnel] }).tunnels[0];
  if (!settings) throw new Error('bug: a tunnel without settings');
  switch (device) {
    case 'tun':
      return openTun(tunOptionsOf(settings));
    case 'host':
      return new Host({ addresses: hostAddressesOf(settings), clock });
  }
}

function tunOptionsOf({ name, mtu, routes, ...settings }: TunnelSettings): TunOptions {
  const own = enginesOf(settings);
  const prefixes = routes.map(({ prefix }) => formatPrefix(prefix));
  const reached = new Set(prefixes); // once each, however many ways there are
  for (const { address, prefixLength: length } of own)
    reached.delete(formatPrefix({ address: maskAddress(address, length), length })); // connected
  const addresses = own.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  return { name, mtu, addresses, routes: [...reached] };
}

/** The tunnel's own addresses, and the first of each LAN. */
const hostAddressesOf = (settings: TunnelSettings): string[] =>
  enginesOf(settings).flatMap(({ address, localPrefixes }) => [
    formatAddress(address),
    ...localPrefixes.map(firstAddressOf),
  ]);

/** One for each address family that the tunnel carries. */
const enginesOf = ({
  engine,
  otherEngine,
}: Pick<TunnelSettings, 'engine' | 'otherEngine'>): readonly TunnelSettings['engine'][] =>
  otherEngine === null ? [engine] : [engine, otherEngine];

function firstAddressOf({ address: a, length }: IpPrefix): string {
  if (length === hostBits(a.family)) return formatAddress(a);
  const first =
    a.family === 4 ? new IpAddress(4, a.w0 | 1) : new IpAddress(6, a.w0, a.w1, a.w2, a.w3 | 1);
  return formatAddress(first);
}
