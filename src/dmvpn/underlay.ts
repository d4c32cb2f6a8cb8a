/** What the caller says of the network under the tunnels, checked as commands are; its addresses are objects. */
import { IpAddress } from '../wire/address.js';
import { integer, nullable, oneOf, type Reader, record } from './config-reader.js';
import type { UnderlayChange } from './output.js';

const U32 = 0xffff_ffff; // of ICMPv6; Linux calls the loopback's 65,536

const addressObject: Reader<IpAddress> = (value, path) => {
  if (!(value instanceof IpAddress)) throw new TypeError(`${path}: an IpAddress expected`);
  return value;
};

const READERS: { readonly [K in UnderlayChange['kind']]: Reader<UnderlayChange & { kind: K }> } = {
  'local-address': record<UnderlayChange & { kind: 'local-address' }>({
    kind: oneOf('local-address'),
    from: addressObject,
    to: addressObject,
  }),
  'path-mtu': record<UnderlayChange & { kind: 'path-mtu' }>({
    kind: oneOf('path-mtu'),
    remote: addressObject,
    mtu: nullable(integer(0, U32)),
  }),
  unreachable: record<UnderlayChange & { kind: 'unreachable' }>({
    kind: oneOf('unreachable'),
    remote: addressObject,
  }),
};
const KINDS = Object.keys(READERS) as UnderlayChange['kind'][];

/** @throws TypeError or RangeError that begins with the name of the offending value: `change.kind`. */
export function readUnderlay(change: unknown): UnderlayChange {
  if (typeof change !== 'object' || change === null)
    throw new TypeError('change: an object expected');
  const kind = oneOf(...KINDS)((change as { kind?: unknown }).kind, 'change.kind');
  return READERS[kind](change, 'change');
}
