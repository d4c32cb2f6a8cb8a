/**
 * All IKE SAs of a node, what waits to be polled, and what follows when one is established or ends:
 * duplicates are resolved, wanted peers are tried again.
 */
import { addressKey, type IpAddress } from '../../../wire/address.js';
import { readU32, readU64 } from '../../../wire/bytes.js';
import { type CryptoProvider, randomOctets } from '../../crypto.js';
import type { DeletionReason, FailureReason, KeyExchangeOutput } from '../../key-exchange.js';
import { currentChild } from './child.js';
import { loses } from './collision.js';
import type { IkeContext } from './context.js';
import { childTask } from './create-child.js';
import { HalfOpen } from './half-open.js';
import { identityKey } from './identity.js';
import type { IkeSa } from './ike-sa.js';
import type { IkeNotice } from './notice.js';
import type { IkeSettings } from './settings.js';
import { Timers } from './timers.js';
import { type Want, Wants } from './wants.js';
import { randomFraction } from './window.js';

/** Notices that wait to be drained; the oldest give way. */
const MAX_NOTICES = 256;
const AGAIN_MS = 1_000; // at most, after an IKE SA that served a want has ended

export class Registry implements IkeContext {
  readonly halfOpen: HalfOpen;
  readonly wants: Wants;
  readonly timers: Timers<IkeSa | Want> = new Timers();
  readonly #sas = new Map<bigint, IkeSa>();
  readonly #byAddress = new Map<number | string, Set<IkeSa>>();
  readonly #byIdentity = new Map<string, Set<IkeSa>>();
  readonly #espSpis = new Set<number>();
  readonly #touched = new Set<IkeSa>();
  readonly #halfOpenAt = new Map<IkeSa, IpAddress>();
  #outputs: KeyExchangeOutput[] = [];
  #notices: IkeNotice[] = [];
  #order = 0;

  constructor(
    readonly settings: IkeSettings,
    readonly crypto: CryptoProvider,
  ) {
    this.halfOpen = new HalfOpen(crypto, settings.limits);
    this.wants = new Wants(crypto, settings.limits.wants);
  }

  get size(): number {
    return this.#sas.size;
  }

  all(): Iterable<IkeSa> {
    return this.#sas.values();
  }

  find(localSpi: bigint): IkeSa | null {
    return this.#sas.get(localSpi) ?? null;
  }

