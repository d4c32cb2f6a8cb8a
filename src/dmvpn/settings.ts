/** The configuration, checked and with its defaults: what the parts of the node work with. */
import type {
  Authentication,
  EngineConfig,
  EngineLimits,
  MulticastTarget,
  RouteChange,
} from '../nhrp/engine/api.js';
import { isHostPrefix } from '../nhrp/engine/messages.js';
import type { IpAddress, IpFamily, IpPrefix } from '../wire/address.js';
import {
  type Carrier,
  type Endpoint,
  endpointEquals,
  GRE_UDP_PORT,
  IKE_NATT_PORT,
} from '../wire/path.js';

import type { DmvpnConfig } from './config.js';
import {
  address,
  addressOrName,
  boolean,
  ciscoPassword,
  integer,
  interfaceAddress,
  keyOctets,
  list,
  nullable,
  oneOf,
  optional,
  prefix,
  type Reader,
  record,
  text,
  unquoted,
} from './config-reader.js';
import {
  type IpsecSettings,
  type KeyExchangeConfig,
  readIpsec,
  readKeyExchange,
} from './ipsec-config.js';
import { unsharable } from './ipsec-distinct.js';
import { checkTunnel } from './settings-checks.js';

/** Read: secrets are octets, algorithms are known. */
export type ProtectionSettings =
  | { readonly kind: 'insecure-cleartext' }
  | IpsecSettings
  | KeyExchangeConfig;

export interface TunnelSettings {
  readonly name: string;
  readonly carrier: Extract<Carrier, 'gre' | 'gre-udp'>;
  readonly local: Endpoint;
  readonly key: number | null;
  /** null: of no network but its own. */
  readonly networkId: number | null;
  readonly protection: ProtectionSettings;
  readonly mtu: number;
  readonly multicastReflect: boolean;
  readonly answerKeepalives: boolean;
  /** The static routes at the start; LANs are in `engine.localPrefixes`. */
  readonly routes: readonly RouteChange[];
  /** Of the family of `address`. */
  readonly engine: EngineConfig;
  /** Of the other one, where the tunnel carries both. */
  readonly otherEngine: EngineConfig | null;
}

export interface NodeSettings {
  readonly tunnels: readonly TunnelSettings[];
  readonly dropEvents: boolean;
}

const U16 = 0xffff;
const U32 = 0xffff_ffff;

/** What holds where the configuration names no limit; docs/limits.md. */
export const DEFAULT_LIMITS: EngineLimits = {
  maxEntries: 65_536,
  maxEntriesPerPeer: 1_024,
  maxPendingResolutions: 256,
  maxPendingAuthorizations: 1_024,
  maxRedirectPairs: 4_096,
  maxShortcuts: 4_096,
  maxQueuedEvents: 1_024,
  maxQueuedSends: 4_096,
  errorsPerSecond: 100,
  errorsPerSourcePerSecond: 1,
  maxSend: null,
};

/** @throws TypeError or RangeError that begins with the path of the offending value. */
export function readConfig(config: DmvpnConfig): NodeSettings {
  const { tunnels, dropEvents } = readNode(config, '');
  return { dropEvents, tunnels: tunnels.map((tunnel, i) => distinct(tunnel, i, tunnels)) };
}

const count = integer(1, 10_000_000);
const readLimits = record<{ [K in keyof EngineLimits]: EngineLimits[K] }>({
  maxEntries: optional(count, DEFAULT_LIMITS.maxEntries),
  maxEntriesPerPeer: optional(count, DEFAULT_LIMITS.maxEntriesPerPeer),
  maxPendingResolutions: optional(count, DEFAULT_LIMITS.maxPendingResolutions),
  maxPendingAuthorizations: optional(count, DEFAULT_LIMITS.maxPendingAuthorizations),
  maxRedirectPairs: optional(count, DEFAULT_LIMITS.maxRedirectPairs),
  maxShortcuts: optional(count, DEFAULT_LIMITS.maxShortcuts),
  maxQueuedEvents: optional(count, DEFAULT_LIMITS.maxQueuedEvents),
  maxQueuedSends: optional(count, DEFAULT_LIMITS.maxQueuedSends),
  errorsPerSecond: optional(count, DEFAULT_LIMITS.errorsPerSecond),
  errorsPerSourcePerSecond: optional(count, DEFAULT_LIMITS.errorsPerSourcePerSecond),
  maxSend: optional(nullable(record({ packets: count, seconds: count })), DEFAULT_LIMITS.maxSend),
});

