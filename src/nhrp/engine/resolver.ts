/** What a Resolution Reply, or an error about a request of ours, means: RFC 2332 §5.2.2, facts C.3 and C.9. */
import { CacheFlag } from '../../cache/entry.js';
import { hostPrefix, type IpAddress } from '../../wire/address.js';
import type { Endpoint } from '../../wire/path.js';
import type { Cie } from '../codec/cie.js';
import type { CieMessage } from '../codec/message.js';
import { CieCode, ErrorCode, ExtensionType, ResolutionFlag } from '../codec/numbers.js';
import type { EngineContext } from './context.js';
import type { Errors } from './errors.js';
import { ciesOf, plainAddress, prefixBits } from './messages.js';
import { reachOf } from './nat.js';
import type { NhsSet } from './nhs-set.js';
import { isNoBinding, type Pending, type Resolutions } from './resolution.js';
import type { Shortcuts } from './shortcuts.js';

export interface ResolverParts {
  readonly context: EngineContext;
  readonly servers: NhsSet;
  readonly errors: Errors;
  readonly resolutions: Resolutions;
  readonly shortcuts: Shortcuts;
}

export class Resolver {
  constructor(readonly parts: ResolverParts) {}

  handleReply(now: number, message: CieMessage, octets: Uint8Array, from: Endpoint): void {
    const { context, resolutions, errors } = this.parts;
    const pending = resolutions.find(message.requestId);
    if (resolutions.wasAnswered(message.requestId)) return context.drop('stale', from);
    if (pending === null || !isAbout(message, pending.destination)) {
      context.drop('unsolicited', from); // RFC 2332 §5.2.2: error 10
      return errors.report(now, {
        message,
        octets,
        from,
        code: ErrorCode.INVALID_RESOLUTION_REPLY,
        offset: 0,
      });
    }
    if (this.#isOurOwnAnswer(message)) {
      context.drop('loop', from);
      resolutions.fail(now, pending, 'loop');
      return errors.report(now, {
        message,
        octets,
        from,
        code: ErrorCode.LOOP_DETECTED,
        offset: 0,
      });
    }
    const cie = bestOf(message.cies);
    if (cie === null) return this.#negative(now, message, pending);
    this.#install(now, message, cie, pending, from);
  }

  /** An Error Indication that quotes our request: a hint, so the worst it can do is end a resolution. */
  handleError(now: number, requestId: number, code: number): boolean {
    const pending = this.parts.resolutions.find(requestId);
    if (pending === null) return false;
    this.parts.resolutions.fail(now, pending, `error ${code}`);
    return true;
  }

  #install(now: number, message: CieMessage, cie: Cie, pending: Pending, from: Endpoint): void {
    const { context, resolutions } = this.parts;
    const responder = plainAddress(cie.protocolAddress) ?? pending.destination;
    const via = this.parts.context.isOnLink(pending.destination) ? pending.destination : responder;
    const claimed = plainAddress(cie.nbmaAddress);
    const station = { protocolAddress: responder, claimedNbma: claimed, from };
    const { nbma } = reachOf(context, this.parts.servers, message, station);
    const isBad = !context.mayBeRemote(via) || context.isOwn(via) || cie.holdingTimeSeconds === 0;
    if (nbma === null || isBad || nbma.address.equals(context.nbmaAddress)) {
      context.drop('refused', from);
      return resolutions.fail(now, pending, nbma === null ? 'no direct way' : 'unusable answer');
    }
    resolutions.finish(pending);
    this.#clearMark(now, pending.destination);
    this.#setEntry(now, message, cie, via, nbma);
    this.#shorten(now, cie, via, pending);
  }

  #setEntry(now: number, message: CieMessage, cie: Cie, via: IpAddress, nbma: Endpoint): void {
    const claimed = plainAddress(cie.nbmaAddress);
    const behindNat = claimed !== null && !claimed.equals(nbma.address);
    const flags = [
      behindNat ? CacheFlag.NAT : 0,
      message.flags & ResolutionFlag.AUTHORITATIVE ? CacheFlag.AUTHORITATIVE : 0,
      message.flags & ResolutionFlag.UNIQUE ? CacheFlag.UNIQUE : 0,
      message.flags & ResolutionFlag.DESTINATION_STABLE ? CacheFlag.SOURCE_STABLE : 0,
    ];
    this.parts.context.bindings.set(now, {
      kind: 'cached',
      prefix: hostPrefix(via),
      nbma,
      claimedNbma: behindNat ? claimed : null,
      flags: flags.reduce((sum, flag) => sum | flag, 0),
      mtu: cie.mtu,
      holdingTimeSeconds: cie.holdingTimeSeconds,
      expiresAt: now + cie.holdingTimeSeconds * 1_000,
      requestId: message.requestId,
      preference: cie.preference,
    });
  }

  /** A host on the tunnel needs no route of its own where its next hop is itself already. */
  #shorten(now: number, cie: Cie, via: IpAddress, pending: Pending): void {
    const { shortcuts } = this.parts;
    const { destination } = pending;
    const told = prefixBits(cie.prefixLength, destination);
    const prefix = via.equals(destination)
      ? hostPrefix(destination)
      : shortcuts.clamp(destination, told);
    shortcuts.install(now, destination, prefix, via, cie.holdingTimeSeconds);
  }

  #negative(now: number, message: CieMessage, pending: Pending): void {
    const code = message.cies[0]?.code ?? CieCode.NO_BINDING;
    this.parts.resolutions.fail(now, pending, isNoBinding(code) ? 'no binding' : `code ${code}`);
  }

  /** RFC 2332 §5.3.1: the responder must not be ourselves. */
  #isOurOwnAnswer(message: CieMessage): boolean {
    const responder = ciesOf(message, ExtensionType.RESPONDER_ADDRESS)?.[0];
    const address = plainAddress(responder?.protocolAddress ?? null);
    return address !== null && this.parts.context.isOwn(address);
  }

  /** The incomplete entry has done its work; where it stands for a next hop it is overwritten anyway. */
  #clearMark(now: number, destination: IpAddress): void {
    const { cache, bindings } = this.parts.context;
    const slot = cache.find(destination, now);
    if (slot >= 0 && cache.kindOf(slot) === 'incomplete') bindings.remove(now, slot, 'replaced');
  }
}

/** A reply keeps the destination of its request. */
const isAbout = (message: CieMessage, destination: IpAddress): boolean =>
  plainAddress(message.destinationProtocolAddress)?.equals(destination) ?? false;

/** Of several CIEs without an error the most preferred one (§5.2.0.1); the first among equals. */
function bestOf(cies: readonly Cie[]): Cie | null {
  let best: Cie | null = null;
  for (const cie of cies) {
    if (cie.code === CieCode.SUCCESS && (best === null || cie.preference > best.preference))
      best = cie;
  }
  return best;
}