  /** IKE SAs in any state whose peer began at this address; it may have moved since. */
  at(address: IpAddress): readonly IkeSa[] {
    return [...(this.#byAddress.get(addressKey(address)) ?? [])];
  }

  emit(output: KeyExchangeOutput): void {
    this.#outputs.push(output);
  }

  notice(notice: IkeNotice): void {
    if (this.#notices.length >= MAX_NOTICES) this.#notices.shift();
    this.#notices.push(notice);
  }

  takeOutput(): KeyExchangeOutput | null {
    return this.#outputs.shift() ?? null;
  }

  takeNotices(): readonly IkeNotice[] {
    const notices = this.#notices;
    this.#notices = [];
    return notices;
  }

  nextOrder(): number {
    return ++this.#order;
  }

  newIkeSpi(): bigint {
    for (;;) {
      const spi = readU64(randomOctets(this.crypto, 8), 0);
      if (spi !== 0n && !this.#sas.has(spi)) return spi;
    }
  }

  newEspSpi(): number {
    for (;;) {
      const spi = readU32(randomOctets(this.crypto, 4), 0);
      if (spi <= 0xff || this.#espSpis.has(spi)) continue; // RFC 4303 §2.1
      this.#espSpis.add(spi);
      return spi;
    }
  }

  freeEspSpi(spi: number): void {
    this.#espSpis.delete(spi);
  }

  register(sa: IkeSa): void {
    const key = addressKey(sa.peer.address);
    this.#sas.set(sa.localSpi, sa);
    sa.registeredAt = key;
    put(this.#byAddress, key, sa);
    if (sa.remoteIdentity !== null) put(this.#byIdentity, identityKey(sa.remoteIdentity), sa);
    if (sa.state === 'half-open') {
      this.#halfOpenAt.set(sa, sa.path.remote.address);
      this.halfOpen.opened(sa.path.remote.address);
    }
    this.touch(sa);
  }

  touch(sa: IkeSa): void {
    this.#touched.add(sa);
  }

  /** Notes when everyone who was touched wants to be called. */
  schedule(): void {
    for (const sa of this.#touched) this.timers.set(sa, sa.nextTimeout());
    this.#touched.clear();
  }

  hasOther(sa: IkeSa): boolean {
    return this.at(sa.peer.address).some((other) => other !== sa);
  }

  established(now: number, sa: IkeSa, initialContact: boolean): void {
    const identity = sa.remoteIdentity;
    if (identity === null) throw new Error('bug: established with nobody');
    this.#notHalfOpen(sa);
    put(this.#byIdentity, identityKey(identity), sa);
    const want = this.wants.servedBy(sa);
    if (want !== null) this.#serve(now, sa, want);
    this.notice({ kind: 'established', peer: sa.peer, identity });
    for (const other of this.#others(sa)) {
      const isForgotten = other.liveness.isDoubted && other.peer.address.equals(sa.peer.address);
      if (isForgotten || (initialContact && !isConcurrent(sa, other)))
        other.close(now, 'superseded');
    }
  }

  doubted(now: number, sa: IkeSa): void {
    const want = this.wants.servedBy(sa);
    if (want !== null && want.attempt === null && want.retryAt === null) this.retry(want, now);
  }

  trusted(now: number, sa: IkeSa): void {
    const attempt = this.wants.servedBy(sa)?.attempt;
    if (attempt?.state === 'opening') attempt.close(now, 'superseded');
  }

  settle(now: number, sa: IkeSa): void {
    const { address } = sa.peer;
    for (const other of this.#others(sa).filter((o) => o.peer.address.equals(address)))
      if (other.isInitiator !== sa.isInitiator) this.#resolve(now, sa, other);
      else other.leaveSelfToPeer(now, 'duplicate'); // its end has begun anew, and may not know of it any more
    if (sa.isInitiator && sa.isEstablished && this.wants.servedBy(sa) === null)
      sa.delete(now, 'released');
  }

  childGone(sa: IkeSa): void {
    const isNeeded = sa.isEstablished && currentChild(sa) === null;
    if (isNeeded && this.wants.servedBy(sa) !== null && !sa.requests.has('create-child'))
      sa.requests.add(childTask(this, null));
  }

  failed(now: number, sa: IkeSa, why: FailureReason): void {
    const want = this.wants.servedBy(sa);
    if (sa.isClosed) this.#forget(sa);
    if (want === null || want.attempt !== sa) return;
    want.attempt = null;
    if (this.#isServed(want, sa)) return; // by one that was in doubt, and may go on to be
    this.retry(want, this.wants.retryAfter(now, want, why));
    this.emit({ kind: 'failed', peer: want.peer, why, retryAt: want.retryAt });
  }

  closed(now: number, sa: IkeSa, why: DeletionReason): void {
    this.#forget(sa);
    this.notice({ kind: 'closed', peer: sa.peer, why });
    const want = this.wants.servedBy(sa);
    if (want === null) return;
    if (want.attempt === sa) want.attempt = null;
    if (!this.#isServed(want, sa) && want.attempt === null && want.retryAt === null)
      this.retry(want, now + Math.round(AGAIN_MS * randomFraction(this.crypto)));
  }

  retry(want: Want, at: number | null): void {
    want.retryAt = at;
    this.timers.set(want, at);
  }

  /** By another IKE SA than this one. */
  #isServed(want: Want, sa: IkeSa): boolean {
    return this.at(sa.peer.address).some(
      (other) => other !== sa && other.isEstablished && this.wants.servedBy(other) === want,
    );
  }

  /** The peer is reached: an attempt of ours that the peer has not answered yet is not needed any more. */
  #serve(now: number, sa: IkeSa, want: Want): void {
    const { attempt } = want;
    sa.peer = want.peer;
    want.failures = 0;
    this.retry(want, null);
    if (attempt === sa) want.attempt = null;
    if (attempt === null || attempt === sa || attempt.state !== 'opening') return;
    want.attempt = null;
    attempt.close(now, 'superseded');
  }

  /** Other established IKE SAs whose peer has proven the same identity. */
  #others(sa: IkeSa): IkeSa[] {
    if (sa.remoteIdentity === null) return [];
    const same = this.#byIdentity.get(identityKey(sa.remoteIdentity)) ?? [];
    return [...same].filter((other) => other !== sa && other.isEstablished);
  }

  /** Both ends began at the same time: the one with the lowest nonce goes, deleted by who began it. */
  #resolve(now: number, sa: IkeSa, other: IkeSa): void {
    if (sa.nonces === null || other.nonces === null || !sa.isEstablished) return;
    const loser = loses(sa.nonces, other.nonces) ? sa : other;
    if (loser.isInitiator) loser.delete(now, 'superseded');
    else loser.leaveSelfToPeer(now, 'duplicate');
  }

  #notHalfOpen(sa: IkeSa): void {
    const address = this.#halfOpenAt.get(sa);
    if (address === undefined) return;
    this.#halfOpenAt.delete(sa);
    this.halfOpen.closed(address);
  }

  #forget(sa: IkeSa): void {
    if (!this.#sas.delete(sa.localSpi)) return;
    this.#notHalfOpen(sa);
    take(this.#byAddress, sa.registeredAt, sa);
    if (sa.remoteIdentity !== null) take(this.#byIdentity, identityKey(sa.remoteIdentity), sa);
    this.timers.set(sa, null);
  }
}

/**
 * Whether `other`, ours, was not established yet when the peer began `sa`. Then the peer did not know of it when it
 * said INITIAL_CONTACT: two simultaneous beginnings, not a peer that has lost its memory.
 */
const isConcurrent = (sa: IkeSa, other: IkeSa): boolean =>
  other.isInitiator && !sa.isInitiator && other.establishedOrder > sa.createdOrder;

function put<K>(index: Map<K, Set<IkeSa>>, key: K, sa: IkeSa): void {
  const there = index.get(key);
  if (there === undefined) index.set(key, new Set([sa]));
  else there.add(sa);
}

function take<K>(index: Map<K, Set<IkeSa>>, key: K, sa: IkeSa): void {
  const there = index.get(key);
  there?.delete(sa);
  if (there?.size === 0) index.delete(key);
}
