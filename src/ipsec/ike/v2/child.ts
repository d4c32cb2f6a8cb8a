/**
 * Child SAs: what is asked for, how it is answered, and what comes of it. RFC 7296 §1.2, §1.3, §2.9, §2.17.
 * In IKE_AUTH the nonces are those of IKE_SA_INIT and there is no key exchange; in CREATE_CHILD_SA the child has both.
 */
import { readU32, writeU32 } from '../../../wire/bytes.js';
import type { AssociationOffer, DirectionKeys } from '../../key-exchange.js';
import { type Agreement, type ChildKeys, deriveChildKeys } from '../key-schedule.js';
import { NOTIFY } from '../numbers.js';
import type { IkePayload } from '../payload.js';
import { espTableLines } from './export-keys.js';
import type { IkeSa } from './ike-sa.js';
import { espPath } from './nat.js';
import {
  hasNotification,
  notify,
  payloadOf,
  saPayload,
  sidePayload,
  tsPayload,
} from './payloads.js';
import {
  type Chosen,
  chooseEsp,
  type EspSuite,
  espAnswer,
  espProposals,
  isAnswer,
} from './proposals.js';
import { coversBoth, hostSelector } from './selectors.js';

/**
 * installed  carries traffic
 * rekeying   carries traffic; our request for its successor is out
 * replaced   a successor carries the traffic; waits for the Delete of whoever asked for the successor
 * deleting   our Delete is out
 */
export type ChildState = 'installed' | 'rekeying' | 'replaced' | 'deleting';

export interface ChildSa {
  /** Ours: the SPI of packets that come in. */
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly initiatedHere: boolean;
  readonly agreement: Pick<Agreement, 'initiatorNonce' | 'responderNonce'>;
  state: ChildState;
  /** Its successor by an exchange of the other end, while ours was under way (§2.8.1). */
  rival: ChildSa | null;
  /** If the other end has not deleted it by then, we do. */
  removeAt: number | null;
}

/** What one end of an exchange needs to make a Child SA. */
export interface ChildExchange {
  readonly initiatedHere: boolean;
  readonly inboundSpi: number;
  readonly chosen: Chosen<EspSuite>;
  readonly agreement: Agreement;
  /** Inbound SPI of the child that this one replaces; null for a first one. */
  readonly replaces: number | null;
}

const SPI_OCTETS = 4;

export function espSpiBytes(spi: number): Uint8Array {
  const out = new Uint8Array(SPI_OCTETS);
  writeU32(out, 0, spi);
  return out;
}

/** What the initiator says of the child, around its nonce and public value where it has them. */
export function childRequest(
  sa: IkeSa,
  inboundSpi: number,
  keyExchange: readonly IkePayload[],
): IkePayload[] {
  const { settings } = sa.context;
  const inCreateChild = keyExchange.length > 0;
  const { local, remote, protocol } = sa.selector;
  return [
    ...transportMode(sa),
    saPayload(espProposals(settings.esp, espSpiBytes(inboundSpi), inCreateChild)),
    ...keyExchange,
    tsPayload(true, [hostSelector(local, protocol)]),
    tsPayload(false, [hostSelector(remote, protocol)]),
  ];
}

/** What the responder chose, or the number of the error notification that it answers with. */
export function acceptChild(
  sa: IkeSa,
  request: readonly IkePayload[],
  withGroups: boolean,
): Chosen<EspSuite> | number {
  const { settings } = sa.context;
  const proposals = payloadOf(request, 'sa')?.proposals;
  const remote = sidePayload(request, 'ts', true)?.selectors;
  const local = sidePayload(request, 'ts', false)?.selectors;
  if (proposals === undefined || remote === undefined || local === undefined)
    return NOTIFY.INVALID_SYNTAX;
  const chosen = chooseEsp(settings.esp, proposals, withGroups);
  if (chosen === null || !isUsableSpi(chosen.spi)) return NOTIFY.NO_PROPOSAL_CHOSEN;
  if (settings.mode === 'transport' && !hasNotification(request, NOTIFY.USE_TRANSPORT_MODE))
    return NOTIFY.NO_PROPOSAL_CHOSEN;
  return coversBoth(local, remote, sa.selector, sa.nat) ? chosen : NOTIFY.TS_UNACCEPTABLE;
}

/** The responder's half of the payloads, for a child that was accepted. */
export function childResponse(
  sa: IkeSa,
  chosen: Chosen<EspSuite>,
  inboundSpi: number,
  keyExchange: readonly IkePayload[],
): IkePayload[] {
  const { local, remote, protocol } = sa.selector;
  return [
    ...transportMode(sa),
    saPayload([espAnswer(chosen, espSpiBytes(inboundSpi))]),
    ...keyExchange,
    tsPayload(true, [hostSelector(remote, protocol)]),
    tsPayload(false, [hostSelector(local, protocol)]),
  ];
}

