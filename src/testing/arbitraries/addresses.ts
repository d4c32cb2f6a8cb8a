/** Octets and IP addresses. */
import fc from 'fast-check';
import { IpAddress, type IpFamily } from '../../wire/address.js';

/** Octets of their own, 0..`maxOctets` of them. */
export const octets = (maxOctets: number, minOctets = 0): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: minOctets, maxLength: maxOctets });

/** An unsigned number of so many bits, 1..32; its ends more often than chance would have it. */
export const unsigned = (bits: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 2 ** bits - 1 });

const word: fc.Arbitrary<number> = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

/** Any IPv4 address. */
export const ipv4Address = (): fc.Arbitrary<IpAddress> => word.map((w) => new IpAddress(4, w));

/** Any IPv6 address. */
export const ipv6Address = (): fc.Arbitrary<IpAddress> =>
  fc.tuple(word, word, word, word).map(([a, b, c, d]) => new IpAddress(6, a, b, c, d));

/** Any address of that family. */
export const ipAddress = (family: IpFamily): fc.Arbitrary<IpAddress> =>
  family === 4 ? ipv4Address() : ipv6Address();
