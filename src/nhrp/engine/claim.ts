/**
 * What a CIE of a Registration Request asks for, and whether it may have it: RFC 2332 §5.2.3, §5.2.0.1 (codes 4 and
 * 14), uniqueness with the takeover policy, and what would lead packets for others astray.
 */
import { type CacheEntry, CacheFlag } from '../../cache/entry.js';
import {
  hostBits,
  type IpAddress,
  type IpPrefix,
  maskAddress,
  prefixContains,
} from '../../wire/address.js';
import { type Endpoint, endpointEquals } from '../../wire/path.js';
import type { Cie } from '../codec/cie.js';
import type { CieMessage } from '../codec/message.js';
import { CieCode, RegistrationFlag } from '../codec/numbers.js';
import type { EngineContext } from './context.js';
import { isUsableNbma, plainAddress, prefixBits } from './messages.js';
import { registrantOf } from './nat.js';
import type { NhsSet } from './nhs-set.js';

/** A Registration Request whose addresses have been read. */
export interface Arrival {
  readonly message: CieMessage;
  readonly from: Endpoint;
  readonly source: IpAddress;
  readonly claimedNbma: IpAddress;
}

/** What a CIE asks for, in our words. */
export interface Claim {
  readonly cie: Cie;
  readonly prefix: IpPrefix;
  readonly nbma: Endpoint;
  readonly claimedNbma: IpAddress;
  readonly holdingTimeSeconds: number;
  readonly unique: boolean;
}

export interface ClaimParts {
  readonly context: EngineContext;
  readonly servers: NhsSet;
}

/**
 * Empty fields of the CIE mean the header's. A changed outer source is a NAT, and wins over what was claimed, unless
 * another server passed the message on: then it is that server's, and the station's is the claimed one.
 */
export function claimOf(
  context: EngineContext,
  { message, from, source, claimedNbma }: Arrival,
  cie: Cie,
): Claim {
  const address = plainAddress(cie.protocolAddress) ?? source;
  const length = prefixBits(cie.prefixLength, address);
  const named = plainAddress(cie.nbmaAddress);
  const isOther = named !== null && !named.equals(claimedNbma);
  const station = { protocolAddress: source, claimedNbma, from };
  return {
    cie,
    prefix: { address: maskAddress(address, length), length },
    nbma: isOther ? context.endpoint(named) : registrantOf(context, message, station),
    claimedNbma: named ?? claimedNbma,
    holdingTimeSeconds: cie.holdingTimeSeconds || context.config.holdingTimeSeconds,
    unique: (message.flags & RegistrationFlag.UNIQUE) !== 0,
  };
}

/** The CIE code that refuses the claim, or SUCCESS. */
export function conflictOf(parts: ClaimParts, now: number, claim: Claim): number {
  const { context } = parts;
  const { cache } = context;
  if (isForbidden(parts, claim)) return CieCode.ADMINISTRATIVELY_PROHIBITED;
  const slot = cache.findPrefix(claim.prefix, now);
  if (slot < 0 || isRightful(context, cache.entry(slot), claim)) return CieCode.SUCCESS;
  return CieCode.UNIQUE_ALREADY_REGISTERED;
}

function isForbidden(parts: ClaimParts, claim: Claim): boolean {
  const { context } = parts;
  const { prefix, nbma } = claim;
  if (!isUsableNbma(nbma.address) || nbma.address.equals(context.nbmaAddress)) return true;
  if (sharesNatAddress(context, claim)) return true;
  if (prefix.length < hostBits(prefix.address.family))
    return claim.unique || isTooWide(parts, prefix); // §5.2.3: U wants a host
  return !context.mayBeRemote(prefix.address) || context.isOwn(prefix.address);
}

/** A prefix that holds an address of ours, and so the tunnel's network, or of a server would draw in all that has no entry. */
function isTooWide({ context, servers }: ClaimParts, prefix: IpPrefix): boolean {
  const { config } = context;
  if (prefix.length < config.minPrefixLength) return true;
  if (context.owns(prefix)) return true;
  for (const { protocolAddress } of servers.registrations())
    if (protocolAddress !== null && prefixContains(prefix, protocolAddress)) return true;
  return false;
}

/** A unique binding belongs to its NBMA address, unless the takeover policy says otherwise. */
function isRightful(context: EngineContext, existing: CacheEntry, claim: Claim): boolean {
  if (existing.nbma === null || !(existing.flags & CacheFlag.UNIQUE) || existing.kind !== 'dynamic')
    return true;
  if (endpointEquals(existing.nbma, claim.nbma)) return true;
  const sameStation = (existing.claimedNbma ?? existing.nbma.address).equals(claim.claimedNbma);
  if (sameStation && existing.nbma.address.equals(claim.nbma.address)) return true; // the NAT gave it another port
  const { takeover } = context.config;
  return takeover === 'always' || (takeover === 'when-down' && !context.peers.isUp(existing.nbma));
}

/** Raw GRE has no ports: two stations behind one NAT address cannot be told apart. */
function sharesNatAddress({ cache }: EngineContext, claim: Claim): boolean {
  if (claim.nbma.port !== 0 || claim.claimedNbma.equals(claim.nbma.address)) return false;
  return cache.byNbma(claim.nbma).some((slot) => {
    if ((cache.flagsOf(slot) & CacheFlag.REGISTERED) === 0) return false;
    const other = cache.claimedNbmaOf(slot) ?? claim.nbma.address;
    return !other.equals(claim.claimedNbma);
  });
}
