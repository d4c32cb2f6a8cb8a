/**
 * A new IKE SA in place of an old one: RFC 7296 §1.3.2, §2.8.2, §2.18, §2.25.2.
 *
 *   what comes in       while here                                    answer
 *   rekey               an exchange for a child is out, or a Delete   TEMPORARY_FAILURE
 *                       our own rekey is out                          yes; the lowest nonce decides later
 *   Delete of the old   our own rekey is out                          yes; what the other end made takes over
 *
 * Who asked for the successor that survives deletes the old IKE SA, and who asked for the other one deletes that.
 */
import { readU64, writeU64 } from '../../../wire/bytes.js';
import { type DhExchange, randomOctets } from '../../crypto.js';
import { DH_GROUPS, type DhGroupNumber } from '../../suites.js';
import { type IkeSuite, rekeyedSkeyseed } from '../key-schedule.js';
import { EXCHANGE, NOTIFY } from '../numbers.js';
import type { IkePayload } from '../payload.js';
import { loses, type NoncePair } from './collision.js';
import { agree, refusedWith, retryMs } from './create-child.js';
import { IkeSa, type Reply } from './ike-sa.js';
import { NONCE_OCTETS } from './init.js';
import {
  errorIn,
  hasNotification,
  kePayload,
  noncePayload,
  notificationsOf,
  notify,
  payloadOf,
  saPayload,
} from './payloads.js';
import { type Chosen, chooseIke, ikeAnswer, ikeProposals, isAnswer } from './proposals.js';
import type { Task } from './window.js';

const SPI_OCTETS = 8;
/** After so long without success the IKE SA is closed at its deadline instead. */
const RETRY_AFTER_REFUSAL_MS = 60_000;

export const rekeyIkeTask = (): Task => new RekeyIkeTask(null);

class RekeyIkeTask implements Task {
  readonly kind = 'rekey-ike';
  readonly exchangeType: number = EXCHANGE.CREATE_CHILD_SA;
  #group: DhGroupNumber | null;
  #spi = 0n;
  #nonce: Uint8Array = new Uint8Array(0);
  #dh: DhExchange | null = null;

  /** @param group null: the one that the old IKE SA was made with. */
  constructor(group: DhGroupNumber | null) {
    this.#group = group;
  }

