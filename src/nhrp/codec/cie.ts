/** PLACEHOLDER HEADER — the codec helper owns this file. */
import type { NhrpAddress } from './message.js';
export interface Cie {
  readonly code: number;
  readonly prefixLength: number;
  readonly unused: number;
  readonly mtu: number;
  readonly holdingTimeSeconds: number;
  readonly preference: number;
  readonly nbmaAddress: NhrpAddress;
  readonly nbmaSubaddress: NhrpAddress;
  readonly protocolAddress: NhrpAddress;
}
