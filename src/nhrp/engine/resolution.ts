/**
 * Resolutions under way: RFC 2332 §5.2.1, retries of facts F (at 0, 1, 3, 7, 14, 21 and 28 s, the same request id,
 * given up at 30 s). An incomplete entry stands for each destination that has no answer yet; a failure leaves a
 * negative one, which stops new requests but no packet: those go on by the hub.
 *
 *   (none) ──start──▶ pending ──reply──▶ answered: its entry, or a shortcut
 *     ◀──clear────────   │ ▲ └──refused, or 30 s gone──▶ negative ──180 s──▶ (none)
 *                        └─┘ retry
 */
import { hostBits, hostPrefix, type IpAddress, prefixContains } from '../../wire/address.js';
import type { Endpoint } from '../../wire/path.js';
import type { CieMessage } from '../codec/message.js';
import { CieCode, PacketType, ResolutionFlag } from '../codec/numbers.js';
import type { EngineContext } from './context.js';
import { cieOf, headerOf, requestExtensions } from './messages.js';
import { ownOutside } from './nat.js';
import type { NhsSet } from './nhs-set.js';
import type { Timer } from './timers.js';

const SEND_AT_MS = [0, 1_000, 3_000, 7_000, 14_000, 21_000, 28_000] as const;
const GIVE_UP_MS = 30_000;
const NEGATIVE_MS = 180_000;
const MAX_ANSWERED = 256;

/** Why an address is asked for: a redirect (Phase 3), an unresolved next hop (Phase 2), a renewal, or by command. */
export type ResolutionCause = 'redirect' | 'miss' | 'renewal' | 'kept';

export interface Pending {
  readonly destination: IpAddress;
  readonly requestId: number;
  readonly cause: ResolutionCause;
  readonly startedAt: number;
  attempt: number;
  timer: Timer | null;
}

export class Resolutions {
  readonly #byId = new Map<number, Pending>();
  readonly #byDestination = new Map<string, Pending>();
  /** Ids that were answered lately: a second answer to them is no fault. */
  readonly #answered = new Set<number>();

  constructor(
    readonly context: EngineContext,
    readonly servers: NhsSet,
  ) {}

  get pendingCount(): number {
    return this.#byId.size;
  }

  isPending(destination: IpAddress): boolean {
    return this.#byDestination.has(destination.toString());
  }

