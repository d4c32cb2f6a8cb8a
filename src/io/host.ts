/**
 * An IP host inside the process, behind a node where there is no TUN device: it answers echoes and closed ports
 * (RFC 1122 §3.2.2, RFC 4443), pings, and traces routes.
 */
import { type IpAddress, parseAddress } from '../wire/address.js';
import { readU16 } from '../wire/bytes.js';
import { decodeIcmp, echoOf, type IcmpMessage, icmpProtocol } from '../wire/icmp.js';
import { echoPacket, icmpErrorPacket } from '../wire/icmp-packet.js';
import {
  ipDestination,
  ipHeaderOctets,
  ipPacket,
  ipPacketOctets,
  ipProtocol,
  ipSource,
  isIpv4Fragment,
} from '../wire/ip-packet.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import type { AddressPair } from '../wire/pseudo-header.js';
import { encodeUdp, udpOctets } from '../wire/udp.js';
import { monotonicClock } from './clock.js';
import {
  type Clock,
  type Packet,
  type PacketDevice,
  type PacketListener,
  viewOf,
  withRoom,
} from './ports.js';

export interface HostOptions {
  /** Its own addresses, as text. The first of a family is the source of what it sends. */
  readonly addresses: readonly string[];
  /** The machine's monotonic clock when not given. */
  readonly clock?: Clock;
  /** Gets every packet that is for one of its addresses and is no echo: octets are valid until it returns. */
  readonly onPacket?: (packet: Uint8Array) => void;
}

export interface ProbeOptions {
  /** One of the host's addresses; the first of the destination's family when not given. */
  readonly source?: string;
  /** 64 when not given. */
  readonly ttl?: number;
  /** 1,000 when not given. */
  readonly timeoutMs?: number;
  /** `udp`: a datagram to a port that nobody listens on (traceroute's own way); `icmp`: an echo request. */
  readonly probe?: 'udp' | 'icmp';
}

/** What came of a probe. */
export interface ProbeReply {
  /** `reply` of the destination · `time-exceeded` of a router · `unreachable`, with its code · `timeout`. */
  readonly kind: 'reply' | 'time-exceeded' | 'unreachable' | 'timeout';
  /** Who answered; null for a timeout. */
  readonly from: IpAddress | null;
  /** The ICMP code; 0 where there is none. */
  readonly code: number;
  readonly rttMs: number;
}

/** One line of a traceroute. */
export interface Hop extends ProbeReply {
  readonly ttl: number;
}

const DEFAULT_TTL = 64;
const DEFAULT_TIMEOUT_MS = 1_000;
const MAX_HOPS = 30;
/** Where traceroute(8) begins; one port up for each probe. */
const FIRST_PROBE_PORT = 33_434;
const PROBE_PORTS = 2_048;
/** Probes and answers that wait; more are dropped. */
const MAX_WAITING = 1_024;
const PROBE_DATA: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => 0x40 + i);

/** A {@link PacketDevice} with a small IP stack behind it. */
export class Host implements PacketDevice {
  readonly #addresses: readonly IpAddress[];
  readonly #clock: Clock;
  readonly #onPacket: (packet: Uint8Array) => void;
  readonly #probes = new Map<string, (reply: Omit<ProbeReply, 'rttMs'>) => void>();
  readonly #leaving: Packet[] = [];
  #listener: PacketListener | null = null;
  #nextProbe = 0;

  /** @throws TypeError for an address that is none. */
  constructor({ addresses, clock = monotonicClock, onPacket = () => {} }: HostOptions) {
    this.#addresses = addresses.map((text, i) => addressAt(text, `addresses[${i}]`));
    this.#clock = clock;
    this.#onPacket = onPacket;
  }

  /** Sends one echo request and waits for the answer. @throws TypeError for an address that is none. */
  ping(destination: string, options: ProbeOptions = {}): Promise<ProbeReply> {
    return this.#probe(addressAt(destination, 'destination'), { probe: 'icmp', ...options });
  }

