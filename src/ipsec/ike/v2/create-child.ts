/**
 * CREATE_CHILD_SA for Child SAs, new and in place of another: RFC 7296 §1.3.1, §1.3.3, §2.8, §2.8.1, §2.25.
 *
 *   what comes in          while here                           answer
 *   rekey of a child       it is unknown                        CHILD_SA_NOT_FOUND
 *                          its Delete or a successor is out     TEMPORARY_FAILURE
 *                          our own rekey of it is out           yes; the lowest nonce decides later
 *   new child, rekey       our rekey of the IKE SA is out,      TEMPORARY_FAILURE
 *                          or its Delete
 */
import { type DhExchange, randomOctets } from '../../crypto.js';
import { DH_GROUPS, type DhGroup } from '../../suites.js';
import type { Agreement } from '../key-schedule.js';
import { EXCHANGE, NOTIFY } from '../numbers.js';
import type { IkePayload, NotifyPayload } from '../payload.js';
import {
  acceptChild,
  type ChildSa,
  checkChildResponse,
  childBySender,
  childRequest,
  childResponse,
  currentChild,
  espSpiBytes,
  installChild,
} from './child.js';
import { loses } from './collision.js';
import type { IkeContext } from './context.js';
import type { IkeSa, Reply } from './ike-sa.js';
import { deleteChildTask } from './informational.js';
import { NONCE_OCTETS } from './init.js';
import {
  errorIn,
  hasNotification,
  kePayload,
  noncePayload,
  notificationsOf,
  notify,
  notifyChild,
  payloadOf,
} from './payloads.js';
import type { Chosen, EspSuite } from './proposals.js';
import { respondRekeyIke } from './rekey-ike.js';
import { invalidKe } from './respond-init.js';
import { randomFraction, type Task } from './window.js';

/** Asks for a child: a first one, or one in place of `old`. */
export function childTask(context: IkeContext, old: ChildSa | null): Task {
  return new ChildExchangeTask(context, old, null);
}

class ChildExchangeTask implements Task {
  readonly kind: 'create-child' | 'rekey-child';
  readonly exchangeType: number = EXCHANGE.CREATE_CHILD_SA;
  readonly #context: IkeContext;
  readonly #old: ChildSa | null;
  readonly #group: DhGroup | null;
  #inboundSpi = 0;
  #nonce: Uint8Array = new Uint8Array(0);
  #dh: DhExchange | null = null;

  /** @param group null for the first of our own list. */
  constructor(context: IkeContext, old: ChildSa | null, group: DhGroup | null) {
    this.kind = old === null ? 'create-child' : 'rekey-child';
    this.#context = context;
    this.#old = old;
    this.#group = group ?? preferredGroup(context);
  }

