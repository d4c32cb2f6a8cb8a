/**
 * IKE_SA_INIT, responder's side: RFC 7296 §1.2, §2.6, §2.7, §2.23. In the order of their cost: syntax, cookie,
 * proposal, group, and only then Diffie-Hellman and memory. Every refusal is smaller than what it answers.
 */
import type { Path } from '../../../wire/path.js';
import { randomOctets } from '../../crypto.js';
import type { DhGroup } from '../../suites.js';
import { type IkeSuite, initialSkeyseed } from '../key-schedule.js';
import { type IkeMessage, messageBytes } from '../message.js';
import { EXCHANGE, FLAG_RESPONSE, NOTIFY } from '../numbers.js';
import type { IkePayload, NotifyPayload } from '../payload.js';
import type { IkeContext } from './context.js';
import type { HalfOpen } from './half-open.js';
import { IkeSa } from './ike-sa.js';
import { capabilities, NONCE_OCTETS } from './init.js';
import { detectNat, espPath, natDetection } from './nat.js';
import {
  hasNotification,
  kePayload,
  noncePayload,
  notificationsOf,
  notify,
  payloadOf,
  saPayload,
  unknownCritical,
} from './payloads.js';
import { type Chosen, chooseIke, ikeAnswer } from './proposals.js';

const GRE_PROTOCOL = 47;
const NO_SPI = new Uint8Array(0);

/** A first message of a stranger. */
export interface InitRequest {
  readonly path: Path;
  readonly message: IkeMessage;
  /** The whole message, this one's to keep. */
  readonly bytes: Uint8Array;
}

/** What came of it: an answer in the clear, and the half-open IKE SA if one was made. */
export interface InitReply {
  readonly bytes: Uint8Array;
  readonly sa: IkeSa | null;
}

interface Checked extends InitRequest {
  readonly chosen: Chosen<IkeSuite>;
  readonly publicValue: Uint8Array;
  readonly nonce: Uint8Array;
}

/** Null: no answer at all. */
export function respondInit(
  context: IkeContext,
  halfOpen: HalfOpen,
  now: number,
  request: InitRequest,
): InitReply | null {
  const { path, message } = request;
  const refuse = (n: NotifyPayload): InitReply => ({ bytes: refusal(message, n), sa: null });
  const nonce = payloadOf(message.payloads, 'nonce')?.data;
  if (message.header.initiatorSpi === 0n || nonce === undefined) return null;
  const unknown = unknownCritical(message.payloads);
  if (unknown !== null)
    return refuse(notify(NOTIFY.UNSUPPORTED_CRITICAL_PAYLOAD, Uint8Array.of(unknown)));

  const admission = halfOpen.admit(now, path.remote.address);
  if (admission === 'refuse') return null;
  const { initiatorSpi } = message.header;
  const stranger = { remote: path.remote, initiatorSpi, nonce };
  const [cookie] = notificationsOf(message.payloads, NOTIFY.COOKIE);
  const proven = cookie !== undefined && halfOpen.isCookieRight(now, stranger, cookie.data);
  if (admission === 'cookie' && !proven)
    return refuse(notify(NOTIFY.COOKIE, halfOpen.cookieFor(now, stranger)));

  const checked = check(context, request, nonce);
  if ('kind' in checked) return refuse(checked);
  if (!proven) halfOpen.spent(now, path.remote.address);
  return open(context, now, checked) ?? refuse(notify(NOTIFY.INVALID_SYNTAX));
}

/** Everything that can be refused without a Diffie-Hellman. */
function check(
  context: IkeContext,
  request: InitRequest,
  nonce: Uint8Array,
): Checked | NotifyPayload {
  const { payloads } = request.message;
  const ke = payloadOf(payloads, 'ke');
  const offered = payloadOf(payloads, 'sa')?.proposals;
  if (ke === undefined || offered === undefined) return notify(NOTIFY.INVALID_SYNTAX);
  const chosen = chooseIke(context.settings.ike, offered, 0);
  if (chosen === null) return notify(NOTIFY.NO_PROPOSAL_CHOSEN);
  const { group } = chosen.suite;
  if (ke.group !== group.number) return invalidKe(group);
  if (ke.data.length !== group.publicOctets) return notify(NOTIFY.INVALID_SYNTAX);
  return { ...request, chosen, publicValue: ke.data, nonce: nonce.slice() };
}

/** §1.3: the group that would have been right, two octets. */
export const invalidKe = (group: DhGroup): NotifyPayload =>
  notify(NOTIFY.INVALID_KE_PAYLOAD, Uint8Array.of(group.number >>> 8, group.number));

/** Null when the public value is none of the group. */
function open(context: IkeContext, now: number, request: Checked): InitReply | null {
  const { crypto, settings } = context;
  const { path, message, chosen } = request;
  const dh = crypto.openDh(chosen.suite.group);
  const shared = dh.derive(request.publicValue);
  const { publicValue } = dh;
  dh.wipe();
  if (shared === null) return null;
  const responderNonce = randomOctets(crypto, NONCE_OCTETS);
  const nonces = { initiatorNonce: request.nonce, responderNonce };
  const sa = halfOpenSa(context, now, request);
  const skeyseed = initialSkeyseed(crypto, chosen.suite.prf, { ...nonces, shared });
  shared.fill(0);
  sa.secure(chosen.suite, skeyseed, nonces);
  const seen = { path, payloads: message.payloads };
  // the initiator did not know our SPI when it made its hashes
  const hashSpis = { initiatorSpi: sa.remoteSpi, responderSpi: 0n };
  sa.nat = detectNat(crypto, settings.natTraversal, hashSpis, seen);
  sa.peer = espPath(path, sa.nat).remote;
  const bytes = response(message, sa.localSpi, [
    saPayload([ikeAnswer(chosen, NO_SPI)]),
    kePayload(chosen.suite.group.number, publicValue),
    noncePayload(responderNonce),
    ...natDetection(crypto, settings.natTraversal, sa.spis, path),
    ...capabilities(),
  ]);
  sa.init = { request: request.bytes, response: bytes };
  sa.conversation.responses.answered(request.bytes, [bytes]);
  return { bytes, sa };
}

function halfOpenSa(context: IkeContext, now: number, { path, message }: Checked): IkeSa {
  const { payloads, header } = message;
  const { local, remote } = path;
  const sa = new IkeSa(context, {
    state: 'half-open',
    isInitiator: false,
    localSpi: context.newIkeSpi(),
    path,
    peer: remote,
    selector: { protocol: GRE_PROTOCOL, local: local.address, remote: remote.address },
  });
  sa.remoteSpi = header.initiatorSpi;
  sa.peerFragments = hasNotification(payloads, NOTIFY.IKEV2_FRAGMENTATION_SUPPORTED);
  sa.deadline = now + context.settings.limits.halfOpenMs;
  return sa;
}

const refusal = (request: IkeMessage, n: NotifyPayload): Uint8Array => response(request, 0n, [n]);

function response(
  { header }: IkeMessage,
  responderSpi: bigint,
  payloads: readonly IkePayload[],
): Uint8Array {
  const { initiatorSpi } = header;
  const fields = { initiatorSpi, responderSpi, exchangeType: EXCHANGE.IKE_SA_INIT, messageId: 0 };
  return messageBytes({ ...fields, flags: FLAG_RESPONSE }, payloads);
}
