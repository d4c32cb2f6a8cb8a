/**
 * The entries themselves, struct of arrays: what the packet path reads is in typed columns, indexed by slot.
 * Slots of removed entries are used again, last in first out.
 */
import { IpAddress, type IpPrefix } from '../wire/address.js';

const FIRST_SLOTS = 16;
const FREE = 0xff;

export class SlotColumns {
  /** Index into CACHE_KINDS, or FREE. */
  kind: Uint8Array = new Uint8Array(FIRST_SLOTS).fill(FREE);
  /** Milliseconds; Infinity = never. */
  expiresAt: Float64Array = new Float64Array(FIRST_SLOTS);
  flags: Int32Array = new Int32Array(FIRST_SLOTS);
  /** Index into the peers, or NONE. */
  peer: Int32Array = new Int32Array(FIRST_SLOTS);
  peerNext: Int32Array = new Int32Array(FIRST_SLOTS);
  peerPrevious: Int32Array = new Int32Array(FIRST_SLOTS);
  words: Int32Array = new Int32Array(4 * FIRST_SLOTS);
  family: Uint8Array = new Uint8Array(FIRST_SLOTS);
  length: Uint8Array = new Uint8Array(FIRST_SLOTS);
  mtu: Uint16Array = new Uint16Array(FIRST_SLOTS);
  holdingTime: Uint32Array = new Uint32Array(FIRST_SLOTS);
  createdAt: Float64Array = new Float64Array(FIRST_SLOTS);
  requestId: Uint32Array = new Uint32Array(FIRST_SLOTS);
  preference: Uint8Array = new Uint8Array(FIRST_SLOTS);
  readonly claimedNbma: (IpAddress | null)[] = [];
  readonly group: (string | null)[] = [];
  /** Slots ever used: all at or above it are free. */
  high = 0;
  private readonly free: number[] = [];

  isLive(slot: number): boolean {
    return slot >= 0 && slot < this.high && this.kind[slot] !== FREE;
  }

  allocate(prefix: IpPrefix): number {
    const slot = this.free.pop() ?? this.high++;
    if (slot >= this.kind.length) this.grow();
    const a = prefix.address;
    this.words.set([a.w0, a.w1, a.w2, a.w3], 4 * slot);
    this.family[slot] = a.family;
    this.length[slot] = prefix.length;
    return slot;
  }

  release(slot: number): void {
    this.kind[slot] = FREE;
    this.claimedNbma[slot] = null;
    this.group[slot] = null;
    this.free.push(slot);
  }

  prefix(slot: number): IpPrefix {
    const word = (i: number): number => this.words[4 * slot + i] as number;
    const family = this.family[slot] === 4 ? 4 : 6;
    const address = new IpAddress(family, word(0), word(1), word(2), word(3));
    return { address, length: this.length[slot] as number };
  }

  private grow(): void {
    const from = this.kind.length;
    this.kind = copied(this.kind, new Uint8Array(2 * from).fill(FREE));
    this.expiresAt = copied(this.expiresAt, new Float64Array(2 * from));
    this.flags = copied(this.flags, new Int32Array(2 * from));
    this.peer = copied(this.peer, new Int32Array(2 * from));
    this.peerNext = copied(this.peerNext, new Int32Array(2 * from));
    this.peerPrevious = copied(this.peerPrevious, new Int32Array(2 * from));
    this.words = copied(this.words, new Int32Array(8 * from));
    this.family = copied(this.family, new Uint8Array(2 * from));
    this.length = copied(this.length, new Uint8Array(2 * from));
    this.mtu = copied(this.mtu, new Uint16Array(2 * from));
    this.holdingTime = copied(this.holdingTime, new Uint32Array(2 * from));
    this.createdAt = copied(this.createdAt, new Float64Array(2 * from));
    this.requestId = copied(this.requestId, new Uint32Array(2 * from));
    this.preference = copied(this.preference, new Uint8Array(2 * from));
  }
}

interface Settable {
  set(from: ArrayLike<number>): void;
}

function copied<T extends Settable & ArrayLike<number>>(from: T, into: T): T {
  into.set(from);
  return into;
}
