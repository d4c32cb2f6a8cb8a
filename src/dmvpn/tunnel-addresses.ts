/** Addresses of a tunnel's configuration that cannot be meant as they stand: no host's, our own, or twice the same. */
import {
  addressKey,
  hostBits,
  type IpAddress,
  type IpPrefix,
  isMulticast,
  isOfNoNetwork,
  maskAddress,
} from '../wire/address.js';
import type { CheckedValues, InterfaceAddress } from './settings-checks.js';

/** A message has 64 CIEs at most; the first is the tunnel's own address. */
const MAX_ALSO_REGISTERED = 63;

/** @throws RangeError that begins with the path of the offending value. */
export function checkAddresses(v: CheckedValues, path: string): void {
  checkOwn(v.address, `${path}.address`);
  if (v.otherAddress !== null) checkOwn(v.otherAddress, `${path}.otherAddress`);
  const own = [v.address, ...(v.otherAddress === null ? [] : [v.otherAddress])];
  const isOwn = (a: IpAddress): boolean => own.some(({ address }) => address.equals(a));
  checkAlsoRegistered(v.alsoRegister, `${path}.alsoRegister`);
  checkServers(v, isOwn, `${path}.nhs`);
  checkMaps(v, isOwn, `${path}.maps`);
  for (const [i, { via }] of v.routes.entries())
    if (via !== null && isOwn(via))
      throw new RangeError(
        `${path}.routes[${i}].via: '${via}' is the tunnel's own address; null expected for what is behind this node`,
      );
}

/** RFC 1122 §3.2.1.3, RFC 4291 §2.6.1. */
function checkOwn({ address, length }: InterfaceAddress, path: string): void {
  checkHost(address, path);
  const isNetwork = maskAddress(address, length).equals(address);
  if (length < hostBits(address.family) - 1 && isNetwork)
    throw new RangeError(
      `${path}: '${address}/${length}' is the network's address, that of a host in it expected`,
    );
}

/** @throws RangeError that begins with the path, where no host can have the address. */
export function checkHost(address: IpAddress, path: string): void {
  if (isMulticast(address) || isOfNoNetwork(address))
    throw new RangeError(`${path}: '${address}' is not the address of a host`);
}

function checkAlsoRegistered(prefixes: readonly IpPrefix[], path: string): void {
  for (const [i, { address, length }] of prefixes.entries()) {
    if (length === 0) throw new RangeError(`${path}[${i}]: not everything can be behind one node`);
    if (length === hostBits(address.family) || isMulticast(address))
      checkHost(address, `${path}[${i}]`);
  }
  for (const family of [4, 6]) {
    const found = prefixes.filter(({ address }) => address.family === family).length;
    if (found > MAX_ALSO_REGISTERED)
      throw new RangeError(
        `${path}: at most ${MAX_ALSO_REGISTERED} of IPv${family} expected, which is what a message holds, got ${found}`,
      );
  }
}

type IsOwn = (address: IpAddress) => boolean;

function checkServers({ nhs, local }: CheckedValues, isOwn: IsOwn, path: string): void {
  const seen = new Map<string, number>();
  for (const [i, { address, nbma }] of nhs.entries()) {
    if (address !== 'dynamic' && isOwn(address))
      throw new RangeError(`${path}[${i}].address: '${address}' is the tunnel's own address`);
    if (typeof nbma !== 'string' && nbma.equals(local))
      throw new RangeError(`${path}[${i}].nbma: '${nbma}' is the tunnel's own local address`);
    once(seen, `${address} ${nbma}`.toLowerCase(), `${path}[${i}]`, (at) => `${path}[${at}]`);
  }
}

function checkMaps({ maps, local }: CheckedValues, isOwn: IsOwn, path: string): void {
  const seen = new Map<string, number>();
  for (const [i, map] of maps.entries()) {
    const at = { prefix: `${path}[${i}].prefix`, nbma: `${path}[${i}].nbma` };
    checkMap(map, { local, isOwn }, at);
    const key = `${addressKey(map.prefix.address)}/${map.prefix.length}`;
    once(seen, key, at.prefix, (first) => `${path}[${first}].prefix`);
  }
}

/** @throws RangeError that begins with one of the paths, where nothing can be sent by the mapping. */
export function checkMap(
  { prefix, nbma }: { readonly prefix: IpPrefix; readonly nbma: IpAddress },
  { local, isOwn }: { readonly local: IpAddress; readonly isOwn: IsOwn },
  at: { readonly prefix: string; readonly nbma: string },
): void {
  if (isMulticast(prefix.address))
    throw new RangeError(
      `${at.prefix}: '${prefix.address}' is multicast, whose targets stand in 'multicast'`,
    );
  if (prefix.length === hostBits(prefix.address.family) && isOwn(prefix.address))
    throw new RangeError(`${at.prefix}: '${prefix.address}' is the tunnel's own address`);
  if (nbma.equals(local))
    throw new RangeError(`${at.nbma}: '${nbma}' is the tunnel's own local address`);
}

/** Nothing may stand in a list twice. */
function once(
  seen: Map<string, number>,
  key: string,
  path: string,
  pathOf: (i: number) => string,
): void {
  const first = seen.get(key);
  if (first !== undefined) throw new RangeError(`${path}: the same as ${pathOf(first)}`);
  seen.set(key, seen.size);
}
