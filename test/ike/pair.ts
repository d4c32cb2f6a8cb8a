/** Two or more IKEv2 machines on a network in memory, under a virtual clock, with what each has installed. */
import { nodeCrypto } from '../../src/io/crypto-node.js';
import type { CryptoProvider } from '../../src/ipsec/crypto.js';
import { IkeV2 } from '../../src/ipsec/ike/v2/ike-v2.js';
import type { IkeNotice } from '../../src/ipsec/ike/v2/notice.js';
import type { IkeConfig } from '../../src/ipsec/ike/v2/settings.js';
import type {
  AssociationOffer,
  KeyExchangeOutput,
  Selector,
} from '../../src/ipsec/key-exchange.js';
import { type IpAddress, parseAddress } from '../../src/wire/address.js';
import { toHex } from '../../src/wire/bytes.js';
import type { Endpoint, Path } from '../../src/wire/path.js';

export const PSK: Uint8Array = Uint8Array.from('correct horse battery staple', (c) =>
  c.charCodeAt(0),
);

export function address(text: string): IpAddress {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(`bug: ${text}`);
  return parsed;
}

/** Mulberry32: small, seeded, good enough to shuffle packets with. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Node's crypto with repeatable randomness; key pairs of Diffie-Hellman stay random. */
export function seededCrypto(random: () => number): CryptoProvider {
  const fillRandom = (out: Uint8Array, at: number, octets: number): void => {
    for (let i = 0; i < octets; i++) out[at + i] = Math.floor(random() * 256);
  };
  return { ...nodeCrypto(), fillRandom };
}

/** A pair as one end sees it: SPIs and key octets, copied. */
export interface Installed {
  readonly peer: Endpoint;
  readonly offer: AssociationOffer;
  readonly inbound: string;
  readonly outbound: string;
}

export class Machine {
  readonly ike: IkeV2;
  readonly installed: Map<number, Installed> = new Map();
  readonly log: KeyExchangeOutput[] = [];
  readonly notices: IkeNotice[] = [];
  wakeAt: number | null = null;

  constructor(
    readonly name: string,
    readonly address: IpAddress,
    config: Partial<IkeConfig>,
    crypto: CryptoProvider,
  ) {
    this.ike = new IkeV2({ keys: [{ peer: null, secret: PSK }], ...config }, crypto);
  }

  want(now: number, other: Machine, port = 0): void {
    this.ike.want(now, { address: other.address, port }, this.selector(other));
  }

  selector(other: Machine): Selector {
    return { protocol: 47, local: this.address, remote: other.address };
  }

  failures(): string[] {
    return this.log.flatMap((o) => (o.kind === 'failed' ? [o.why] : []));
  }

  /** Keeps what was said and gives back the datagrams. */
  drain(): { path: Path; bytes: Uint8Array }[] {
    const sent: { path: Path; bytes: Uint8Array }[] = [];
    for (;;) {
      const output = this.ike.pollOutput();
      if (output.kind === 'timeout') {
        this.wakeAt = output.at;
        this.notices.push(...this.ike.drainNotices());
        return sent;
      }
      if (output.kind === 'transmit') sent.push({ path: output.path, bytes: output.bytes.slice() });
      else this.#record(output);
    }
  }

  #record(output: KeyExchangeOutput): void {
    this.log.push(output);
    if ((output.kind === 'installed' || output.kind === 'rekeyed') && output.offer !== null) {
      const { offer, peer } = output;
      const text = (d: typeof offer.inbound): string =>
        `${d.spi}:${toHex(d.encryptionKey.octets)}:${toHex(d.integrityKey.octets)}`;
      if (this.installed.has(offer.inbound.spi)) throw new Error('the same SPI twice');
      this.installed.set(offer.inbound.spi, {
        peer,
        offer,
        inbound: text(offer.inbound),
        outbound: text(offer.outbound),
      });
    } else if (output.kind === 'deleted' && output.inboundSpi !== null) {
      if (!this.installed.delete(output.inboundSpi)) throw new Error('deleted what was not there');
    }
  }
}

