/**
 * The forwarding procedure (facts C.9): where an IP packet from the device or from the NBMA network goes. Packets
 * are changed in place; nothing here is kept longer than the call but what waits for a next hop.
 */

import { NONE } from '../cache/cache.js';
import type { NhrpEngine } from '../nhrp/engine/engine.js';
import { type IpAddress, isMulticast } from '../wire/address.js';
import type { IcmpProblem } from '../wire/icmp-packet.js';
import {
  decrementTtl,
  ipDestination,
  ipDontFragment,
  ipPacketOctets,
  ipSource,
  ipTtl,
} from '../wire/ip-packet.js';
import { type Endpoint, endpointEquals } from '../wire/path.js';
import type { Drops } from './counters.js';
import { fragmentIpv4 } from './fragment.js';
import { viewOf } from './frame.js';
import { HeldPackets } from './held-packets.js';
import type { IcmpErrors } from './icmp-errors.js';
import type { Mgre, TransmitSlot } from './mgre.js';
import type { PathMtu } from './path-mtu.js';
import { isOfLinkScope, mayLeave, mayPass } from './scope.js';

export interface DatapathParts {
  readonly engine: NhrpEngine;
  readonly mgre: Mgre;
  readonly drops: Drops;
  readonly icmp: IcmpErrors;
  /** Whom a multicast packet is copied to. */
  readonly multicastTargets: () => readonly Endpoint[];
  readonly pathMtu: PathMtu;
  /** Send a peer's multicast on to the others. */
  readonly reflect: boolean;
  /** Passes a packet that has no way here to another tunnel of the same network; false when there is none. */
  readonly passOn: (now: number, slot: TransmitSlot, from: Endpoint) => boolean;
  /** Copies have been sent after the call that asked for them: what protection has to say to that is to be heard. */
  readonly settled: (now: number) => void;
}

/** Where a packet came from: a peer, or this side of the tunnel. */
type Origin = Endpoint | 'here';

export class Datapath {
  readonly held: HeldPackets = new HeldPackets();

  constructor(readonly parts: DatapathParts) {}

  /**
   * The fast way of a packet from the device: one lookup, headers in place, nothing queued.
   * False: it is no plain packet to a peer that is up, and nothing has changed.
   */
  sendDirect(now: number, slot: TransmitSlot): boolean {
    const { engine, mgre, pathMtu } = this.parts;
    const { slab, at } = slot;
    const octets = ipPacketOctets(slab, at, slot.octets);
    if (octets < 0) return false;
    const destination = ipDestination(slab, at);
    if (isMulticast(destination) || !mayLeave(ipSource(slab, at), destination)) return false;
    const { kind, nbma, slot: entry } = engine.locate(now, destination);
    if (kind !== 'direct' || nbma === null) return false;
    if (octets > pathMtu.to(now, nbma.address)) return false;
    const given = slot.octets;
    slot.octets = octets;
    if (!mgre.wrap(now, slot, nbma)) {
      slot.octets = given;
      return false;
    }
    engine.handleSent(entry);
    this.parts.drops.counters.fromDevice++;
    return true;
  }

  /** A packet from the device that the fast way did not take. Its TTL was lowered by whoever routed it to us. */
  sendSlowly(now: number, slot: TransmitSlot): void {
    const { drops } = this.parts;
    drops.counters.fromDevice++;
    const octets = ipPacketOctets(slot.slab, slot.at, slot.octets);
    if (octets < 0) return drops.drop('not-ip', 'device');
    slot.octets = octets;
    const destination = ipDestination(slot.slab, slot.at);
    if (!mayLeave(ipSource(slot.slab, slot.at), destination))
      return drops.drop('not-forwardable', 'device');
    if (isMulticast(destination)) return this.#replicate(now, slot, null);
    this.route(now, slot, 'here');
  }

  /** A packet that a peer sent us. */
  receive(now: number, slot: TransmitSlot, from: Endpoint): void {
    const { engine, mgre, drops, reflect } = this.parts;
    const octets = ipPacketOctets(slot.slab, slot.at, slot.octets);
    if (octets < 0) return drops.drop('not-ip', from.address);
    slot.octets = octets;
    drops.counters.received++;
    drops.counters.receivedOctets += octets;
    const source = ipSource(slot.slab, slot.at);
    if (this.#isOwn(now, source)) return drops.drop('own-source', from.address);
    const destination = ipDestination(slot.slab, slot.at);
    if (isMulticast(destination)) {
      mgre.deliver(slot);
      if (reflect && engine.cache.isRegistered(from)) this.#reflect(now, slot, from);
      return;
    }
    if (engine.locate(now, destination).kind === 'local') return mgre.deliver(slot);
    if (!mayPass(source, destination)) return drops.drop('not-forwardable', from.address);
    this.#forward(now, slot, from);
  }

  /** Sends, delivers, holds or drops a packet; `from` says whether a miss may start a resolution. */
  route(now: number, slot: TransmitSlot, from: Origin): void {
    const { engine, mgre, drops } = this.parts;
    const destination = ipDestination(slot.slab, slot.at);
    const { kind, nbma, nextHop, slot: entry } = engine.locate(now, destination);
    if (kind === 'local') return mgre.deliver(slot);
    if (kind === 'direct' && nbma !== null) {
      engine.handleSent(entry);
      return this.#sendTo(now, slot, nbma, from);
    }
    if (kind === 'pending' && nextHop !== null)
      return this.#sendByHub(now, slot, { nextHop, isMiss: entry === NONE, from });
    this.#report(now, slot, { kind: 'unreachable', why: 'network' });
    drops.drop('no-route', textOf(from));
  }

  /** A peer became usable: whatever waits is tried again. */
  retryHeld(now: number): void {
    if (this.held.count === 0) return;
    const { engine, mgre } = this.parts;
    for (const held of this.held.takeAll()) {
      const { kind, nbma, nextHop } = engine.locate(now, ipDestination(held.packet, 0));
      const to = kind === 'direct' ? nbma : engine.bestNhs;
      if (kind === 'pending' && nextHop !== null && to === null) this.held.putBack(nextHop, held);
      else if (to === null) this.route(now, mgre.slotOf(held.packet), 'here');
      else this.#sendTo(now, mgre.slotOf(held.packet), to, 'here');
    }
  }

  handleTimeout(now: number): void {
    for (let gone = this.held.expire(now); gone > 0; gone--)
      this.parts.drops.drop('queue-timeout', 'device');
  }

  /** From the network to the network: by this node itself, never by its device. */
  #forward(now: number, slot: TransmitSlot, from: Endpoint): void {
    const { engine, drops, passOn } = this.parts;
    if (ipTtl(slot.slab, slot.at) <= 1) {
      this.#report(now, slot, { kind: 'time-exceeded' });
      return drops.drop('ttl-exceeded', from.address);
    }
    decrementTtl(slot.slab, slot.at);
    drops.counters.forwarded++;
    if (passOn(now, slot, from)) return;
    engine.handleForwarded(now, viewOf(slot), from); // before the packet is wrapped and, maybe, encrypted in place
    this.route(now, slot, from);
  }

