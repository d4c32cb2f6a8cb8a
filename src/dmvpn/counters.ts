/** What a tunnel counts on the packet path, and how it reports drops. */
import type { WireError } from '../wire/result.js';
import type { PacketDropReason } from './output.js';
import type { Outputs } from './outputs.js';

export interface PacketStats {
  /** From the device, and to it. */
  readonly fromDevice: number;
  readonly toDevice: number;
  /** From the NBMA network and to it: data packets, without NHRP. */
  readonly received: number;
  readonly transmitted: number;
  /** Of these, those that went from the network to the network. */
  readonly forwarded: number;
  readonly receivedOctets: number;
  readonly transmittedOctets: number;
  readonly nhrpReceived: number;
  readonly nhrpTransmitted: number;
  readonly keepalivesAnswered: number;
  readonly icmpErrorsSent: number;
  /** Copies of multicast packets. */
  readonly replicated: number;
  readonly dropped: Readonly<Record<PacketDropReason, number>>;
}

const DROP_REASONS: readonly PacketDropReason[] = [
  'not-gre',
  'no-tunnel',
  'wrong-key',
  'protection',
  'unknown-protocol',
  'not-ip',
  'keepalive',
  'ttl-exceeded',
  'no-route',
  'no-peer',
  'queue-full',
  'queue-timeout',
  'too-big',
  'own-source',
  'no-multicast-target',
  'not-forwardable',
  'not-drained',
  'closed',
];

export class PacketCounters {
  fromDevice = 0;
  toDevice = 0;
  received = 0;
  transmitted = 0;
  forwarded = 0;
  receivedOctets = 0;
  transmittedOctets = 0;
  nhrpReceived = 0;
  nhrpTransmitted = 0;
  keepalivesAnswered = 0;
  icmpErrorsSent = 0;
  replicated = 0;
  readonly dropped: Record<PacketDropReason, number> = noDrops();

  /** A copy as plain data. */
  read(): PacketStats {
    return { ...this, dropped: { ...this.dropped } };
  }

  clear(): void {
    Object.assign(this, new PacketCounters());
  }
}

/** Counts drops, and reports each as an event where that is asked for. */
export class Drops {
  constructor(
    readonly tunnel: string | null,
    readonly counters: PacketCounters,
    readonly outputs: Outputs,
    readonly asEvents: boolean,
  ) {}

  /** @param explain - Called only when the drop is reported: what exactly was wrong. */
  drop(
    reason: PacketDropReason,
    from: string | { toString(): string },
    explain?: () => WireError | null,
  ): void {
    this.counters.dropped[reason]++;
    if (!this.asEvents) return;
    const error = explain?.() ?? null;
    this.outputs.event({ type: 'dropped', tunnel: this.tunnel, reason, from: String(from), error });
  }
}

const noDrops = (): Record<PacketDropReason, number> =>
  Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<PacketDropReason, number>;
