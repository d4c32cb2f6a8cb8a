/**
 * Tunnels of one node that share a network id (facts C.9, steps 1 and 5): a packet or message that has no way on the
 * tunnel it came by leaves by another. What a tunnel has a way for stays on it.
 */
import type { NhrpMessage } from '../nhrp/codec/message.js';
import type { Onward } from '../nhrp/engine/api.js';
import type { IpAddress } from '../wire/address.js';
import { ipDestination } from '../wire/ip-packet.js';
import type { Endpoint } from '../wire/path.js';
import { viewOf } from './frame.js';
import type { TransmitSlot } from './mgre.js';
import type { Tunnel } from './tunnel.js';

export class TunnelNetwork {
  constructor(
    readonly tunnel: Tunnel,
    /** The others of the same network id. */
    readonly siblings: () => readonly Tunnel[],
  ) {}

  /** Sends the packet by a sibling; false when none has a way for it, or the tunnel itself has. */
  passOn(now: number, slot: TransmitSlot, from: Endpoint): boolean {
    const destination = ipDestination(slot.slab, slot.at);
    const sibling = this.#elsewhere(now, destination);
    if (sibling === null) return false;
    const { engine, datapath } = sibling.overlayOf(destination.family);
    const to = engine.onward(now, destination)?.nbma ?? null;
    const { family, engine: own } = this.tunnel.overlayOf(destination.family);
    const maySpeak = sibling.settings.key === this.tunnel.settings.key; // peers of the one to those of the other
    if (maySpeak && to !== null && family === destination.family)
      own.handleForwarded(now, viewOf(slot), from, to);
    datapath.route(now, slot, from);
    sibling.drain(now);
    return true;
  }

  /** A sibling's way for an NHRP message. */
  onward(now: number, target: IpAddress): Onward | null {
    const sibling = this.#elsewhere(now, target);
    const onward = sibling?.overlayOf(target.family).engine.onward(now, target) ?? null;
    if (sibling === null || onward === null) return null;
    const send = (at: number, message: NhrpMessage): boolean => {
      const isSent = onward.send(at, message);
      sibling.drain(at);
      return isSent;
    };
    return { nbma: onward.nbma, send };
  }

  #elsewhere(now: number, address: IpAddress): Tunnel | null {
    const siblings = this.siblings();
    if (siblings.length === 0 || hasWay(this.tunnel, now, address)) return null;
    return siblings.find((tunnel) => hasWay(tunnel, now, address)) ?? null;
  }
}

function hasWay(tunnel: Tunnel, now: number, address: IpAddress): boolean {
  const { family, engine } = tunnel.overlayOf(address.family);
  return family === address.family && engine.locate(now, address).kind !== 'unreachable';
}
