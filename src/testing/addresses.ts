/** Addresses as text, as scripts write them. */
import type { TunnelConfig } from '../dmvpn/config.js';
import {
  hostBits,
  type IpAddress,
  type IpPrefix,
  maskAddress,
  parseAddress,
} from '../wire/address.js';

/** @throws TypeError for a text that is no address. */
export function addressOf(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === null) throw new TypeError(`'${text}' is not an IP address`);
  return address;
}

/** `172.16.1.1/24` as an interface has it: the address, and the prefix that it is in. @throws TypeError */
export function interfaceOf(text: string): { address: IpAddress; prefix: IpPrefix } {
  const [host = '', bits] = text.split('/');
  const address = addressOf(host);
  const length = bits === undefined ? hostBits(address.family) : Number(bits);
  if (!Number.isInteger(length) || length < 0 || length > hostBits(address.family))
    throw new TypeError(`'${text}' is not an interface address`);
  return { address, prefix: { address: maskAddress(address, length), length } };
}

/** The own addresses of a tunnel, one for each IP family that it carries. */
export const addressesOf = ({ address, otherAddress }: TunnelConfig): readonly IpAddress[] =>
  [address, otherAddress ?? []].flat().map((text) => interfaceOf(text).address);
