/** What a node puts out, and what it is told besides packets: types only. */

import type { CryptoProvider } from '../ipsec/crypto.js';
import type {
  Answer,
  DropReason as EngineDropReason,
  Mac,
  NhrpEvent,
  Question,
} from '../nhrp/engine/api.js';
import type { IpAddress } from '../wire/address.js';
import type { Endpoint, Path } from '../wire/path.js';
import type { WireError } from '../wire/result.js';

export type { Answer, Mac, NhrpEvent, Question };

/** What a node takes from outside. */
export interface DmvpnEnvironment {
  /** Milliseconds on the caller's monotonic clock: the time at which the node begins. */
  readonly now: number;
  /** That many fresh octets; unpredictable ones where protection is wanted. */
  readonly random: (octets: number) => Uint8Array;
  /** Needed by protection `ipsec`. */
  readonly crypto: CryptoProvider | null;
  /** Needed by authentication `mac` (RFC 2332 §5.3.4). */
  readonly mac?: Mac;
  /** DEBUGGING ONLY: sees what protected tunnels send and receive, in the clear; it must not call the node. */
  readonly watchInside?: (packet: InsidePacket) => void;
}

/** A GRE packet before it was sealed, or after it was opened. */
export interface InsidePacket {
  readonly direction: 'sent' | 'received';
  /** Both ends on the NBMA network. */
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** From the first octet of the GRE header; the watcher's to keep. */
  readonly gre: Uint8Array;
}

/** Octets of an output are valid until the next `handle*`. */
export type Output =
  /** To the NBMA network. */
  | {
      readonly kind: 'transmit';
      readonly path: Path;
      readonly bytes: Uint8Array;
      /** 0..63, for the outer header. */
      readonly dscp: number;
      readonly dontFragment: boolean;
    }
  /** An IP packet for that tunnel's device. */
  | { readonly kind: 'deliver'; readonly tunnel: string; readonly packet: Uint8Array }
  /** Answer by `handleAnswer` with this id, any time before the deadline. */
  | {
      readonly kind: 'ask';
      readonly id: number;
      readonly question: Question;
      readonly deadline: number;
    }
  | { readonly kind: 'event'; readonly event: DmvpnEvent }
  /** Drained: call `handleTimeout` by then; null = nothing is due. */
  | { readonly kind: 'timeout'; readonly at: number | null; readonly why: string };

/** `closing`: Purges are sent and replies awaited. `closed`: nothing is sent any more. */
export type NodeState = 'running' | 'closing' | 'closed';

/** Why the datapath dropped a packet; each has a counter. */
export type PacketDropReason =
  | 'not-gre' // the datagram is no GRE packet that decodes
  | 'no-tunnel' // no tunnel with this carrier and local address
  | 'wrong-key' // no tunnel there with this GRE key
  | 'protection' // clear text where protection is bound, or protection refused it
  | 'unknown-protocol' // neither IPv4, IPv6 nor NHRP inside
  | 'not-ip' // what is inside does not decode as an IP packet
  | 'keepalive' // a GRE keepalive where none is answered
  | 'ttl-exceeded'
  | 'no-route'
  | 'no-peer' // a next hop without usable NBMA address, and no server to go by
  | 'queue-full' // more than the queue of a next hop holds
  | 'queue-timeout' // no NBMA address came in time
  | 'too-big' // does not fit the tunnel and may not be fragmented
  | 'own-source' // from the network with an address of ours as the source
  | 'no-multicast-target'
  | 'not-forwardable' // link-local, unspecified or loopback source or destination
  | 'not-drained' // the caller does not poll: more packets wait than the limit
  | 'closed';

