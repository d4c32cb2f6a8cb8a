/** INFORMATIONAL exchanges: Delete, liveness. RFC 7296 §1.4, §1.5, §2.4, §2.25. */
import type { DeletionReason } from '../../key-exchange.js';
import { EXCHANGE, PROTOCOL } from '../numbers.js';
import type { DeletePayload, IkePayload } from '../payload.js';
import { type ChildSa, childBySender, espSpiBytes } from './child.js';
import type { IkeSa, Reply } from './ike-sa.js';
import { deletePayload } from './payloads.js';
import type { Task } from './window.js';

/** Asks whether the peer lives: an empty request; any answer will do. */
export const livenessTask = (): Task => ({
  kind: 'liveness',
  exchangeType: EXCHANGE.INFORMATIONAL,
  request: () => [],
  complete: () => {},
  abandon: () => {},
});

/** Deletes one child; it is gone when the answer comes. */
export const deleteChildTask = (child: ChildSa, why: DeletionReason): Task => ({
  kind: 'delete-child',
  exchangeType: EXCHANGE.INFORMATIONAL,
  request: (sa) => {
    if (sa.children.get(child.inboundSpi) !== child || child.state === 'deleting') return null;
    child.state = 'deleting';
    return [deletePayload([espSpiBytes(child.inboundSpi)])];
  },
  complete: (sa) => {
    sa.dropChild(child, why);
    sa.context.childGone(sa);
  },
  abandon: () => {},
});

/** Deletes the IKE SA itself. */
export const deleteIkeTask = (why: DeletionReason): Task => ({
  kind: 'delete-ike',
  exchangeType: EXCHANGE.INFORMATIONAL,
  request: () => [deletePayload(null)],
  complete: (sa, now) => sa.close(now, why),
  abandon: () => {},
});

/** Answers a request: deletes are carried out, anything else is answered with nothing. */
export function respondInformational(
  sa: IkeSa,
  now: number,
  request: readonly IkePayload[],
): Reply {
  const deletes = request.filter((p): p is DeletePayload => p.kind === 'delete');
  if (deletes.some((d) => d.protocol === PROTOCOL.IKE))
    return { payloads: [], after: () => sa.deletedByPeer(now) };
  const ours = deletes
    .filter((d) => d.protocol === PROTOCOL.ESP)
    .flatMap((d) => d.spis)
    .flatMap((spi) => deleteBySender(sa, spi));
  const payloads = ours.length === 0 ? [] : [deletePayload(ours)];
  return { payloads, after: () => sa.context.childGone(sa) };
}

/** Our inbound SPI of the pair, unless our own Delete of it is under way (§1.4.1, §2.25.1). */
function deleteBySender(sa: IkeSa, spi: Uint8Array): Uint8Array[] {
  const child = childBySender(sa, spi);
  if (child === null) return [];
  const both = child.state === 'deleting';
  const why = child.state === 'replaced' ? 'superseded' : 'peer';
  sa.dropChild(child, why);
  return both ? [] : [espSpiBytes(child.inboundSpi)];
}
