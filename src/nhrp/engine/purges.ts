/**
 * Purges: RFC 2332 §5.2.5, §5.2.6. A station takes back what it registered or gave; a server passes that on to all
 * whom it gave the mapping. Only the owner of a registration, or the side that gave a cached mapping, can purge it.
 */
import { NONE } from '../../cache/cache.js';
import { PrefixSet } from '../../cache/prefix-set.js';
import {
  formatPrefix,
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

/** Who sent a Purge Request: the endpoint that it came from, the protocol address that it names as its source. */
interface Sender {
  readonly from: Endpoint;
  readonly source: IpAddress | null;
  readonly isServer: boolean;
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
    this.#purge(now, message, from);
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
    this.#spread(now, new PrefixSet([prefix]), by);
  }

  #spread(now: number, prefixes: PrefixSet, by: Endpoint | null): void {
    for (const one of this.parts.given.take(now, prefixes))
      this.#tell(now, one, { prefixes, nbma: by ?? this.#wayTo(now, one) });
  }

  /** Direct where that is possible by now: the answer itself may have gone by a server. */
  #wayTo(now: number, { to, toNbma }: Given): Endpoint {
    const { kind, nbma } = this.parts.context.locator.locate(now, to);
    return kind === 'direct' && nbma !== null ? nbma : toNbma;
  }

  /** By command: forgets the prefix here and everywhere it was given to. */
  purge(now: number, prefix: IpPrefix): void {
    const { cache, bindings } = this.parts.context;
    for (const slot of cache.slotsWithin(new PrefixSet([prefix]), now)) {
      const { kind, prefix: held } = cache.entry(slot);
      if (kind === 'static' || kind === 'local') continue;
      bindings.remove(now, cache.findPrefix(held, now), 'purged');
    }
    this.parts.shortcuts.removeWithin(prefix, 'purged');
    this.spread(now, prefix);
  }

  /** However many prefixes the message names: each table is walked once at most. */
  #purge(now: number, message: CieMessage, from: Endpoint): void {
    const { context, redirects, shortcuts } = this.parts;
    const prefixes = prefixesOf(message);
    for (const prefix of prefixes) {
      context.event({
        type: 'purge-received',
        tunnel: context.config.tunnel,
        prefix: formatPrefix(prefix),
        from: context.text(from),
      });
      redirects.forget(prefix.address);
    }
    const source = plainAddress(message.sourceProtocolAddress);
    const sender: Sender = { from, source, isServer: this.#mayPurgeCached(from) };
    this.#purgeEntries(now, prefixes, sender);
    if (sender.isServer || source !== null)
      shortcuts.removePurged(new PrefixSet(prefixes), sender.isServer ? null : source);
  }

  #purgeEntries(now: number, prefixes: readonly IpPrefix[], sender: Sender): void {
    const { cache, bindings } = this.parts.context;
    const gone: IpPrefix[] = [];
    for (const slot of this.#slotsWithin(now, prefixes, sender)) {
      if (!this.#mayPurge(slot, sender)) continue;
      gone.push(cache.prefixOf(slot));
    }
    for (const prefix of gone) bindings.remove(now, cache.findPrefix(prefix, now), 'purged');
    if (gone.length > 0) this.#spread(now, new PrefixSet(gone), null);
  }

  /** A host is looked up. For wider prefixes only a server of ours is worth a walk: others purge what is their own. */
  #slotsWithin(
    now: number,
    prefixes: readonly IpPrefix[],
    { from, source, isServer }: Sender,
  ): ReadonlySet<number> {
    const { cache } = this.parts.context;
    const slots = new Set(prefixes.map((prefix) => cache.findPrefix(prefix, now)));
    const wide = new PrefixSet(prefixes.filter((p) => p.length < hostBits(p.address.family)));
    if (!wide.isEmpty) {
      const own = source === null ? NONE : cache.find(source, now);
      const among = isServer ? undefined : new Set(cache.byNbma(from)).add(own);
      among?.delete(NONE);
      for (const slot of cache.slotsWithin(wide, now, among)) slots.add(slot);
    }
    slots.delete(NONE);
    return slots;
  }

  #mayPurge(slot: number, sender: Sender): boolean {
    const { cache } = this.parts.context;
    const nbma = cache.nbmaOf(slot);
    const kind = cache.kindOf(slot);
    if (nbma === null || (kind !== 'dynamic' && kind !== 'cached')) return false;
    if (kind === 'cached' && sender.isServer) return true;
    return endpointEquals(nbma, sender.from) || this.#isTakeover(slot, sender);
  }

  /** A station that comes back from another NBMA address purges what it left, when the policy lets it. */
  #isTakeover(slot: number, { source }: Sender): boolean {
    const { cache, config } = this.parts.context;
    if (config.takeover !== 'always' || source === null) return false;
    return source.equals(cache.prefixOf(slot).address);
  }

  /** What we were told by a server, a server takes back. */
  #mayPurgeCached(from: Endpoint): boolean {
    return this.parts.servers.at(from) !== null;
  }

  /** @param gone - What is no longer so: of an answer the next hop, the prefix behind it, or both. */
  #tell(
    now: number,
    one: Given,
    { prefixes: gone, nbma }: { prefixes: PrefixSet; nbma: Endpoint },
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

/** A CIE without an address means the header's. */
function prefixesOf({ cies, sourceProtocolAddress }: CieMessage): readonly IpPrefix[] {
  return cies.flatMap((cie) => {
    const address = plainAddress(cie.protocolAddress) ?? plainAddress(sourceProtocolAddress);
    if (address === null) return [];
    const length = prefixBits(cie.prefixLength, address);
    return [{ address: maskAddress(address, length), length }];
  });
}

function ciesFor(gone: PrefixSet, { prefix, nextHop }: Given): readonly Cie[] {
  const prefixes = [prefix];
  const isApart = !prefixContains(prefix, nextHop);
  if (isApart && gone.has(nextHop)) prefixes.push(hostPrefix(nextHop));
  return prefixes.map(({ address, length }) =>
    cieOf({ prefixLength: length, protocolAddress: isApart ? address : nextHop }),
  );
}