  /** Probes with growing TTL until the destination answers, or is unreachable. One probe a hop, UDP when not told. */
  async traceroute(
    destination: string,
    options: Omit<ProbeOptions, 'ttl'> & { readonly maxHops?: number } = {},
  ): Promise<Hop[]> {
    const to = addressAt(destination, 'destination');
    const hops: Hop[] = [];
    for (let ttl = 1; ttl <= (options.maxHops ?? MAX_HOPS); ttl++) {
      const reply = await this.#probe(to, { ...options, ttl });
      hops.push({ ttl, ...reply });
      if (reply.kind === 'reply' || reply.kind === 'unreachable') break;
    }
    return hops;
  }

  /** Puts an IP packet into the tunnel as it is. */
  sendPacket(packet: Uint8Array): void {
    if (this.#leaving.length >= MAX_WAITING) return;
    this.#leaving.push(withRoom(packet));
    if (this.#leaving.length === 1) this.#clock.callAt(this.#clock.now(), () => this.#flush());
  }

  write(batch: readonly Packet[]): void {
    for (const packet of batch) this.#receive(viewOf(packet));
  }

  listen(listener: PacketListener): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    this.#listener = null;
  }

  #flush(): void {
    this.#listener?.onPackets(this.#leaving.splice(0));
  }

  #receive(given: Uint8Array): void {
    const octets = ipPacketOctets(given, 0, given.length);
    if (octets < 0) return;
    const packet = given.subarray(0, octets);
    const ip = { source: ipSource(packet, 0), destination: ipDestination(packet, 0) };
    if (!this.#addresses.some((own) => own.equals(ip.destination))) return;
    const protocol = ipProtocol(packet, 0);
    if (protocol === icmpProtocol(ip) && !isIpv4Fragment(packet, 0)) this.#receiveIcmp(packet, ip);
    else this.#receiveOther(packet, ip);
  }

  #receiveIcmp(packet: Uint8Array, ip: AddressPair): void {
    const message = decodeIcmp(packet.subarray(ipHeaderOctets(packet, 0)), ip);
    if (!message.ok) return;
    const echo = echoOf(message.value, ip);
    if (echo === null) this.#receiveError(packet, message.value, ip);
    else if (echo.isReply) {
      const key = echoKey(ip.source, echo.identifier, echo.sequence);
      this.#probes.get(key)?.({ kind: 'reply', from: ip.source, code: 0 });
    } else this.sendPacket(echoPacket({ ...echo, isReply: true }, turned(ip), DEFAULT_TTL));
  }

  #receiveError(packet: Uint8Array, message: IcmpMessage, { source }: AddressPair): void {
    const kind = errorKind(message, source);
    const probe = kind && this.#probes.get(quotedKey(message.body) ?? '');
    if (!kind || !probe) this.#onPacket(packet);
    else
      probe({
        kind: kind === 'port-unreachable' ? 'reply' : kind,
        from: source,
        code: message.code,
      });
  }

  #receiveOther(packet: Uint8Array, { destination }: AddressPair): void {
    this.#onPacket(packet);
    if (ipProtocol(packet, 0) !== IP_PROTOCOL.UDP) return;
    const problem = { kind: 'unreachable', why: 'port' } as const;
    const error = icmpErrorPacket(problem, packet, destination);
    if (error) this.sendPacket(error);
  }

  #probe(destination: IpAddress, options: ProbeOptions): Promise<ProbeReply> {
    const { source, ttl = DEFAULT_TTL, timeoutMs = DEFAULT_TIMEOUT_MS, probe = 'udp' } = options;
    const ip = { source: this.#sourceFor(destination, source), destination };
    const number = this.#nextProbe++ % PROBE_PORTS;
    const { key, packet } = (probe === 'udp' ? udpProbe : echoProbe)(ip, ttl, number);
    return this.#await(key, timeoutMs, () => this.sendPacket(packet));
  }

  #await(key: string, timeoutMs: number, send: () => void): Promise<ProbeReply> {
    if (this.#probes.size >= MAX_WAITING) throw new RangeError('too many probes under way');
    const start = this.#clock.now();
    return new Promise((resolve) => {
      const settle = (reply: Omit<ProbeReply, 'rttMs'>) => {
        this.#probes.delete(key);
        cancel();
        resolve({ ...reply, rttMs: this.#clock.now() - start });
      };
      const cancel = this.#clock.callAt(start + timeoutMs, () =>
        settle({ kind: 'timeout', from: null, code: 0 }),
      );
      this.#probes.set(key, settle);
      send();
    });
  }

  #sourceFor({ family }: IpAddress, text: string | undefined): IpAddress {
    if (text !== undefined) return addressAt(text, 'source');
    const own = this.#addresses.find((address) => address.family === family);
    if (own === undefined) throw new RangeError(`addresses: none is IPv${family}`);
    return own;
  }
}

