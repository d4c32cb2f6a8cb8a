/**
 * Registrations at this server: RFC 2332 §5.2.3, §5.2.4 with uniqueness (code 14), takeover, authorisation by asking,
 * and the Cisco NAT extension. A binding is made only after every check has passed; the reply says what became of each CIE.
 */
import { type CacheEntry, CacheFlag } from '../../cache/entry.js';
import { formatPrefix, hostBits, type IpAddress, type IpPrefix } from '../../wire/address.js';
import { type Endpoint, endpointEquals, endpointKey } from '../../wire/path.js';
import type { Cie } from '../codec/cie.js';
import type { Extension } from '../codec/extension.js';
import type { CieMessage } from '../codec/message.js';
import { CieCode, ErrorCode, ExtensionType, PacketType } from '../codec/numbers.js';
import type { Answer } from './api.js';
import { type Arrival, type Claim, claimOf, conflictOf } from './claim.js';
import type { EngineContext } from './context.js';
import type { Errors } from './errors.js';
import { hasUnknownCompulsory, replyExtensions } from './extensions.js';
import { groupOf } from './group.js';
import { cieOf, ciesOf, mapExtension, plainAddress } from './messages.js';
import { registrantOf } from './nat.js';
import type { NhsSet } from './nhs-set.js';
import type { Questions } from './questions.js';
import { seenPortExtension } from './seen-port.js';

const AUTHORIZATION_WAIT_MS = 10_000;

export interface RegistrarParts {
  readonly context: EngineContext;
  readonly errors: Errors;
  readonly questions: Questions;
  readonly servers: NhsSet;
  /** A mapping that others were given is no longer so. */
  readonly moved: (now: number, entry: CacheEntry) => void;
}

/** A registration about which the caller is being asked; repeated meanwhile, the last one is answered. */
interface Asked {
  arrival: Arrival;
  readonly key: string;
}

export class Registrar {
  /** One for each open question: bounded as those are. */
  readonly #asked = new Map<string, Asked>();

  constructor(readonly parts: RegistrarParts) {}

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
    const source = plainAddress(message.sourceProtocolAddress);
    const claimedNbma = plainAddress(message.sourceNbmaAddress);
    if (source === null || claimedNbma === null) return context.drop('unsupported', from);
    const arrival: Arrival = { message, from, source, claimedNbma };
    if (context.config.authorize)
      return this.#askAbout(now, { ...arrival, message: detached(message) });
    const cies = message.cies.map((cie) => this.#accept(now, arrival, cie, null));
    this.#reply(now, arrival, cies);
  }