  request(sa: IkeSa): readonly IkePayload[] | null {
    const { crypto } = this.#context;
    const old = this.#old;
    if (!sa.isEstablished || (old === null ? currentChild(sa) !== null : !isCurrent(sa, old)))
      return null;
    if (old !== null) old.state = 'rekeying';
    this.#inboundSpi = this.#context.newEspSpi();
    this.#nonce = randomOctets(crypto, NONCE_OCTETS);
    this.#dh = this.#group === null ? null : crypto.openDh(this.#group);
    const rekeys = old === null ? [] : [notifyChild(NOTIFY.REKEY_SA, espSpiBytes(old.inboundSpi))];
    const ke =
      this.#group === null || this.#dh === null
        ? []
        : [kePayload(this.#group.number, this.#dh.publicValue)];
    return [...rekeys, ...childRequest(sa, this.#inboundSpi, [noncePayload(this.#nonce), ...ke])];
  }

  complete(sa: IkeSa, now: number, response: readonly IkePayload[]): void {
    const old = this.#old;
    const made = this.#make(sa, response);
    this.#dh?.wipe();
    if (made === null) {
      this.#context.freeEspSpi(this.#inboundSpi);
      if (old?.state === 'rekeying') old.state = 'installed';
      return this.#refused(sa, now, response);
    }
    if (old !== null) settleRekey(sa, now, old, made);
    else settleNew(sa, now, made);
  }

  abandon(): void {
    this.#dh?.wipe();
    this.#context.freeEspSpi(this.#inboundSpi);
    if (this.#old?.state === 'rekeying') this.#old.state = 'installed';
  }

  #make(sa: IkeSa, response: readonly IkePayload[]): ChildSa | null {
    if (errorIn(response) !== null) return null;
    const chosen = checkChildResponse(sa, response, true);
    const nonce = payloadOf(response, 'nonce')?.data;
    if (typeof chosen === 'string' || nonce === undefined) return null;
    const shared = this.#shared(chosen, response);
    if (shared === 'wrong') return null;
    const agreement = { initiatorNonce: this.#nonce, responderNonce: nonce.slice(), shared };
    const inboundSpi = this.#inboundSpi;
    const replaces = this.#old?.inboundSpi ?? null;
    return installed(sa, { initiatedHere: true, inboundSpi, chosen, agreement, replaces });
  }

  /** g^ir, or null without a group; `wrong` when the answer does not go with the request. */
  #shared(chosen: Chosen<EspSuite>, response: readonly IkePayload[]): Uint8Array | null | 'wrong' {
    const { group } = chosen.suite;
    const ke = payloadOf(response, 'ke');
    if (group === null) return null;
    if (ke?.group !== group.number || group !== this.#group) return 'wrong';
    return this.#dh?.derive(ke.data) ?? 'wrong';
  }

  #refused(sa: IkeSa, now: number, response: readonly IkePayload[]): void {
    const old = this.#old;
    const [wrongGroup] = notificationsOf(response, NOTIFY.INVALID_KE_PAYLOAD);
    const group = wrongGroup === undefined ? null : groupIn(this.#context, wrongGroup);
    if (group !== null && group !== this.#group) {
      sa.requests.add(new ChildExchangeTask(this.#context, old, group));
    } else if (hasNotification(response, NOTIFY.TEMPORARY_FAILURE)) {
      sa.requests.add(childTask(this.#context, old), now + retryMs(this.#context));
    } else if (old !== null && hasNotification(response, NOTIFY.CHILD_SA_NOT_FOUND)) {
      sa.dropChild(old, 'peer');
      this.#context.childGone(sa);
    } else if (old === null) {
      const why = checkChildResponse(sa, response, true);
      this.#context.failed(now, sa, typeof why === 'string' ? why : 'malformed');
    }
  }
}

/** Answers a request for a child, a rekeyed child or a rekeyed IKE SA. */
export function respondCreateChild(sa: IkeSa, now: number, request: readonly IkePayload[]): Reply {
  const proposals = payloadOf(request, 'sa')?.proposals ?? [];
  if (proposals.some((p) => p.protocol === 1)) return respondRekeyIke(sa, now, request);
  const rekeyingIke = sa.requests.outstanding?.kind === 'rekey-ike';
  if (!sa.isEstablished || rekeyingIke) return refusedWith(notify(NOTIFY.TEMPORARY_FAILURE));
  const [rekeys] = notificationsOf(request, NOTIFY.REKEY_SA);
  const old = rekeys === undefined ? null : childBySender(sa, rekeys.spi);
  if (rekeys !== undefined && old === null)
    return refusedWith(notifyChild(NOTIFY.CHILD_SA_NOT_FOUND, rekeys.spi));
  if (old?.state === 'deleting' || old?.state === 'replaced')
    return refusedWith(notify(NOTIFY.TEMPORARY_FAILURE));
  if (sa.children.size >= sa.context.settings.limits.children)
    return refusedWith(notify(NOTIFY.NO_ADDITIONAL_SAS));
  return makeAsResponder(sa, now, request, old);
}

function makeAsResponder(
  sa: IkeSa,
  now: number,
  request: readonly IkePayload[],
  old: ChildSa | null,
): Reply {
  const { crypto } = sa.context;
  const chosen = acceptChild(sa, request, true);
  const initiatorNonce = payloadOf(request, 'nonce')?.data.slice();
  if (typeof chosen === 'number') return refusedWith(notify(chosen));
  if (initiatorNonce === undefined) return refusedWith(notify(NOTIFY.INVALID_SYNTAX));
  const key = agree(sa.context, chosen.suite.group, request);
  if ('kind' in key) return refusedWith(key);
  const responderNonce = randomOctets(crypto, NONCE_OCTETS);
  const agreement: Agreement = { initiatorNonce, responderNonce, shared: key.shared };
  const inboundSpi = sa.context.newEspSpi();
  const ours = [noncePayload(responderNonce), ...key.payloads];
  const payloads = childResponse(sa, chosen, inboundSpi, ours);
  const after = (): void => {
    const replaces = old?.inboundSpi ?? null;
    const made = installed(sa, { initiatedHere: false, inboundSpi, chosen, agreement, replaces });
    if (old === null) settleNew(sa, now, made);
    else if (old.state === 'rekeying') old.rival = made;
    else sa.leaveToPeer(now, old, 'replaced');
  };
  return { payloads, after };
}

/** Our half of a key exchange: nothing for null. */
interface KeyHalf {
  readonly shared: Uint8Array | null;
  readonly payloads: readonly IkePayload[];
}

/** The responder's part of a key exchange in CREATE_CHILD_SA, or the notification that refuses it. */
export function agree(
  { crypto }: IkeContext,
  group: DhGroup | null,
  request: readonly IkePayload[],
): KeyHalf | NotifyPayload {
  if (group === null) return { shared: null, payloads: [] };
  const ke = payloadOf(request, 'ke');
  if (ke?.group !== group.number) return invalidKe(group);
  const dh = crypto.openDh(group);
  const shared = dh.derive(ke.data);
  const payloads = [kePayload(group.number, dh.publicValue)];
  dh.wipe();
  return shared === null ? notify(NOTIFY.INVALID_SYNTAX) : { shared, payloads };
}

export const refusedWith = (n: NotifyPayload): Reply => ({ payloads: [n] });

/** How long to wait after TEMPORARY_FAILURE, by chance, so that both ends do not meet again (§2.25). */
export const retryMs = ({ crypto }: IkeContext): number =>
  Math.round(1_000 + 4_000 * randomFraction(crypto));

/**
 * Our exchange made `made` in place of `old`; the other end may have made one too (§2.8.1), and may even have
 * deleted the old one before its answer reached us.
 */
function settleRekey(sa: IkeSa, now: number, old: ChildSa, made: ChildSa): void {
  const { rival } = old;
  const isContested = rival !== null && sa.children.has(rival.inboundSpi);
  const isOldThere = sa.children.has(old.inboundSpi);
  if (isContested && loses(made.agreement, rival.agreement)) {
    removeOurs(sa, made);
    if (isOldThere) sa.leaveToPeer(now, old, 'replaced');
  } else {
    if (isOldThere) removeOurs(sa, old);
    if (isContested) sa.leaveToPeer(now, rival, 'duplicate');
  }
}

function removeOurs(sa: IkeSa, child: ChildSa): void {
  child.state = 'replaced';
  sa.requests.add(deleteChildTask(child, 'superseded'));
}

/**
 * A child beside another one. If both ends asked at the same time, the lowest nonce decides; if one end asked
 * twice, it does not know of the first any more.
 */
function settleNew(sa: IkeSa, now: number, made: ChildSa): void {
  for (const other of sa.children.values()) {
    if (other === made || other.state !== 'installed') continue;
    const isAgain = other.initiatedHere === made.initiatedHere;
    const loser = !isAgain && loses(made.agreement, other.agreement) ? made : other;
    if (loser.initiatedHere) removeOurs(sa, loser);
    else sa.leaveToPeer(now, loser, 'duplicate');
    if (loser === made) return;
  }
}

function installed(sa: IkeSa, exchange: Parameters<typeof installChild>[1]): ChildSa {
  const made = installChild(sa, exchange);
  exchange.agreement.shared?.fill(0);
  return made;
}

const isCurrent = (sa: IkeSa, child: ChildSa): boolean =>
  sa.children.get(child.inboundSpi) === child && child.state === 'installed';

function preferredGroup({ settings }: IkeContext): DhGroup | null {
  const group = settings.esp[0]?.groups[0];
  return group === undefined || group === 'none' ? null : DH_GROUPS[group];
}

function groupIn({ settings }: IkeContext, { data }: NotifyPayload): DhGroup | null {
  const wanted = ((data[0] ?? 0) << 8) | (data[1] ?? 0);
  const groups = settings.esp.flatMap((p) => p.groups);
  const group = groups.find((number) => number === wanted);
  return group === undefined || group === 'none' ? null : DH_GROUPS[group];
}