const readCleartext = record({ kind: oneOf('insecure-cleartext', 'ipsec', 'key-exchange') });

const readProtection =
  (isUdp: boolean): Reader<ProtectionSettings> =>
  (value, path) => {
    const kind = (value as { kind?: unknown } | null)?.kind;
    if (kind === 'ipsec') return readIpsec(value, path, isUdp);
    if (kind === 'key-exchange') return readKeyExchange(value, path);
    readCleartext(value, path);
    return { kind: 'insecure-cleartext' };
  };

const readAuthentication: Reader<Authentication> = (value, path) => {
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (kind === 'mac') return readMac(value, path);
  return readCisco(value, path);
};
const readCisco = record<Authentication & { kind: 'cisco' }>({
  kind: oneOf('cisco', 'mac') as Reader<'cisco'>,
  passwords: list(ciscoPassword, 1),
});
const readMac = record<Authentication & { kind: 'mac' }>({
  kind: oneOf('mac'),
  keys: list(
    record({ spi: unquoted(integer(0, U16), 'a number from 0 to 65535'), key: keyOctets }),
    1,
  ),
});

/** The local NBMA address decides of which family the others are. */
const tunnelShape = (nbma: IpFamily, isUdp: boolean) => ({
  name: text(64),
  address: interfaceAddress,
  otherAddress: optional(nullable(interfaceAddress), null),
  local: address(nbma),
  carrier: optional(oneOf('gre', 'gre-udp'), 'gre' as const),
  port: optional(integer(1, U16), GRE_UDP_PORT),
  key: optional(nullable(integer(0, U32)), null),
  protection: readProtection(isUdp),
  networkId: optional(integer(1, U32), null),
  authentication: optional(nullable(readAuthentication), null),
  authenticationFailure: optional(oneOf('error', 'silent'), 'error' as const),
  nhs: optional(list(readNhs(nbma)), []),
  holdingTimeSeconds: optional(integer(1, U16), 7_200),
  registrationIntervalSeconds: optional(nullable(integer(1, U16)), null),
  unique: optional(nullable(boolean), null),
  authenticateErrors: optional(boolean, false),
  minPrefixLength: optional(integer(0, 128), 8),
  alsoRegister: optional(list(prefix), []),
  maxNhsConnections: optional(nullable(integer(1, 255)), null),
  nhsFallbackSeconds: optional(integer(0, U16), 0),
  maps: optional(list(record({ prefix, nbma: address(nbma) })), []),
  multicast: optional(list(readMulticast(nbma)), []),
  multicastReflect: optional(boolean, false),
  routes: optional(list(readRoute), []),
  redirect: optional(boolean, false),
  shortcut: optional(boolean, false),
  useCount: optional(integer(1, U16), 1),
  interest: optional(nullable(list(prefix)), null),
  record: optional(boolean, true),
  answerFromRegistrations: optional(boolean, false),
  takeover: optional(oneOf('refuse', 'when-down', 'always'), 'refuse' as const),
  authorize: optional(boolean, false),
  mtu: optional(integer(576, 9_216), 1_400),
  hopCount: optional(integer(1, 255), 255),
  group: optional(nullable(text(63)), null),
  answerKeepalives: optional(boolean, false),
  lenientOddChecksum: optional(boolean, false),
  ciscoPurgeId: optional(boolean, false),
  limits: optional(readLimits, DEFAULT_LIMITS),
});

type TunnelValues = {
  [K in keyof ReturnType<typeof tunnelShape>]: ReturnType<ReturnType<typeof tunnelShape>[K]>;
};

const readNhs = (nbma: IpFamily) =>
  record<{
    address: IpAddress | 'dynamic';
    nbma: IpAddress | string;
    priority: number;
    cluster: number;
  }>({
    address: (value, path) => (value === 'dynamic' ? value : address()(value, path)),
    nbma: addressOrName(nbma),
    priority: optional(integer(0, 255), 0),
    cluster: optional(integer(0, 10), 0),
  });

const readMulticast =
  (nbma: IpFamily): Reader<MulticastTarget> =>
  (value, path) =>
    value === 'dynamic' || value === 'nhs' ? value : address(nbma)(value, path);

