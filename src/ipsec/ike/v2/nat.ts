/** NAT detection (RFC 7296 §2.23) and what follows from it for the path. */
import { addressBytes } from '../../../wire/address.js';
import { bytesEqual, writeU16, writeU64 } from '../../../wire/bytes.js';
import { type Endpoint, IKE_NATT_PORT, IKE_PORT, type Path } from '../../../wire/path.js';
import { type CryptoProvider, randomOctets } from '../../crypto.js';
import { concat } from '../key-schedule.js';
import { NOTIFY } from '../numbers.js';
import type { IkePayload } from '../payload.js';
import { notificationsOf, notify } from './payloads.js';
import type { NatTraversal } from './settings.js';

/** Which end stands behind a NAT. `known` only when the peer takes part in the detection. */
export interface NatState {
  readonly known: boolean;
  readonly local: boolean;
  readonly remote: boolean;
  /** `local`, and not only because encapsulation is forced: keepalives are needed, and the peer is not followed (§2.23). */
  readonly behindNat: boolean;
}

export const NO_NAT: NatState = {
  known: false,
  local: false,
  remote: false,
  behindNat: false,
};

interface Spis {
  readonly initiatorSpi: bigint;
  readonly responderSpi: bigint;
}

const SHA1_OCTETS = 20;

/** The two notifications of an IKE_SA_INIT message that leaves on `path`. */
export function natDetection(
  crypto: CryptoProvider,
  options: NatTraversal,
  spis: Spis,
  path: Path,
): IkePayload[] {
  const source = options.forceEncapsulation
    ? randomOctets(crypto, SHA1_OCTETS) // matches no address: the peer sees a NAT
    : endpointHash(crypto, spis, path.local);
  return [
    notify(NOTIFY.NAT_DETECTION_SOURCE_IP, source),
    notify(NOTIFY.NAT_DETECTION_DESTINATION_IP, endpointHash(crypto, spis, path.remote)),
  ];
}

/** What the peer's notifications say about the path on which they came. */
export function detectNat(
  crypto: CryptoProvider,
  options: NatTraversal,
  spis: Spis,
  received: { readonly path: Path; readonly payloads: readonly IkePayload[] },
): NatState {
  const { path, payloads } = received;
  const sources = notificationsOf(payloads, NOTIFY.NAT_DETECTION_SOURCE_IP);
  const destinations = notificationsOf(payloads, NOTIFY.NAT_DETECTION_DESTINATION_IP);
  if (sources.length === 0 || destinations.length === 0) return NO_NAT;
  const remoteHash = endpointHash(crypto, spis, path.remote);
  const localHash = endpointHash(crypto, spis, path.local);
  const behindNat = !destinations.some((n) => bytesEqual(n.data, localHash));
  return {
    known: true,
    remote: !sources.some((n) => bytesEqual(n.data, remoteHash)),
    local: options.forceEncapsulation || behindNat,
    behindNat,
  };
}

/** The path of IKE_AUTH and of all that follows: UDP 4500 when there is a NAT (§2.23). */
export function floated(path: Path, nat: NatState, options: NatTraversal): Path {
  if (path.carrier === 'ike-natt' || !(nat.local || nat.remote)) return path;
  return {
    carrier: 'ike-natt',
    local: { address: path.local.address, port: options.nattPort },
    remote: { address: path.remote.address, port: IKE_NATT_PORT },
  };
}

/** How ESP travels beside IKE on `path`. */
export const espPath = (path: Path, nat: NatState): Path =>
  path.carrier === 'ike-natt' && (nat.local || nat.remote)
    ? path
    : {
        carrier: 'esp',
        local: { address: path.local.address, port: 0 },
        remote: { address: path.remote.address, port: 0 },
      };

/** How IKE travels to where ESP has come from on `path`. */
export const ikeBeside = (path: Path, { ikePort }: NatTraversal): Path =>
  path.carrier === 'ike-natt'
    ? path
    : {
        carrier: 'ike',
        local: { address: path.local.address, port: ikePort },
        remote: { address: path.remote.address, port: IKE_PORT },
      };

/** SHA1(SPIi | SPIr | address | port). SHA-1 serves no security here. */
function endpointHash(crypto: CryptoProvider, spis: Spis, endpoint: Endpoint): Uint8Array {
  const head = new Uint8Array(16);
  writeU64(head, writeU64(head, 0, spis.initiatorSpi), spis.responderSpi);
  const port = new Uint8Array(2);
  writeU16(port, 0, endpoint.port);
  return crypto.hash('sha1', concat(head, addressBytes(endpoint.address), port));
}
