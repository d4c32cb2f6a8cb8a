/**
 * A small IP stack, for hosts behind nodes and for the nodes themselves: answers echoes, sends probes and matches
 * their answers, takes in what flows carry, and says that no port is open (RFC 1122 §3.2.2, RFC 4443).
 */
import type { IpAddress } from '../wire/address.js';
import { isMulticast } from '../wire/address.js';
import { readU16 } from '../wire/bytes.js';
import { decodeIcmp, echoOf, type IcmpMessage, icmpProtocol } from '../wire/icmp.js';
import { echoPacket, icmpErrorPacket } from '../wire/icmp-packet.js';
import { ipDestination, ipHeaderOctets, ipProtocol, ipSource } from '../wire/ip-packet.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import type { AddressPair } from '../wire/pseudo-header.js';
import { DISCARD_PORT } from './flow.js';

/** What came of a probe; a timeout is nothing's answer, and the prober's to notice. */
export interface ProbeAnswer {
  readonly kind: 'reply' | 'time-exceeded' | 'unreachable' | 'too-big';
  readonly from: IpAddress;
}

/** A multicast packet that came in. */
export interface Heard {
  readonly at: number;
  readonly source: string;
  readonly group: string;
}

const TTL = 64;
const IDENTIFIER = 0x4d56;
const PROBE_DATA: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => 0x40 + i);
const MAX_HEARD = 10_000;

export class IpStack {
  readonly heard: Heard[] = [];
  readonly #probes = new Map<string, (answer: ProbeAnswer) => void>();
  #sequence = 0;

  constructor(
    readonly addresses: readonly IpAddress[],
    /** Puts a packet of this stack on its way. */
    readonly send: (packet: Uint8Array) => void,
    /** A flow's packet has arrived. */
    readonly onFlow: (packet: Uint8Array) => void,
    readonly now: () => number,
  ) {}

  has(address: IpAddress): boolean {
    return this.addresses.some((own) => own.equals(address));
  }

  /** The first of that family. @throws RangeError when there is none. */
  sourceFor({ family }: IpAddress): IpAddress {
    const own = this.addresses.find((address) => address.family === family);
    if (own === undefined) throw new RangeError(`no IPv${family} address to send from`);
    return own;
  }

  /** Sends an echo request; what comes back is told once. Returns how to give it up. */
  probe(
    ip: AddressPair,
    { ttl = TTL, octets = PROBE_DATA.length }: { ttl?: number; octets?: number },
    answered: (answer: ProbeAnswer) => void,
  ): () => void {
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const sequence = this.#sequence;
    const key = probeKey(ip.destination, sequence);
    this.#probes.set(key, answered);
    const data = octets === PROBE_DATA.length ? PROBE_DATA : new Uint8Array(octets);
    this.send(echoPacket({ isReply: false, identifier: IDENTIFIER, sequence, data }, ip, ttl));
    return () => this.#probes.delete(key);
  }

  /** A packet for one of the addresses, or for a group. Octets are borrowed. */
  receive(packet: Uint8Array): void {
    const protocol = ipProtocol(packet, 0);
    const at = ipHeaderOctets(packet, 0);
    if (protocol === IP_PROTOCOL.UDP && readU16(packet, at + 2) === DISCARD_PORT)
      return this.onFlow(packet);
    const ip = { source: ipSource(packet, 0), destination: ipDestination(packet, 0) };
    if (isMulticast(ip.destination)) this.#hear(ip);
    else if (protocol === icmpProtocol(ip)) this.#receiveIcmp(packet, ip);
    else if (protocol === IP_PROTOCOL.UDP) {
      const problem = { kind: 'unreachable', why: 'port' } as const;
      const error = icmpErrorPacket(problem, packet, ip.destination);
      if (error !== null) this.send(error);
    }
  }

  #hear({ source, destination }: AddressPair): void {
    if (this.heard.length >= MAX_HEARD) this.heard.shift();
    this.heard.push({ at: this.now(), source: String(source), group: String(destination) });
  }

  #receiveIcmp(packet: Uint8Array, ip: AddressPair): void {
    const message = decodeIcmp(packet.subarray(ipHeaderOctets(packet, 0)), ip);
    if (!message.ok) return;
    const echo = echoOf(message.value, ip);
    if (echo === null) return this.#receiveError(message.value, ip.source);
    if (echo.isReply)
      return this.#answer(probeKey(ip.source, echo.sequence), { kind: 'reply', from: ip.source });
    const turned = { source: ip.destination, destination: ip.source };
    this.send(echoPacket({ ...echo, isReply: true }, turned, TTL));
  }

  #receiveError(message: IcmpMessage, from: IpAddress): void {
    const kind = errorKind(message, from);
    const key = quotedKey(message.body);
    if (kind !== null && key !== null) this.#answer(key, { kind, from });
  }

  #answer(key: string, answer: ProbeAnswer): void {
    const answered = this.#probes.get(key);
    this.#probes.delete(key);
    answered?.(answer);
  }
}

const probeKey = (destination: IpAddress, sequence: number): string => `${destination} ${sequence}`;

/** The key of the probe that an error quotes, or null when it is none. */
function quotedKey(quoted: Uint8Array): string | null {
  const version = (quoted[0] ?? 0) >>> 4;
  if ((version !== 4 || quoted.length < 28) && (version !== 6 || quoted.length < 48)) return null;
  const destination = ipDestination(quoted, 0);
  const isIcmp = ipProtocol(quoted, 0) === icmpProtocol({ source: destination, destination });
  const sequence = readU16(quoted, ipHeaderOctets(quoted, 0) + 6);
  return isIcmp ? probeKey(destination, sequence) : null;
}

const FRAGMENTATION_NEEDED = 4;

/** RFC 792, RFC 4443 §3. */
function errorKind({ type, code }: IcmpMessage, { family }: IpAddress): ProbeAnswer['kind'] | null {
  if (family === 4) {
    if (type === 3) return code === FRAGMENTATION_NEEDED ? 'too-big' : 'unreachable';
    return type === 11 ? 'time-exceeded' : null;
  }
  return ({ 1: 'unreachable', 2: 'too-big', 3: 'time-exceeded' } as const)[type] ?? null;
}
