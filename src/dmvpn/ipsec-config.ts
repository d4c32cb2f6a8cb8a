/** Protection by IPsec: what a configuration says of it, and how that is read. Secrets are octets from here on. */

import type { Identity } from '../ipsec/ike/v2/identity.js';
import type { EspProposal, IkeProposal } from '../ipsec/ike/v2/proposals.js';
import type { PresharedKey } from '../ipsec/ike/v2/psk.js';
import { type IkeConfig, ikeSettings } from '../ipsec/ike/v2/settings.js';
import type { KeyExchange } from '../ipsec/key-exchange.js';
import type { ProtectionProfile } from '../ipsec/profile.js';
import { secretOctets } from '../ipsec/secret.js';
import { type IpPrefix, parseAddress, parsePrefix } from '../wire/address.js';
import { fromHex } from '../wire/bytes.js';
import {
  boolean,
  integer,
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
import { readEspProposals, readIkeProposals } from './proposals.js';

/** One preshared key and whose it is. */
export interface PresharedKeyConfig {
  /**
   * Identity or address of the peer (`192.0.2.1`, `hub.example.net`, `ops@example.net`, `key-id:0a0b`), a prefix of
   * addresses, or null for anyone without a key of its own.
   */
  readonly peer: string | null;
  /** Where the owner of a name is found, as a prefix: needed to begin with it. */
  readonly at?: string;
  /** Octets, or text that is converted once. */
  readonly secret: Uint8Array | string;
}

/** GRE between two NBMA addresses in ESP (RFC 4303), keys by IKEv2 (RFC 7296). Nothing passes in the clear. */
export interface IpsecConfig {
  readonly kind: 'ipsec';
  readonly keys: readonly PresharedKeyConfig[];
  /** How this end names itself, in the forms of `keys[].peer`; null = its local address. */
  readonly identity?: string | null;
  /** `transport`, or `tunnel`; transport. */
  readonly mode?: 'transport' | 'tunnel';
  /** What is offered and accepted, best first; the defaults follow RFC 8221 and RFC 8247. */
  readonly ike?: readonly IkeProposal[];
  readonly esp?: readonly EspProposal[];
  /** Allows what `suites.ts` calls insecure: 3DES, MD5, MODP 1024 and 1536, NULL; false. */
  readonly insecureAlgorithms?: boolean;
  /** ESP always in UDP: a NAT detection hash that cannot match; true for the carrier `gre-udp`, else false. */
  readonly forceEncapsulation?: boolean;
  /** Begin on UDP 4500, which needs no privilege; true for the carrier `gre-udp`, else false. */
  readonly startOnNattPort?: boolean;
  /** 60..86400; 14400. */
  readonly ikeLifetimeSeconds?: number;
  /** Hard lifetime of an ESP pair; new keys come at nine tenths of it. 60..86400; 3600. */
  readonly lifetimeSeconds?: number;
  /** Silence after which a peer is asked whether it lives; without an answer it is down within 20 s; 0 = never; 10. */
  readonly livenessSeconds?: number;
  /** Anti-replay window in packets, 32..8192; 64. */
  readonly replayWindow?: number;
  /** DEBUGGING ONLY: events with all keys, for tshark; prints a warning; false. */
  readonly exportKeys?: boolean;
}

/** Keys by somebody else: a kernel, another daemon, or `ManualKeys`. */
export interface KeyExchangeConfig {
  readonly kind: 'key-exchange';
  readonly keyExchange: KeyExchange;
}

/** Read: ready for IKE. */
export interface IpsecSettings {
  readonly kind: 'ipsec';
  readonly ike: IkeConfig;
  readonly profile: Pick<ProtectionProfile, 'replayWindow' | 'livenessMs'>;
  /** By the names of {@link IpsecConfig}, completed: what tunnels that share it have to agree on. */
  readonly given: Readonly<Record<keyof Omit<IpsecConfig, 'kind'>, unknown>>;
}

const SOFT_SHARE = 0.9;

/** The secrets have a value that is never quoted in an error. */
const secret: Reader<Uint8Array> = (value, path) => {
  if (typeof value === 'string' && /\p{Surrogate}/u.test(value))
    throw new TypeError(`${path}: half of a surrogate pair has no octets in UTF-8`);
  const octets = typeof value === 'string' ? utf8(value) : value;
  if (!(octets instanceof Uint8Array) || octets.length === 0)
    throw new TypeError(`${path}: octets or a text expected, at least one`);
  const own = secretOctets(octets.length);
  own.set(octets);
  return own;
};

const identity: Reader<Identity> = (value, path) => {
  const name = text(253)(value, path);
  const address = parseAddress(name);
  if (address !== null) return { kind: 'address', address };
  if (/^key-id:([0-9a-f]{2})+$/i.test(name))
    return { kind: 'key-id', octets: fromHex(name.slice(7)) };
  if (/^[\x21-\x7e]+@[\x21-\x7e]+$/.test(name)) return { kind: 'email', name };
  if (/^[a-z0-9._-]+$/i.test(name)) return { kind: 'fqdn', name };
  throw new TypeError(`${path}: '${name}' is no address, name, e-mail address or key-id:HEX`);
};

const peer: Reader<Identity | IpPrefix> = (value, path) =>
  (typeof value === 'string' && value.includes('/') ? parsePrefix(value) : null) ??
  identity(value, path);

const readKey = record<{
  peer: Identity | IpPrefix | null;
  at: IpPrefix | null;
  secret: Uint8Array;
}>({
  peer: nullable(unquoted(peer, 'an address, name, e-mail address, key-id:HEX or prefix')),
  at: optional(unquoted(prefix, 'a prefix'), null),
  secret,
});

/** The object is the caller's; what it can do is all that can be checked. */
export const readKeyExchange: Reader<KeyExchangeConfig> = (value, path) => {
  const { keyExchange } = value as { keyExchange?: Partial<KeyExchange> };
  if (typeof keyExchange?.want !== 'function' || typeof keyExchange.pollOutput !== 'function')
    throw new TypeError(`${path}.keyExchange: a KeyExchange expected`);
  return { kind: 'key-exchange', keyExchange: keyExchange as KeyExchange };
};

const shape = (isUdp: boolean) => ({
  kind: oneOf('ipsec'),
  keys: list(readKey, 1),
  identity: optional(nullable(identity), null),
  mode: optional(oneOf('transport', 'tunnel'), 'transport' as const),
  ike: optional(readIkeProposals, undefined),
  esp: optional(readEspProposals, undefined),
  insecureAlgorithms: optional(boolean, false),
  forceEncapsulation: optional(boolean, isUdp),
  startOnNattPort: optional(boolean, isUdp),
  ikeLifetimeSeconds: optional(integer(60, 86_400), 14_400),
  lifetimeSeconds: optional(integer(60, 86_400), 3_600),
  livenessSeconds: optional(integer(0, 86_400), 10),
  replayWindow: optional(integer(32, 8_192), 64),
  exportKeys: optional(boolean, false),
});
type Values = {
  [K in keyof ReturnType<typeof shape>]: ReturnType<ReturnType<typeof shape>[K]>;
};

/** @throws TypeError or RangeError that begins with the path of the offending value. */
export function readIpsec(value: unknown, path: string, isUdp: boolean): IpsecSettings {
  const v = record<Values>(shape(isUdp))(value, path);
  const ike: IkeConfig = {
    keys: v.keys.map(presharedKey),
    identity: v.identity,
    mode: v.mode,
    insecure: v.insecureAlgorithms,
    natTraversal: { startOnNattPort: v.startOnNattPort, forceEncapsulation: v.forceEncapsulation },
    ikeLifetimeSeconds: v.ikeLifetimeSeconds,
    childLifetimes: {
      hardSeconds: v.lifetimeSeconds,
      softSeconds: Math.floor(v.lifetimeSeconds * SOFT_SHARE),
    },
    livenessSeconds: v.livenessSeconds,
    exportKeys: v.exportKeys,
    ...(v.ike === undefined ? {} : { ike: v.ike }),
    ...(v.esp === undefined ? {} : { esp: v.esp }),
  };
  checkedByIke(ike, path);
  const livenessMs = v.livenessSeconds === 0 ? null : v.livenessSeconds * 1_000;
  const { kind, replayWindow, ...rest } = v;
  return { kind, ike, profile: { replayWindow, livenessMs }, given: { ...rest, replayWindow } };
}

const presharedKey = ({
  peer: owner,
  at,
  secret: octets,
}: {
  peer: Identity | IpPrefix | null;
  at: IpPrefix | null;
  secret: Uint8Array;
}): PresharedKey => ({ peer: owner, secret: octets, ...(at === null ? {} : { at }) });

/** IKE knows which algorithms go together; its complaint is given the path. */
function checkedByIke(config: IkeConfig, path: string): void {
  try {
    ikeSettings(config).keys.wipe();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new TypeError(`${path}.${error.message}`);
  }
}

/** UTF-8 of a text, without the platform's encoder: the core has none. */
function utf8(value: string): Uint8Array {
  const escaped = encodeURIComponent(value);
  const octets: number[] = [];
  for (let at = 0; at < escaped.length; at++) {
    if (escaped[at] !== '%') octets.push(escaped.charCodeAt(at));
    else {
      octets.push(Number.parseInt(escaped.slice(at + 1, at + 3), 16));
      at += 2;
    }
  }
  return Uint8Array.from(octets);
}
