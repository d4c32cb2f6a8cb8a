/** What a Registration Reply says beside its codes: RFC 2332 §5.2.4, and what FRR, OpenNHRP and Cisco put there. */
import type { IpAddress } from '../../wire/address.js';
import type { Endpoint } from '../../wire/path.js';
import type { Cie } from '../codec/cie.js';
import type { CieMessage } from '../codec/message.js';
import { ExtensionType } from '../codec/numbers.js';
import type { EngineConfig } from './api.js';
import type { EngineContext } from './context.js';
import { ciesOf, plainAddress } from './messages.js';
import { seenPortOf } from './seen-port.js';

/** The tunnel address stands in its CIE, or nothing does: the header's. */
export function isAboutUs(cie: Cie, config: EngineConfig): boolean {
  const address = plainAddress(cie.protocolAddress);
  return address === null || address.equals(config.address);
}

/** For how many seconds it holds what is ours: the shortest time of all. Where it says nothing (0), what was asked for. */
export function grantedBy({ cies }: CieMessage, config: EngineConfig): number {
  const held = cies.map((cie) => cie.holdingTimeSeconds).filter((seconds) => seconds > 0);
  return held.length === 0 ? config.holdingTimeSeconds : Math.min(...held);
}

/** The server's tunnel address, or null. FRR writes itself into the destination; others stand in the Responder extension. */
export function serverIn(message: CieMessage, config: EngineConfig): IpAddress | null {
  const destination = plainAddress(message.destinationProtocolAddress);
  if (destination !== null && !destination.equals(config.address)) return destination;
  const responder = ciesOf(message, ExtensionType.RESPONDER_ADDRESS)?.[0]?.protocolAddress ?? null;
  return plainAddress(responder);
}

/** Our NBMA address as the server sees it where a NAT changes it, and the endpoint, with the port where it tells that. */
export function outsideIn(
  message: CieMessage,
  context: EngineContext,
): { readonly behindNat: IpAddress | null; readonly outside: Endpoint | null } {
  const { address } = context.config;
  const nat = ciesOf(message, ExtensionType.NAT_ADDRESS) ?? [];
  const own = nat.find((cie) => plainAddress(cie.protocolAddress)?.equals(address));
  const seen = own === undefined ? null : plainAddress(own.nbmaAddress);
  const behindNat = seen === null || seen.equals(context.nbmaAddress) ? null : seen;
  const port = seenPortOf(message, address)?.nbma ?? null;
  return { behindNat, outside: port ?? (behindNat === null ? null : context.endpoint(behindNat)) };
}
