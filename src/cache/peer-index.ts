/**
 * NBMA endpoint → its cache entries: a doubly linked list through the slot columns, with counts, so that
 * "is this previous hop registered?" and the limit per peer cost one probe.
 */
import type { IpAddress } from '../wire/address.js';
import { type Endpoint, endpointEquals, endpointKey } from '../wire/path.js';
import { NONE } from './host-table.js';
import type { SlotColumns } from './slot-columns.js';
import { WordTable } from './word-table.js';

export class PeerIndex {
  private readonly ids = new WordTable();
  private readonly endpoints: (Endpoint | null)[] = [];
  private readonly heads: number[] = [];
  private readonly counts: number[] = [];
  private readonly registered: number[] = [];
  private readonly free: number[] = [];
  /** By slot: who registered it, where that is not the peer itself. */
  private readonly registrants: (Endpoint | null)[] = [];
  /** What such slots add to their registrants' share and take from their peers'. */
  private readonly shifts = new Map<string, number>();

  constructor(private readonly columns: SlotColumns) {}

  /** The endpoint of a peer number, the same object each time. */
  endpoint(peer: number): Endpoint | null {
    return peer === NONE ? null : (this.endpoints[peer] ?? null);
  }

  count(nbma: Endpoint): number {
    return this.counts[this.find(nbma)] ?? 0;
  }

  /** How many entries count against the endpoint: its own, and what it registered for others, which is not theirs. */
  share(nbma: Endpoint): number {
    const shift = this.shifts.size === 0 ? 0 : (this.shifts.get(endpointKey(nbma)) ?? 0);
    return this.count(nbma) + shift;
  }

  /** Whether the slot counts against that endpoint. */
  isShareOf(slot: number, nbma: Endpoint): boolean {
    const registrant = this.registrants[slot] ?? null;
    if (registrant !== null) return endpointEquals(registrant, nbma);
    return this.columns.peer[slot] === this.find(nbma);
  }

  /** How many entries of the peer have the REGISTERED flag. */
  registeredCount(nbma: Endpoint): number {
    return this.registered[this.find(nbma)] ?? 0;
  }

  /** The slots of a peer, copied: safe to remove while iterating. */
  slots(nbma: Endpoint): number[] {
    const found: number[] = [];
    const peer = this.find(nbma);
    let slot = peer === NONE ? NONE : (this.heads[peer] as number);
    for (; slot !== NONE; slot = this.columns.peerNext[slot] as number) found.push(slot);
    return found;
  }

  /** @param registrant - Who registered it, if that is not `nbma` itself: the entry counts against him. */
  link(slot: number, nbma: Endpoint | null, registrant: Endpoint | null = null): void {
    const { peer, peerNext, peerPrevious } = this.columns;
    peer[slot] = NONE;
    if (nbma === null) return;
    if (registrant !== null && !endpointEquals(registrant, nbma))
      this.shift(slot, nbma, registrant);
    const id = this.findOrMake(nbma);
    const head = this.heads[id] as number;
    peer[slot] = id;
    peerPrevious[slot] = NONE;
    peerNext[slot] = head;
    if (head !== NONE) peerPrevious[head] = slot;
    this.heads[id] = slot;
    this.counts[id] = (this.counts[id] ?? 0) + 1;
  }

  unlink(slot: number): void {
    const { peer, peerNext, peerPrevious } = this.columns;
    const id = peer[slot] as number;
    if (id === NONE) return;
    if (this.registrants[slot]) this.shift(slot, this.endpoint(id) as Endpoint, null);
    const next = peerNext[slot] as number;
    const previous = peerPrevious[slot] as number;
    if (next !== NONE) peerPrevious[next] = previous;
    if (previous === NONE) this.heads[id] = next;
    else peerNext[previous] = next;
    this.counts[id] = (this.counts[id] ?? 0) - 1;
    if (this.counts[id] === 0) this.forget(id);
  }

  /** Called when the REGISTERED flag of a linked slot comes (1) or goes (−1). */
  addRegistered(slot: number, by: 1 | -1): void {
    const id = this.columns.peer[slot] as number;
    if (id !== NONE) this.registered[id] = (this.registered[id] ?? 0) + by;
  }

  /** The slot counts against the registrant instead of its peer, or, with null, no longer does. */
  private shift(slot: number, peer: Endpoint, registrant: Endpoint | null): void {
    const by = registrant === null ? -1 : 1;
    const payer = registrant ?? this.registrants[slot] ?? peer;
    this.registrants[slot] = registrant;
    this.add(endpointKey(payer), by);
    this.add(endpointKey(peer), -by);
  }

  private add(key: string, by: number): void {
    const sum = (this.shifts.get(key) ?? 0) + by;
    if (sum === 0) this.shifts.delete(key);
    else this.shifts.set(key, sum);
  }

  private find(nbma: Endpoint): number {
    const a = nbma.address;
    return this.ids.find(a.w0, a.w1, a.w2, a.w3, metaOf(a, nbma.port));
  }

  private findOrMake(nbma: Endpoint): number {
    const found = this.find(nbma);
    if (found !== NONE) return found;
    const id = this.free.pop() ?? this.endpoints.length;
    this.ids.set(nbma.address, metaOf(nbma.address, nbma.port), id);
    this.endpoints[id] = nbma;
    this.heads[id] = NONE;
    this.counts[id] = 0;
    this.registered[id] = 0;
    return id;
  }

  private forget(id: number): void {
    const nbma = this.endpoints[id];
    if (nbma) this.ids.delete(nbma.address, metaOf(nbma.address, nbma.port));
    this.endpoints[id] = null;
    this.free.push(id);
  }
}

const metaOf = (a: IpAddress, port: number): number => (a.family << 16) | port;
