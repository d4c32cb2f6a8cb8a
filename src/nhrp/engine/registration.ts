/**
 * One registration with one next hop server: RFC 2332 §5.2.3, timers of facts C.1 and F.
 *
 *   idle ──start──▶ waiting (for the peer) ──up──▶ trying ──reply──▶ registered ──interval──▶ trying
 *     ◀──stop──            any state            ◀──3 unanswered: down, and still trying──▶
 */
import type { IpAddress } from '../../wire/address.js';
import { type Endpoint, endpointEquals } from '../../wire/path.js';
import type { CieMessage } from '../codec/message.js';
import { CieCode, PacketType, PurgeFlag } from '../codec/numbers.js';
import type { MessageTemplate } from '../codec/template.js';
import type { EngineConfig, NhsConfig, RemovalReason } from './api.js';
import type { EngineContext } from './context.js';
import { removeNhsEntry, setNhsEntry } from './nhs-entry.js';
import { purgeRequest, registrationRequest } from './registration-messages.js';
import { grantedBy, isAboutUs, outsideIn, serverIn } from './registration-reply.js';
import type { Timer } from './timers.js';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 64_000;
const RETRY_JITTER = 0.25; // retries come up to a quarter early
const REFRESH_JITTER = 0.1;
/** Unanswered requests after which a server counts as down. */
const LOSSES_TO_DOWN = 3;
/** However short a time a server grants. */
const LEAST_INTERVAL_MS = 1_000;
const REFUSED_RETRY_MS = 30_000;
const TAKEOVER_RETRY_MS = 2_000;

/** What a request says beside its id; of several passwords or keys it carries that one. */
interface About {
  readonly config: EngineConfig;
  readonly from: IpAddress;
  readonly server: IpAddress | null;
  readonly key: number;
}

/** The request as it was last encoded. */
interface Encoded extends About {
  readonly template: MessageTemplate;
}

export type NhsState = 'down' | 'probe' | 'up';

export class Registration {
  /** Its tunnel address; null until a `dynamic` one has been learned. */
  protocolAddress: IpAddress | null;
  /** Our NBMA address as the server sees it, when a NAT changes it. */
  behindNat: IpAddress | null = null;
  /** The same with its port, where the server tells it. */
  outside: Endpoint | null = null;
  unanswered = 0;
  #repliedAt = 0;
  /** For how many seconds the server has us, by that reply. */
  #heldSeconds: number;
  #active = false;
  #up = false;
  #requestId = 0;
  /** Of the purge that waits for a reply; 0 = none, for no request has that id. */
  #purgeId = 0;
  /** No reply has come for the request. */
  #isAwaited = false;
  /** An error has. */
  #isErrorHeard = false;
  #retryMs = FIRST_RETRY_MS;
  #timer: Timer | null = null;
  #encoded: Encoded | null = null;

  constructor(
    readonly context: EngineContext,
    readonly nhs: NhsConfig,
    readonly nbma: Endpoint,
    /** Told when the server came up or went down. */
    readonly changed: (now: number) => void,
  ) {
    this.protocolAddress = nhs.protocolAddress === 'dynamic' ? null : nhs.protocolAddress;
    this.#heldSeconds = context.config.holdingTimeSeconds;
  }

  get state(): NhsState {
    return this.#up ? 'up' : this.#active ? 'probe' : 'down';
  }

  /** A server that has not lost three requests in a row may be counted on. */
  get isPromising(): boolean {
    return this.unanswered < LOSSES_TO_DOWN;
  }

