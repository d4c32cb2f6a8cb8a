/** A Linux TUN device: the kernel is the host behind the node. Configured by ip(8). Needs privilege. */
import { execFile } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { AdapterError } from './adapter-error.js';
import { ERRNO, type Libc, loadLibc, NONBLOCK_CLOEXEC, O_RDWR, watchReadable } from './libc.js';
import {
  HEADROOM_OCTETS,
  type Packet,
  type PacketDevice,
  type PacketListener,
  TAILROOM_OCTETS,
  viewOf,
} from './ports.js';

export { AdapterError, type AdapterErrorCode } from './adapter-error.js';

export interface TunOptions {
  /** At most 15 characters (octets of UTF-8); it is made, and goes when the device is closed. */
  readonly name: string;
  /** Addresses with their prefix lengths: `10.0.0.1/24`. */
  readonly addresses?: readonly string[];
  /** 1,400 when not given: what is left of 1,500 by GRE in UDP with a key, and by ESP in most suites. */
  readonly mtu?: number;
  /** Prefixes that are reached through the tunnel: `172.16.0.0/12`. */
  readonly routes?: readonly string[];
}

const BATCH_COUNT = 32;
/** Batches that are read before other sockets and timers get their turn. */
const MAX_ROUNDS = 8;
const MAX_OCTETS = 0xffff;
const SLOT_OCTETS = HEADROOM_OCTETS + MAX_OCTETS + TAILROOM_OCTETS;

/** How long an IPv6 address is waited for: a second at most, which a busy machine may need. */
const MAX_LOOKS = 100;
const LOOK_EVERY_MS = 10;

/** struct ifreq: name 16, flags 2, the rest free. */
const IFREQ_OCTETS = 40;
const IFNAMSIZ = 16;
const TUNSETIFF = 0x400454ca;
const IFF_TUN_NO_PI = 0x1001;

/**
 * Makes the device, gives it its addresses and routes, and sets it up.
 * @throws RangeError for a name that no interface can have.
 * @throws AdapterError `unsupported-platform`, `no-koffi`, `no-privilege`, `no-such-interface` (no /dev/net/tun),
 * `interface-in-use` or `failed`: then nothing stays behind.
 */