  /** A retransmission (§5.2.0.1: same source, same id) is no second question: it takes the place of the first. */
  #askAbout(now: number, arrival: Arrival): void {
    const key = askedKey(arrival);
    const open = this.#asked.get(key);
    if (open !== undefined) {
      open.arrival = arrival;
      return;
    }
    const asked = { arrival, key };
    this.#asked.set(key, asked);
    this.#authorize(now, asked, []);
  }

  /** Asks about one CIE after another: each may claim another address. */
  #authorize(now: number, asked: Asked, answered: readonly Cie[]): void {
    const { context, questions } = this.parts;
    const { arrival } = asked;
    const cie = arrival.message.cies[answered.length];
    if (cie === undefined) return this.#answer(now, asked, answered);
    const { prefix, nbma, claimedNbma, holdingTimeSeconds } = claimOf(
      this.parts.context,
      arrival,
      cie,
    );
    const question = {
      kind: 'authorize-registration',
      tunnel: context.config.tunnel,
      protocolAddress: prefix.address,
      prefixLength: prefix.length,
      ...{ nbma, claimedNbma, holdingTimeSeconds },
      group: groupOf(arrival.message),
    } as const;
    const isAsked = questions.ask(now, question, AUTHORIZATION_WAIT_MS, (at, answer) =>
      this.#authorize(at, asked, [...answered, this.#decided(at, asked.arrival, cie, answer)]),
    );
    if (isAsked) return;
    const rest = arrival.message.cies.slice(answered.length);
    const refusals = rest.map((c) => this.#refuse(arrival, c, CieCode.INSUFFICIENT_RESOURCES));
    this.#answer(now, asked, [...answered, ...refusals]);
  }

  #answer(now: number, { arrival, key }: Asked, cies: readonly Cie[]): void {
    this.#asked.delete(key);
    this.#reply(now, arrival, cies);
  }

  #decided(now: number, arrival: Arrival, cie: Cie, answer: Answer | null): Cie {
    if (answer?.kind !== 'accept')
      return this.#refuse(arrival, cie, CieCode.ADMINISTRATIVELY_PROHIBITED);
    return this.#accept(now, arrival, cie, answer.holdingTimeSeconds ?? null);
  }

  #accept(now: number, arrival: Arrival, cie: Cie, holdingTimeSeconds: number | null): Cie {
    const asked = claimOf(this.parts.context, arrival, cie);
    const claim = holdingTimeSeconds === null ? asked : { ...asked, holdingTimeSeconds };
    const code = this.#register(now, arrival, claim);
    if (code !== CieCode.SUCCESS) this.#refused(arrival, claim, code);
    return answerTo(cie, code, claim.holdingTimeSeconds);
  }

  #refuse(arrival: Arrival, cie: Cie, code: number): Cie {
    this.#refused(arrival, claimOf(this.parts.context, arrival, cie), code);
    return answerTo(cie, code, 0);
  }

  /** Makes or refreshes the binding; the CIE code that says how it went. */
  #register(now: number, arrival: Arrival, claim: Claim): number {
    const { context } = this.parts;
    const { cache, bindings } = context;
    const conflict = conflictOf(this.parts, now, claim);
    if (conflict !== CieCode.SUCCESS) return conflict;
    const before = slotEntry(cache.findPrefix(claim.prefix, now), (slot) => cache.entry(slot));
    const behindNat = !claim.claimedNbma.equals(claim.nbma.address);
    const result = bindings.set(now, {
      kind: 'dynamic',
      prefix: claim.prefix,
      nbma: claim.nbma,
      claimedNbma: behindNat ? claim.claimedNbma : null,
      flags:
        CacheFlag.REGISTERED |
        (claim.unique ? CacheFlag.UNIQUE : 0) |
        (behindNat ? CacheFlag.NAT : 0),
      mtu: claim.cie.mtu,
      holdingTimeSeconds: claim.holdingTimeSeconds,
      expiresAt: now + claim.holdingTimeSeconds * 1_000,
      requestId: arrival.message.requestId,
      preference: claim.cie.preference,
      group: groupOf(arrival.message),
      registrant: arrival.from,
    });
    if (result.kind === 'refused-peer-limit' || result.kind === 'refused-full')
      return CieCode.INSUFFICIENT_RESOURCES;
    const stands = result.kind === 'refused-precedence';
    if (stands && !isKnownSo(result.before, claim)) return CieCode.ADMINISTRATIVELY_PROHIBITED;
    context.counters.registrationsAccepted++;
    if (!stands) this.#announce(now, before, cache.entry(result.slot));
    return CieCode.SUCCESS;
  }

  #announce(now: number, before: CacheEntry | null, entry: CacheEntry): void {
    const { context, moved } = this.parts;
    if (entry.nbma === null) return;
    const isRefresh =
      before?.kind === 'dynamic' && before.nbma !== null && endpointEquals(before.nbma, entry.nbma);
    if (isRefresh) return;
    if (before?.kind === 'dynamic') moved(now, before);
    context.event({
      type: 'spoke-registered',
      tunnel: context.config.tunnel,
      protocolAddress: formatPrefixOrHost(entry.prefix),
      nbma: context.text(entry.nbma),
      claimedNbma: (entry.claimedNbma ?? entry.nbma.address).toString(),
      unique: (entry.flags & CacheFlag.UNIQUE) !== 0,
      holdingTimeSeconds: entry.holdingTimeSeconds,
    });
  }

  #refused(arrival: Arrival, claim: Claim, code: number): void {
    const { context } = this.parts;
    context.counters.registrationsRefused++;
    context.event({
      type: 'registration-refused',
      tunnel: context.config.tunnel,
      protocolAddress: formatPrefixOrHost(claim.prefix),
      nbma: context.text(arrival.from),
      code,
    });
  }

  #reply(now: number, arrival: Arrival, cies: readonly Cie[]): void {
    const { context } = this.parts;
    const { message, from, source } = arrival;
    const destination = plainAddress(message.destinationProtocolAddress);
    const keeps = destination !== null && context.isOwn(destination);
    const reply: CieMessage = {
      ...message,
      type: PacketType.REGISTRATION_REPLY,
      hopCount: context.config.hopCount,
      destinationProtocolAddress: keeps ? destination : context.config.address,
      cies,
      extensions: this.#extensions(arrival, source),
    };
    if (!context.peers.isUp(from)) return context.drop('peer-not-up', from);
    context.send(now, reply, from);
  }

  #extensions(
    { message, from, claimedNbma }: Arrival,
    source: IpAddress,
  ): readonly Extension[] | null {
    const { config, nbmaAddress } = this.parts.context;
    const responder = cieOf({
      mtu: config.mtu,
      holdingTimeSeconds: config.holdingTimeSeconds,
      nbmaAddress,
      protocolAddress: config.address,
    });
    const station = { protocolAddress: source, claimedNbma, from };
    const outer = registrantOf(this.parts.context, message, station).address;
    const outside = cieOf({
      prefixLength: hostBits(source.family),
      nbmaAddress: outer,
      protocolAddress: source,
    });
    const behindNat = !claimedNbma.equals(outer);
    const filled = mapExtension(replyExtensions(message), ExtensionType.RESPONDER_ADDRESS, (e) => ({
      ...e,
      cies: [responder],
    }));
    const asked = ciesOf(message, ExtensionType.NAT_ADDRESS) ?? [];
    const answered = mapExtension(filled, ExtensionType.NAT_ADDRESS, (e) => ({
      ...e,
      cies: behindNat ? [...asked, outside] : asked,
    }));
    const { defaultPort } = config;
    if (answered === null || defaultPort === 0 || (!behindNat && from.port === defaultPort))
      return answered;
    const seen = { protocolAddress: source, nbma: from, independent: false };
    return [...answered, seenPortExtension([seen])];
  }
}