/** Plain data, safe for JSON: what happened in NHRP, and what happened around it. */
export type DmvpnEvent =
  | Exclude<NhrpEvent, { type: 'dropped' }>
  /** Only with `dropEvents` in the configuration. */
  | {
      readonly type: 'dropped';
      /** null when it is not known whose packet it was. */
      readonly tunnel: string | null;
      readonly reason: EngineDropReason | PacketDropReason;
      readonly from: string;
      readonly error: WireError | null;
    }
  /** Protection of a peer came up or went away. */
  | { readonly type: 'peer-up'; readonly tunnel: string; readonly nbma: string }
  | {
      readonly type: 'peer-down';
      readonly tunnel: string;
      readonly nbma: string;
      readonly why: string;
    }
  /** No association with the peer came about; tried again after `retryInMs`, null = not by itself. */
  | {
      readonly type: 'protection-failed';
      readonly tunnel: string;
      readonly nbma: string;
      readonly why: string;
      readonly retryInMs: number | null;
    }
  | { readonly type: 'protection-warning'; readonly tunnel: string; readonly text: string }
  /** DEBUGGING ONLY (`exportKeys`): a line of Wireshark's `ikev2_decryption_table` or `esp_sa`. */
  | {
      readonly type: 'keys-exported';
      readonly tunnel: string;
      readonly table: string;
      readonly line: string;
    }
  /** The largest inner packet to a peer has changed. */
  | {
      readonly type: 'path-mtu';
      readonly tunnel: string;
      readonly nbma: string;
      readonly mtu: number;
    }
  | { readonly type: 'state'; readonly state: NodeState };

/** What the caller learns about the network under the tunnels. */
export type UnderlayChange =
  /** A local NBMA address is now another one (DHCP, roaming). */
  | { readonly kind: 'local-address'; readonly from: IpAddress; readonly to: IpAddress }
  /** A packet to `remote` was too large: the largest IP packet that passes, or null when that is not known. */
  | { readonly kind: 'path-mtu'; readonly remote: IpAddress; readonly mtu: number | null }
  | { readonly kind: 'unreachable'; readonly remote: IpAddress };

/** Commands have addresses as text, like the configuration. */
export type NodeCommand =
  | {
      readonly kind: 'addRoute';
      readonly tunnel: string;
      readonly prefix: string;
      /** Next hop on the tunnel; null = delivered to the device. */
      readonly via: string | null;
      readonly distance?: number;
    }
  | {
      readonly kind: 'removeRoute';
      readonly tunnel: string;
      readonly prefix: string;
      readonly via: string | null;
    }
  | {
      readonly kind: 'map';
      readonly tunnel: string;
      readonly prefix: string;
      readonly nbma: string;
    }
  | { readonly kind: 'unmap'; readonly tunnel: string; readonly prefix: string }
  | {
      readonly kind: 'clear';
      readonly tunnel: string;
      readonly what: 'cache' | 'shortcuts' | 'counters';
      readonly prefix?: string;
    }
  | { readonly kind: 'reregister'; readonly tunnel: string }
  /** Interest of the application: the address is resolved and renewed without being used, until `keep` is false. */
  | {
      readonly kind: 'keepResolved';
      readonly tunnel: string;
      readonly address: string;
      readonly keep: boolean;
    }
  | { readonly kind: 'purge'; readonly tunnel: string; readonly prefix: string }
  /** The tunnel has another address of the same family and prefix length: purged, and registered anew. */
  | { readonly kind: 'setAddress'; readonly tunnel: string; readonly address: string }
  /** The tunnel has another MTU, 576..9216 octets: registered anew. */
  | { readonly kind: 'setMtu'; readonly tunnel: string; readonly mtu: number }
  | { readonly kind: 'shutdown' };

/** Where a packet to an address would go. */
export type Lookup =
  /** To the device: an own address, or one behind it. */
  | { readonly kind: 'local' }
  | { readonly kind: 'direct'; readonly nextHop: IpAddress; readonly nbma: Endpoint }
  /** The next hop has no usable NBMA address: by the best next hop server meanwhile. */
  | { readonly kind: 'by-hub'; readonly nextHop: IpAddress; readonly nbma: Endpoint }
  /** No server is up either: packets wait a little, then are dropped. */
  | { readonly kind: 'pending'; readonly nextHop: IpAddress }
  | { readonly kind: 'multicast'; readonly targets: readonly Endpoint[] }
  | { readonly kind: 'unreachable' };
