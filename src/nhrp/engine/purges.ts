/**
 * Purges: RFC 2332 §5.2.5, §5.2.6. A station takes back what it registered or gave; a server passes that on to all
 * whom it gave the mapping. Only the owner of a registration, or the side that gave a cached mapping, can purge it.
 */
import { NONE } from '../../cache/cache.js';
import type { CacheEntry } from '../../cache/entry.js';
import {
  formatPrefix,
  hostPrefix,
  type IpPrefix,
  maskAddress,
  prefixContains,
} from '../../wire/address.js';
import { type Endpoint, endpointEquals } from '../../wire/path.js';
import type { Cie } from '../codec/cie.js';
import type { CieMessage } from '../codec/message.js';
import { ErrorCode, ExtensionType, PacketType, PurgeFlag } from '../codec/numbers.js';
import type { EngineContext } from './context.js';
import type { Errors } from './errors.js';
import { hasUnknownCompulsory, replyExtensions } from './extensions.js';
import type { Given, GivenMappings } from './given.js';
import {
  cieOf,
  headerOf,
  mapExtension,
  plainAddress,
  prefixBits,
  requestExtensions,
} from './messages.js';
import type { NhsSet } from './nhs-set.js';
import type { Redirects } from './redirect.js';
import type { Shortcuts } from './shortcuts.js';

export interface PurgeParts {
  readonly context: EngineContext;
  readonly errors: Errors;
  readonly given: GivenMappings;
  readonly redirects: Redirects;
  readonly servers: NhsSet;
  readonly shortcuts: Shortcuts;
}

export class Purges {
  constructor(readonly parts: PurgeParts) {}

  handleRequest(now: number, message: CieMessage, octets: Uint8Array, from: Endpoint): void {
    const { context, errors } = this.parts;
    if (hasUnknownCompulsory(message)) {
      context.drop('unknown-extension', from);
      return errors.report(now, {
        message,
        octets,
        from,
        code: ErrorCode.UNRECOGNIZED_EXTENSION,
        offset: 0,
      });
    }
    for (const cie of message.cies) this.#purge(now, message, cie, from);
    if (message.flags & PurgeFlag.NO_REPLY) return;
    const own = cieOf({
      nbmaAddress: context.nbmaAddress,
      protocolAddress: context.config.address,
    });
    const extensions = mapExtension(
      replyExtensions(message),
      ExtensionType.RESPONDER_ADDRESS,
      (e) => ({
        ...e,
        cies: [own],
      }),
    );
    const hopCount = context.config.hopCount;
    context.send(now, { ...message, type: PacketType.PURGE_REPLY, hopCount, extensions }, from);
  }

  /**
   * The mapping of this prefix is no longer what others were told: they are, once, without wanting an answer.
   * By a server where one is given: from an address that they do not know they would not believe it.
   */
  spread(now: number, prefix: IpPrefix, by: Endpoint | null = null): void {
    const { given } = this.parts;
    for (const one of given.take(now, prefix))
      this.#tell(now, one, { prefix, nbma: by ?? this.#wayTo(now, one) });
  }

