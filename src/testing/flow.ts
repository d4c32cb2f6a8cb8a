/**
 * A stream of packets at a rate: UDP to the discard port, each carrying the number of its flow. It stands for an
 * application's traffic in what matters to the control plane: a packet in each interval keeps the way in use. Its
 * cost is that of its packets, so a flow of one packet in many seconds is the right one for long runs.
 */
import type { IpAddress } from '../wire/address.js';
import { readU32, writeU32 } from '../wire/bytes.js';
import { ipHeaderOctets, ipPacket } from '../wire/ip-packet.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import { encodeUdp, UDP_HEADER_OCTETS, udpOctets } from '../wire/udp.js';

export const DISCARD_PORT = 9; // RFC 863
const SOURCE_PORT = 49_152;
const TTL_BEHIND_A_ROUTER = 63;

export interface FlowOptions {
  /** Milliseconds between packets. */
  readonly everyMs: number;
  /** Octets of UDP payload, 4..1300; 64. */
  readonly octets?: number;
  /** When the first packet is sent, milliseconds from now; any time within the first interval when not given. */
  readonly afterMs?: number;
  /** One of the sender's addresses; the first of the family when not given. */
  readonly source?: string;
}

/** What has become of a flow so far. */
export interface FlowCount {
  readonly sent: number;
  readonly received: number;
}

export class Flow implements FlowCount {
  sent = 0;
  received = 0;
  #stopped = false;

  constructor(
    readonly id: number,
    readonly source: IpAddress,
    readonly destination: IpAddress,
    readonly everyMs: number,
    readonly packet: Uint8Array,
  ) {}

  get isStopped(): boolean {
    return this.#stopped;
  }

  stop(): void {
    this.#stopped = true;
  }
}

/** The same octets each time: a flow's packet as it leaves the router before the tunnel. */
export function flowPacket(
  id: number,
  ip: { source: IpAddress; destination: IpAddress },
  octets: number,
): Uint8Array {
  const payload = new Uint8Array(octets);
  writeU32(payload, 0, id);
  const datagram = {
    sourcePort: SOURCE_PORT,
    destinationPort: DISCARD_PORT,
    checksum: 0,
    payload,
  };
  const udp = new Uint8Array(udpOctets(datagram));
  encodeUdp(datagram, ip, udp, 0);
  return ipPacket({ ...ip, protocol: IP_PROTOCOL.UDP, ttl: TTL_BEHIND_A_ROUTER }, udp);
}

/** The number of the flow that a packet to the discard port belongs to. */
export function flowIdOf(packet: Uint8Array): number {
  const at = ipHeaderOctets(packet, 0) + UDP_HEADER_OCTETS;
  return packet.length >= at + 4 ? readU32(packet, at) : -1;
}
