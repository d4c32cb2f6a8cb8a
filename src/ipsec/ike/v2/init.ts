/**
 * IKE_SA_INIT, initiator's side: RFC 7296 §1.2, §2.6 (cookies), §2.7 and §3.4 (another group), §2.23 (NAT).
 * Nothing here is authenticated yet: an error is a hint, on which the attempt ends only when no better answer
 * comes until the request would be repeated (§2.21.1).
 */
import type { Path } from '../../../wire/path.js';
import { type DhExchange, randomOctets } from '../../crypto.js';
import type { FailureReason } from '../../key-exchange.js';
import { DH_GROUPS, type DhGroupNumber } from '../../suites.js';
import { type IkeSuite, initialSkeyseed } from '../key-schedule.js';
import { type IkeMessage, messageBytes } from '../message.js';
import { EXCHANGE, FLAG_INITIATOR, NOTIFY } from '../numbers.js';
import type { IkePayload, KePayload, NotifyPayload } from '../payload.js';
import { authTask } from './auth.js';
import type { IkeSa } from './ike-sa.js';
import { detectNat, floated, natDetection } from './nat.js';
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
import { type Chosen, chooseIke, ikeProposals, isAnswer } from './proposals.js';
import type { Task } from './window.js';

export const NONCE_OCTETS = 32; // at least half the size of the largest prf key, SHA-512's (§2.10)
const MAX_RETRIES = 4; // cookies and groups asked for, in one attempt
const NO_SPI = new Uint8Array(0);

/** What both ends say at the end of an IKE_SA_INIT message. */
export const capabilities = (): IkePayload[] => [notify(NOTIFY.IKEV2_FRAGMENTATION_SUPPORTED)];

/** The first exchange of an IKE SA that this end began. */
export class InitExchange {
  readonly #sa: IkeSa;
  readonly #nonce: Uint8Array;
  #dh: DhExchange;
  #group: DhGroupNumber;
  #cookie: Uint8Array | null = null;
  #request: Uint8Array = NO_SPI;
  #retries = 0;
  #hint: FailureReason | null = null;

  constructor(sa: IkeSa) {
    const { crypto, settings } = sa.context;
    const group = settings.ike[0]?.groups[0];
    if (group === undefined) throw new Error('bug: a proposal without a group');
    this.#sa = sa;
    this.#nonce = randomOctets(crypto, NONCE_OCTETS);
    this.#group = group;
    this.#dh = crypto.openDh(DH_GROUPS[group]);
  }

  /** Why the attempt is going to fail, as far as unproven answers say. */
  get hint(): FailureReason | null {
    return this.#hint;
  }

