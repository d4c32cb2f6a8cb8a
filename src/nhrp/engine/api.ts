/**
 * What the NHRP engine is told and what it answers: the contract between the protocol machine and whoever does
 * GRE and IPsec around it (DmvpnNode, or a program whose kernel does). Types only.
 */
import type { IpAddress, IpPrefix } from '../../wire/address.js';
import type { Endpoint } from '../../wire/path.js';
import type { WireError } from '../../wire/result.js';
import type { NhrpMessage } from '../codec/message.js';

/** Both NBMA ends of a datagram as the outer headers had them; port 0 where the carrier has none. */
export interface NbmaPair {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** A next hop server (RFC 2332 §5.2.3). */
export interface NhsConfig {
  /** Its tunnel address, or `dynamic`: learned from the registration reply. */
  readonly protocolAddress: IpAddress | 'dynamic';
  /** Its NBMA address, or a name that is resolved by asking the caller. */
  readonly nbma: IpAddress | string;
  /** Lower is better; 0..255. */
  readonly priority: number;
  /** 0..10; servers of a cluster stand in for each other. */
  readonly cluster: number;
}

/** Static mapping of a protocol address or prefix to an NBMA address (`ip nhrp map`). */
export interface StaticMap {
  readonly prefix: IpPrefix;
  readonly nbma: IpAddress;
}

/** Where multicast packets of the tunnel go: registered spokes, next hop servers, or one NBMA address. */
export type MulticastTarget = 'dynamic' | 'nhs' | IpAddress;

/** A keyed hash supplied by the caller for the authentication of RFC 2332 §5.3.4. */
export type Mac = (key: Uint8Array, data: Uint8Array) => Uint8Array;

export type Authentication =
  /** Cisco clear text: 1..8 octets. All are accepted; the first is sent where a peer has not used another (roll-over). */
  | { readonly kind: 'cisco'; readonly passwords: readonly Uint8Array[] }
  /** RFC 2332 §5.3.4, in the same way. */
  | {
      readonly kind: 'mac';
      readonly keys: readonly { readonly spi: number; readonly key: Uint8Array }[];
    };

/** What to do when a unique registration meets another NBMA address (CIE code 14). */
export type Takeover = 'refuse' | 'when-down' | 'always';

/** Named limits on everything that grows. */
export interface EngineLimits {
  readonly maxEntries: number; // cache entries
  readonly maxEntriesPerPeer: number; // per NBMA peer that registered them, whatever NBMA address it named
  readonly maxPendingResolutions: number;
  readonly maxPendingAuthorizations: number;
  readonly maxRedirectPairs: number; // 4,096: facts F
  readonly maxShortcuts: number;
  readonly maxQueuedEvents: number; // 1,024, then the oldest is dropped and a counter says so
  readonly maxQueuedSends: number;
  readonly errorsPerSecond: number; // Error Indications sent, whole tunnel
  readonly errorsPerSourcePerSecond: number;
  /** `ip nhrp max-send`: NHRP packets sent in a window, or null for no limit. */
  readonly maxSend: { readonly packets: number; readonly seconds: number } | null;
}

export interface EngineConfig {
  /** Name of the tunnel, as it stands in events. */
  readonly tunnel: string;
  readonly networkId: number;
  /** Own tunnel address; its prefix (for example /24) is the connected route. */
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** Further own addresses and prefixes, registered in CIEs of their own and answered for. */
  readonly alsoRegister: readonly IpPrefix[];
  /** Prefixes behind this node (LANs) for which it answers resolution requests as egress. */
  readonly localPrefixes: readonly IpPrefix[];
  readonly nbmaAddress: IpAddress;
  /** Port that peers listen on when NHRP names none: 4754 for GRE in UDP, 0 for raw GRE. */
  readonly defaultPort: number;
  readonly holdingTimeSeconds: number;
  /** null = a third of the holding time. */
  readonly registrationIntervalSeconds: number | null;
  readonly unique: boolean;
  /** A registered prefix shorter than this is refused (code 4). */
  readonly minPrefixLength: number;
  readonly authentication: Authentication | null;
  /** `error`: answer failed authentication with Error Indication 11, rate-limited; `silent`: drop. */
  readonly authenticationFailure: 'error' | 'silent';
  /** Error Indications are authenticated as all else is; RFC 2332 §5.2.7 has no extensions in them. */
  readonly authenticateErrors: boolean;
  readonly mtu: number;
  readonly hopCount: number;
  readonly redirect: boolean;
  readonly shortcut: boolean;
  /** Packets to a destination before a resolution is started (`ip nhrp use`). */
  readonly useCount: number;
  /** Packets start resolutions for addresses in these prefixes alone (`ip nhrp interest`); null = for all. */
  readonly interest: readonly IpPrefix[] | null;
  /** Ask for the transit records, and stand in those of others (`ip nhrp record`). */
  readonly record: boolean;
  readonly answerFromRegistrations: boolean;
  readonly takeover: Takeover;
  /** Ask the caller before a registration is accepted. */
  readonly authorize: boolean;
  readonly nhs: readonly NhsConfig[];
  /** Largest number of servers of one cluster to be registered with at the same time; null = all of the best priority. */
  readonly maxNhsConnections: number | null;
  readonly nhsFallbackSeconds: number;
  readonly maps: readonly StaticMap[];
  readonly multicast: readonly MulticastTarget[];
  /** True: a peer must be up (handlePeer) before NHRP is sent to it or taken from it. */
  readonly protected: boolean;
  readonly group: string | null; // Cisco vendor extension: NHRP group name
  readonly lenientOddChecksum: boolean;
  /** A Purge Request carries the id of the registration that it takes back, as Cisco IOS wants it (facts B.10). */
  readonly ciscoPurgeId: boolean;
  readonly limits: EngineLimits;
}

export interface EngineEnvironment {
  readonly now: number;
  /** `random(n)` fills and returns n fresh octets. */
  readonly random: (octets: number) => Uint8Array;
  readonly mac: Mac | null;
  /** Another engine's way to the address, where this one has none: tunnels of one network (facts C.9 step 5). */
  readonly elsewhere?: (now: number, target: IpAddress) => Onward | null;
}

/** A way on by another engine. */
export interface Onward {
  readonly nbma: Endpoint;
  /** Sends a message there, authenticated as is right there; false when a limit forbids it. */
  readonly send: (now: number, message: NhrpMessage) => boolean;
}

export type Question =
  | { readonly kind: 'resolve-name'; readonly name: string }
  | {
      readonly kind: 'authorize-registration';
      readonly tunnel: string;
      readonly protocolAddress: IpAddress;
      readonly prefixLength: number;
      readonly nbma: Endpoint;
      readonly claimedNbma: IpAddress;
      readonly holdingTimeSeconds: number;
      readonly group: string | null;
    };

export type Answer =
  | { readonly kind: 'addresses'; readonly addresses: readonly IpAddress[] }
  | { readonly kind: 'accept'; readonly holdingTimeSeconds?: number }
  | { readonly kind: 'reject' };

export interface RouteChange {
  readonly action: 'add' | 'remove';
  readonly prefix: IpPrefix;
  /** Next hop on the tunnel; null = delivered to the device (a LAN of ours) or, with `connected`, on the tunnel itself. */
  readonly via: IpAddress | null;
  readonly kind: 'connected' | 'static' | 'device';
  /** Lower wins between routes of the same prefix; 1 when not given. */
  readonly distance?: number;
}

export type EngineCommand =
  | { readonly kind: 'map'; readonly prefix: IpPrefix; readonly nbma: IpAddress }
  | { readonly kind: 'unmap'; readonly prefix: IpPrefix }
  | {
      readonly kind: 'clear';
      readonly what: 'cache' | 'shortcuts' | 'counters';
      readonly prefix?: IpPrefix;
    }
  | { readonly kind: 'reregister' }
  | { readonly kind: 'purge'; readonly prefix: IpPrefix }
  /** The application is interested in the address: it is resolved and renewed without being used, until `keep` is false. */
  | { readonly kind: 'keep-resolved'; readonly destination: IpAddress; readonly keep: boolean }
  /** The tunnel has another address: the old one is taken back, the new one registered. */
  | { readonly kind: 'own-address'; readonly address: IpAddress }
  /** Largest packet on the tunnel, as registrations and replies say it from now on. */
  | { readonly kind: 'mtu'; readonly mtu: number }
  /** The tunnel's local NBMA address has changed (DHCP, roaming). */
  | { readonly kind: 'local-nbma'; readonly address: IpAddress }
  | { readonly kind: 'shutdown' };

export type EngineOutput =
  /** An NHRP packet for GRE (protocol type 0x2001) to that NBMA endpoint. Octets are valid until the next handle*. */
  | { readonly kind: 'send'; readonly to: Endpoint; readonly bytes: Uint8Array }
  | {
      readonly kind: 'neighbour';
      readonly action: 'set' | 'remove';
      readonly prefix: IpPrefix;
      readonly nbma: Endpoint | null;
    }
  | {
      readonly kind: 'route';
      readonly action: 'set' | 'remove';
      readonly prefix: IpPrefix;
      readonly via: IpAddress;
      /** `override`: the prefix equals an existing route, whose next hop is overridden (Cisco "nho"). */
      readonly mode: 'new' | 'override';
    }
  | { readonly kind: 'peer'; readonly action: 'want' | 'release'; readonly nbma: Endpoint }
  /**
   * Whom multicast is copied to until the next of these comes, which it does after each change: all of them. The list is
   * made when it is first read, and stays as it is.
   */
  | { readonly kind: 'multicast'; readonly targets: readonly Endpoint[] }
  | {
      readonly kind: 'ask';
      readonly id: number;
      readonly question: Question;
      readonly deadline: number;
    }
  | { readonly kind: 'event'; readonly event: NhrpEvent }
  | { readonly kind: 'timeout'; readonly at: number | null; readonly why: string };

/** Why an entry went. */
export type RemovalReason =
  | 'expired'
  | 'purged'
  | 'replaced'
  | 'peer-down'
  | 'cleared'
  | 'rejected'
  | 'route-changed'
  | 'timed-out'
  | 'shutdown';

/** Why a packet was dropped; each has a counter. */
export type DropReason =
  | 'malformed'
  | 'authentication'
  | 'peer-not-up'
  | 'hop-count'
  | 'loop'
  | 'no-route'
  | 'unsolicited'
  | 'unknown-extension'
  | 'rate-limited'
  | 'limit'
  | 'not-for-us'
  | 'unsupported'
  | 'own-packet'
  | 'refused'
  | 'stale';

/** Plain data, safe for JSON: addresses and prefixes are canonical text, times are in the units of their names. */
export type NhrpEvent =
  | {
      readonly type: 'registered';
      readonly tunnel: string;
      readonly nhs: string;
      readonly nbma: string;
      /** As the server has granted it. */
      readonly holdingTimeSeconds: number;
      readonly behindNat: string | null;
    }
  | {
      readonly type: 'registration-failed';
      readonly tunnel: string;
      readonly nhs: string | null;
      /** Of the server: its NBMA address, or the name that has none. */
      readonly nbma: string;
      readonly reason: 'no-reply' | 'refused' | 'authentication' | 'no-address';
      /** Of the refusing CIE or of the error (RFC 2332 §5.2.0.1, §5.2.7); null where nothing came. */
      readonly code: number | null;
    }
  | {
      readonly type: 'nhs-up';
      readonly tunnel: string;
      readonly nhs: string;
      readonly nbma: string;
    }
  | {
      readonly type: 'nhs-down';
      readonly tunnel: string;
      readonly nhs: string | null;
      readonly nbma: string;
      readonly why: string;
    }
  /** A spoke has registered here (first time or moved); refreshes make no event. */
  | {
      readonly type: 'spoke-registered';
      readonly tunnel: string;
      readonly protocolAddress: string;
      readonly nbma: string;
      readonly claimedNbma: string;
      readonly unique: boolean;
      readonly holdingTimeSeconds: number;
    }
  | {
      readonly type: 'registration-refused';
      readonly tunnel: string;
      readonly protocolAddress: string;
      readonly nbma: string;
      readonly code: number;
    }
  | {
      readonly type: 'entry-set';
      readonly tunnel: string;
      readonly kind: string;
      readonly prefix: string;
      readonly nbma: string | null;
      readonly flags: readonly string[];
    }
  | {
      readonly type: 'entry-removed';
      readonly tunnel: string;
      readonly kind: string;
      readonly prefix: string;
      readonly nbma: string | null;
      readonly reason: RemovalReason;
    }
  | {
      readonly type: 'resolution-started';
      readonly tunnel: string;
      readonly destination: string;
      readonly requestId: number;
    }
  | {
      readonly type: 'resolution-retried';
      readonly tunnel: string;
      readonly destination: string;
      readonly attempt: number;
    }
  | {
      readonly type: 'resolution-failed';
      readonly tunnel: string;
      readonly destination: string;
      readonly reason: string;
    }
  | {
      readonly type: 'shortcut-set';
      readonly tunnel: string;
      readonly prefix: string;
      readonly via: string;
      readonly nbma: string;
      readonly mode: 'new' | 'override';
    }
  | {
      readonly type: 'shortcut-removed';
      readonly tunnel: string;
      readonly prefix: string;
      readonly via: string;
      readonly reason: RemovalReason;
    }
  | {
      readonly type: 'redirect-sent';
      readonly tunnel: string;
      readonly source: string;
      readonly destination: string;
      readonly to: string;
    }
  | {
      readonly type: 'redirect-received';
      readonly tunnel: string;
      readonly source: string;
      readonly destination: string;
      readonly from: string;
    }
  | {
      readonly type: 'purge-received';
      readonly tunnel: string;
      readonly prefix: string;
      readonly from: string;
    }
  | {
      readonly type: 'error-sent';
      readonly tunnel: string;
      readonly code: number;
      readonly to: string;
    }
  | {
      readonly type: 'error-received';
      readonly tunnel: string;
      readonly code: number;
      readonly offset: number;
      readonly from: string;
    }
  | {
      readonly type: 'dropped';
      readonly tunnel: string;
      readonly reason: DropReason;
      readonly from: string;
      readonly error: WireError | null;
    }
  | { readonly type: 'events-lost'; readonly tunnel: string; readonly count: number };
