/**
 * Whether a station can be sent to directly when NATs are in between (facts F). Without ports on the carrier a NAT
 * address stands for one station, and is used. With ports: direct when at most one side is behind a NAT, or when both
 * mappings are endpoint-independent and both sides send; else the packets go on by the hub.
 */
import { hostBits, type IpAddress } from '../../wire/address.js';
import type { Endpoint } from '../../wire/path.js';
import type { Cie } from '../codec/cie.js';
import type { Extension } from '../codec/extension.js';
import type { NhrpMessage } from '../codec/message.js';
import { ExtensionType } from '../codec/numbers.js';
import type { EngineContext } from './context.js';
import { cieOf, ciesOf, isReplyType, isUsableNbma, plainAddress } from './messages.js';
import type { NhsSet } from './nhs-set.js';
import { seenPortExtension, seenPortOf } from './seen-port.js';

/** What a message says of a station: its address inside, and who brought the message. */
export interface Station {
  readonly protocolAddress: IpAddress;
  readonly claimedNbma: IpAddress | null;
  readonly from: Endpoint;
}

export interface Reach {
  /** Where to send, or null: by the hub. */
  readonly nbma: Endpoint | null;
  /** Both sides are behind NATs: both have to send. */
  readonly isPunched: boolean;
}

const BY_HUB: Reach = { nbma: null, isPunched: false };

/** How the station is reached from here. */
export function reachOf(
  context: EngineContext,
  servers: NhsSet,
  message: NhrpMessage,
  { protocolAddress, claimedNbma, from }: Station,
): Reach {
  const seen = seenPortOf(message, protocolAddress);
  const told = seen?.nbma.address ?? outsideOf(message, protocolAddress);
  const outside = told ?? claimedNbma;
  if (outside === null || !isUsableNbma(outside)) return BY_HUB;
  const isItself =
    from.address.equals(outside) || (told === null && isFirstHand(message, protocolAddress));
  if (isItself && servers.at(from) === null) return { nbma: from, isPunched: false };
  const isBehindNat = seen !== null || !(claimedNbma?.equals(outside) ?? true);
  const hasPorts = context.config.defaultPort !== 0;
  if (!hasPorts || !isBehindNat) return { nbma: context.endpoint(outside), isPunched: false };
  if (!seen?.independent) return BY_HUB;
  const own = servers.outside();
  if (own !== null && !own.independent) return BY_HUB;
  return { nbma: seen.nbma, isPunched: own !== null };
}

/** What we say of ourselves in requests and replies when we are behind a NAT. */
export function ownOutside(context: EngineContext, servers: NhsSet): OwnOutside {
  const own = servers.outside();
  if (own === null) return { nat: [], seen: [] };
  const { address, defaultPort } = context.config;
  const prefixLength = hostBits(address.family);
  const nat = [cieOf({ prefixLength, nbmaAddress: own.nbma.address, protocolAddress: address })];
  const seen = defaultPort === 0 ? [] : [seenPortExtension([{ protocolAddress: address, ...own }])];
  return { nat, seen };
}

export interface OwnOutside {
  /** For the NAT extension. */
  readonly nat: readonly Cie[];
  /** An extension of its own, where the carrier has ports. */
  readonly seen: readonly Extension[];
}

/**
 * The station brought the message itself: the outer source is its address, whatever it thinks that it is (facts C.3).
 * No server stands in the record, and the responder of a reply is the station.
 */
function isFirstHand(message: NhrpMessage, station: IpAddress): boolean {
  const { REVERSE_TRANSIT_RECORD, FORWARD_TRANSIT_RECORD, RESPONDER_ADDRESS } = ExtensionType;
  if (!isReplyType(message.type)) return ciesOf(message, FORWARD_TRANSIT_RECORD)?.length === 0;
  const responder = ciesOf(message, RESPONDER_ADDRESS)?.[0]?.protocolAddress ?? null;
  const isAnswerOfIts = plainAddress(responder)?.equals(station) ?? false;
  return isAnswerOfIts && ciesOf(message, REVERSE_TRANSIT_RECORD)?.length === 0;
}

/**
 * Where the source of a registration is: the outer source, or, when another server passed the message on, what that
 * server wrote down, or else what the station said.
 */
export function registrantOf(
  context: EngineContext,
  message: NhrpMessage,
  { protocolAddress, claimedNbma, from }: Station & { readonly claimedNbma: IpAddress },
): Endpoint {
  const passedOn = ciesOf(message, ExtensionType.FORWARD_TRANSIT_RECORD)?.length ?? 0;
  if (passedOn === 0) return from;
  const seen = seenPortOf(message, protocolAddress)?.nbma;
  return seen ?? context.endpoint(outsideOf(message, protocolAddress) ?? claimedNbma);
}

/** The NAT extension's word about that station. */
function outsideOf(message: NhrpMessage, station: IpAddress): IpAddress | null {
  const cies = ciesOf(message, ExtensionType.NAT_ADDRESS) ?? [];
  const own = cies.find((cie) => plainAddress(cie.protocolAddress)?.equals(station));
  return plainAddress(own?.nbmaAddress ?? null);
}
