/** The part of an IP header that the checksums of UDP and ICMPv6 cover: RFC 768, RFC 8200 §8.1. */
import { type IpAddress, type IpFamily, readAddress } from './address.js';
import { checksumSum, finishChecksum } from './checksum.js';

/** The two ends of an IP packet, of one family. */
export interface AddressPair {
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

/** The ends of an IP packet whose header has been checked, read from its octets. */
export const readAddressPair = (b: Uint8Array, at: number, family: IpFamily): AddressPair =>
  family === 4
    ? { source: readAddress(b, at + 12, 4), destination: readAddress(b, at + 16, 4) }
    : { source: readAddress(b, at + 8, 6), destination: readAddress(b, at + 24, 6) };

/** The sum to which that of the upper layer's octets is added. */
export const pseudoHeaderSum = (ip: AddressPair, protocol: number, octets: number): number =>
  addressSum(ip.source) + addressSum(ip.destination) + protocol + octets;

/** The checksum over pseudo header and upper layer, or 0 when its checksum is there and right. */
export const upperLayerChecksum = (
  b: Uint8Array,
  at: number,
  octets: number,
  pseudoSum: number,
): number => finishChecksum(pseudoSum + checksumSum(b, at, octets));

/** What a wrong checksum should have been, from the result of checking it. */
export const expectedChecksum = (residue: number, received: number): number =>
  finishChecksum((~residue & 0xffff) + (~received & 0xffff));

const addressSum = (a: IpAddress): number => words(a.w0) + words(a.w1) + words(a.w2) + words(a.w3);
const words = (w: number): number => (w >>> 16) + (w & 0xffff);
