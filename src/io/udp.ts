/**
 * UDP by node:dgram: GRE in UDP (RFC 8086), IKE and ESP in UDP (RFC 3948). Needs no privilege above port 1023.
 * node:dgram can set neither DSCP nor "don't fragment"; the raw adapter can.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { formatAddress, type IpAddress, parseAddress } from '../wire/address.js';
import type { Carrier, Endpoint, Path } from '../wire/path.js';
import { AdapterError } from './adapter-error.js';
import type { Bind } from './bind.js';
import {
  OUTER_TTL,
  type OutboundDatagram,
  type Transport,
  type TransportListener,
  viewOf,
  withRoom,
} from './ports.js';

export { AdapterError, type AdapterErrorCode } from './adapter-error.js';
export { type Bind, bindsAt } from './bind.js';

/** Asked for; the system may give less. A burst of a thousand registrations fits. */
const RECEIVE_BUFFER_OCTETS = 4 << 20;
/** Paths of peers that are remembered per socket, so that their addresses are parsed once. */
const MAX_KNOWN_PATHS = 16_384;

/**
 * Opens one socket for each bind; what is sent leaves from the socket that `path.local` names.
 * @throws AdapterError `port-in-use`, `no-such-address`, `no-privilege` or `failed`: then nothing stays open.
 */
export async function openUdp(binds: readonly Bind[]): Promise<Transport> {
  const sockets = await Promise.allSettled(binds.map(openSocket));
  const opened = sockets.flatMap((s) => (s.status === 'fulfilled' ? [s.value] : []));
  const failed = sockets.find((s) => s.status === 'rejected');
  if (failed === undefined) return new UdpTransport(opened);
  await Promise.all(opened.map((socket) => socket.close()));
  throw failed.reason;
}

class UdpTransport implements Transport {
  readonly #sockets: readonly BoundSocket[];
  #closed = false;

  constructor(sockets: readonly BoundSocket[]) {
    this.#sockets = sockets;
  }

  send(batch: readonly OutboundDatagram[]): void {
    if (this.#closed) return;
    for (const datagram of batch) {
      this.#sockets.find((socket) => socket.owns(datagram.path))?.send(datagram);
    }
  }

  listen(listener: TransportListener): void {
    for (const socket of this.#sockets) socket.listen(listener);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all(this.#sockets.map((socket) => socket.close()));
  }
}

class BoundSocket {
  readonly #socket: Socket;
  readonly #carrier: Carrier;
  readonly #local: Endpoint;
  readonly #paths = new Map<string, Path>();
  readonly #hosts = new WeakMap<IpAddress, string>();
  #listener: TransportListener | null = null;

  constructor(socket: Socket, { carrier, local }: Bind) {
    this.#socket = socket;
    this.#carrier = carrier;
    this.#local = local;
    socket.on('error', (error) => this.#listener?.onError(error));
    socket.on('message', (bytes, from) => this.#receive(bytes, from));
  }

  owns({ carrier, local }: Path): boolean {
    return (
      carrier === this.#carrier &&
      local.port === this.#local.port &&
      local.address.equals(this.#local.address)
    );
  }

  listen(listener: TransportListener): void {
    this.#listener = listener;
  }

  send(datagram: OutboundDatagram): void {
    const { address, port } = datagram.path.remote;
    const copy = Buffer.from(viewOf(datagram)); // dgram keeps what it is given until the callback
    this.#socket.send(copy, port, this.#hostOf(address), (error) => {
      if (error) this.#onSendError(error, address);
    });
  }

  async close(): Promise<void> {
    this.#listener = null;
    await new Promise<void>((closed) => this.#socket.close(() => closed()));
  }

  #receive(bytes: Uint8Array, from: RemoteInfo): void {
    const path = this.#pathFrom(from);
    if (path) this.#listener?.onDatagrams([{ ...withRoom(bytes), path }]);
  }

  #onSendError(error: NodeJS.ErrnoException, remote: IpAddress): void {
    if (error.code === 'EMSGSIZE')
      this.#listener?.onUnderlay({ kind: 'path-mtu', remote, mtu: null });
    else if (error.code === 'EHOSTUNREACH' || error.code === 'ENETUNREACH')
      this.#listener?.onUnderlay({ kind: 'unreachable', remote });
  }

  #pathFrom({ address: host, port }: RemoteInfo): Path | null {
    const key = `${port} ${host}`;
    const known = this.#paths.get(key);
    if (known) return known;
    const address = parseAddress(host);
    if (address === null) return null; // an IPv6 address with a zone: link-local, which is no NBMA address
    if (this.#paths.size >= MAX_KNOWN_PATHS) this.#paths.clear();
    const path = { carrier: this.#carrier, local: this.#local, remote: { address, port } };
    this.#paths.set(key, path);
    return path;
  }

  #hostOf(address: IpAddress): string {
    const known = this.#hosts.get(address);
    if (known !== undefined) return known;
    const host = formatAddress(address);
    this.#hosts.set(address, host);
    return host;
  }
}

function openSocket(bind: Bind): Promise<BoundSocket> {
  const { address, port } = bind.local;
  const socket = createSocket({
    type: address.family === 4 ? 'udp4' : 'udp6',
    ipv6Only: address.family === 6,
    recvBufferSize: RECEIVE_BUFFER_OCTETS,
    // Addresses are numbers already: without this, dgram looks them up on a later tick, and out of order.
    lookup: (host, _options, done) => done(null, host, address.family),
  });
  return new Promise((opened, failed) => {
    const onError = (error: NodeJS.ErrnoException) => failed(errorOf(error, bind));
    socket.once('error', onError);
    socket.bind({ address: formatAddress(address), port, exclusive: true }, () => {
      socket.off('error', onError);
      socket.setTTL(OUTER_TTL);
      const local = { address, port: socket.address().port }; // port 0 = any that is free
      opened(new BoundSocket(socket, { carrier: bind.carrier, local }));
    });
  });
}

function errorOf(cause: NodeJS.ErrnoException, { local: { address, port } }: Bind): AdapterError {
  const options = { cause };
  switch (cause.code) {
    case 'EADDRINUSE':
      return new AdapterError(
        'port-in-use',
        `UDP port ${port} on ${address} is in use: stop the program that holds it, or use another address.`,
        options,
      );
    case 'EADDRNOTAVAIL':
      return new AdapterError(
        'no-such-address',
        `No interface here has the address ${address}: add it (ip address add ${address} dev …), or use one that is there.`,
        options,
      );
    case 'EACCES':
      return new AdapterError(
        'no-privilege',
        `UDP port ${port} needs privilege: run as root or with CAP_NET_BIND_SERVICE, or use IKE on port 4500.`,
        options,
      );
    default:
      return new AdapterError(
        'failed',
        `UDP port ${port} on ${address} cannot be opened: ${cause.message}.`,
        options,
      );
  }
}