/** A server of ours, or a station that is mapped here, registers what stands already: it may, and nothing changes. */
const isKnownSo = (before: CacheEntry | null, { nbma }: Claim): boolean =>
  before !== null && before.nbma !== null && endpointEquals(before.nbma, nbma);

/** The request's CIE with our verdict; a refusal holds for no time (§5.2.0.1). */
const answerTo = (cie: Cie, code: number, seconds: number): Cie => ({
  ...cie,
  code,
  holdingTimeSeconds: code === CieCode.SUCCESS ? seconds : 0,
});

const slotEntry = (slot: number, read: (slot: number) => CacheEntry): CacheEntry | null =>
  slot < 0 ? null : read(slot);

const formatPrefixOrHost = (p: IpPrefix): string =>
  p.length === hostBits(p.address.family) ? p.address.toString() : formatPrefix(p);

/**
 * The same for retransmissions alone. Whence it came and all that it claims stand in it: an answer is about that, and
 * must not serve somebody who repeats the id with another claim.
 */
const askedKey = ({ message, from, source, claimedNbma }: Arrival): string =>
  [
    ...[endpointKey(from), source, claimedNbma, message.requestId, message.flags, groupOf(message)],
    ...message.cies.flatMap((cie) => [
      ...[cie.prefixLength, cie.holdingTimeSeconds, cie.mtu, cie.preference],
      ...[plainAddress(cie.nbmaAddress), plainAddress(cie.protocolAddress)],
    ]),
  ].join(' ');

/** A message that outlives the call in which its octets were lent: views are copied (a Buffer's `slice` is a view). */
const detached = (message: CieMessage): CieMessage => ({
  ...message,
  extensions:
    message.extensions?.map((e) => {
      if (e.kind === 'vendor' || e.kind === 'authentication') {
        return { ...e, data: new Uint8Array(e.data) };
      }
      return e.kind === 'unknown' ? { ...e, octets: new Uint8Array(e.octets) } : e;
    }) ?? null,
});