  /** The next hop has no usable address: by the best server, or wait for one. */
  #sendByHub(
    now: number,
    slot: TransmitSlot,
    { nextHop, isMiss, from }: { nextHop: IpAddress; isMiss: boolean; from: Origin },
  ): void {
    const { engine, drops } = this.parts;
    const hub = engine.bestNhs;
    if (from === 'here' && isMiss && engine.isOnLink(nextHop)) engine.handleMiss(now, nextHop);
    if (hub !== null && (from === 'here' || !endpointEquals(hub, from)))
      return this.#sendTo(now, slot, hub, from);
    if (from === 'here' || !isMiss) {
      if (!this.held.hold(now, nextHop, viewOf(slot))) drops.drop('queue-full', textOf(from));
      return;
    }
    this.#report(now, slot, { kind: 'unreachable', why: 'host' });
    drops.drop('no-peer', textOf(from));
  }

  #sendTo(now: number, slot: TransmitSlot, to: Endpoint, from: Origin): void {
    const mtu = this.parts.pathMtu.to(now, to.address);
    if (slot.octets <= mtu) return this.parts.mgre.send(now, slot, to);
    if (!ipDontFragment(slot.slab, slot.at)) {
      for (const piece of fragmentIpv4(viewOf(slot), mtu))
        this.parts.mgre.send(now, this.parts.mgre.slotOf(piece), to);
      return;
    }
    this.#report(now, slot, { kind: 'too-big', mtu });
    this.parts.drops.drop('too-big', textOf(from));
  }

  /**
   * What a spoke sends to a group goes on to the others: as a router does it, with less time to live, but for groups of
   * the link, which are sent with 1. What a server sent stays off the other servers: they have it from the same.
   */
  #reflect(now: number, slot: TransmitSlot, from: Endpoint): void {
    const { mgre, drops } = this.parts;
    const copy = mgre.slotOf(viewOf(slot)); // the device has the packet as it came
    if (!isOfLinkScope(ipDestination(copy.slab, copy.at))) {
      if (ipTtl(copy.slab, copy.at) <= 1) return drops.drop('ttl-exceeded', from.address);
      decrementTtl(copy.slab, copy.at);
    }
    this.#replicate(now, copy, from);
  }

  /** A copy to each multicast target that it did not come from, made as they are polled. */
  #replicate(now: number, slot: TransmitSlot, from: Endpoint | null): void {
    const { engine, mgre, multicastTargets, drops, settled } = this.parts;
    const packet = viewOf(slot);
    const all = multicastTargets();
    const isServers = from !== null && engine.isServer(from);
    const hasIt = (to: Endpoint): boolean =>
      from !== null && (endpointEquals(to, from) || (isServers && engine.isServer(to)));
    const targets = from === null ? all : all.filter((to) => !hasIt(to));
    if (targets.length === 0 && from === null) drops.drop('no-multicast-target', 'device');
    const next = targets.values();
    const isQueued = mgre.outputs.replicate(() => {
      const { value: to } = next.next();
      if (to === undefined) {
        settled(now);
        return false;
      }
      drops.counters.replicated++;
      this.#sendTo(now, mgre.slotOf(packet), to, from ?? 'here');
      return true;
    });
    if (!isQueued) drops.drop('not-drained', textOf(from ?? 'here'));
  }

  /** An ICMP error about the packet, if one may be sent; it goes the way of any packet of ours. */
  #report(now: number, slot: TransmitSlot, problem: IcmpProblem): void {
    const packet = this.parts.icmp.about(now, problem, viewOf(slot));
    if (packet !== null) this.route(now, this.parts.mgre.slotOf(packet), 'here');
  }

  #isOwn(now: number, address: IpAddress): boolean {
    const { kind, route } = this.parts.engine.locate(now, address);
    return kind === 'local' && route === null;
  }
}

const textOf = (from: Origin): string => (from === 'here' ? 'device' : String(from.address));