  /** Starts a resolution unless one is under way, one has just failed, or too many are. */
  start(now: number, destination: IpAddress, cause: ResolutionCause): void {
    const { config, counters, requestIds, cache } = this.context;
    if (this.isPending(destination) || !this.#isOfInterest(destination, cause)) return;
    const slot = cache.find(destination, now);
    if (slot >= 0 && cache.kindOf(slot) === 'negative') return;
    if (this.#byId.size >= config.limits.maxPendingResolutions) {
      counters.dropped.limit++;
      return;
    }
    const requestId = requestIds.next();
    const pending: Pending = {
      destination,
      requestId,
      cause,
      startedAt: now,
      attempt: 0,
      timer: null,
    };
    this.#byId.set(requestId, pending);
    this.#byDestination.set(destination.toString(), pending);
    if (cause !== 'renewal') this.#mark(now, destination, 'incomplete', GIVE_UP_MS, requestId);
    const { tunnel } = config;
    this.context.event({
      type: 'resolution-started',
      tunnel,
      destination: destination.toString(),
      requestId,
    });
    this.#transmit(now, pending);
  }

  /** The resolution that a reply or an error with this id is about. */
  find(requestId: number): Pending | null {
    return this.#byId.get(requestId) ?? null;
  }

  wasAnswered(requestId: number): boolean {
    return this.#answered.has(requestId);
  }

  /** The answer has come: nothing is retried any more. The caller installs it. */
  finish(pending: Pending): void {
    this.#answered.add(pending.requestId);
    const oldest = this.#answered.values().next();
    if (this.#answered.size > MAX_ANSWERED && !oldest.done) this.#answered.delete(oldest.value);
    pending.timer?.cancel();
    this.#byId.delete(pending.requestId);
    this.#byDestination.delete(pending.destination.toString());
  }

  /** There is no answer: packets go by the hub, and nobody asks again for a while. */
  fail(now: number, pending: Pending, reason: string): void {
    this.finish(pending);
    const { destination, cause, requestId } = pending;
    const { tunnel } = this.context.config;
    if (cause !== 'renewal') this.#mark(now, destination, 'negative', NEGATIVE_MS, requestId);
    this.context.event({
      type: 'resolution-failed',
      tunnel,
      destination: destination.toString(),
      reason,
    });
  }

  /** Forgets what is asked about, with its incomplete entries. */
  clear(now: number): void {
    for (const pending of [...this.#byId.values()]) {
      this.finish(pending);
      const slot = this.context.cache.find(pending.destination, now);
      if (slot >= 0 && this.context.cache.kindOf(slot) === 'incomplete') {
        this.context.bindings.remove(now, slot, 'cleared');
      }
    }
  }

  /** What packets may ask for. */
  #isOfInterest(destination: IpAddress, cause: ResolutionCause): boolean {
    const { interest } = this.context.config;
    if (interest === null || (cause !== 'redirect' && cause !== 'miss')) return true;
    return interest.some((prefix) => prefixContains(prefix, destination));
  }

  #transmit(now: number, pending: Pending): void {
    const to = this.#serverFor(now, pending.destination);
    if (to !== null) this.context.send(now, this.#request(pending), to);
    pending.attempt++;
    const next = SEND_AT_MS[pending.attempt];
    const at = pending.startedAt + (next ?? GIVE_UP_MS);
    pending.timer = this.context.timers.arm(at, 'resolution retry', (then) => {
      if (next === undefined) this.fail(then, pending, 'no reply');
      else this.#retry(then, pending);
    });
  }

  #retry(now: number, pending: Pending): void {
    this.context.counters.resolutionRetries++;
    this.context.event({
      type: 'resolution-retried',
      tunnel: this.context.config.tunnel,
      destination: pending.destination.toString(),
      attempt: pending.attempt,
    });
    this.#transmit(now, pending);
  }

  /** Along the route, past shortcuts, when that leads to a server of ours; else to the best server. */
  #serverFor(now: number, destination: IpAddress): Endpoint | null {
    const found = this.context.locator.locateWithoutShortcut(now, destination);
    if (found.kind === 'direct' && found.nbma !== null) {
      const kind = this.context.cache.kindOf(found.slot);
      if (kind === 'nhs' || kind === 'static') return found.nbma;
    }
    return this.servers.best()?.nbma ?? null;
  }

  #request({ destination, requestId }: Pending): CieMessage {
    const { config, nbmaAddress } = this.context;
    const { nat, seen } = ownOutside(this.context, this.servers);
    const bits = hostBits(config.address.family);
    return {
      ...headerOf(
        { nbma: nbmaAddress, protocol: config.address, hopCount: config.hopCount },
        destination,
      ),
      type: PacketType.RESOLUTION_REQUEST,
      flags:
        ResolutionFlag.ROUTER |
        ResolutionFlag.AUTHORITATIVE |
        ResolutionFlag.SOURCE_STABLE |
        ResolutionFlag.NAT,
      requestId,
      cies: [
        cieOf({
          prefixLength: bits,
          mtu: config.mtu,
          holdingTimeSeconds: config.holdingTimeSeconds,
        }),
      ],
      extensions: [...requestExtensions(config, nat), ...seen],
    };
  }

  #mark(
    now: number,
    address: IpAddress,
    kind: 'incomplete' | 'negative',
    forMs: number,
    requestId: number,
  ): void {
    this.context.bindings.set(now, {
      kind,
      prefix: hostPrefix(address),
      nbma: null,
      expiresAt: now + forMs,
      requestId,
    });
  }
}

/** A reply says that there is no binding: the RFC's code, and the one that FRR and OpenNHRP send for it (facts B.6). */
export const isNoBinding = (code: number): boolean => code === CieCode.NO_BINDING || code === 11;
