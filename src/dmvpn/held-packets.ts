/**
 * Packets whose next hop has no NBMA address yet, and no hub to go by: held a little while, in case one comes
 * (facts C.9 step 3: eight packets, three seconds).
 */
import { addressKey, type IpAddress } from '../wire/address.js';

const MAX_PER_HOP = 8;
const MAX_HOPS = 256;
const HOLD_MS = 3_000;

interface Held {
  readonly packet: Uint8Array;
  readonly until: number;
}

export class HeldPackets {
  readonly #hops = new Map<number | string, Held[]>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Keeps a copy; false when there is no room. */
  hold(now: number, nextHop: IpAddress, packet: Uint8Array): boolean {
    const key = addressKey(nextHop);
    const queue = this.#hops.get(key);
    if (queue === undefined && this.#hops.size >= MAX_HOPS) return false;
    if ((queue?.length ?? 0) >= MAX_PER_HOP) return false;
    const held = { packet: packet.slice(), until: now + HOLD_MS };
    if (queue === undefined) this.#hops.set(key, [held]);
    else queue.push(held);
    this.#count++;
    return true;
  }

  /** Takes out everything, in the order of its arrival at each hop. */
  takeAll(): readonly Held[] {
    const all = [...this.#hops.values()].flat();
    this.#hops.clear();
    this.#count = 0;
    return all;
  }

  /** Puts back what still has nowhere to go, with the time that it had. */
  putBack(nextHop: IpAddress, held: Held): void {
    const key = addressKey(nextHop);
    this.#hops.set(key, [...(this.#hops.get(key) ?? []), held]);
    this.#count++;
  }

  /** Takes out what has waited too long. */
  expire(now: number): number {
    if (this.nextExpiry() === null || (this.nextExpiry() as number) > now) return 0;
    const before = this.#count;
    for (const [key, queue] of this.#hops) {
      const left = queue.filter((held) => held.until > now);
      this.#count -= queue.length - left.length;
      if (left.length > 0) this.#hops.set(key, left);
      else this.#hops.delete(key);
    }
    return before - this.#count;
  }

  nextExpiry(): number | null {
    let next: number | null = null;
    for (const [held] of this.#hops.values())
      if (held !== undefined && (next === null || held.until < next)) next = held.until;
    return next;
  }
}
