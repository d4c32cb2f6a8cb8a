/**
 * GRE and ESP straight over IP (protocols 47 and 50), IPv4 and IPv6, through raw sockets. Linux, and privilege.
 * Where the kernel has GRE or ESP of its own it gets a copy of every packet, and may answer it with ICMP.
 */
import type { IpAddress } from '../wire/address.js';
import type { Carrier, Path } from '../wire/path.js';
import { AdapterError } from './adapter-error.js';
import type { Bind } from './bind.js';
import { ERRNO, type Libc, loadLibc, NONBLOCK_CLOEXEC, watchReadable } from './libc.js';
import { MessageBatch } from './message-batch.js';
import {
  type Datagram,
  OUTER_TTL,
  type OutboundDatagram,
  type Transport,
  type TransportListener,
} from './ports.js';
import {
  bindToDevice,
  familyOf,
  pathMtuTo,
  readSocketAddress,
  setBuffers,
  setDontFragment,
  setTrafficClass,
  setTtl,
  writeSocketAddress,
} from './socket-options.js';

export { AdapterError, type AdapterErrorCode } from './adapter-error.js';
export { type Bind, bindsAt } from './bind.js';

export interface RawOptions {
  /** Only by this interface, for a machine with several of the same address (VRF). */
  readonly interface?: string;
  /** Largest packet, outer IP header included; 9,216 when not given. */
  readonly maxOctets?: number;
}

const PROTOCOLS: Readonly<Partial<Record<Carrier, number>>> = { gre: 47, esp: 50 };

const SOCK_RAW = 3;
const BATCH_COUNT = 32;
/** Batches that are read before other sockets and timers get their turn. */
const MAX_ROUNDS = 8;
const BUFFER_OCTETS = 8 << 20;
const MAX_KNOWN_PATHS = 16_384;

/**
 * Opens one raw socket for each bind.
 * @throws AdapterError `unsupported-platform`, `no-koffi`, `no-privilege`, `no-such-address`, `no-such-interface`
 * or `failed`: then nothing stays open. @throws RangeError for a carrier that is not an IP protocol.
 */
