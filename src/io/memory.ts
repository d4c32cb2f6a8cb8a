/**
 * The in-memory twin of both ports: a small NBMA network on which transports meet, and a tunnel device whose other
 * end is the caller. With a virtual clock everything on it is deterministic.
 */
import { addressKey, formatAddress } from '../wire/address.js';
import type { Carrier, Endpoint, Path } from '../wire/path.js';
import { AdapterError } from './adapter-error.js';
import type { Bind } from './bind.js';
import {
  type Clock,
  copyOf,
  type Datagram,
  type OutboundDatagram,
  type Packet,
  type PacketDevice,
  type PacketListener,
  type Transport,
  type TransportListener,
  viewOf,
  withRoom,
} from './ports.js';

export { type Bind, bindsAt } from './bind.js';

/** Datagrams under way that a network holds; more are dropped, as a router with full queues does. */
const MAX_IN_FLIGHT = 65_536;

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  /** One way, in milliseconds; 1 when not given. */
  readonly latencyMs?: number;
  /** Largest IP packet that passes, outer headers not counted; no limit when not given. */
  readonly maxOctets?: number;
}

/** An NBMA network: every bound endpoint reaches every other, nothing is lost. */
export class MemoryNetwork {
  readonly #options: MemoryNetworkOptions;
  readonly #bound = new Map<string, MemoryTransport>();
  #inFlight = 0;

  constructor(options: MemoryNetworkOptions) {
    this.#options = options;
  }

  /** A transport bound to these addresses. @throws AdapterError `port-in-use` when one is taken. */
  open(binds: readonly Bind[]): Transport {
    const keys = binds.map((bind) => keyOf(bind.carrier, bind.local));
    const taken = keys.findIndex((key) => this.#bound.has(key));
    const inUse = binds[taken];
    if (inUse !== undefined) throw portInUse(inUse);
    const transport = new MemoryTransport({
      owns: ({ carrier, local }) => keys.includes(keyOf(carrier, local)),
      carry: (datagram) => this.#carry(datagram),
      release: () => keys.forEach((key) => void this.#bound.delete(key)),
    });
    for (const key of keys) this.#bound.set(key, transport);
    return transport;
  }

  #carry(datagram: OutboundDatagram): void {
    const { clock, latencyMs = 1, maxOctets = Number.POSITIVE_INFINITY } = this.#options;
    if (datagram.octets > maxOctets || this.#inFlight >= MAX_IN_FLIGHT) return;
    const { carrier, local, remote } = datagram.path;
    const arrived = {
      ...withRoom(viewOf(datagram)),
      path: { carrier, local: remote, remote: local },
    };
    this.#inFlight += 1;
    clock.callAt(clock.now() + latencyMs, () => {
      this.#inFlight -= 1;
      this.#bound.get(keyOf(carrier, remote))?.receive(arrived);
    });
  }
}

const portInUse = ({ carrier, local: { address, port } }: Bind): AdapterError =>
  new AdapterError(
    'port-in-use',
    `Carrier ${carrier}${port === 0 ? '' : `, port ${port},`} on ${formatAddress(address)} is in use in this process: close its node, or use another address.`,
  );

/** What a transport may do with its network. */
interface Attachment {
  owns(path: Path): boolean;
  carry(datagram: OutboundDatagram): void;
  release(): void;
}

class MemoryTransport implements Transport {
  readonly #attachment: Attachment;
  #listener: TransportListener | null = null;
  #closed = false;

  constructor(attachment: Attachment) {
    this.#attachment = attachment;
  }

  send(batch: readonly OutboundDatagram[]): void {
    if (this.#closed) return;
    for (const datagram of batch) {
      if (this.#attachment.owns(datagram.path)) this.#attachment.carry(datagram);
    }
  }

  listen(listener: TransportListener): void {
    this.#listener = listener;
  }

  receive(datagram: Datagram): void {
    this.#listener?.onDatagrams([datagram]);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener = null;
    this.#attachment.release();
  }
}

/** A tunnel device without an interface: the caller is the host behind it. */
export class MemoryDevice implements PacketDevice {
  readonly #onPacket: (packet: Uint8Array) => void;
  #listener: PacketListener | null = null;

  /** @param onPacket gets a copy of each packet that came out of the tunnel. It must not call `send`: see ports.ts. */
  constructor(onPacket: (packet: Uint8Array) => void) {
    this.#onPacket = onPacket;
  }

  /** Puts an IP packet into the tunnel. */
  send(packet: Uint8Array): void {
    this.#listener?.onPackets([withRoom(packet)]);
  }

  write(batch: readonly Packet[]): void {
    for (const packet of batch) this.#onPacket(copyOf(packet));
  }

  listen(listener: PacketListener): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    this.#listener = null;
  }
}

const keyOf = (carrier: Carrier, { address, port }: Endpoint): string =>
  `${carrier} ${addressKey(address)} ${port}`;