export type ChildRefusal = 'no-proposal' | 'selector' | 'transport-mode' | 'malformed';

/** What the responder chose, checked against what we offered; or why it will not do. */
export function checkChildResponse(
  sa: IkeSa,
  response: readonly IkePayload[],
  withGroups: boolean,
): Chosen<EspSuite> | ChildRefusal {
  const { settings } = sa.context;
  if (hasNotification(response, NOTIFY.NO_PROPOSAL_CHOSEN)) return 'no-proposal';
  if (hasNotification(response, NOTIFY.TS_UNACCEPTABLE)) return 'selector';
  const answer = payloadOf(response, 'sa')?.proposals ?? [];
  const local = sidePayload(response, 'ts', true)?.selectors ?? [];
  const remote = sidePayload(response, 'ts', false)?.selectors ?? [];
  if (!isAnswer(answer)) return 'malformed';
  const chosen = chooseEsp(settings.esp, answer, withGroups);
  if (chosen === null || !isUsableSpi(chosen.spi)) return 'no-proposal';
  if (settings.mode === 'transport' && !hasNotification(response, NOTIFY.USE_TRANSPORT_MODE))
    return 'transport-mode';
  return coversBoth(local, remote, sa.selector, sa.nat) ? chosen : 'selector';
}

/** Derives the keys, hands them out and keeps the record. */
export function installChild(sa: IkeSa, exchange: ChildExchange): ChildSa {
  const { context } = sa;
  const { chosen, initiatedHere, inboundSpi, agreement, replaces } = exchange;
  const keys = deriveChildKeys(context.crypto, sa.suite.prf, sa.keys.d, {
    agreement,
    suite: chosen.suite.cipher,
  });
  const child: ChildSa = {
    inboundSpi,
    outboundSpi: readU32(chosen.spi, 0),
    initiatedHere,
    agreement,
    state: 'installed',
    rival: null,
    removeAt: null,
  };
  sa.children.set(inboundSpi, child);
  const offer = offerOf(sa, child, chosen.suite, keys);
  if (context.settings.exportKeys)
    for (const line of espTableLines(offer))
      context.notice({ kind: 'keys-exported', table: 'esp_sa', line });
  context.emit(
    replaces === null
      ? { kind: 'installed', peer: sa.peer, offer }
      : { kind: 'rekeyed', peer: sa.peer, replaces, startedHere: initiatedHere, offer },
  );
  return child;
}

/** The child that the sender of a message calls by its own inbound SPI. */
export function childBySender(sa: IkeSa, spi: Uint8Array): ChildSa | null {
  if (spi.length !== SPI_OCTETS) return null;
  const outbound = readU32(spi, 0);
  for (const child of sa.children.values()) if (child.outboundSpi === outbound) return child;
  return null;
}

/** The child that new traffic takes. */
export function currentChild(sa: IkeSa): ChildSa | null {
  let current: ChildSa | null = null;
  for (const child of sa.children.values())
    if (child.state === 'installed' || child.state === 'rekeying') current = child;
  return current;
}

function offerOf(sa: IkeSa, child: ChildSa, suite: EspSuite, keys: ChildKeys): AssociationOffer {
  const { settings } = sa.context;
  const ours = child.initiatedHere ? keys.fromInitiator : keys.fromResponder;
  const theirs = child.initiatedHere ? keys.fromResponder : keys.fromInitiator;
  const direction = (spi: number, k: typeof ours): DirectionKeys => ({
    spi,
    encryptionKey: k.encryption,
    integrityKey: k.integrity,
  });
  return {
    selector: sa.selector,
    suite: suite.cipher,
    extendedSequence: suite.extendedSequence,
    inbound: direction(child.inboundSpi, theirs),
    outbound: direction(child.outboundSpi, ours),
    lifetimes: settings.childLifetimes,
    encapsulation: {
      mode: settings.mode,
      path: espPath(sa.path, sa.nat),
      behindNat: sa.nat.behindNat,
    },
  };
}

const transportMode = (sa: IkeSa): IkePayload[] =>
  sa.context.settings.mode === 'transport' ? [notify(NOTIFY.USE_TRANSPORT_MODE)] : [];

/** 0..255 are reserved (RFC 4303 §2.1). */
const isUsableSpi = (spi: Uint8Array): boolean =>
  spi.length === SPI_OCTETS && readU32(spi, 0) > 0xff;
