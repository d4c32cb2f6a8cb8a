/** What must fit together in a tunnel's configuration, once each value by itself is right. */
import { isHostPrefix } from '../nhrp/engine/messages.js';
import type { IpAddress, IpFamily, IpPrefix } from '../wire/address.js';
import { checkAddresses } from './tunnel-addresses.js';

/** An own address with the length of its network. */
export interface InterfaceAddress {
  readonly address: IpAddress;
  readonly length: number;
}

/** The values that are checked, as they stand in `TunnelConfig`. */
export interface CheckedValues {
  readonly address: InterfaceAddress;
  readonly otherAddress: InterfaceAddress | null;
  readonly local: IpAddress;
  readonly mtu: number;
  readonly nhs: readonly {
    readonly address: IpAddress | 'dynamic';
    readonly nbma: IpAddress | string;
  }[];
  readonly unique: boolean | null;
  readonly alsoRegister: readonly IpPrefix[];
  readonly interest: readonly IpPrefix[] | null;
  readonly maps: readonly { readonly prefix: IpPrefix; readonly nbma: IpAddress }[];
  readonly routes: readonly { readonly prefix: IpPrefix; readonly via: IpAddress | null }[];
  readonly holdingTimeSeconds: number;
  readonly registrationIntervalSeconds: number | null;
}

/** @throws TypeError or RangeError that begins with the path of the offending value. */
export function checkTunnel(v: CheckedValues, path: string): void {
  const { address, otherAddress } = v;
  const families: IpFamily[] = [address.address.family];
  if (otherAddress !== null) {
    if (families[0] === otherAddress.address.family)
      throw new TypeError(
        `${path}.otherAddress: '${otherAddress.address}' is IPv${families[0]}, as the tunnel's address is`,
      );
    families.push(otherAddress.address.family);
  }
  checkMtu(v.mtu, families, `${path}.mtu`);
  for (const [at, found] of overlayAddresses(v)) checkFamily(`${path}.${at}`, found, families);
  for (const [i, { prefix, via }] of v.routes.entries())
    if (via !== null && via.family !== prefix.address.family)
      throw new TypeError(`${path}.routes[${i}].via: '${via}' is not of the prefix's family`);
  checkAddresses(v, path);
  checkUnique(v, path);
  checkInterval(v, path);
}

/** @throws RangeError that begins with the path, where the MTU is too small for what is carried. */
export function checkMtu(mtu: number, families: readonly IpFamily[], path: string): void {
  if (families.includes(6) && mtu < 1_280)
    throw new RangeError(`${path}: at least 1280 expected where IPv6 is carried (RFC 8200 §5)`);
}

/** RFC 2332 §5.2.3: what is unique is a host. */
function checkUnique({ unique, alsoRegister }: CheckedValues, path: string): void {
  const prefix = alsoRegister.findIndex((p) => !isHostPrefix(p));
  if (unique === true && prefix >= 0)
    throw new TypeError(
      `${path}.alsoRegister[${prefix}]: a prefix cannot be registered as unique: 'unique: false' expected beside it`,
    );
}

function checkInterval(v: CheckedValues, path: string): void {
  const interval = v.registrationIntervalSeconds;
  if (interval !== null && interval >= v.holdingTimeSeconds)
    throw new RangeError(
      `${path}.registrationIntervalSeconds: less than the holding time of ${v.holdingTimeSeconds} s expected, got ${interval}`,
    );
}

/** Every address that has to be of the tunnel's family, with where it stands. */
function* overlayAddresses(v: CheckedValues): IterableIterator<readonly [string, IpAddress]> {
  for (const [i, { address }] of v.nhs.entries())
    if (address !== 'dynamic') yield [`nhs[${i}].address`, address];
  for (const [i, { address }] of v.alsoRegister.entries()) yield [`alsoRegister[${i}]`, address];
  for (const [i, { address }] of (v.interest ?? []).entries()) yield [`interest[${i}]`, address];
  for (const [i, { prefix }] of v.maps.entries()) yield [`maps[${i}].prefix`, prefix.address];
  for (const [i, { prefix, via }] of v.routes.entries()) {
    yield [`routes[${i}].prefix`, prefix.address];
    if (via !== null) yield [`routes[${i}].via`, via];
  }
}

function checkFamily(path: string, address: IpAddress, families: readonly IpFamily[]): void {
  if (!families.includes(address.family))
    throw new TypeError(
      `${path}: '${address}' is not IPv${families[0]}, as the tunnel's address is`,
    );
}