interface InFlight {
  readonly at: number;
  readonly to: Machine;
  readonly path: Path;
  readonly bytes: Uint8Array;
}

export interface NetworkOptions {
  /** 0..1 of all datagrams, each way. */
  readonly loss: number;
  /** 0..1 of all datagrams come twice. */
  readonly duplication: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** Changes a datagram on its way, or loses it. */
  readonly tamper?: (from: Machine, path: Path, bytes: Uint8Array) => Uint8Array | null;
}

export const CLEAN: NetworkOptions = { loss: 0, duplication: 0, minMs: 1, maxMs: 1 };

export class Network {
  now = 0;
  readonly machines: Machine[] = [];
  /** Every datagram that was sent. */
  readonly sent: { now: number; from: Machine; path: Path; bytes: Uint8Array }[] = [];
  /** Who stands behind a NAT: own address to outer address. */
  readonly nat: Map<Machine, IpAddress> = new Map();
  readonly down: Set<Machine> = new Set();
  #flying: InFlight[] = [];

  constructor(
    readonly random: () => number,
    public options: NetworkOptions = CLEAN,
  ) {}

  add(name: string, at: string, config: Partial<IkeConfig> = {}): Machine {
    const machine = new Machine(name, address(at), config, seededCrypto(this.random));
    this.machines.push(machine);
    return machine;
  }

  /** Runs until nothing is due before `until`, or the test says stop. */
  run(until: number, stop: () => boolean = () => false): void {
    for (;;) {
      this.flush();
      const next = this.#next();
      if (stop() || next === null || next > until) break;
      this.now = Math.max(this.now, next);
      this.#step();
    }
    if (!stop()) this.now = Math.max(this.now, until);
  }

  /** Puts on the wire what the machines have to say. */
  flush(): void {
    for (const machine of this.machines)
      for (const { path, bytes } of machine.drain()) this.#send(machine, path, bytes);
  }

  #next(): number | null {
    const times = [...this.machines.map((m) => m.wakeAt), ...this.#flying.map((f) => f.at)];
    return times.reduce((a, b) => (b !== null && (a === null || b < a) ? b : a), null);
  }

  #step(): void {
    const arrived = this.#flying.filter((f) => f.at <= this.now);
    this.#flying = this.#flying.filter((f) => f.at > this.now);
    for (const { to, path, bytes } of arrived)
      if (!this.down.has(to)) to.ike.handleMessage(this.now, path, bytes);
    for (const machine of this.machines)
      if (machine.wakeAt !== null && machine.wakeAt <= this.now)
        machine.ike.handleTimeout(this.now);
  }

  #send(from: Machine, path: Path, original: Uint8Array): void {
    this.sent.push({ now: this.now, from, path, bytes: original });
    if (this.down.has(from)) return;
    const { loss, duplication, tamper } = this.options;
    const bytes = tamper === undefined ? original : tamper(from, path, original.slice());
    if (bytes === null) return;
    const copies = this.random() < duplication ? 2 : 1;
    for (let i = 0; i < copies; i++) if (this.random() >= loss) this.#fly(from, path, bytes);
  }

  #fly(from: Machine, path: Path, bytes: Uint8Array): void {
    const to = this.machines.find((m) => this.#outer(m).equals(path.remote.address));
    if (to === undefined) return;
    const { minMs, maxMs } = this.options;
    const at = this.now + minMs + this.random() * (maxMs - minMs);
    const seen: Path = {
      carrier: path.carrier,
      local: { address: to.address, port: path.remote.port },
      remote: { address: this.#outer(from), port: path.local.port },
    };
    this.#flying.push({ at, to, path: seen, bytes });
  }

  #outer(machine: Machine): IpAddress {
    return this.nat.get(machine) ?? machine.address;
  }
}

/** Pairs that both ends have with the same SPIs and the same keys: what packets can use. */
export function usablePairs(a: Machine, b: Machine): number {
  let pairs = 0;
  for (const mine of a.installed.values())
    for (const theirs of b.installed.values())
      if (mine.inbound === theirs.outbound && mine.outbound === theirs.inbound) pairs++;
  return pairs;
}
