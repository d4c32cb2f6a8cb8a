/**
 * What a kernel's own multipoint GRE interface carries, one EtherType of it, through a packet socket: packet(7).
 * The kernel puts the GRE and outer headers on and takes them off; a packet's far end is the link-layer address of
 * the interface, which on multipoint GRE is the IPv4 address of the NBMA network. Linux, and privilege.
 */
import { addressOctets, type IpAddress, readAddress, writeAddress } from '../wire/address.js';
import type { Endpoint, Path } from '../wire/path.js';
import { AdapterError } from './adapter-error.js';
import { ERRNO, type Libc, loadLibc, NONBLOCK_CLOEXEC, watchReadable } from './libc.js';
import { MessageBatch } from './message-batch.js';
import type { Datagram, OutboundDatagram, Transport, TransportListener } from './ports.js';

export { AdapterError, type AdapterErrorCode } from './adapter-error.js';

export interface PacketOptions {
  /** A multipoint GRE interface, without `remote`: `ip link add gre1 type gre key 42 local 192.0.2.1`. */
  readonly interface: string;
  /** Its local address, IPv4: what `path.local` says. Packets leave from the one that the interface has. */
  readonly local: IpAddress;
  /** What is received and sent: 0x2001 NHRP, 0x0800 IPv4, 0x86dd IPv6. */
  readonly etherType: number;
  /** Largest packet, GRE and outer headers not counted; 9,216 when not given. */
  readonly maxOctets?: number;
}

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const ARPHRD_IPGRE = 778;
/** struct ifreq: name 16, then a number or a socket address. */
const IFREQ_OCTETS = 40;
const IFNAMSIZ = 16;
/** struct sockaddr_ll: family 2, protocol 2 (network order), interface 4, hardware type 2, packet type 1, address octets 1, address 8. */
const NAME = {
  octets: 20,
  protocol: 2,
  interface: 4,
  packetType: 10,
  addressOctets: 11,
  address: 12,
} as const;
const PACKET_OUTGOING = 4;

const BATCH_COUNT = 32;
/** Batches that are read before other sockets and timers get their turn. */
const MAX_ROUNDS = 8;
const MAX_KNOWN_PATHS = 16_384;

/**
 * Opens a packet socket on the interface. Its datagrams have the carrier `gre` and no GRE header. It can set neither
 * DSCP nor "don't fragment": the interface decides.
 * @throws AdapterError `unsupported-platform`, `no-koffi`, `no-privilege`, `no-such-interface` (also one that is no
 * GRE interface) or `failed`: then nothing stays open. @throws RangeError for an IPv6 `local`: Linux does not tell
 * where a packet of an IPv6 GRE interface came from.
 */
export async function openPacket(options: PacketOptions): Promise<Transport> {
  if (options.local.family !== 4) throw new RangeError('local: an IPv4 address expected');
  const libc = await loadLibc();
  return new PacketSocket(libc, options);
}

class PacketSocket implements Transport {
  readonly #libc: Libc;
  readonly #device: string;
  readonly #local: Endpoint;
  /** Of every packet that is sent, but for the address at its end. */
  readonly #name: Uint8Array;
  readonly #incoming: MessageBatch;
  readonly #outgoing: MessageBatch;
  readonly #datagrams: Datagram[] = [];
  readonly #paths = new Map<number, Path>();
  #fd: number;
  #listener: TransportListener | null = null;
  #unwatch: () => void = () => {};

