/** What raw sockets need of socket(7), ip(7) and ipv6(7): addresses, options, and the MTU of a path. Linux. */
import {
  addressOctets,
  type IpAddress,
  type IpFamily,
  readAddress,
  writeAddress,
} from '../wire/address.js';
import { AdapterError } from './adapter-error.js';
import { ERRNO, type Libc, NONBLOCK_CLOEXEC } from './libc.js';

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_BINDTODEVICE = 25;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
/** setsockopt(2) levels and names that differ by family. */
const OPTIONS = {
  4: { level: 0, trafficClass: 1, ttl: 2, mtuDiscover: 10, mtu: 14 },
  6: { level: 41, trafficClass: 67, ttl: 16, mtuDiscover: 23, mtu: 24 },
} as const;
const PMTUDISC_DONT = 0;
const PMTUDISC_DO = 2;

/** Only by this interface. @throws AdapterError */
export function bindToDevice(libc: Libc, fd: number, device: string): void {
  const name = new TextEncoder().encode(`${device}\0`);
  if (libc.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length) >= 0) return;
  const missing = libc.errno() === ERRNO.ENODEV;
  throw new AdapterError(
    missing ? 'no-such-interface' : 'failed',
    missing
      ? `There is no interface ${device}: name one that ip link shows.`
      : `The socket cannot be bound to interface ${device}: errno ${libc.errno()}.`,
  );
}

/** What the kernel knows of the path, learned from ICMP; null when it does not say. */
export function pathMtuTo(libc: Libc, remote: IpAddress): number | null {
  const { level, mtu } = OPTIONS[remote.family];
  const fd = libc.socket(familyOf(remote), SOCK_DGRAM | NONBLOCK_CLOEXEC, 0);
  if (fd < 0) return null;
  const name = new Uint8Array(28);
  const nameOctets = writeSocketAddress(remote, name);
  new DataView(name.buffer).setUint16(2, 9); // any port: nothing is sent
  const value = new Uint32Array(1);
  const failed =
    libc.connect(fd, name, nameOctets) < 0 ||
    libc.getsockopt(fd, level, mtu, bytesOf(value), bytesOf(Uint32Array.of(4))) < 0;
  libc.close(fd);
  return failed ? null : (value[0] ?? null);
}

/** The second octet of an IPv4 header, the traffic class of IPv6. */
export function setTrafficClass(libc: Libc, fd: number, family: IpFamily, value: number): void {
  const { level, trafficClass } = OPTIONS[family];
  setNumber(libc, fd, { level, name: trafficClass }, value);
}

/** Time to live, or hop limit. */
export function setTtl(libc: Libc, fd: number, family: IpFamily, value: number): void {
  const { level, ttl } = OPTIONS[family];
  setNumber(libc, fd, { level, name: ttl }, value);
}

export function setDontFragment(libc: Libc, fd: number, family: IpFamily, on: boolean): void {
  const { level, mtuDiscover } = OPTIONS[family];
  setNumber(libc, fd, { level, name: mtuDiscover }, on ? PMTUDISC_DO : PMTUDISC_DONT);
}

/** Beyond what the system allows to others: needs CAP_NET_ADMIN, and is not missed without. */
export function setBuffers(libc: Libc, fd: number, octets: number): void {
  for (const name of [SO_RCVBUFFORCE, SO_SNDBUFFORCE])
    setNumber(libc, fd, { level: SOL_SOCKET, name }, octets);
}

function setNumber(
  libc: Libc,
  fd: number,
  { level, name }: { readonly level: number; readonly name: number },
  value: number,
): void {
  libc.setsockopt(fd, level, name, bytesOf(Int32Array.of(value)), 4);
}

const bytesOf = (words: Int32Array | Uint32Array): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

export const familyOf = (address: IpAddress): number => (address.family === 4 ? AF_INET : AF_INET6);

/** Returns its length. struct sockaddr_in: family 2, port 2, address 4, 8 free; sockaddr_in6: family 2, port 2, flow 4, address 16, scope 4. */
export function writeSocketAddress(address: IpAddress, out: Uint8Array): number {
  out.fill(0);
  out[0] = familyOf(address);
  writeAddress(address, out, address.family === 4 ? 4 : 8);
  return addressOctets(address) + 12;
}

export const readSocketAddress = (name: Uint8Array, family: IpFamily): IpAddress =>
  readAddress(name, family === 4 ? 4 : 8, family);
