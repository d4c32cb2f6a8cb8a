/**
 * Answers to Resolution Requests: RFC 2332 §5.2.1, §5.2.2, §6.3. An egress station answers for its own addresses and
 * for what lies behind its device; a server may answer for those registered with it; everything else goes on.
 */
import { CacheFlag } from '../../cache/entry.js';
import {
  hostBits,
  hostPrefix,
  type IpAddress,
  type IpPrefix,
  maskAddress,
  prefixContains,
} from '../../wire/address.js';
import { type Endpoint, endpointEquals } from '../../wire/path.js';
import type { Cie } from '../codec/cie.js';
import type { CieMessage } from '../codec/message.js';
import { CieCode, ErrorCode, ExtensionType, PacketType, ResolutionFlag } from '../codec/numbers.js';
import type { EngineContext } from './context.js';
import type { Errors } from './errors.js';
import { hasUnknownCompulsory, replyExtensions } from './extensions.js';
import type { GivenMappings } from './given.js';
import { cieOf, isUsableNbma, mapExtension, plainAddress } from './messages.js';
import { type OwnOutside, ownOutside, reachOf } from './nat.js';
import type { NhsSet } from './nhs-set.js';
import { SEEN_PORT_EXTENSION, seenPortExtension } from './seen-port.js';
import type { Transit } from './transit.js';

export interface ResponderParts {
  readonly context: EngineContext;
  readonly servers: NhsSet;
  readonly errors: Errors;
  readonly transit: Transit;
  readonly given: GivenMappings;
}

interface Request {
  readonly message: CieMessage;
  readonly octets: Uint8Array;
  readonly from: Endpoint;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Both ends are behind NATs: the reply goes both ways, and the direct one opens ours. */
  isPunched: boolean;
}

export class Responder {
  constructor(readonly parts: ResponderParts) {}

  handleRequest(now: number, message: CieMessage, octets: Uint8Array, from: Endpoint): void {
    const { context, transit } = this.parts;
    const source = plainAddress(message.sourceProtocolAddress);
    const destination = plainAddress(message.destinationProtocolAddress);
    if (source === null || destination === null) return context.drop('unsupported', from);
    const request = { message, octets, from, source, destination, isPunched: false };
    this.#forgetNegative(now, source);
    if (context.locator.locate(now, destination).kind === 'local')
      return this.#answerAsEgress(now, request);
    const slot = this.#answerableSlot(now, request);
    if (slot !== null) return this.#answerFor(now, request, slot);
    const onward = transit.nextHop(now, message, from);
    if (onward === null && this.#isOnNetwork(destination)) {
      return this.#refuse(now, request, CieCode.NO_BINDING);
    }
    transit.forward(now, message, octets, from);
  }

  #answerAsEgress(now: number, request: Request): void {
    const { context, servers } = this.parts;
    const { config, nbmaAddress } = context;
    if (this.#isRefusedByExtension(now, request)) return;
    if (request.message.flags & ResolutionFlag.UNIQUE && !config.unique) {
      return this.#refuse(now, request, CieCode.NOT_UNIQUE);
    }
    const prefix = this.#prefixFor(request.destination);
    const own = ownOutside(context, servers);
    const cie = cieOf({
      prefixLength: prefix.length,
      mtu: config.mtu,
      holdingTimeSeconds: config.holdingTimeSeconds,
      nbmaAddress,
      protocolAddress: config.address,
    });
    this.#cacheSource(now, request);
    this.#remember(now, request, prefix, config.address, config.holdingTimeSeconds);
    const flags = ResolutionFlag.AUTHORITATIVE | ResolutionFlag.DESTINATION_STABLE;
    this.#reply(now, request, cie, own, config.unique ? flags | ResolutionFlag.UNIQUE : flags);
  }

