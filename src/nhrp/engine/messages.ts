/** Messages and their parts as this engine writes them; what a peer sent is read in the parts that understand it. */
import {
  addressOctets,
  hostBits,
  IpAddress,
  type IpPrefix,
  isMulticast,
  isUnspecified,
} from '../../wire/address.js';
import type { Cie } from '../codec/cie.js';
import type { CieExtension, Extension } from '../codec/extension.js';
import type { CieMessage, NhrpAddress, NhrpMessage } from '../codec/message.js';
import { AddressFamily, ExtensionType, PacketType, ProtocolType } from '../codec/numbers.js';

/** What the source of a message is, in the header's words. */
export interface Source {
  readonly nbma: IpAddress;
  readonly protocol: IpAddress;
  readonly hopCount: number;
}

/** What all messages begin with, their type and extensions apart. */
type OwnHeader = Omit<CieMessage, 'type' | 'flags' | 'requestId' | 'cies' | 'extensions'>;

/** The header of a message of our own from `source` about `destination`. */
export const headerOf = (source: Source, destination: IpAddress): OwnHeader => ({
  addressFamily: source.nbma.family === 4 ? AddressFamily.IPV4 : AddressFamily.IPV6,
  protocolType: source.protocol.family === 4 ? ProtocolType.IPV4 : ProtocolType.IPV6,
  snap: null,
  hopCount: source.hopCount,
  sourceNbmaAddress: source.nbma,
  sourceNbmaSubaddress: null,
  sourceProtocolAddress: source.protocol,
  destinationProtocolAddress: destination,
});

const NO_CIE: Cie = {
  code: 0,
  prefixLength: 0,
  unused: 0,
  mtu: 0,
  holdingTimeSeconds: 0,
  preference: 0,
  nbmaAddress: null,
  nbmaSubaddress: null,
  protocolAddress: null,
};

/** A CIE of which only some fields matter. */
export const cieOf = (fields: Partial<Cie>): Cie => ({ ...NO_CIE, ...fields });

export const cieExtension = (type: number, cies: readonly Cie[] = []): CieExtension => ({
  kind: 'cies',
  type,
  compulsory: type !== ExtensionType.NAT_ADDRESS,
  reserved: false,
  cies,
});

/**
 * The extensions that Cisco sends in every request, in its order; authentication is put between when it is sent.
 * Without `record` the transit records are not asked for.
 */
export const requestExtensions = (
  { record }: { readonly record: boolean },
  natCies: readonly Cie[],
): readonly Extension[] => [
  cieExtension(ExtensionType.RESPONDER_ADDRESS),
  ...(record ? emptyRecords() : []),
  cieExtension(ExtensionType.NAT_ADDRESS, natCies),
];

/** The transit records, as whoever asks for them sends them. */
export const emptyRecords = (): readonly Extension[] => [
  cieExtension(ExtensionType.FORWARD_TRANSIT_RECORD),
  cieExtension(ExtensionType.REVERSE_TRANSIT_RECORD),
];

/** The CIEs of the first extension of that type; null when there is none. */
export function ciesOf(message: NhrpMessage, type: number): readonly Cie[] | null {
  for (const extension of message.extensions ?? []) {
    if (extension.type === type && extension.kind === 'cies') return extension.cies;
  }
  return null;
}

/** The extensions with those of that type changed; the others and the order stay. */
export const mapExtension = (
  extensions: readonly Extension[] | null,
  type: number,
  change: (extension: CieExtension) => CieExtension,
): readonly Extension[] | null =>
  extensions?.map((e) => (e.type === type && e.kind === 'cies' ? change(e) : e)) ?? null;

/** The address when it is a plain IP address, else null. */
export const plainAddress = (address: NhrpAddress): IpAddress | null =>
  address instanceof IpAddress ? address : null;

/** Whether packets can be sent to it: not unspecified, not multicast (FRR once installed 0.0.0.0 as a binding). */
export const isUsableNbma = (address: IpAddress): boolean =>
  !isUnspecified(address) && !isMulticast(address) && !(address.family === 4 && address.w0 === -1);

/** A CIE's prefix length as bits: 0, 255 and anything past the address mean the host (facts B.4). */
export const prefixBits = (length: number, address: IpAddress): number =>
  length === 0 || length > hostBits(address.family) ? hostBits(address.family) : length;

export const isHostPrefix = (p: IpPrefix): boolean => p.length === 8 * addressOctets(p.address);

/** Types 1, 3 and 5 ask; 2, 4 and 6 answer. */
export const isReplyType = (type: number): boolean => type === 2 || type === 4 || type === 6;

/** A request speaks of its source, a resolution reply of the next hop in its first CIE. */
export function stationOf(message: NhrpMessage): IpAddress | null {
  if (message.type === PacketType.RESOLUTION_REQUEST)
    return plainAddress(message.sourceProtocolAddress);
  if (message.type !== PacketType.RESOLUTION_REPLY) return null;
  return plainAddress(message.cies[0]?.protocolAddress ?? null);
}
