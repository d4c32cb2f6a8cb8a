/** Short ways to make and to find payloads. */
import { FIRST_STATUS_NOTIFY, FLAG_CRITICAL, PAYLOAD, PROTOCOL } from '../numbers.js';
import type {
  AuthPayload,
  DeletePayload,
  IdPayload,
  IkePayload,
  KePayload,
  NoncePayload,
  NotifyPayload,
  SaPayload,
  TsPayload,
} from '../payload.js';
import type { TypedData } from '../payload-body.js';
import type { Proposal } from '../proposal.js';
import type { TrafficSelector } from '../traffic-selector.js';

const NONE = new Uint8Array(0);

/** @param data an array of octets; empty when absent. */
export const notify = (notifyType: number, data: Uint8Array = NONE): NotifyPayload => ({
  kind: 'notify',
  type: PAYLOAD.NOTIFY,
  flags: 0,
  protocol: PROTOCOL.NONE,
  notifyType,
  spi: NONE,
  data,
});

/** A notification about one Child SA. */
export const notifyChild = (notifyType: number, spi: Uint8Array): NotifyPayload => ({
  ...notify(notifyType),
  protocol: PROTOCOL.ESP,
  spi,
});

export const saPayload = (proposals: readonly Proposal[]): SaPayload => ({
  kind: 'sa',
  type: PAYLOAD.SA,
  flags: 0,
  proposals,
});

export const kePayload = (group: number, data: Uint8Array): KePayload => ({
  kind: 'ke',
  type: PAYLOAD.KE,
  flags: 0,
  group,
  reserved: 0,
  data,
});

export const noncePayload = (data: Uint8Array): NoncePayload => ({
  kind: 'nonce',
  type: PAYLOAD.NONCE,
  flags: 0,
  data,
});

export const idPayload = (fromInitiator: boolean, id: TypedData): IdPayload => ({
  kind: 'id',
  type: fromInitiator ? PAYLOAD.ID_INITIATOR : PAYLOAD.ID_RESPONDER,
  flags: 0,
  id,
});

export const authPayload = (auth: TypedData): AuthPayload => ({
  kind: 'auth',
  type: PAYLOAD.AUTH,
  flags: 0,
  auth,
});

export const tsPayload = (
  fromInitiator: boolean,
  selectors: readonly TrafficSelector[],
): TsPayload => ({
  kind: 'ts',
  type: fromInitiator ? PAYLOAD.TS_INITIATOR : PAYLOAD.TS_RESPONDER,
  flags: 0,
  reserved: 0,
  selectors,
});

/** Deletes the IKE SA itself without SPIs, or Child SAs by the sender's inbound SPIs. */
export const deletePayload = (spis: readonly Uint8Array[] | null): DeletePayload => ({
  kind: 'delete',
  type: PAYLOAD.DELETE,
  flags: 0,
  protocol: spis === null ? PROTOCOL.IKE : PROTOCOL.ESP,
  spiOctets: spis === null ? 0 : 4,
  spis: spis ?? [],
});

/** The first payload of a kind. */
export function payloadOf<K extends IkePayload['kind']>(
  payloads: readonly IkePayload[],
  kind: K,
): Extract<IkePayload, { kind: K }> | undefined {
  return payloads.find((p): p is Extract<IkePayload, { kind: K }> => p.kind === kind);
}

/** The ID or TS payload of one side. */
export function sidePayload<K extends 'id' | 'ts'>(
  payloads: readonly IkePayload[],
  kind: K,
  fromInitiator: boolean,
): Extract<IkePayload, { kind: K }> | undefined {
  const type = sideType(kind, fromInitiator);
  return payloads.find(
    (p): p is Extract<IkePayload, { kind: K }> => p.kind === kind && p.type === type,
  );
}

export const notificationsOf = (
  payloads: readonly IkePayload[],
  notifyType: number,
): NotifyPayload[] =>
  payloads.filter((p): p is NotifyPayload => p.kind === 'notify' && p.notifyType === notifyType);

export const hasNotification = (payloads: readonly IkePayload[], notifyType: number): boolean =>
  payloads.some((p) => p.kind === 'notify' && p.notifyType === notifyType);

/** The number of the first error notification, or null. */
export function errorIn(payloads: readonly IkePayload[]): number | null {
  for (const p of payloads)
    if (p.kind === 'notify' && p.notifyType < FIRST_STATUS_NOTIFY) return p.notifyType;
  return null;
}

/** The type of the first payload that we do not know but must, or null (RFC 7296 §2.5). */
export function unknownCritical(payloads: readonly IkePayload[]): number | null {
  for (const p of payloads)
    if (p.kind === 'other' && (p.flags & FLAG_CRITICAL) !== 0 && !KNOWN_OTHERS.has(p.type))
      return p.type;
  return null;
}

/** Of RFC 7296 itself: understood, though not used here. */
const KNOWN_OTHERS: ReadonlySet<number> = new Set([
  PAYLOAD.CERT,
  PAYLOAD.CERTREQ,
  PAYLOAD.CP,
  PAYLOAD.EAP,
]);

const sideType = (kind: 'id' | 'ts', fromInitiator: boolean): number => {
  if (kind === 'id') return fromInitiator ? PAYLOAD.ID_INITIATOR : PAYLOAD.ID_RESPONDER;
  return fromInitiator ? PAYLOAD.TS_INITIATOR : PAYLOAD.TS_RESPONDER;
};
