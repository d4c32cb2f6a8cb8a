/**
 * The three things that a node cannot have of its own, as interfaces: a network, tunnel devices, a clock.
 * Whatever implements them is an adapter; `drive` joins them to a node. See docs/adapters.md.
 *
 * Ownership, the same everywhere: octets that are handed over belong to the callee only until it returns.
 * An adapter never calls its listener from inside `send` or `write`: it would reenter the node.
 */
import { HEADROOM_OCTETS, TAILROOM_OCTETS } from '../dmvpn/frame.js';
import type { IpAddress } from '../wire/address.js';
import type { Path } from '../wire/path.js';

/** Octets free before and after a packet that an adapter hands over: headers and trailers are put on in place. */
export { HEADROOM_OCTETS, TAILROOM_OCTETS };

/** Of outer headers, as routers send their tunnels'. */
export const OUTER_TTL = 255;

/** `octets` octets of `slab` from `at`. */
export interface Packet {
  slab: Uint8Array;
  at: number;
  octets: number;
}

/** A packet of the NBMA network as it came in: without outer IP and UDP headers. */
export interface Datagram extends Packet {
  path: Path;
}

/** A packet for the NBMA network. Room around it is not needed. */
export interface OutboundDatagram extends Datagram {
  /** 0..63, for the outer header, where the carrier can set it. */
  dscp: number;
  dontFragment: boolean;
}

/** What an adapter learns about the network under the tunnel. */
export type UnderlayChange =
  /** It has moved to another local address (DHCP, roaming), and sends from there. */
  | { readonly kind: 'local-address'; readonly from: IpAddress; readonly to: IpAddress }
  /** A packet to `remote` was too large: the largest IP packet that passes, or null when that is not known. */
  | { readonly kind: 'path-mtu'; readonly remote: IpAddress; readonly mtu: number | null }
  | { readonly kind: 'unreachable'; readonly remote: IpAddress };

export interface TransportListener {
  /** Borrowed, array and octets, until it returns. */
  onDatagrams(batch: readonly Datagram[]): void;
  onUnderlay(change: UnderlayChange): void;
  /** The socket has failed for good; nothing more will come. */
  onError(error: Error): void;
}

/** The NBMA network. */
export interface Transport {
  /** Takes or copies all octets before it returns. What cannot be sent is dropped, as a network does. */
  send(batch: readonly OutboundDatagram[]): void;
  /** Once, before the first `send`. Nothing is received before it. */
  listen(listener: TransportListener): void;
  /** After it, `send` does nothing and the listener is not called any more. */
  close(): Promise<void>;
}

export interface PacketListener {
  /** IP packets that leave through the tunnel. Borrowed, array and octets, until it returns. */
  onPackets(batch: readonly Packet[]): void;
  onError(error: Error): void;
}

/** A tunnel interface: whole IPv4 and IPv6 packets. */
export interface PacketDevice {
  /** Takes or copies all octets before it returns. */
  write(batch: readonly Packet[]): void;
  listen(listener: PacketListener): void;
  close(): Promise<void>;
}

/** Ends something that was arranged, such as a call in the future. Harmless when it is over already. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds, monotonic, from any origin. */
  now(): number;
  /** Calls once at that time or, when it has passed, as soon as the caller is done; never before `callAt` returns. */
  callAt(at: number, run: () => void): Cancel;
}

/** The octets of a packet as a view, not a copy. */
export const viewOf = (p: Packet): Uint8Array => p.slab.subarray(p.at, p.at + p.octets);

/** The octets of a packet as a copy; `slice` would not do: that of a Buffer is a view. */
export const copyOf = (p: Packet): Uint8Array => new Uint8Array(viewOf(p));

/** Copies octets into a slab of their own, with the room that a listener is promised. */
export function withRoom(bytes: Uint8Array): Packet {
  const slab = new Uint8Array(HEADROOM_OCTETS + bytes.length + TAILROOM_OCTETS);
  slab.set(bytes, HEADROOM_OCTETS);
  return { slab, at: HEADROOM_OCTETS, octets: bytes.length };
}
