/** Multipoint GRE: one tunnel end, many peers. Puts GRE and protection around packets, in place, and takes them off. */
import { encapsulateGre, GRE_KEYED_OCTETS } from '../gre/in-place.js';
import { GRE_PROTOCOL_TYPE } from '../gre/protocol-type.js';
import { ipDscp, ipVersion } from '../wire/ip-packet.js';
import type { Endpoint, Path } from '../wire/path.js';
import type { Drops } from './counters.js';
import type { Frame, PacketArena } from './frame.js';
import type { Outputs } from './outputs.js';
import type { Protection } from './protection.js';

/** CS6: network control, as Cisco sends NHRP. */
const NHRP_DSCP = 48;

/** A packet ready for the NBMA network. The fast way of a node fills one that the caller keeps. */
export interface TransmitSlot extends Frame {
  path: Path | null;
  dscp: number;
}

export class Mgre {
  constructor(
    readonly key: number | null,
    readonly protection: Protection,
    readonly drops: Drops,
    readonly outputs: Outputs,
    readonly arena: PacketArena,
  ) {}

  /** Octets that GRE and protection add, the outer IP header not counted. */
  get overheadOctets(): number {
    return this.protection.overheadOctets + (this.key === null ? 4 : GRE_KEYED_OCTETS);
  }

  /** Wraps an IP packet in place; false: no association with the peer, and the slot is as it was. */
  wrap(now: number, slot: TransmitSlot, to: Endpoint): boolean {
    const { slab, at, octets } = slot;
    const isV4 = ipVersion(slab, at) === 4;
    slot.dscp = ipDscp(slab, at);
    if (!this.#wrapAs(now, slot, isV4 ? GRE_PROTOCOL_TYPE.IPV4 : GRE_PROTOCOL_TYPE.IPV6, to))
      return false;
    this.drops.counters.transmitted++;
    this.drops.counters.transmittedOctets += octets;
    return true;
  }

  /** Wraps an IP packet and queues it for the network. */
  send(now: number, slot: TransmitSlot, to: Endpoint): void {
    if (this.wrap(now, slot, to)) this.transmit(slot);
    else this.drops.drop('protection', to.address);
  }

  /** Queues an NHRP packet for the network. */
  sendNhrp(now: number, bytes: Uint8Array, to: Endpoint): void {
    const slot = this.#slotWith(bytes, NHRP_DSCP);
    if (!this.#wrapAs(now, slot, GRE_PROTOCOL_TYPE.NHRP, to)) {
      this.drops.drop('protection', to.address);
      return;
    }
    this.drops.counters.nhrpTransmitted++;
    this.transmit(slot);
  }

  /** Queues a GRE packet that is whole already: the answer to a keepalive. */
  sendWhole(now: number, gre: Uint8Array, to: Endpoint): void {
    const slot = this.#slotWith(gre, NHRP_DSCP);
    slot.path = this.protection.protect(now, slot, to);
    if (slot.path !== null) this.transmit(slot);
  }

  /** Queues what `wrap` has made. */
  transmit(slot: TransmitSlot): void {
    if (slot.path !== null && !this.outputs.transmit(slot.path, slot, slot.dscp))
      this.drops.drop('not-drained', slot.path.remote.address);
  }

  deliver(slot: Frame): void {
    this.drops.counters.toDevice++;
    const { tunnel } = this.drops;
    if (tunnel !== null && !this.outputs.deliver(tunnel, slot))
      this.drops.drop('not-drained', 'device');
  }

  /** A packet of its own, copied into the arena. */
  slotOf(packet: Uint8Array): TransmitSlot {
    return this.#slotWith(packet, 0);
  }

  #slotWith(packet: Uint8Array, dscp: number): TransmitSlot {
    const { slab, at, octets } = this.arena.copy(packet);
    return { slab, at, octets, path: null, dscp };
  }

  #wrapAs(now: number, slot: TransmitSlot, protocolType: number, to: Endpoint): boolean {
    const { at, octets } = slot;
    slot.at = encapsulateGre(slot.slab, at, protocolType, this.key);
    slot.octets = octets + at - slot.at;
    slot.path = this.protection.protect(now, slot, to);
    if (slot.path !== null) return true;
    slot.at = at;
    slot.octets = octets;
    return false;
  }
}
