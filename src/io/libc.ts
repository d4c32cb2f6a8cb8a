/**
 * The system calls that Node has no word for, through koffi: raw sockets and TUN devices. Linux only.
 * koffi is an optional peer and is loaded when the first of these adapters is opened.
 */
import { AdapterError } from './adapter-error.js';

type Koffi = typeof import('koffi').default;
type PollHandle = import('koffi').node.PollHandle;

/** A result below zero is a failure: `errno()` at once, before anything else is called. */
export interface Libc {
  socket(family: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, octets: number): number;
  connect(fd: number, address: Uint8Array, octets: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, octets: number): number;
  getsockopt(
    fd: number,
    level: number,
    name: number,
    value: Uint8Array,
    octets: Uint8Array,
  ): number;
  recvmmsg(fd: number, headers: Uint8Array, count: number, flags: number, timeout: null): number;
  sendmmsg(fd: number, headers: Uint8Array, count: number, flags: number): number;
  open(path: string, flags: number): number;
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  read(fd: number, into: Uint8Array, octets: number): number;
  write(fd: number, from: Uint8Array, octets: number): number;
  close(fd: number): number;
  errno(): number;
  readonly koffi: Koffi;
}

const PROTOTYPES = {
  socket: 'int socket(int, int, int)',
  bind: 'int bind(int, const uint8_t *, uint32_t)',
  connect: 'int connect(int, const uint8_t *, uint32_t)',
  setsockopt: 'int setsockopt(int, int, int, const uint8_t *, uint32_t)',
  getsockopt: 'int getsockopt(int, int, int, uint8_t *, uint8_t *)',
  recvmmsg: 'int recvmmsg(int, void *, uint32_t, int, void *)',
  sendmmsg: 'int sendmmsg(int, void *, uint32_t, int)',
  open: 'int open(const char *, int)',
  ioctl: 'int ioctl(int, unsigned long, uint8_t *)',
  read: 'intptr_t read(int, uint8_t *, size_t)',
  write: 'intptr_t write(int, const uint8_t *, size_t)',
  close: 'int close(int)',
} as const;

/** Linux errno values: the same on every architecture that koffi is built for. */
export const ERRNO = {
  EPERM: 1,
  EAGAIN: 11,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  ENOENT: 2,
  EINVAL: 22,
  EMSGSIZE: 90,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  EHOSTUNREACH: 113,
} as const;

export const O_RDWR = 0x2;
/** SOCK_NONBLOCK and O_NONBLOCK; SOCK_CLOEXEC and O_CLOEXEC: equal by design. */
export const NONBLOCK_CLOEXEC = 0x8_0800;

let loaded: Libc | null = null;

/** @throws AdapterError `unsupported-platform` or `no-koffi`. */
export async function loadLibc(): Promise<Libc> {
  loaded ??= bindLibc(await loadKoffi());
  return loaded;
}

async function loadKoffi(): Promise<Koffi> {
  if (process.platform !== 'linux') {
    throw new AdapterError(
      'unsupported-platform',
      `Raw sockets and TUN devices are for Linux, not ${process.platform}: use the UDP transport and an in-process host.`,
    );
  }
  try {
    return (await import('koffi')).default;
  } catch (cause) {
    throw new AdapterError(
      'no-koffi',
      'Raw sockets and TUN devices need the package koffi: npm install koffi.',
      { cause },
    );
  }
}

function bindLibc(koffi: Koffi): Libc {
  const self = koffi.load(null); // the process itself: whichever libc it is linked with
  const calls = Object.entries(PROTOTYPES).map(([name, prototype]) => [name, self.func(prototype)]);
  return { ...Object.fromEntries(calls), errno: () => koffi.errno(), koffi };
}

/** Handles that nothing refers to are collected, and then no packet comes any more. */
const handles = new Set<PollHandle>();

/** Calls whenever `fd` can be read, until what it returns is called. */
export function watchReadable(libc: Libc, fd: number, onReadable: () => void): () => void {
  const handle = libc.koffi.node.poll(fd, { readable: true }, onReadable);
  handles.add(handle);
  return () => {
    if (handles.delete(handle)) handle.close();
  };
}