export async function openRaw(
  binds: readonly Bind[],
  options: RawOptions = {},
): Promise<Transport> {
  const libc = await loadLibc();
  const sockets: RawSocket[] = [];
  try {
    for (const bind of binds) sockets.push(new RawSocket(libc, bind, options));
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
  return new RawTransport(sockets);
}

class RawTransport implements Transport {
  readonly #sockets: readonly RawSocket[];

  constructor(sockets: readonly RawSocket[]) {
    this.#sockets = sockets;
  }

  send(batch: readonly OutboundDatagram[]): void {
    for (const socket of this.#sockets) socket.send(batch);
  }

  listen(listener: TransportListener): void {
    for (const socket of this.#sockets) socket.listen(listener);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.close();
  }
}

class RawSocket {
  readonly #libc: Libc;
  readonly #bind: Bind;
  readonly #incoming: MessageBatch;
  readonly #outgoing: MessageBatch;
  readonly #datagrams: Datagram[] = [];
  readonly #paths = new Map<string, Path>();
  #fd: number;
  #listener: TransportListener | null = null;
  #unwatch: () => void = () => {};
  #trafficClass = 0;
  #dontFragment: boolean | null = null;

  constructor(libc: Libc, bind: Bind, { interface: device, maxOctets = 9_216 }: RawOptions) {
    this.#libc = libc;
    this.#bind = bind;
    this.#fd = openSocket(libc, bind, device);
    this.#incoming = new MessageBatch(libc, BATCH_COUNT, maxOctets);
    this.#outgoing = new MessageBatch(libc, BATCH_COUNT, maxOctets);
  }

  listen(listener: TransportListener): void {
    this.#listener = listener;
    this.#unwatch = watchReadable(this.#libc, this.#fd, () => this.#receive());
  }

  close(): void {
    if (this.#fd < 0) return;
    this.#unwatch();
    this.#libc.close(this.#fd);
    this.#fd = -1;
    this.#listener = null;
  }

  /** Sends those of the batch that are this socket's, as many in one call as want the same header fields. */
  send(batch: readonly OutboundDatagram[]): void {
    let count = 0;
    for (const datagram of batch) {
      if (!this.#owns(datagram.path) || datagram.octets > this.#outgoing.maxOctets) continue;
      if (count === BATCH_COUNT || !this.#wantsSameHeader(datagram)) {
        this.#flush(count);
        count = 0;
        this.#setHeader(datagram);
      }
      this.#put(count, datagram);
      count += 1;
    }
    this.#flush(count);
  }

  #owns({ carrier, local }: Path): boolean {
    const own = this.#bind;
    return this.#fd >= 0 && carrier === own.carrier && local.address.equals(own.local.address);
  }

  #wantsSameHeader({ dscp, dontFragment }: OutboundDatagram): boolean {
    return this.#trafficClass === dscp << 2 && this.#dontFragment === dontFragment;
  }

  #setHeader({ dscp, dontFragment }: OutboundDatagram): void {
    const { family } = this.#bind.local.address;
    this.#trafficClass = dscp << 2;
    this.#dontFragment = dontFragment;
    setTrafficClass(this.#libc, this.#fd, family, this.#trafficClass);
    setDontFragment(this.#libc, this.#fd, family, dontFragment);
  }

  #put(i: number, { slab, at, octets, path }: OutboundDatagram): void {
    this.#outgoing.slab.set(slab.subarray(at, at + octets), this.#outgoing.at(i));
    const nameOctets = writeSocketAddress(path.remote.address, this.#outgoing.name(i));
    this.#outgoing.describe(i, octets, nameOctets);
  }

  #flush(count: number): void {
    let sent = 0;
    while (sent < count) {
      const n = this.#libc.sendmmsg(this.#fd, this.#outgoing.from(sent), count - sent, 0);
      if (n <= 0 && !this.#survives(this.#libc.errno(), sent)) return;
      sent += n > 0 ? n : 1; // the first one of the rest cannot be sent: go on after it
    }
  }

  /** Reports why a packet could not be sent; false when the others cannot either, as when queues are full. */
  #survives(errno: number, i: number): boolean {
    const { family } = this.#bind.local.address;
    const remote = readSocketAddress(this.#outgoing.name(i), family);
    if (errno === ERRNO.EMSGSIZE)
      this.#report({ kind: 'path-mtu', remote, mtu: pathMtuTo(this.#libc, remote) });
    else if (errno === ERRNO.EHOSTUNREACH || errno === ERRNO.ENETUNREACH)
      this.#report({ kind: 'unreachable', remote });
    return errno !== ERRNO.EAGAIN;
  }

  /** Later: a listener is never called from inside `send`. */
  #report(change: Parameters<TransportListener['onUnderlay']>[0]): void {
    setImmediate(() => this.#listener?.onUnderlay(change));
  }

  #receive(): void {
    for (let round = 0; round < MAX_ROUNDS && this.#fd >= 0; round++) {
      this.#incoming.reset();
      const { headers, count } = this.#incoming;
      const received = this.#libc.recvmmsg(this.#fd, headers, count, 0, null);
      if (received <= 0) return;
      this.#handOver(received);
      if (received < count) return;
    }
  }

  #handOver(count: number): void {
    this.#datagrams.length = 0;
    for (let i = 0; i < count; i++) {
      const datagram = this.#datagramAt(i);
      if (datagram) this.#datagrams.push(datagram);
    }
    this.#listener?.onDatagrams(this.#datagrams);
  }

  /** IPv4 sockets hand over the outer header as well, IPv6 sockets do not. */
  #datagramAt(i: number): Datagram | null {
    const { slab } = this.#incoming;
    const at = this.#incoming.at(i);
    const octets = this.#incoming.received(i);
    const headerOctets = this.#bind.local.address.family === 4 ? ((slab[at] ?? 0) & 0x0f) << 2 : 0;
    if (octets <= headerOctets) return null;
    const path = this.#pathFrom(this.#incoming.name(i));
    return { slab, at: at + headerOctets, octets: octets - headerOctets, path };
  }

  #pathFrom(name: Uint8Array): Path {
    const { carrier, local } = this.#bind;
    const address = readSocketAddress(name, local.address.family);
    const key = `${address.w0},${address.w1},${address.w2},${address.w3}`;
    const known = this.#paths.get(key);
    if (known) return known;
    if (this.#paths.size >= MAX_KNOWN_PATHS) this.#paths.clear();
    const path = { carrier, local, remote: { address, port: 0 } };
    this.#paths.set(key, path);
    return path;
  }
}

function openSocket(libc: Libc, { carrier, local }: Bind, device: string | undefined): number {
  const protocol = PROTOCOLS[carrier];
  if (protocol === undefined) throw new RangeError(`carrier: ${carrier} is not an IP protocol`);
  const { address } = local;
  const fd = libc.socket(familyOf(address), SOCK_RAW | NONBLOCK_CLOEXEC, protocol);
  if (fd < 0) throw socketError(libc);
  try {
    setBuffers(libc, fd, BUFFER_OCTETS);
    setTtl(libc, fd, address.family, OUTER_TTL);
    if (device !== undefined) bindToDevice(libc, fd, device);
    const name = new Uint8Array(28);
    if (libc.bind(fd, name, writeSocketAddress(address, name)) < 0) throw bindError(libc, address);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  return fd;
}

function socketError(libc: Libc): AdapterError {
  const errno = libc.errno();
  if (errno === ERRNO.EPERM || errno === ERRNO.EACCES) {
    return new AdapterError(
      'no-privilege',
      'Raw sockets need privilege: run as root or with CAP_NET_RAW, or use the UDP transport.',
    );
  }
  return new AdapterError('failed', `A raw socket cannot be opened: errno ${errno}.`);
}

function bindError(libc: Libc, address: IpAddress): AdapterError {
  const errno = libc.errno();
  if (errno === ERRNO.EADDRNOTAVAIL) {
    return new AdapterError(
      'no-such-address',
      `No interface here has the address ${address}: add it (ip address add ${address} dev …), or use one that is there.`,
    );
  }
  return new AdapterError('failed', `A raw socket cannot be bound to ${address}: errno ${errno}.`);
}