const readRoute = record<{ prefix: IpPrefix; via: IpAddress | null; distance: number }>({
  prefix,
  via: optional(nullable(address()), null),
  distance: optional(integer(1, 255), 1),
});

const readTunnel: Reader<TunnelSettings> = (value, path) => {
  const { local, carrier } = (value ?? {}) as { local?: unknown; carrier?: unknown };
  const family = typeof local === 'string' && local.includes(':') ? 6 : 4;
  const values = record<TunnelValues>(tunnelShape(family, carrier === 'gre-udp'))(value, path);
  checkTunnel(values, path);
  return settingsOf(values);
};

const readNode = record<NodeSettings>({
  tunnels: list(readTunnel, 1),
  dropEvents: optional(boolean, false),
});

function settingsOf(v: TunnelValues): TunnelSettings {
  const isProtected = v.protection.kind !== 'insecure-cleartext';
  const udpPort = isProtected ? IKE_NATT_PORT : v.port; // ESP in UDP: RFC 3948
  const port = v.carrier === 'gre-udp' ? udpPort : 0;
  const { name, carrier, key, networkId, protection, mtu, multicastReflect } = v;
  return {
    ...{ name, carrier, key, networkId, protection, mtu, multicastReflect },
    answerKeepalives: v.answerKeepalives,
    local: { address: v.local, port },
    routes: v.routes.filter((r) => r.via !== null).map(staticRoute),
    engine: engineConfigOf(v, v.address, port),
    otherEngine: v.otherAddress === null ? null : engineConfigOf(v, v.otherAddress, port),
  };
}

/** What the engine of one family has: of the lists that which is of the family. */
function engineConfigOf(
  v: TunnelValues,
  own: { address: IpAddress; length: number },
  defaultPort: number,
): EngineConfig {
  const { family } = own.address;
  const isOurs = ({ address: { family: its } }: IpPrefix): boolean => its === family;
  const {
    otherAddress,
    carrier,
    port,
    key,
    protection,
    name,
    local,
    routes,
    multicastReflect,
    answerKeepalives,
    ...same
  } = v;
  return {
    ...same,
    tunnel: name,
    networkId: v.networkId ?? 1,
    address: own.address,
    prefixLength: own.length,
    unique: v.unique ?? v.alsoRegister.every(isHostPrefix), // RFC 2332 §5.2.3
    alsoRegister: v.alsoRegister.filter(isOurs),
    interest: v.interest?.filter(isOurs) ?? null,
    maps: v.maps.filter((map) => isOurs(map.prefix)),
    localPrefixes: routes.filter((r) => r.via === null && isOurs(r.prefix)).map((r) => r.prefix),
    nbmaAddress: local,
    defaultPort,
    nhs: v.nhs
      .filter((nhs) => nhs.address === 'dynamic' || nhs.address.family === family)
      .map(({ address: protocolAddress, ...nhs }) => ({ protocolAddress, ...nhs })),
    protected: protection.kind !== 'insecure-cleartext',
  };
}

const staticRoute = (r: {
  prefix: IpPrefix;
  via: IpAddress | null;
  distance: number;
}): RouteChange => ({
  action: 'add',
  kind: 'static',
  ...r,
});

const isProtected = ({ protection }: TunnelSettings): boolean =>
  protection.kind !== 'insecure-cleartext';

/** Packets must tell to which tunnel they belong: by carrier and local end, or by key; key exchange knows no keys. */
function distinct(
  tunnel: TunnelSettings,
  i: number,
  all: readonly TunnelSettings[],
): TunnelSettings {
  const path = `tunnels[${i}]`;
  for (const [j, other] of all.slice(0, i).entries()) {
    if (other.name === tunnel.name)
      throw new RangeError(`${path}.name: '${tunnel.name}' is the name of tunnels[${j}] already`);
    const sameEnd = other.carrier === tunnel.carrier && endpointEquals(other.local, tunnel.local);
    if (sameEnd && isProtected(tunnel) !== isProtected(other))
      throw new RangeError(
        `${path}.protection: tunnels[${j}] has the same local address, and one of them is in the clear`,
      );
    const differing = unsharable(tunnel, other);
    if (differing !== null)
      throw new RangeError(
        `${path}.${differing}: tunnels[${j}] has the same local address, and with it the same IKE: the same expected`,
      );
    if (sameEnd && other.key === tunnel.key)
      throw new RangeError(`${path}.key: tunnels[${j}] has the same local address and key`);
  }
  return tunnel;
}
