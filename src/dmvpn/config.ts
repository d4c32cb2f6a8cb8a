/**
 * The configuration of a node: one object, addresses as text, checked as a whole when the node is made. A wrong
 * value is refused by a TypeError or RangeError that names it: "tunnels[0].nhs[0].nbma: '192.168.0' is not an IPv4 address".
 */
import type { EngineLimits, Takeover } from '../nhrp/engine/api.js';
import type { IpsecConfig, KeyExchangeConfig } from './ipsec-config.js';

export interface DmvpnConfig {
  /** At least one. Several are told apart by GRE key, or by local address. */
  readonly tunnels: readonly TunnelConfig[];
  /** Report every dropped packet as an event, beside the counters; false when not given. */
  readonly dropEvents?: boolean;
}

/** How the packets between peers are protected. */
export type ProtectionConfig =
  /** Not at all: anyone on the way can read and forge them. */
  | { readonly kind: 'insecure-cleartext' }
  | IpsecConfig
  /** By IPsec whose keys somebody else makes. */
  | KeyExchangeConfig;

/** Authentication of NHRP packets. It does not encrypt, and Cisco's form is sent in the clear. */
export type AuthenticationConfig =
  /** Cisco clear text, 1..8 octets each. All are accepted; a peer is sent the one that it used last, else the first. */
  | { readonly kind: 'cisco'; readonly passwords: readonly string[] }
  /** RFC 2332 §5.3.4, with the keyed hash of the environment; several keys in the same way. */
  | {
      readonly kind: 'mac';
      readonly keys: readonly { readonly spi: number; readonly key: Uint8Array }[];
    };

/** A next hop server: a hub that this node registers with. */
export interface NhsEntry {
  /** Its tunnel address, or `dynamic`: learned from its reply. */
  readonly address: string;
  /** Its NBMA address, or a host name. */
  readonly nbma: string;
  /** 0..255, the lower the better; 0. */
  readonly priority?: number;
  /** 0..10; 0. */
  readonly cluster?: number;
}

export interface RouteEntry {
  readonly prefix: string;
  /** Next hop on the tunnel; null or absent = a LAN behind this node, delivered to the device. */
  readonly via?: string | null;
  /** Between routes of the same prefix the lower wins; 1. */
  readonly distance?: number;
}

export interface TunnelConfig {
  /** Its name in outputs, events and commands. */
  readonly name: string;
  /** Own tunnel address with the length of the connected prefix: `10.0.0.1/24`; `/32` has none. */
  readonly address: string;
  /**
   * Own tunnel address of the other IP family, for a tunnel that carries IPv4 and IPv6; null = it carries one. Servers,
   * routes and mappings belong to the family of their addresses; a `dynamic` server is registered with in both.
   */
  readonly otherAddress?: string | null;
  /** Local NBMA address. */
  readonly local: string;
  /** `gre`: IP protocol 47 · `gre-udp`: GRE in UDP (RFC 8086), which needs no privilege; `gre`. */
  readonly carrier?: 'gre' | 'gre-udp';
  /** Local UDP port of `gre-udp`, and the one at which peers are found when NHRP names none; 4754. */
  readonly port?: number;
  /** GRE key, 0..4294967295; null = none. Both ends must agree. */
  readonly key?: number | null;
  readonly protection: ProtectionConfig;
  /**
   * 1..4294967295. Tunnels of a node that are given the same are one network: packets and resolutions without a way on
   * the tunnel that they came by pass to another, with redirects where the keys are the same too. Not given: by itself.
   */
  readonly networkId?: number;
  /** null = none. */
  readonly authentication?: AuthenticationConfig | null;
  /** `error`: failed authentication is answered by Error Indication 11; `silent`: dropped only; `error`. */
  readonly authenticationFailure?: 'error' | 'silent';
  /**
   * Error Indications carry the password or hash too; false. RFC 2332 §5.2.7 has no extensions in them, and peers of
   * ours take them as a hint without; FRR from March 2026 on wants it.
   * Who has not shown that it knows the password is not sent it: those errors never carry it.
   */
  readonly authenticateErrors?: boolean;

  /** Hubs to register with. */
  readonly nhs?: readonly NhsEntry[];
  /** 1..65535; 7200. */
  readonly holdingTimeSeconds?: number;
  /** null = a third of the holding time. */
  readonly registrationIntervalSeconds?: number | null;
  /**
   * Register with the unique bit: no other NBMA address may take the tunnel address over. True, or false when a prefix
   * is registered, which cannot be unique (RFC 2332 §5.2.3).
   */
  readonly unique?: boolean;
  /** Further own addresses and prefixes to register. */
  readonly alsoRegister?: readonly string[];
  /** A spoke may register no shorter prefix (IPv4 or IPv6), 0..128; 8. */
  readonly minPrefixLength?: number;
  /** Most servers of a cluster to be registered with at once; null = all of the best priority. */
  readonly maxNhsConnections?: number | null;
  /** How long a better server must be back before it is returned to; 0. */
  readonly nhsFallbackSeconds?: number;

  /** `ip nhrp map`: tunnel address or prefix → NBMA address. */
  readonly maps?: readonly { readonly prefix: string; readonly nbma: string }[];
  /** Where multicast goes: registered spokes, servers, or NBMA addresses; none. */
  readonly multicast?: readonly string[];
  /** Send a spoke's multicast on to the other spokes; false. */
  readonly multicastReflect?: boolean;
  /** Static routes of the overlay, and LANs behind this node (`via` null), which it answers resolutions for. */
  readonly routes?: readonly RouteEntry[];

  /** Send Traffic Indications (Phase 3 hub); false. */
  readonly redirect?: boolean;
  /** Follow them (Phase 3 spoke); false. */
  readonly shortcut?: boolean;
  /** Packets to an unresolved next hop before it is asked for; 1. */
  readonly useCount?: number;
  /** Prefixes whose addresses packets may start a resolution for (`ip nhrp interest`); null = all. */
  readonly interest?: readonly string[] | null;
  /** Ask for the forward and reverse transit records, and stand in those of others (`ip nhrp record`); true. */
  readonly record?: boolean;
  /** Answer resolutions for registered spokes instead of forwarding them; false. */
  readonly answerFromRegistrations?: boolean;
  /** What becomes of a unique registration whose address another NBMA address claims; `refuse`. */
  readonly takeover?: Takeover;
  /** Ask the caller before a registration is accepted; false. */
  readonly authorize?: boolean;

  /** Largest inner packet, 576..9216 (IPv6 needs 1280); 1400. */
  readonly mtu?: number;
  /** NHRP hop count sent, 1..255; 255. */
  readonly hopCount?: number;
  /** NHRP group name sent in registrations (Cisco vendor extension); null = none. */
  readonly group?: string | null;
  /** Answer GRE keepalives of peers, at most one a second each; false. */
  readonly answerKeepalives?: boolean;
  /** Accept the checksum that old FRR makes for packets of odd length; false. */
  readonly lenientOddChecksum?: boolean;
  /** Purge Requests carry the id of the registration that they take back, as Cisco IOS wants it; false. */
  readonly ciscoPurgeId?: boolean;
  /** Those that are not given have the defaults of docs/limits.md. */
  readonly limits?: Partial<EngineLimits>;
}
