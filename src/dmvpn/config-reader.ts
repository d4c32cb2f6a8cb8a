/**
 * Readers for configurations and commands: a value and its path in, the checked value out. A wrong value is a
 * TypeError or RangeError that begins with its path; what is not in the shape is refused. Values of secrets are
 * never quoted.
 */
import {
  hostBits,
  type IpAddress,
  type IpFamily,
  type IpPrefix,
  isMulticast,
  isUnspecified,
  maskAddress,
  parseAddress,
  parsePrefix,
} from '../wire/address.js';

export type Reader<T> = (value: unknown, path: string) => T;

const MAX_NAME = 253; // RFC 1035 §2.3.4, as text
const HOST_NAME = /^(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*\.?$/i;

/** An object with these properties and no others. */
export const record =
  <T>(shape: { readonly [K in keyof T]-?: Reader<T[K]> }): Reader<T> =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new TypeError(`${path || 'config'}: an object expected, got ${kindOf(value)}`);
    for (const key of Object.keys(value))
      if (!Object.hasOwn(shape, key))
        throw new TypeError(`${join(path, key)}: there is no such option`);
    const given = value as Partial<Record<keyof T, unknown>>;
    const keys = Object.keys(shape) as (keyof T & string)[];
    return Object.fromEntries(
      keys.map((key) => [key, shape[key](given[key], join(path, key))]),
    ) as T;
  };

/** The reader's value, or `fallback` for undefined. */
export const optional =
  <T, D>(reader: Reader<T>, fallback: D): Reader<T | D> =>
  (value, path) =>
    value === undefined ? fallback : reader(value, path);

export const nullable =
  <T>(reader: Reader<T>): Reader<T | null> =>
  (value, path) =>
    value === null ? null : reader(value, path);

export const list =
  <T>(reader: Reader<T>, least = 0): Reader<readonly T[]> =>
  (value, path) => {
    if (!Array.isArray(value))
      throw new TypeError(`${path}: a list expected, got ${kindOf(value)}`);
    if (value.length < least) throw new RangeError(`${path}: at least ${least} expected`);
    return Array.from(value, (item, i) => reader(item, `${path}[${i}]`)); // a hole is read too
  };

export const integer =
  (min: number, max: number): Reader<number> =>
  (value, path) => {
    if (typeof value !== 'number')
      throw new TypeError(`${path}: a number expected, got ${show(value)}`);
    if (!Number.isInteger(value) || value < min || value > max)
      throw new RangeError(`${path}: a whole number from ${min} to ${max} expected, got ${value}`);
    return value;
  };

export const boolean: Reader<boolean> = (value, path) => {
  if (typeof value !== 'boolean')
    throw new TypeError(`${path}: true or false expected, got ${show(value)}`);
  return value;
};

export const oneOf =
  <T extends string>(...names: readonly T[]): Reader<T> =>
  (value, path) => {
    const found = names.find((name) => name === value);
    if (found === undefined)
      throw new TypeError(`${path}: ${names.map(show).join(' or ')} expected, got ${show(value)}`);
    return found;
  };

export const text =
  (maxLength: number): Reader<string> =>
  (value, path) => {
    if (typeof value !== 'string')
      throw new TypeError(`${path}: a text expected, got ${show(value)}`);
    if (value.length < 1 || value.length > maxLength)
      throw new RangeError(`${path}: 1 to ${maxLength} characters expected, got ${value.length}`);
    return value;
  };

/** A unicast address, of that family if it is given. */
export const address =
  (family?: IpFamily): Reader<IpAddress> =>
  (value, path) => {
    const found = typeof value === 'string' ? parseAddress(value) : null;
    if (found === null || (family !== undefined && found.family !== family))
      throw new TypeError(`${path}: ${show(value)} is not an ${nameOf(family)} address`);
    if (!isUnicast(found)) throw new RangeError(`${path}: ${show(value)} is not a unicast address`);
    return found;
  };

export const prefix: Reader<IpPrefix> = (value, path) => {
  const found = typeof value === 'string' ? parsePrefix(value) : null;
  if (found !== null) return found;
  throw new TypeError(`${path}: ${show(value)} is not a prefix${hintOf(value)}`);
};

/** An own address with the length of its network, host bits and all: `10.0.0.1/24`. */
export const interfaceAddress: Reader<{ address: IpAddress; length: number }> = (value, path) => {
  const [host = '', bits, more] = typeof value === 'string' ? value.split('/', 3) : [];
  const own = parseAddress(host);
  const length = more === undefined && /^\d{1,3}$/.test(bits ?? '') ? Number(bits) : Number.NaN;
  if (own === null || !isUnicast(own) || !(length <= hostBits(own.family)))
    throw new TypeError(
      `${path}: ${show(value)} is not an address with a length, such as '10.0.0.1/24'`,
    );
  return { address: own, length };
};

/** An address of that family, or a host name. */
export const addressOrName =
  (family: IpFamily): Reader<IpAddress | string> =>
  (value, path) => {
    const looksLikeName =
      typeof value === 'string' &&
      value.length <= MAX_NAME &&
      /[a-z]/i.test(value) &&
      HOST_NAME.test(value);
    return looksLikeName ? value : address(family)(value, path);
  };

/** 1..8 printable ASCII characters, as octets. The value is a secret. */
export const ciscoPassword: Reader<Uint8Array> = (value, path) => {
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,8}$/.test(value))
    throw new TypeError(`${path}: 1 to 8 printable ASCII characters expected`);
  return Uint8Array.from(value, (c) => c.charCodeAt(0));
};

/** 1..256 octets, copied. The value is a secret. */
export const keyOctets: Reader<Uint8Array> = (value, path) => {
  if (!(value instanceof Uint8Array) || value.length < 1 || value.length > 256)
    throw new TypeError(`${path}: an Uint8Array of 1 to 256 octets expected`);
  return value.slice();
};

/** Neither multicast nor unspecified nor the limited broadcast. */
const isUnicast = (a: IpAddress): boolean =>
  !isMulticast(a) && !isUnspecified(a) && !(a.family === 4 && a.w0 === -1);

/** For what stands beside a secret, where it may have been put by mistake: the value is not quoted. */
export const unquoted =
  <T>(reader: Reader<T>, expected: string): Reader<T> =>
  (value, path) => {
    try {
      return reader(value, path);
    } catch {
      throw new TypeError(`${path}: ${expected} expected`);
    }
  };

const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

const nameOf = (family: IpFamily | undefined): string =>
  family === undefined ? 'IP' : `IPv${family}`;

/** Where an object belongs a text may be a secret in the wrong place: its kind is said, not the text. */
const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'a list' : typeof value === 'string' ? 'a text' : show(value);

/** A value as a refusal quotes it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 60)}…` : value}'`;
  if (value === undefined) return 'nothing';
  return value === null || typeof value !== 'object' ? String(value) : 'an object';
}

/** `10.0.0.1/24` has host bits set: say what would be right. */
function hintOf(value: unknown): string {
  const [host = '', bits = ''] = typeof value === 'string' ? value.split('/', 2) : [];
  const given = parseAddress(host);
  if (given === null || !/^\d+$/.test(bits) || Number(bits) > hostBits(given.family)) return '';
  return `; did you mean '${maskAddress(given, Number(bits))}/${bits}'?`;
}