  /** A binding that was registered here: the server is authoritative for it (RFC 2332 §5.2.2). */
  #answerFor(now: number, request: Request, slot: number): void {
    const { context } = this.parts;
    if (this.#isRefusedByExtension(now, request)) return;
    const entry = context.cache.entry(slot);
    if (entry.nbma === null) return;
    if (request.message.flags & ResolutionFlag.UNIQUE && !(entry.flags & CacheFlag.UNIQUE)) {
      return this.#refuse(now, request, CieCode.NOT_UNIQUE);
    }
    const left =
      entry.expiresAt === null
        ? entry.holdingTimeSeconds
        : Math.ceil((entry.expiresAt - now) / 1_000);
    const isHost = entry.prefix.length === hostBits(entry.prefix.address.family);
    const nextHop = isHost ? entry.prefix.address : request.destination;
    const cie = cieOf({
      prefixLength: entry.prefix.length,
      mtu: entry.mtu,
      holdingTimeSeconds: left,
      nbmaAddress: entry.claimedNbma ?? entry.nbma.address,
      protocolAddress: nextHop,
    });
    const nat = entry.flags & CacheFlag.NAT ? [cieOf(natFields(nextHop, entry.nbma.address))] : [];
    this.#remember(now, request, entry.prefix, nextHop, left);
    const unique = entry.flags & CacheFlag.UNIQUE ? ResolutionFlag.UNIQUE : 0;
    const port = { protocolAddress: nextHop, nbma: entry.nbma, independent: false };
    const hasPort = nat.length > 0 && context.config.defaultPort !== 0;
    const seen = hasPort ? [seenPortExtension([port])] : [];
    this.#reply(now, request, cie, { nat, seen }, ResolutionFlag.AUTHORITATIVE | unique);
  }

