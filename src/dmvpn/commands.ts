/** Commands of the caller: texts checked once, here, and handed on as the engine wants them. */
import type { EngineCommand, RouteChange } from '../nhrp/engine/api.js';
import type { IpAddress, IpFamily } from '../wire/address.js';
import {
  address,
  boolean,
  integer,
  nullable,
  oneOf,
  optional,
  prefix,
  type Reader,
  record,
} from './config-reader.js';
import type { NodeCommand } from './output.js';
import { checkMtu } from './settings-checks.js';
import { checkHost, checkMap } from './tunnel-addresses.js';

export type TunnelCommand =
  | { readonly to: 'routes'; readonly change: RouteChange }
  | { readonly to: 'engine'; readonly command: EngineCommand };

type ForTunnel = Exclude<NodeCommand, { kind: 'shutdown' }>;

/** @throws TypeError that names `command`, its `kind` or its `tunnel` when it is none that a node knows. */
export const checkCommand = (command: unknown): void => {
  if (typeof command !== 'object' || command === null)
    throw new TypeError('command: an object expected');
  const { kind, tunnel } = command as { kind?: unknown; tunnel?: unknown };
  if (oneOf(...COMMAND_KINDS)(kind, 'command.kind') === 'shutdown')
    readShutdown(command, 'command');
  else if (typeof tunnel !== 'string') throw new TypeError('command.tunnel: a text expected');
};

const COMMAND_KINDS: readonly NodeCommand['kind'][] = [
  ...(['addRoute', 'removeRoute', 'map', 'unmap'] as const),
  ...(['clear', 'reregister', 'purge', 'keepResolved'] as const),
  ...(['setAddress', 'setMtu', 'shutdown'] as const),
];

const readShutdown = record({ kind: oneOf('shutdown') });

const name: Reader<string> = (value) => value as string; // checked, and the caller has found the tunnel by it

const readRoute = record({
  kind: oneOf('addRoute', 'removeRoute'),
  tunnel: name,
  prefix,
  via: nullable(address()),
  distance: optional(integer(1, 255), 1),
});
const readMap = (nbma: IpFamily) =>
  record({ kind: oneOf('map'), tunnel: name, prefix, nbma: address(nbma) });
const readUnmap = record({ kind: oneOf('unmap'), tunnel: name, prefix });
const readPurge = record({ kind: oneOf('purge'), tunnel: name, prefix });
const readKeep = record({
  kind: oneOf('keepResolved'),
  tunnel: name,
  address: address(),
  keep: boolean,
});
const readAddress = record({ kind: oneOf('setAddress'), tunnel: name, address: address() });
const readMtu = record({ kind: oneOf('setMtu'), tunnel: name, mtu: integer(576, 9_216) });
const readReregister = record({ kind: oneOf('reregister'), tunnel: name });
const readClear = record({
  kind: oneOf('clear'),
  tunnel: name,
  what: oneOf('cache', 'shortcuts', 'counters'),
  prefix: optional(prefix, null),
});

/** The tunnel that a command is for. */
export interface CommandTarget {
  /** Own address on the network under it. */
  readonly local: IpAddress;
  /** Address families that it carries. */
  readonly overlay: readonly IpFamily[];
  /** Whether an address on the tunnel is this node's. */
  readonly isOwn: (address: IpAddress) => boolean;
}

/** @throws TypeError or RangeError that begins with the path of the offending value: `command.prefix`. */
export function readCommand(command: ForTunnel, target: CommandTarget): TunnelCommand {
  const { local, overlay, isOwn } = target;
  const read = readAny(command, local.family);
  const about = read.to === 'routes' ? read.change.prefix.address : subjectOf(read.command);
  if (about !== null && !overlay.includes(about.family)) {
    const at = 'prefix' in command ? 'prefix' : 'address';
    throw new TypeError(`command.${at}: '${about}' is of a family that the tunnel does not carry`);
  }
  const via = read.to === 'routes' ? read.change.via : null;
  if (via !== null && via.family !== about?.family)
    throw new TypeError(`command.via: '${via}' is not of the prefix's family`);
  if (via !== null && isOwn(via))
    throw new RangeError(`command.via: '${via}' is the tunnel's own address`);
  if (read.to === 'engine') checkForTunnel(read.command, target);
  return read;
}

/** What the configuration would refuse of a tunnel by itself, a command may not make of it. */
function checkForTunnel(command: EngineCommand, { local, overlay, isOwn }: CommandTarget): void {
  if (command.kind === 'mtu') checkMtu(command.mtu, overlay, 'command.mtu');
  if (command.kind === 'own-address') checkHost(command.address, 'command.address');
  if (command.kind === 'map')
    checkMap(command, { local, isOwn }, { prefix: 'command.prefix', nbma: 'command.nbma' });
}

/** The overlay address that a command speaks of, null where it speaks of all: it is for the engine of that family. */
export function subjectOf(command: EngineCommand): IpAddress | null {
  if (command.kind === 'keep-resolved') return command.destination;
  if (command.kind === 'own-address') return command.address;
  return 'prefix' in command ? (command.prefix?.address ?? null) : null;
}

function readAny(command: ForTunnel, nbma: IpFamily): TunnelCommand {
  switch (command.kind) {
    case 'addRoute':
    case 'removeRoute':
      return { to: 'routes', change: routeChange(command) };
    case 'map':
      return toEngine(readMap(nbma)(command, 'command'));
    case 'unmap':
      return toEngine(readUnmap(command, 'command'));
    case 'purge':
      return toEngine(readPurge(command, 'command'));
    case 'clear': {
      const { kind, what, prefix: within } = readClear(command, 'command');
      return toEngine(within === null ? { kind, what } : { kind, what, prefix: within });
    }
    case 'keepResolved': {
      const { address: destination, keep } = readKeep(command, 'command');
      return toEngine({ kind: 'keep-resolved', destination, keep });
    }
    case 'setAddress': {
      const { address: own } = readAddress(command, 'command');
      return toEngine({ kind: 'own-address', address: own });
    }
    case 'setMtu':
      return toEngine({ kind: 'mtu', mtu: readMtu(command, 'command').mtu });
    case 'reregister':
      readReregister(command, 'command');
      return toEngine({ kind: 'reregister' });
  }
}

function routeChange(command: ForTunnel): RouteChange {
  const { kind, prefix: to, via, distance } = readRoute(command, 'command');
  return {
    action: kind === 'addRoute' ? 'add' : 'remove',
    kind: via === null ? 'device' : 'static',
    prefix: to,
    via,
    distance,
  };
}

const toEngine = (command: EngineCommand): TunnelCommand => ({ to: 'engine', command });