  /** Direct where that is possible by now: the answer itself may have gone by a server. */
  #wayTo(now: number, { to, toNbma }: Given): Endpoint {
    const { kind, nbma } = this.parts.context.locator.locate(now, to);
    return kind === 'direct' && nbma !== null ? nbma : toNbma;
  }

  /** By command: forgets the prefix here and everywhere it was given to. */
  purge(now: number, prefix: IpPrefix): void {
    const { cache, bindings } = this.parts.context;
    for (const entry of [...cache.entries(now)]) {
      if (
        entry.kind === 'static' ||
        entry.kind === 'local' ||
        !prefixContains(prefix, entry.prefix.address)
      )
        continue;
      bindings.remove(now, cache.findPrefix(entry.prefix, now), 'purged');
    }
    this.parts.shortcuts.removeWithin(prefix, 'purged');
    this.spread(now, prefix);
  }

  #purge(now: number, message: CieMessage, cie: Cie, from: Endpoint): void {
    const { context, redirects, shortcuts } = this.parts;
    const address =
      plainAddress(cie.protocolAddress) ?? plainAddress(message.sourceProtocolAddress);
    if (address === null) return;
    const length = prefixBits(cie.prefixLength, address);
    const prefix = { address: maskAddress(address, length), length };
    const { tunnel } = context.config;
    context.event({
      type: 'purge-received',
      tunnel,
      prefix: formatPrefix(prefix),
      from: context.text(from),
    });
    redirects.forget(prefix.address);
    this.#purgeEntries(now, prefix, message, from);
    const source = plainAddress(message.sourceProtocolAddress);
    if (this.#mayPurgeCached(from)) shortcuts.removeWithin(prefix, 'purged');
    else if (source !== null) shortcuts.removeVia(source, prefix, 'purged');
  }

  #purgeEntries(now: number, prefix: IpPrefix, message: CieMessage, from: Endpoint): void {
    const { cache, bindings } = this.parts.context;
    for (const entry of this.#entriesWithin(now, prefix, message, from)) {
      if (!this.#mayPurge(entry, message, from)) continue;
      bindings.remove(now, cache.findPrefix(entry.prefix, now), 'purged');
      this.spread(now, entry.prefix);
    }
  }

  /** A host is looked up. For a wider prefix only a server of ours is worth a walk: others purge what is their own. */
  #entriesWithin(
    now: number,
    prefix: IpPrefix,
    message: CieMessage,
    from: Endpoint,
  ): readonly CacheEntry[] {
    const { cache } = this.parts.context;
    const exact = cache.findPrefix(prefix, now);
    const isHost = prefix.length === hostPrefix(prefix.address).length;
    const source = isHost ? null : plainAddress(message.sourceProtocolAddress);
    const sender = source === null ? NONE : cache.find(source, now);
    const slots = new Set(isHost ? [] : cache.byNbma(from)).add(exact).add(sender).values();
    const isWalk = !isHost && this.#mayPurgeCached(from);
    return [...(isWalk ? cache.slots(now) : slots)]
      .filter((slot) => slot !== NONE)
      .map((slot) => cache.entry(slot))
      .filter((entry) => prefixContains(prefix, entry.prefix.address));
  }

  #mayPurge(entry: CacheEntry, message: CieMessage, from: Endpoint): boolean {
    if (entry.nbma === null) return false;
    const isOwner = endpointEquals(entry.nbma, from) || this.#isTakeover(entry, message);
    if (entry.kind === 'dynamic') return isOwner;
    return entry.kind === 'cached' && (isOwner || this.#mayPurgeCached(from));
  }

  /** A station that comes back from another NBMA address purges what it left, when the policy lets it. */
  #isTakeover(entry: CacheEntry, message: CieMessage): boolean {
    const source = plainAddress(message.sourceProtocolAddress);
    return (
      this.parts.context.config.takeover === 'always' &&
      (source?.equals(entry.prefix.address) ?? false)
    );
  }

  /** What we were told by a server, a server takes back. */
  #mayPurgeCached(from: Endpoint): boolean {
    return this.parts.servers.at(from) !== null;
  }

  /** @param gone - What is no longer so: of an answer the next hop, the prefix behind it, or both. */
  #tell(
    now: number,
    one: Given,
    { prefix: gone, nbma }: { prefix: IpPrefix; nbma: Endpoint },
  ): void {
    const { context } = this.parts;
    const { config, nbmaAddress } = context;
    if (!context.peers.isUp(nbma)) return;
    const message: CieMessage = {
      ...headerOf(
        { nbma: nbmaAddress, protocol: config.address, hopCount: config.hopCount },
        one.to,
      ),
      type: PacketType.PURGE_REQUEST,
      flags: PurgeFlag.NO_REPLY,
      requestId: context.requestIds.next(),
      cies: ciesFor(gone, one),
      extensions: requestExtensions(config, []),
    };
    context.send(now, message, nbma);
  }
}

function ciesFor(gone: IpPrefix, { prefix, nextHop }: Given): readonly Cie[] {
  const prefixes = [prefix];
  const isApart = !prefixContains(prefix, nextHop);
  if (isApart && prefixContains(gone, nextHop)) prefixes.push(hostPrefix(nextHop));
  return prefixes.map(({ address, length }) =>
    cieOf({ prefixLength: length, protocolAddress: isApart ? address : nextHop }),
  );
}