interface Probe {
  /** Found again in the answer. */
  readonly key: string;
  readonly packet: Uint8Array;
}

function udpProbe(ip: AddressPair, ttl: number, number: number): Probe {
  const destinationPort = FIRST_PROBE_PORT + number;
  const datagram = {
    sourcePort: 0xc000 + number,
    destinationPort,
    checksum: 0,
    payload: PROBE_DATA,
  };
  const payload = new Uint8Array(udpOctets(datagram));
  encodeUdp(datagram, ip, payload, 0);
  const packet = ipPacket({ ...ip, protocol: IP_PROTOCOL.UDP, ttl }, payload);
  return { key: udpKey(ip.destination, datagram.sourcePort, destinationPort), packet };
}

function echoProbe(ip: AddressPair, ttl: number, sequence: number): Probe {
  const identifier = 0x4d56;
  const echo = { isReply: false, identifier, sequence, data: PROBE_DATA };
  return { key: echoKey(ip.destination, identifier, sequence), packet: echoPacket(echo, ip, ttl) };
}

const udpKey = (destination: IpAddress, from: number, to: number): string =>
  `udp ${destination} ${from} ${to}`;
const echoKey = (destination: IpAddress, identifier: number, sequence: number): string =>
  `echo ${destination} ${identifier} ${sequence}`;

/** The key of the probe that an error quotes, or null when it is no probe. At least 8 octets follow the IP header. */
function quotedKey(quoted: Uint8Array): string | null {
  const version = (quoted[0] ?? 0) >>> 4;
  if ((version !== 4 || quoted.length < 20) && (version !== 6 || quoted.length < 40)) return null;
  const at = ipHeaderOctets(quoted, 0);
  if (quoted.length < at + 8) return null;
  const destination = ipDestination(quoted, 0);
  switch (ipProtocol(quoted, 0)) {
    case IP_PROTOCOL.UDP:
      return udpKey(destination, readU16(quoted, at), readU16(quoted, at + 2));
    case IP_PROTOCOL.ICMP:
    case IP_PROTOCOL.ICMPV6:
      return echoKey(destination, readU16(quoted, at + 4), readU16(quoted, at + 6));
    default:
      return null;
  }
}

const UNREACHABLE = { 4: 3, 6: 1 } as const; // RFC 792, RFC 4443 §3.1
const PORT_UNREACHABLE_CODE = { 4: 3, 6: 4 } as const;
const TIME_EXCEEDED = { 4: 11, 6: 3 } as const;

function errorKind(
  { type, code }: IcmpMessage,
  { family }: IpAddress,
): 'time-exceeded' | 'unreachable' | 'port-unreachable' | null {
  if (type === TIME_EXCEEDED[family]) return 'time-exceeded';
  if (type !== UNREACHABLE[family]) return null;
  return code === PORT_UNREACHABLE_CODE[family] ? 'port-unreachable' : 'unreachable';
}

const turned = (ip: AddressPair): AddressPair => ({
  source: ip.destination,
  destination: ip.source,
});

function addressAt(text: string, name: string): IpAddress {
  const address = parseAddress(text);
  if (address === null) throw new TypeError(`${name}: '${text}' is not an IP address`);
  return address;
}