  start(now: number): void {
    if (this.#active) return;
    this.#active = true;
    this.unanswered = 0;
    this.context.peers.want(this.nbma);
    this.register(now);
  }

  stop(now: number, reason: RemovalReason): void {
    if (!this.#active) return;
    this.#active = false;
    this.#timer?.cancel();
    this.#goDown(now, reason);
    this.context.peers.release(this.nbma);
  }

  /** Starts a registration of its own id, now: at start, at each interval, and when an address has changed. */
  register(now: number): void {
    if (!this.#active) return;
    this.#requestId = this.context.requestIds.next();
    this.#isAwaited = true;
    this.#isErrorHeard = false;
    this.#retryMs = FIRST_RETRY_MS;
    this.#transmit(now);
  }

  /** Whether a reply or an error with this id is about the request in flight. */
  isFor(requestId: number): boolean {
    return this.#active && requestId === this.#requestId;
  }

  /** A reply counts once a request: repeated, by whomever, it would keep alive a server that has gone. */
  handleReply(now: number, message: CieMessage): void {
    if (!this.#isAwaited) return this.context.drop('stale', this.nbma);
    this.#isAwaited = false;
    const refusals = message.cies.filter((cie) => cie.code !== CieCode.SUCCESS);
    const own = refusals.find((cie) => isAboutUs(cie, this.context.config));
    if (own !== undefined) return this.#refused(now, own.code);
    for (const { code } of refusals) this.#failed('refused', code); // of what is registered besides
    this.#learn(message);
    const server = this.protocolAddress;
    if (server === null) return this.context.drop('refused', this.nbma);
    this.unanswered = 0;
    this.#repliedAt = now;
    this.#heldSeconds = grantedBy(message, this.context.config);
    this.#setEntry(now, server);
    this.#again(now, this.#intervalMs(), 'registration refresh');
    if (this.#up) return;
    this.#up = true;
    this.#announceUp(server);
    this.changed(now);
  }

  /**
   * Error Indication 11 about our request: it will not get better by hurrying. A hint that anyone can forge, so it
   * is heard once a request, as a loss: repeated, it would put off the refresh for ever. The reply may still come.
   */
  handleAuthenticationError(now: number): void {
    if (!this.#isAwaited || this.#isErrorHeard) return;
    this.#isErrorHeard = true;
    const { tunnel } = this.context.config;
    this.context.event({
      type: 'registration-failed',
      tunnel,
      nhs: this.protocolAddress?.toString() ?? null,
      nbma: this.context.text(this.nbma),
      reason: 'authentication',
      code: 11,
    });
    this.#again(now, REFUSED_RETRY_MS, 'registration after an authentication failure');
    this.#lose(now);
  }

  peerUp(now: number, nbma: Endpoint): void {
    if (this.#active && endpointEquals(nbma, this.nbma)) this.register(now);
  }

  peerDown(now: number, nbma: Endpoint): void {
    if (!this.#active || !endpointEquals(nbma, this.nbma)) return;
    this.unanswered = 0;
    this.#goDown(now, 'peer-down');
    this.register(now);
  }

  /** Takes over the server's entry, where another NBMA address of it had that and has gone. */
  takeOver(now: number): void {
    const server = this.protocolAddress;
    if (this.#up && server !== null) this.#setEntry(now, server);
  }

  /** Whether a Purge Reply with this id answers the purge that is under way; it does so once. */
  wasPurged(requestId: number): boolean {
    if (requestId === 0 || requestId !== this.#purgeId) return false;
    this.#purgeId = 0;
    return true;
  }

  /**
   * Takes the own addresses back at the server (RFC 2332 §5.2.5); true when a Purge Request went out.
   * @param asked - Also where it has been asked and has not answered: it may have them
   */
  purge(now: number, asked = false): boolean {
    const server = this.protocolAddress;
    if (!(this.#up || (asked && this.#isAwaited)) || server === null) return false;
    this.#timer?.cancel();
    const { config, requestIds } = this.context;
    this.#purgeId = config.ciscoPurgeId ? this.#requestId : requestIds.next();
    const message = purgeRequest(this.context, server, { requestId: this.#purgeId, flags: 0 });
    return this.context.send(now, message, this.nbma);
  }

  #transmit(now: number): void {
    const { peers } = this.context;
    if (peers.isUp(this.nbma)) this.#send(now);
    const wait = this.#retryMs * (1 - RETRY_JITTER * this.context.fraction());
    this.#timer?.cancel();
    this.#timer = this.context.timers.arm(now + wait, 'registration retry', (at) =>
      this.#unanswered(at),
    );
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
  }

  #send(now: number): void {
    const template = this.#template();
    if (template === null) {
      this.context.send(now, this.#request(), this.nbma);
      return;
    }
    template.requestId = this.#requestId;
    this.context.sendAgain(now, template, PacketType.REGISTRATION_REQUEST, this.nbma);
  }

  /** One request differs from the next in its id alone, as long as both ends keep their addresses. */
  #template(): MessageTemplate | null {
    const { config, nbmaAddress: from, authenticator } = this.context;
    const about = {
      config,
      from,
      server: this.protocolAddress,
      key: authenticator.indexFor(this.nbma),
    };
    if (this.#encoded === null || !isSame(this.#encoded, about)) {
      const template = this.context.templateOf(this.#request(), this.nbma);
      this.#encoded = template === null ? null : { ...about, template };
    }
    return this.#encoded?.template ?? null;
  }

  #unanswered(now: number): void {
    if (this.unanswered + 1 === LOSSES_TO_DOWN) this.#failed('no-reply', null);
    this.#lose(now);
    if (this.#active) this.#transmit(now);
  }

  #lose(now: number): void {
    this.unanswered++;
    if (this.unanswered !== LOSSES_TO_DOWN) return;
    const wasUp = this.#up;
    this.#goDown(now, 'timed-out');
    if (wasUp) this.context.peers.renew(this.nbma); // it may have restarted without our association (facts C.7)
    this.changed(now);
  }

  #refused(now: number, code: number): void {
    this.#failed('refused', code);
    this.#goDown(now, 'rejected');
    const takesOver =
      code === CieCode.UNIQUE_ALREADY_REGISTERED && this.context.config.takeover === 'always';
    if (takesOver) this.#purgeOld(now);
    this.#again(
      now,
      takesOver ? TAKEOVER_RETRY_MS : REFUSED_RETRY_MS,
      'registration after a refusal',
    );
    this.unanswered = LOSSES_TO_DOWN;
    this.changed(now);
  }

  /** Asks the server to forget the old binding of our address, without waiting for a reply. */
  #purgeOld(now: number): void {
    const server = this.protocolAddress ?? this.context.config.address;
    const purge = { requestId: this.#requestId, flags: PurgeFlag.NO_REPLY };
    this.context.send(now, purgeRequest(this.context, server, purge), this.nbma);
  }

  #again(now: number, waitMs: number, why: string): void {
    this.#timer?.cancel();
    this.#timer = this.context.timers.arm(now + waitMs, why, (at) => this.register(at));
  }

  /** As configured; a server that holds us for less is asked a third of that time later. */
  #intervalMs(): number {
    const { registrationIntervalSeconds, holdingTimeSeconds } = this.context.config;
    const asked = registrationIntervalSeconds ?? holdingTimeSeconds / 3;
    const isHeldForLess = this.#heldSeconds < holdingTimeSeconds;
    const seconds = isHeldForLess ? Math.min(asked, this.#heldSeconds / 3) : asked;
    const jitter = 1 - REFRESH_JITTER + 2 * REFRESH_JITTER * this.context.fraction();
    return Math.max(seconds * 1_000 * jitter, isHeldForLess ? LEAST_INTERVAL_MS : 0);
  }

  #request(): CieMessage {
    const { protocolAddress, nbma } = this;
    const server = { protocolAddress, nbmaAddress: nbma.address };
    return registrationRequest(this.context, server, this.#requestId);
  }

  #learn(message: CieMessage): void {
    this.protocolAddress ??= serverIn(message, this.context.config);
    const { behindNat, outside } = outsideIn(message, this.context);
    this.behindNat = behindNat;
    this.outside = outside;
  }

  #setEntry(now: number, server: IpAddress): void {
    const requestId = this.#requestId;
    setNhsEntry(now, this.context, { server, nbma: this.nbma, requestId, since: this.#repliedAt });
  }

  #goDown(now: number, reason: RemovalReason): void {
    const server = this.protocolAddress;
    if (!this.#up || server === null) return;
    this.#up = false;
    this.context.targetsChanged = true;
    this.behindNat = null;
    this.outside = null;
    removeNhsEntry(now, this.context, { server, nbma: this.nbma, reason });
    this.context.event({
      type: 'nhs-down',
      tunnel: this.context.config.tunnel,
      nhs: server.toString(),
      nbma: this.context.text(this.nbma),
      why: reason,
    });
    if (this.nhs.protocolAddress === 'dynamic') this.protocolAddress = null;
  }

  #announceUp(server: IpAddress): void {
    const { config } = this.context;
    this.context.targetsChanged = true;
    const common = {
      tunnel: config.tunnel,
      nhs: server.toString(),
      nbma: this.context.text(this.nbma),
    };
    this.context.event({
      type: 'registered',
      ...common,
      holdingTimeSeconds: this.#heldSeconds,
      behindNat: this.behindNat?.toString() ?? null,
    });
    this.context.event({ type: 'nhs-up', ...common });
  }

  #failed(reason: 'no-reply' | 'refused', code: number | null): void {
    const { config } = this.context;
    this.context.event({
      type: 'registration-failed',
      tunnel: config.tunnel,
      nhs: this.protocolAddress?.toString() ?? null,
      nbma: this.context.text(this.nbma),
      reason,
      code,
    });
  }
}

const isSame = (a: About, b: About): boolean =>
  a.config === b.config && a.from === b.from && a.server === b.server && a.key === b.key;
