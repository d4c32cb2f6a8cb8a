/** What the parts of the engine share: configuration, tables, alarms, counters, and the one way to send. */
import type { NhrpCache } from '../../cache/cache.js';
import type { RouteTable } from '../../cache/routes.js';
import type { IpAddress } from '../../wire/address.js';
import { type Endpoint, formatEndpoint } from '../../wire/path.js';
import type { WireError } from '../../wire/result.js';
import { encodeMessage, messageOctets, type NhrpMessage } from '../codec/message.js';
import type { DropReason, EngineConfig, EngineEnvironment, NhrpEvent } from './api.js';
import { Authenticator } from './authenticator.js';
import { Bindings } from './bindings.js';
import { Counters } from './counters.js';
import { Locator } from './locate.js';
import { OutputQueue } from './output-queue.js';
import { Peers } from './peers.js';
import { TokenBucket } from './rate.js';
import { RequestIds } from './request-ids.js';
import { Timers } from './timers.js';

export class EngineContext {
  readonly timers: Timers = new Timers();
  readonly counters: Counters = new Counters();
  readonly out: OutputQueue;
  readonly peers: Peers;
  readonly bindings: Bindings;
  readonly locator: Locator;
  readonly authenticator: Authenticator;
  readonly requestIds: RequestIds;
  /** The tunnel's own NBMA address; moves with the `local-nbma` command. */
  nbmaAddress: IpAddress;
  readonly #own: readonly IpAddress[];
  readonly #maxSend: TokenBucket | null;

  constructor(
    readonly config: EngineConfig,
    readonly environment: EngineEnvironment,
    readonly cache: NhrpCache,
    readonly routes: RouteTable,
  ) {
    const { limits, tunnel } = config;
    this.nbmaAddress = config.nbmaAddress;
    this.#own = [config.address, ...ownHosts(config)];
    this.out = new OutputQueue(tunnel, limits.maxQueuedEvents, limits.maxQueuedSends);
    this.peers = new Peers(config.protected, (output) => this.out.push(output));
    this.bindings = new Bindings(tunnel, cache, this.peers, this.out, (nbma) => this.text(nbma));
    this.locator = new Locator(cache, routes, (address) => this.isOwn(address));
    this.authenticator = new Authenticator(config.authentication, environment.mac);
    this.requestIds = new RequestIds();
    this.#maxSend = maxSendBucket(config, environment.now);
  }

  /** Whether the address is one of this node's on the tunnel. */
  isOwn(address: IpAddress): boolean {
    for (const own of this.#own) if (own.equals(address)) return true;
    return false;
  }

  /** The endpoint of an NBMA address that came without a port. */
  endpoint(address: IpAddress): Endpoint {
    return { address, port: this.config.defaultPort };
  }

  /** An endpoint as events print it: the usual port is not worth a word. */
  text(nbma: Endpoint): string {
    return formatEndpoint(nbma.port === this.config.defaultPort ? { ...nbma, port: 0 } : nbma);
  }

  event(event: NhrpEvent): void {
    this.out.event(event);
  }

  drop(reason: DropReason, from: Endpoint, error: WireError | null = null): void {
    this.counters.dropped[reason]++;
    const { tunnel } = this.config;
    this.event({ type: 'dropped', tunnel, reason, from: this.text(from), error });
  }

  /** Encodes, authenticates and queues a message; false when a limit forbids it or the peer is not up. */
  send(now: number, message: NhrpMessage, to: Endpoint): boolean {
    if (!this.peers.isUp(to)) return this.#refuse('peer-not-up', to);
    if (this.#maxSend !== null && !this.#maxSend.take(now)) return this.#refuse('rate-limited', to);
    const whole = this.authenticator.prepare(message);
    const bytes = new Uint8Array(messageOctets(whole));
    encodeMessage(whole, bytes, 0);
    this.authenticator.sign(whole, bytes);
    if (!this.out.send({ kind: 'send', to, bytes })) return this.#refuse('limit', to);
    this.counters.sent[message.type] = (this.counters.sent[message.type] ?? 0) + 1;
    return true;
  }

  /** A fraction from 0 to 1, from the caller's randomness. */
  fraction(): number {
    const octets = this.environment.random(4);
    let value = 0;
    for (const octet of octets) value = value * 256 + octet;
    return value / 0x1_0000_0000;
  }

  #refuse(reason: DropReason, to: Endpoint): false {
    this.drop(reason, to);
    return false;
  }
}

const ownHosts = (config: EngineConfig): IpAddress[] =>
  config.alsoRegister
    .filter((p) => p.length === (p.address.family === 4 ? 32 : 128))
    .map((p) => p.address);

function maxSendBucket({ limits }: EngineConfig, now: number): TokenBucket | null {
  const limit = limits.maxSend;
  return limit === null ? null : new TokenBucket(limit.packets, limit.packets / limit.seconds, now);
}
