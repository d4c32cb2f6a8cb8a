/** What the parts of the engine share: configuration, tables, alarms, counters, and the one way to send. */
import type { NhrpCache } from '../../cache/cache.js';
import type { Route, RouteTable } from '../../cache/routes.js';
import {
  type IpAddress,
  type IpPrefix,
  isIpv6LinkLocal,
  isMulticast,
  isOfNoNetwork,
  prefixContains,
} from '../../wire/address.js';
import { wordsOf } from '../../wire/checksum.js';
import { type Endpoint, formatEndpoint } from '../../wire/path.js';
import type { WireError } from '../../wire/result.js';
import { type CieMessage, encodeMessage, type NhrpMessage } from '../codec/message.js';
import { PacketType } from '../codec/numbers.js';
import { MessageTemplate } from '../codec/template.js';
import type { DropReason, EngineConfig, EngineEnvironment, NhrpEvent } from './api.js';
import { Authenticator } from './authenticator.js';
import { Bindings } from './bindings.js';
import { Counters } from './counters.js';
import { Locator } from './locate.js';
import { isHostPrefix } from './messages.js';
import { OutputQueue } from './output-queue.js';
import { Peers } from './peers.js';
import { WindowLimit } from './rate.js';
import { RequestIds } from './request-ids.js';
import { Timers } from './timers.js';

/**
 * Where messages are put together, for they can be summed by words there: one place for all, as that is done at once and
 * nothing stays in it. ar$pktsz has 16 bits.
 */
const slab: Uint8Array = /* @__PURE__ */ new Uint8Array(0x1_0000);
const slabWords: Uint32Array = /* @__PURE__ */ wordsOf(slab);

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
  /** This node's addresses on the tunnel, that of the tunnel first. */
  own: readonly IpAddress[];
  /** Multicast targets may be others than those that were told: a spoke, a server or a peer has come or gone. */
  targetsChanged = true;
  readonly #maxSend: WindowLimit | null;

  constructor(
    public config: EngineConfig,
    readonly environment: EngineEnvironment,
    readonly cache: NhrpCache,
    readonly routes: RouteTable,
  ) {
    const { limits, tunnel } = config;
    this.nbmaAddress = config.nbmaAddress;
    this.own = ownOf(config);
    this.out = new OutputQueue(tunnel, limits.maxQueuedEvents, limits.maxQueuedSends);
    this.peers = new Peers(config.protected, (output) => this.out.push(output));
    this.bindings = new Bindings(tunnel, cache, this.peers, this.out, (nbma) => this.text(nbma));
    this.locator = new Locator(cache, routes, this);
    this.authenticator = new Authenticator(config.authentication, environment.mac);
    this.requestIds = new RequestIds(environment.random);
    this.#maxSend =
      limits.maxSend && new WindowLimit(limits.maxSend.packets, limits.maxSend.seconds * 1_000);
  }

  /** Another tunnel address or MTU from now on. */
  change(change: Partial<Pick<EngineConfig, 'address' | 'mtu'>>): void {
    this.config = { ...this.config, ...change };
    this.own = ownOf(this.config);
  }

  /** Whether the address is one of this node's on the tunnel. */
  isOwn(address: IpAddress): boolean {
    for (const own of this.own) if (own.equals(address)) return true;
    return false;
  }

  /** Whether one of this node's addresses on the tunnel lies in the prefix. */
  owns(prefix: IpPrefix): boolean {
    return this.own.some((own) => prefixContains(prefix, own));
  }

  /**
   * Whether a peer may say where the address is: one of a station, and not of a network behind this node. A route to the
   * device that is so wide that the tunnel itself is in it, the default route above all, says nothing of its stations.
   */
  mayBeRemote(address: IpAddress): boolean {
    if (isOfNoNetwork(address) || isMulticast(address)) return false;
    return !this.isBehindUs(this.routes.lookupWithout(address, 'shortcut'));
  }

  /** Whether what has this route is behind this node's device, and no station of the tunnel. */
  isBehindUs(route: Route | null): boolean {
    return route?.kind === 'device' && !prefixContains(route.prefix, this.config.address);
  }

  /** Whether the address is on the tunnel's own network: a next hop of its own, whatever else its station is called. */
  isOnLink(address: IpAddress): boolean {
    if (isIpv6LinkLocal(address)) return true;
    return this.routes.lookupWithout(address, 'shortcut')?.kind === 'connected';
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

  /**
   * Encodes, authenticates and queues a message; false when a limit forbids it or the peer is not up.
   * @param bare - Without password or hash: for errors (§5.2.7), above all to who has not shown that it knows ours
   */
  send(
    now: number,
    message: NhrpMessage,
    to: Endpoint,
    bare: boolean = message.type === PacketType.ERROR_INDICATION && !this.config.authenticateErrors,
  ): boolean {
    if (!this.#maySend(now, to)) return false;
    const whole = bare
      ? this.authenticator.strip(message)
      : this.authenticator.prepare(message, to);
    const octets = encodeMessage(whole, slab, 0, slabWords);
    const bytes = slab.slice(0, octets);
    slab.fill(0, 0, octets); // there may have been a password in it
    if (!bare) this.authenticator.sign(whole, bytes, to);
    return this.#queue(message.type, bytes, to);
  }

  /** As `send`, of a message that has been encoded before. */
  sendAgain(now: number, template: MessageTemplate, type: number, to: Endpoint): boolean {
    if (!this.#maySend(now, to)) return false;
    const bytes = new Uint8Array(template.octets);
    template.encode(bytes, 0);
    return this.#queue(type, bytes, to);
  }

  /** A template of the message as `send` would encode it; null where each has to be signed anew. */
  templateOf(message: CieMessage, to: Endpoint): MessageTemplate | null {
    if (this.config.authentication?.kind === 'mac') return null;
    const { extensions } = this.authenticator.prepare(message, to);
    return new MessageTemplate({ ...message, extensions });
  }

  /** A fraction from 0 to 1, from the caller's randomness. */
  fraction(): number {
    const octets = this.environment.random(4);
    let value = 0;
    for (const octet of octets) value = value * 256 + octet;
    return value / 0x1_0000_0000;
  }

  #maySend(now: number, to: Endpoint): boolean {
    if (!this.peers.isUp(to)) return this.#refuse('peer-not-up', to);
    if (this.#maxSend === null || this.#maxSend.take(now)) return true;
    return this.#refuse('rate-limited', to);
  }

  #queue(type: number, bytes: Uint8Array, to: Endpoint): boolean {
    if (!this.out.send({ kind: 'send', to, bytes })) return this.#refuse('limit', to);
    this.counters.sent[type] = (this.counters.sent[type] ?? 0) + 1;
    return true;
  }

  #refuse(reason: DropReason, to: Endpoint): false {
    this.drop(reason, to);
    return false;
  }
}

const ownOf = ({ address, alsoRegister }: EngineConfig): IpAddress[] => [
  address,
  ...alsoRegister.filter(isHostPrefix).map((p) => p.address),
];