export async function openTun(options: TunOptions): Promise<PacketDevice> {
  checkName(options.name);
  const libc = await loadLibc();
  const fd = openDevice(libc, options.name);
  try {
    await configure(options);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  return new TunDevice(libc, fd);
}

class TunDevice implements PacketDevice {
  readonly #libc: Libc;
  readonly #slab = new Uint8Array(new ArrayBuffer(BATCH_COUNT * SLOT_OCTETS));
  readonly #slots: readonly Uint8Array[];
  #fd: number;
  #listener: PacketListener | null = null;
  #unwatch: () => void = () => {};

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#slots = Array.from({ length: BATCH_COUNT }, (_, i) =>
      this.#slab.subarray(slotAt(i), slotAt(i) + MAX_OCTETS),
    );
  }

  write(batch: readonly Packet[]): void {
    if (this.#fd < 0) return;
    for (const packet of batch) this.#libc.write(this.#fd, viewOf(packet), packet.octets);
  }

  listen(listener: PacketListener): void {
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

  #receive(): void {
    for (let round = 0; round < MAX_ROUNDS && this.#fd >= 0; round++) {
      const batch = this.#read();
      if (batch.length > 0) this.#listener?.onPackets(batch);
      if (batch.length < BATCH_COUNT) return;
    }
  }

  #read(): Packet[] {
    const batch: Packet[] = [];
    for (const [i, slot] of this.#slots.entries()) {
      const octets = this.#libc.read(this.#fd, slot, MAX_OCTETS);
      if (octets <= 0) break;
      batch.push({ slab: this.#slab, at: slotAt(i), octets });
    }
    return batch;
  }
}

const slotAt = (i: number): number => i * SLOT_OCTETS + HEADROOM_OCTETS;

/** The kernel would take the beginning of a long name, up to a NUL, and a number for `%d`; ip(8) would then look for the whole. */
function checkName(name: string): void {
  const octets = new TextEncoder().encode(name).length;
  if (octets >= IFNAMSIZ)
    throw new RangeError(
      `name: at most ${IFNAMSIZ - 1} characters expected for a TUN device, got '${name}'`,
    );
  if (octets === 0 || /[%\0]/.test(name))
    throw new RangeError(`name: the name of a TUN device expected, got ${JSON.stringify(name)}`);
}

function openDevice(libc: Libc, name: string): number {
  const fd = libc.open('/dev/net/tun', O_RDWR | NONBLOCK_CLOEXEC);
  if (fd < 0) throw openError(libc.errno());
  const request = new Uint8Array(IFREQ_OCTETS);
  request.set(new TextEncoder().encode(name));
  new DataView(request.buffer).setUint16(IFNAMSIZ, IFF_TUN_NO_PI, true);
  if (libc.ioctl(fd, TUNSETIFF, request) >= 0) return fd;
  const error = nameError(libc.errno(), name);
  libc.close(fd);
  throw error;
}

async function configure({
  name,
  addresses = [],
  mtu = 1_400,
  routes = [],
}: TunOptions): Promise<void> {
  const commands = [
    ['link', 'set', name, 'mtu', String(mtu), 'up'],
    ...addresses.map((address) => ['address', 'add', address, 'dev', name, ...flagsOf(address)]),
    ...routes.map((prefix) => ['route', 'add', prefix, 'dev', name]),
  ];
  for (const command of commands) await runIp(command);
  for (const address of addresses) if (address.includes(':')) await untilAnswered(address, name);
}

/** A kernel's work queue makes an IPv6 address local, some time after ip(8) has ended: until then its packets are dropped. */
async function untilAnswered(address: string, name: string): Promise<void> {
  const [host = ''] = address.split('/');
  for (let tries = 0; tries < MAX_LOOKS; tries++) {
    if ((await runIp(['-6', 'route', 'show', 'table', 'local', host, 'dev', name])) !== '') return;
    await setTimeout(LOOK_EVERY_MS);
  }
}

/** There is nobody on the link to have the address too; without this the kernel drops what comes before it has looked. */
const flagsOf = (address: string): readonly string[] => (address.includes(':') ? ['nodad'] : []);

async function runIp(command: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('ip', [...command]);
    return stdout;
  } catch (cause) {
    const { code, stderr = '' } = cause as { code?: unknown; stderr?: string };
    const why =
      code === 'ENOENT'
        ? 'The program ip is not installed (apt-get install iproute2)'
        : `ip ${command.join(' ')}: ${stderr.trim()}`;
    throw new AdapterError('failed', `${why}.`, { cause });
  }
}

function openError(errno: number): AdapterError {
  switch (errno) {
    case ERRNO.ENOENT:
    case ERRNO.ENODEV:
      return new AdapterError(
        'no-such-interface',
        'There is no /dev/net/tun: load the module (modprobe tun), or use an in-process host.',
      );
    case ERRNO.EPERM:
    case ERRNO.EACCES:
      return noPrivilege();
    default:
      return new AdapterError('failed', `/dev/net/tun cannot be opened: errno ${errno}.`);
  }
}

function nameError(errno: number, name: string): AdapterError {
  switch (errno) {
    case ERRNO.EPERM:
      return noPrivilege();
    case ERRNO.EBUSY:
      return new AdapterError(
        'interface-in-use',
        `Interface ${name} is in use: stop the program that holds it, or choose another name.`,
      );
    case ERRNO.EINVAL:
      return new AdapterError(
        'interface-in-use',
        `${name} cannot be a TUN device: an interface of another kind has that name, or it is none.`,
      );
    default:
      return new AdapterError('failed', `Interface ${name} cannot be made: errno ${errno}.`);
  }
}

const noPrivilege = (): AdapterError =>
  new AdapterError(
    'no-privilege',
    'A TUN device needs privilege: run as root or with CAP_NET_ADMIN, or use an in-process host.',
  );