  start(now: number): void {
    const sa = this.#sa;
    this.#request = this.#message();
    const task: Task = {
      kind: 'init',
      exchangeType: EXCHANGE.IKE_SA_INIT,
      request: () => null,
      complete: () => {},
      abandon: () => this.#dh.wipe(),
    };
    sa.requests.sent(now, task, [this.#request]);
    sa.conversation.send(sa.path, [this.#request]);
  }

  /** `bytes` is the message's own copy, and kept: IKE_AUTH signs it. */
  handleResponse(now: number, path: Path, message: IkeMessage, bytes: Uint8Array): void {
    const { payloads } = message;
    const [cookie] = notificationsOf(payloads, NOTIFY.COOKIE);
    const [wrongGroup] = notificationsOf(payloads, NOTIFY.INVALID_KE_PAYLOAD);
    if (cookie !== undefined) return this.#retryWithCookie(now, cookie);
    if (wrongGroup !== undefined) return this.#retryWithGroup(now, wrongGroup);
    const error = errorIn(payloads);
    if (error !== null) {
      this.#hint = error === NOTIFY.NO_PROPOSAL_CHOSEN ? 'no-proposal' : 'malformed';
      return;
    }
    this.#accept(now, path, message, bytes);
  }

  #accept(now: number, path: Path, { header, payloads }: IkeMessage, bytes: Uint8Array): void {
    const sa = this.#sa;
    const answer = payloadOf(payloads, 'sa')?.proposals ?? [];
    const ke = payloadOf(payloads, 'ke');
    const nonce = payloadOf(payloads, 'nonce')?.data;
    const chosen = isAnswer(answer) ? chooseIke(sa.context.settings.ike, answer, 0) : null;
    if (header.responderSpi === 0n || nonce === undefined) return this.#suspect('malformed');
    if (chosen?.suite.group.number !== this.#group) return this.#suspect('no-proposal');
    const shared = this.#derive(ke);
    if (shared === null) return this.#suspect('malformed');
    sa.remoteSpi = header.responderSpi;
    sa.requests.complete(0);
    sa.init = { request: this.#request, response: bytes };
    this.#secure(chosen, shared, nonce.slice());
    const { natTraversal } = sa.context.settings;
    sa.nat = detectNat(sa.context.crypto, natTraversal, sa.spis, { path, payloads });
    sa.path = floated(sa.path, sa.nat, natTraversal);
    sa.peerFragments = hasNotification(payloads, NOTIFY.IKEV2_FRAGMENTATION_SUPPORTED);
    sa.enter('authenticating');
    sa.requests.add(authTask(sa));
    sa.conversation.pump(now);
  }

  #secure(chosen: Chosen<IkeSuite>, shared: Uint8Array, responderNonce: Uint8Array): void {
    const { crypto } = this.#sa.context;
    const nonces = { initiatorNonce: this.#nonce, responderNonce };
    const skeyseed = initialSkeyseed(crypto, chosen.suite.prf, { ...nonces, shared });
    shared.fill(0);
    this.#dh.wipe();
    this.#sa.secure(chosen.suite, skeyseed, nonces);
  }

  #derive(ke: KePayload | undefined): Uint8Array | null {
    return ke?.group === this.#group ? this.#dh.derive(ke.data) : null;
  }

  #suspect(hint: FailureReason): void {
    this.#hint = hint;
  }

  #retryWithCookie(now: number, { data }: NotifyPayload): void {
    if (data.length === 0 || data.length > 64) return; // §2.6
    this.#cookie = data.slice();
    this.#retry(now);
  }

  #retryWithGroup(now: number, { data }: NotifyPayload): void {
    const { crypto, settings } = this.#sa.context;
    const wanted = ((data[0] ?? 0) << 8) | (data[1] ?? 0);
    const groups = settings.ike.flatMap((p) => p.groups);
    const group = groups.find((number) => number === wanted);
    if (data.length !== 2 || group === undefined) return this.#suspect('no-proposal');
    if (group === this.#group) return; // a late answer to an earlier request
    this.#dh.wipe();
    this.#group = group;
    this.#dh = crypto.openDh(DH_GROUPS[group]);
    this.#retry(now);
  }

  #retry(now: number): void {
    const sa = this.#sa;
    if (++this.#retries > MAX_RETRIES) return this.#suspect('malformed');
    this.#request = this.#message();
    sa.requests.replace(now, [this.#request]);
    sa.conversation.send(sa.path, [this.#request]);
  }

  #message(): Uint8Array {
    const sa = this.#sa;
    const { crypto, settings } = sa.context;
    const header = {
      ...sa.spis,
      exchangeType: EXCHANGE.IKE_SA_INIT,
      flags: FLAG_INITIATOR,
      messageId: 0,
    };
    return messageBytes(header, [
      ...(this.#cookie === null ? [] : [notify(NOTIFY.COOKIE, this.#cookie)]),
      saPayload(ikeProposals(settings.ike, NO_SPI)),
      kePayload(this.#group, this.#dh.publicValue),
      noncePayload(this.#nonce),
      ...natDetection(crypto, settings.natTraversal, sa.spis, sa.path),
      ...capabilities(),
    ]);
  }
}
