/** What protection has done and refused, for tables and tests. */
import type { WireErrorCode } from '../wire/result.js';

export interface ProtectionCounters {
  sealed: number;
  opened: number;
  /** Packets that could not leave: no association with their peer. */
  noAssociation: number;
  /** GRE that came in clear. */
  clearText: number;
  dummies: number;
  keepalivesSent: number;
  keepalivesReceived: number;
  expired: number;
  /** Refused packets by the code of their WireError. */
  readonly refused: Partial<Record<WireErrorCode, number>>;
}

export const protectionCounters = (): ProtectionCounters => ({
  sealed: 0,
  opened: 0,
  noAssociation: 0,
  clearText: 0,
  dummies: 0,
  keepalivesSent: 0,
  keepalivesReceived: 0,
  expired: 0,
  refused: {},
});