  request(sa: IkeSa): readonly IkePayload[] | null {
    if (!sa.isEstablished) return null;
    const { crypto, settings } = sa.context;
    this.#group ??= sa.suite.group.number;
    this.#spi = sa.context.newIkeSpi();
    this.#nonce = randomOctets(crypto, NONCE_OCTETS);
    this.#dh = crypto.openDh(DH_GROUPS[this.#group]);
    return [
      saPayload(ikeProposals(settings.ike, spiBytes(this.#spi))),
      noncePayload(this.#nonce),
      kePayload(this.#group, this.#dh.publicValue),
    ];
  }

  complete(sa: IkeSa, now: number, response: readonly IkePayload[]): void {
    const made = errorIn(response) === null ? this.#make(sa, now, response) : null;
    this.#dh?.wipe();
    if (made !== null) return settle(sa, now, made);
    if (sa.rival !== null && !sa.rival.isClosed) return sa.rival.inherit(sa, now);
    this.#refused(sa, now, response);
  }

  abandon(): void {
    this.#dh?.wipe();
  }

  #make(sa: IkeSa, now: number, response: readonly IkePayload[]): IkeSa | null {
    const answer = payloadOf(response, 'sa')?.proposals ?? [];
    const nonce = payloadOf(response, 'nonce')?.data.slice();
    const ke = payloadOf(response, 'ke');
    const chosen = isAnswer(answer) ? chooseIke(sa.context.settings.ike, answer, SPI_OCTETS) : null;
    if (chosen === null || nonce === undefined || ke?.group !== chosen.suite.group.number)
      return null;
    if (ke.group !== this.#group) return null;
    const shared = this.#dh?.derive(ke.data) ?? null;
    if (shared === null) return null;
    const agreement = { initiatorNonce: this.#nonce, responderNonce: nonce, shared };
    return successor(sa, now, { isInitiator: true, localSpi: this.#spi, chosen, agreement });
  }

  #refused(sa: IkeSa, now: number, response: readonly IkePayload[]): void {
    const [wrongGroup] = notificationsOf(response, NOTIFY.INVALID_KE_PAYLOAD);
    const data = wrongGroup?.data ?? new Uint8Array(0);
    const wanted = ((data[0] ?? 0) << 8) | (data[1] ?? 0);
    const group = sa.context.settings.ike.flatMap((p) => p.groups).find((n) => n === wanted);
    if (group !== undefined && group !== this.#group) {
      sa.requests.add(new RekeyIkeTask(group));
    } else {
      const soon = hasNotification(response, NOTIFY.TEMPORARY_FAILURE);
      const delay = soon ? retryMs(sa.context) : RETRY_AFTER_REFUSAL_MS;
      sa.requests.add(rekeyIkeTask(), now + delay);
    }
  }
}

/** Answers the other end's wish for a new IKE SA. */
export function respondRekeyIke(sa: IkeSa, now: number, request: readonly IkePayload[]): Reply {
  const { context } = sa;
  const outstanding = sa.requests.outstanding?.kind;
  const busy = outstanding?.endsWith('child');
  if (!sa.isEstablished || busy || sa.rival !== null)
    return refusedWith(notify(NOTIFY.TEMPORARY_FAILURE));
  const offered = payloadOf(request, 'sa')?.proposals ?? [];
  const initiatorNonce = payloadOf(request, 'nonce')?.data.slice();
  const chosen = chooseIke(context.settings.ike, offered, SPI_OCTETS);
  if (chosen === null) return refusedWith(notify(NOTIFY.NO_PROPOSAL_CHOSEN));
  if (initiatorNonce === undefined) return refusedWith(notify(NOTIFY.INVALID_SYNTAX));
  const key = agree(context, chosen.suite.group, request);
  if ('kind' in key) return refusedWith(key);
  const { shared } = key;
  if (shared === null) throw new Error('bug: an IKE SA without a key exchange');
  const responderNonce = randomOctets(context.crypto, NONCE_OCTETS);
  const localSpi = context.newIkeSpi();
  const agreement = { initiatorNonce, responderNonce, shared };
  const payloads = [
    saPayload([ikeAnswer(chosen, spiBytes(localSpi))]),
    noncePayload(responderNonce),
    ...key.payloads,
  ];
  const after = (): void => {
    const made = successor(sa, now, { isInitiator: false, localSpi, chosen, agreement });
    if (outstanding === 'rekey-ike') sa.rival = made;
    else {
      made.inherit(sa, now);
      sa.leaveSelfToPeer(now, 'replaced');
    }
  };
  return { payloads, after };
}

/** Both ends' exchanges may have made one (§2.8.2). */
function settle(sa: IkeSa, now: number, made: IkeSa): void {
  const { rival } = sa;
  if (rival === null || rival.isClosed) {
    made.inherit(sa, now);
    sa.delete(now, 'superseded');
  } else if (loses(noncesOf(made), noncesOf(rival))) {
    rival.inherit(sa, now);
    sa.leaveSelfToPeer(now, 'replaced');
    made.delete(now, 'superseded');
  } else {
    made.inherit(sa, now);
    rival.leaveSelfToPeer(now, 'duplicate');
    sa.delete(now, 'superseded');
  }
}

interface Made {
  readonly isInitiator: boolean;
  readonly localSpi: bigint;
  readonly chosen: Chosen<IkeSuite>;
  readonly agreement: NoncePair & { readonly shared: Uint8Array };
}

/** The new IKE SA, established at once: the old one vouches for its peer. */
function successor(sa: IkeSa, now: number, made: Made): IkeSa {
  const { isInitiator, localSpi, chosen, agreement } = made;
  const { context, path, peer, selector } = sa;
  const options = { state: 'established' as const, isInitiator, localSpi, path, peer, selector };
  const next = new IkeSa(context, options);
  next.remoteSpi = readU64(chosen.spi, 0);
  next.nat = sa.nat;
  next.peerFragments = sa.peerFragments;
  next.remoteIdentity = sa.remoteIdentity;
  const skeyseed = rekeyedSkeyseed(context.crypto, sa.suite.prf, sa.keys.d, agreement);
  agreement.shared.fill(0);
  const { initiatorNonce, responderNonce } = agreement;
  next.secure(chosen.suite, skeyseed, { initiatorNonce, responderNonce });
  next.establish(now);
  context.register(next);
  return next;
}

function noncesOf(sa: IkeSa): NoncePair {
  if (sa.nonces === null) throw new Error('bug: no nonces');
  return sa.nonces;
}

function spiBytes(spi: bigint): Uint8Array {
  const out = new Uint8Array(SPI_OCTETS);
  writeU64(out, 0, spi);
  return out;
}