  constructor(libc: Libc, options: PacketOptions) {
    const { interface: device, local, etherType, maxOctets = 9_216 } = options;
    this.#libc = libc;
    this.#device = device;
    this.#local = { address: local, port: 0 };
    this.#incoming = new MessageBatch(libc, BATCH_COUNT, maxOctets);
    this.#outgoing = new MessageBatch(libc, BATCH_COUNT, maxOctets);
    this.#fd = libc.socket(AF_PACKET, SOCK_DGRAM | NONBLOCK_CLOEXEC, 0); // nothing is received before bind
    if (this.#fd < 0) throw socketError(libc);
    try {
      this.#name = nameOn(greInterface(libc, this.#fd, device), etherType);
      if (libc.bind(this.#fd, this.#name, NAME.octets) < 0)
        throw new AdapterError('failed', `${device} cannot be bound to: errno ${libc.errno()}.`);
    } catch (error) {
      libc.close(this.#fd);
      throw error;
    }
  }

  listen(listener: TransportListener): void {
    this.#listener = listener;
    this.#unwatch = watchReadable(this.#libc, this.#fd, () => this.#receive());
  }

  async close(): Promise<void> {
    if (this.#fd < 0) return;
    this.#unwatch();
    this.#libc.close(this.#fd);
    this.#fd = -1;
    this.#listener = null;
  }

  send(batch: readonly OutboundDatagram[]): void {
    let count = 0;
    for (const datagram of batch) {
      if (!this.#owns(datagram.path) || datagram.octets > this.#outgoing.maxOctets) continue;
      if (count === BATCH_COUNT) {
        this.#flush(count);
        count = 0;
      }
      this.#put(count, datagram);
      count += 1;
    }
    this.#flush(count);
  }

  #owns({ carrier, local }: Path): boolean {
    return this.#fd >= 0 && carrier === 'gre' && local.address.equals(this.#local.address);
  }

  #put(i: number, { slab, at, octets, path }: OutboundDatagram): void {
    this.#outgoing.slab.set(slab.subarray(at, at + octets), this.#outgoing.at(i));
    const name = this.#outgoing.name(i);
    name.set(this.#name);
    name[NAME.addressOctets] = addressOctets(path.remote.address);
    writeAddress(path.remote.address, name, NAME.address);
    this.#outgoing.describe(i, octets, NAME.octets);
  }

  #flush(count: number): void {
    let sent = 0;
    while (sent < count) {
      const n = this.#libc.sendmmsg(this.#fd, this.#outgoing.from(sent), count - sent, 0);
      if (n <= 0 && this.#libc.errno() === ERRNO.EAGAIN) return; // the others cannot be sent either
      sent += n > 0 ? n : 1; // the first one of the rest cannot be sent: go on after it
    }
  }

  #receive(): void {
    for (let round = 0; round < MAX_ROUNDS && this.#fd >= 0; round++) {
      this.#incoming.reset();
      const { headers, count } = this.#incoming;
      const received = this.#libc.recvmmsg(this.#fd, headers, count, 0, null);
      if (received <= 0) return this.#survive(this.#libc.errno());
      this.#handOver(received);
      if (received < count) return;
    }
  }

  /** An interface that is down comes up again; one that was deleted does not. */
  #survive(errno: number): void {
    if (errno !== ERRNO.ENETDOWN) return;
    const request = requestFor(this.#device);
    if (this.#libc.ioctl(this.#fd, SIOCGIFINDEX, request) >= 0) return;
    this.#listener?.onError(noSuchInterface(this.#device));
  }

  #handOver(count: number): void {
    this.#datagrams.length = 0;
    for (let i = 0; i < count; i++) {
      const datagram = this.#datagramAt(i);
      if (datagram) this.#datagrams.push(datagram);
    }
    if (this.#datagrams.length > 0) this.#listener?.onDatagrams(this.#datagrams);
  }

  #datagramAt(i: number): Datagram | null {
    const octets = this.#incoming.received(i);
    const name = this.#incoming.name(i);
    const isOurs = name[NAME.addressOctets] === 4 && name[NAME.packetType] !== PACKET_OUTGOING;
    if (octets === 0 || !isOurs) return null;
    const { slab } = this.#incoming;
    return { slab, at: this.#incoming.at(i), octets, path: this.#pathFrom(name) };
  }

  #pathFrom(name: Uint8Array): Path {
    const address = readAddress(name, NAME.address, 4);
    const known = this.#paths.get(address.w0);
    if (known) return known;
    if (this.#paths.size >= MAX_KNOWN_PATHS) this.#paths.clear();
    const path: Path = { carrier: 'gre', local: this.#local, remote: { address, port: 0 } };
    this.#paths.set(address.w0, path);
    return path;
  }
}

/** The interface's number, if it is one whose link-layer addresses are IPv4 addresses. */
function greInterface(libc: Libc, fd: number, device: string): number {
  const request = requestFor(device);
  const view = new DataView(request.buffer);
  if (libc.ioctl(fd, SIOCGIFHWADDR, request) < 0) throw noSuchInterface(device);
  if (view.getUint16(IFNAMSIZ, true) !== ARPHRD_IPGRE) {
    throw new AdapterError(
      'no-such-interface',
      `Interface ${device} is no GRE tunnel: name one that was made by ip link add … type gre.`,
    );
  }
  if (libc.ioctl(fd, SIOCGIFINDEX, request) < 0) throw noSuchInterface(device);
  return view.getInt32(IFNAMSIZ, true);
}

function requestFor(device: string): Uint8Array<ArrayBuffer> {
  const request = new Uint8Array(IFREQ_OCTETS);
  request.set(new TextEncoder().encode(device).subarray(0, IFNAMSIZ - 1));
  return request;
}

function nameOn(interfaceNumber: number, etherType: number): Uint8Array {
  const name = new Uint8Array(NAME.octets);
  const view = new DataView(name.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(NAME.protocol, etherType);
  view.setInt32(NAME.interface, interfaceNumber, true);
  return name;
}

function socketError(libc: Libc): AdapterError {
  const errno = libc.errno();
  if (errno === ERRNO.EPERM || errno === ERRNO.EACCES) {
    return new AdapterError(
      'no-privilege',
      'Packet sockets need privilege: run as root or with CAP_NET_RAW.',
    );
  }
  return new AdapterError('failed', `A packet socket cannot be opened: errno ${errno}.`);
}

const noSuchInterface = (device: string): AdapterError =>
  new AdapterError(
    'no-such-interface',
    `There is no interface ${device}: name one that ip link shows.`,
  );