  #answerableSlot(now: number, { destination }: Request): number | null {
    const { cache, config } = this.parts.context;
    if (!config.answerFromRegistrations) return null;
    const slot = cache.match(destination, now);
    return slot >= 0 &&
      cache.flagsOf(slot) & CacheFlag.REGISTERED &&
      cache.kindOf(slot) === 'dynamic'
      ? slot
      : null;
  }

  #refuse(now: number, request: Request, code: number): void {
    const asked = request.message.cies[0]?.prefixLength ?? 0;
    this.parts.context.counters.dropped.refused++;
    this.#reply(
      now,
      request,
      cieOf({ code, prefixLength: asked, protocolAddress: request.destination }),
      NOT_BEHIND_NAT,
      0,
    );
  }

  #reply(now: number, request: Request, cie: Cie, outside: OwnOutside, flags: number): void {
    const { context } = this.parts;
    const { message } = request;
    const own = cieOf({
      mtu: context.config.mtu,
      holdingTimeSeconds: context.config.holdingTimeSeconds,
      nbmaAddress: context.nbmaAddress,
      protocolAddress: context.config.address,
    });
    const kept = ResolutionFlag.ROUTER | ResolutionFlag.SOURCE_STABLE | ResolutionFlag.NAT;
    const responder = mapExtension(
      replyExtensions(message)?.filter((e) => e.type !== SEEN_PORT_EXTENSION) ?? null,
      ExtensionType.RESPONDER_ADDRESS,
      (e) => ({ ...e, cies: [own] }),
    );
    const nat = mapExtension(responder, ExtensionType.NAT_ADDRESS, (e) => ({
      ...e,
      cies: outside.nat,
    }));
    const reply: CieMessage = {
      ...message,
      type: PacketType.RESOLUTION_REPLY,
      hopCount: context.config.hopCount,
      flags: (message.flags & kept) | flags,
      cies: [cie],
      extensions: nat === null ? null : [...nat, ...outside.seen],
    };
    const to = this.#replyTo(now, request);
    context.send(now, reply, to);
    if (request.isPunched && !endpointEquals(to, request.from))
      context.send(now, reply, request.from);
  }

  /** Straight to the requester when it can be reached (RFC 2332 §5.2.4), else back the way the request came. */
  #replyTo(now: number, { source, from }: Request): Endpoint {
    const { cache } = this.parts.context;
    const slot = cache.find(source, now);
    const known = slot >= 0 && cache.flagsOf(slot) & CacheFlag.UP ? cache.nbmaOf(slot) : null;
    return known ?? from;
  }

  /** §6.3: the shortest prefix that holds the destination and nothing that is reached another way. */
  #prefixFor(destination: IpAddress): IpPrefix {
    const { routes } = this.parts.context;
    const route = routes.lookup(destination);
    if (this.parts.context.isOwn(destination) || route === null || route.kind !== 'device') {
      return hostPrefix(destination);
    }
    let prefix = route.prefix;
    for (const other of routes) {
      if (other.kind === 'device') continue;
      while (prefix.length < other.prefix.length && prefixContains(prefix, other.prefix.address)) {
        const length = prefix.length + 1;
        prefix = { address: maskAddress(destination, length), length };
      }
    }
    return prefix;
  }

  /** The requester's own binding, when it says that it is stable (S) and for how long (§6.2.1). */
  #cacheSource(now: number, request: Request): void {
    const { message, source, from } = request;
    const { context } = this.parts;
    const holding = message.cies[0]?.holdingTimeSeconds ?? 0;
    if (!(message.flags & ResolutionFlag.SOURCE_STABLE) || holding === 0) return;
    const claimed = plainAddress(message.sourceNbmaAddress);
    const station = { protocolAddress: source, claimedNbma: claimed, from };
    const { nbma, isPunched } = reachOf(context, this.parts.servers, message, station);
    if (nbma === null || nbma.address.equals(context.nbmaAddress)) return;
    if (!context.mayBeRemote(source)) return context.drop('refused', from);
    request.isPunched = isPunched;
    const behindNat = claimed !== null && !claimed.equals(nbma.address);
    context.bindings.set(now, {
      kind: 'cached',
      prefix: hostPrefix(source),
      nbma,
      claimedNbma: behindNat ? claimed : null,
      flags:
        (message.flags & ResolutionFlag.ROUTER ? CacheFlag.ROUTER : 0) |
        (behindNat ? CacheFlag.NAT : 0),
      mtu: message.cies[0]?.mtu ?? 0,
      holdingTimeSeconds: holding,
      expiresAt: now + holding * 1_000,
      registrant: this.parts.servers.at(from) === null ? from : null, // a server of ours passes on for many
    });
  }

  #remember(
    now: number,
    request: Request,
    prefix: IpPrefix,
    nextHop: IpAddress,
    seconds: number,
  ): void {
    const { context, given } = this.parts;
    const address = plainAddress(request.message.sourceNbmaAddress);
    if (address === null || !isUsableNbma(address)) return;
    const toNbma = endpointEquals(request.from, context.endpoint(address))
      ? request.from
      : this.#replyTo(now, request);
    given.add({ prefix, nextHop, to: request.source, toNbma, until: now + seconds * 1_000 });
  }

  #isRefusedByExtension(now: number, { message, octets, from }: Request): boolean {
    if (!hasUnknownCompulsory(message)) return false;
    this.parts.context.drop('unknown-extension', from);
    this.parts.errors.report(now, {
      message,
      octets,
      from,
      code: ErrorCode.UNRECOGNIZED_EXTENSION,
      offset: 0,
    });
    return true;
  }

  #isOnNetwork(destination: IpAddress): boolean {
    const route = this.parts.context.routes.lookupWithout(destination, 'shortcut');
    return route !== null && route.kind === 'connected';
  }

  /** Whoever asks is there: what we held against it is over. */
  #forgetNegative(now: number, source: IpAddress): void {
    const { cache, bindings } = this.parts.context;
    const slot = cache.find(source, now);
    if (slot >= 0 && cache.kindOf(slot) === 'negative') bindings.remove(now, slot, 'replaced');
  }
}

const NOT_BEHIND_NAT: OwnOutside = { nat: [], seen: [] };

const natFields = (protocolAddress: IpAddress, nbmaAddress: IpAddress): Partial<Cie> => ({
  prefixLength: hostBits(protocolAddress.family),
  nbmaAddress,
  protocolAddress,
});
