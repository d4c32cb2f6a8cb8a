/**
 * IP addresses and prefixes, and the door to ip-num. An address is four 32-bit words: cheap to compare and
 * to hash on the packet path. Text is parsed and printed by ip-num, at the API edge only.
 */
import { collapseIPv6Number, IPv4, IPv6 } from 'ip-num';
import { readI32, writeU32 } from './bytes.js';

export type IpFamily = 4 | 6;

/** An IPv4 or IPv6 address, immutable. Prints as RFC 5952 text wherever a text is wanted. */
export class IpAddress {
  static {
    // `console.log` of Node, Deno and Bun asks for this; a method of that name would have no declared type
    const inspect = Symbol.for('nodejs.util.inspect.custom');
    Object.defineProperty(IpAddress.prototype, inspect, { value: IpAddress.prototype.toString });
  }

  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;

  /** IPv4 in `w0`; IPv6 in `w0..w3`, first word first. Kept as signed 32-bit numbers, which V8 has unboxed. */
  constructor(
    readonly family: IpFamily,
    w0: number,
    w1: number = 0,
    w2: number = 0,
    w3: number = 0,
  ) {
    this.w0 = w0 | 0;
    this.w1 = w1 | 0;
    this.w2 = w2 | 0;
    this.w3 = w3 | 0;
  }

  equals(other: IpAddress): boolean {
    return (
      this.w0 === other.w0 &&
      this.w1 === other.w1 &&
      this.w2 === other.w2 &&
      this.w3 === other.w3 &&
      this.family === other.family
    );
  }

  toString(): string {
    return formatAddress(this);
  }

  toJSON(): string {
    return formatAddress(this);
  }
}

/** A prefix: the bits of `address` past `length` are zero. */
export interface IpPrefix {
  readonly address: IpAddress;
  /** 0..32 or 0..128. */
  readonly length: number;
}

export const UNSPECIFIED_V4: IpAddress = new IpAddress(4, 0);
export const UNSPECIFIED_V6: IpAddress = new IpAddress(6, 0);

/** 4 or 16. */
export const addressOctets = (a: IpAddress): number => (a.family === 4 ? 4 : 16);
/** 32 or 128. */
export const hostBits = (family: IpFamily): number => (family === 4 ? 32 : 128);

/** Reads an address whose octets have been checked to be there. */
export const readAddress = (b: Uint8Array, at: number, family: IpFamily): IpAddress =>
  family === 4
    ? new IpAddress(4, readI32(b, at))
    : new IpAddress(6, readI32(b, at), readI32(b, at + 4), readI32(b, at + 8), readI32(b, at + 12));

/** Writes 4 or 16 octets and returns the offset after them. */
export function writeAddress(a: IpAddress, out: Uint8Array, at: number): number {
  at = writeU32(out, at, a.w0);
  if (a.family === 4) return at;
  return writeU32(out, writeU32(out, writeU32(out, at, a.w1), a.w2), a.w3);
}

/** The address as 4 or 16 octets of their own. */
export function addressBytes(a: IpAddress): Uint8Array {
  const out = new Uint8Array(addressOctets(a));
  writeAddress(a, out, 0);
  return out;
}

/** A Map key: a number for IPv4, a text for IPv6. Equal addresses have equal keys, and only they. */
export const addressKey = (a: IpAddress): number | string =>
  a.family === 4 ? a.w0 : `${a.w0},${a.w1},${a.w2},${a.w3}`;

/** `224.0.0.0/4` or `ff00::/8`. */
export const isMulticast = (a: IpAddress): boolean =>
  a.family === 4 ? a.w0 >>> 28 === 0xe : a.w0 >>> 24 === 0xff;

/** Never on any network: 0.0.0.0/8, 127.0.0.0/8, 240.0.0.0/4 with the limited broadcast; ::, ::1. */
export function isOfNoNetwork(a: IpAddress): boolean {
  if (a.family === 6) return (a.w0 | a.w1 | a.w2) === 0 && a.w3 >>> 1 === 0;
  const first = a.w0 >>> 24;
  return first === 0 || first === 127 || first >= 240;
}

/** RFC 4291 §2.5.6, fe80::/10: every such next hop is on the link that the packet leaves by. */
export const isIpv6LinkLocal = (a: IpAddress): boolean => a.family === 6 && a.w0 >>> 22 === 0x3fa;

export const isUnspecified = (a: IpAddress): boolean => (a.w0 | a.w1 | a.w2 | a.w3) === 0;

/** The address of a text such as `10.0.0.1` or `2001:db8::1`; null when it is none. Zones are refused. */
export function parseAddress(text: string): IpAddress | null {
  try {
    return text.includes(':')
      ? parseV6(text)
      : new IpAddress(4, Number(new IPv4(text).getValue()) | 0);
  } catch {
    return null; // ip-num throws a plain Error whose text is not ours to show
  }
}

/** The prefix of a text such as `10.0.0.0/8`; a bare address is a host prefix; null when host bits are set. */
export function parsePrefix(text: string): IpPrefix | null {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const bits = slash < 0 ? String(hostBits(address.family)) : text.slice(slash + 1);
  const length = /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  if (!(length <= hostBits(address.family))) return null;
  return maskAddress(address, length).equals(address) ? { address, length } : null;
}

/** RFC 5952 text; IPv4-mapped addresses keep their dotted quad (§5). */
export function formatAddress(a: IpAddress): string {
  if (a.family === 4) return formatV4(a.w0);
  if (a.w0 === 0 && a.w1 === 0 && a.w2 === 0xffff) return `::ffff:${formatV4(a.w3)}`;
  const words = [a.w0, a.w1, a.w2, a.w3].flatMap((w) => [(w >>> 16) & 0xffff, w & 0xffff]);
  return collapseIPv6Number(words.map((w) => w.toString(16)).join(':'));
}

export const formatPrefix = (p: IpPrefix): string => `${formatAddress(p.address)}/${p.length}`;

/** A host prefix of the address. */
export const hostPrefix = (a: IpAddress): IpPrefix => ({ address: a, length: hostBits(a.family) });

/** The address with all bits after the first `length` cleared. */
export function maskAddress(a: IpAddress, length: number): IpAddress {
  if (length >= hostBits(a.family)) return a;
  if (a.family === 4) return new IpAddress(4, a.w0 & maskWord(length));
  return new IpAddress(
    6,
    a.w0 & maskWord(length),
    a.w1 & maskWord(length - 32),
    a.w2 & maskWord(length - 64),
    a.w3 & maskWord(length - 96),
  );
}

/** Whether the address lies in the prefix; families never mix. */
export const prefixContains = (p: IpPrefix, a: IpAddress): boolean =>
  p.address.family === a.family && maskAddress(a, p.length).equals(p.address);

export const prefixEquals = (a: IpPrefix, b: IpPrefix): boolean =>
  a.length === b.length && a.address.equals(b.address);

const maskWord = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits));

const formatV4 = (w: number): string =>
  `${(w >>> 24) & 255}.${(w >>> 16) & 255}.${(w >>> 8) & 255}.${w & 255}`;

function parseV6(text: string): IpAddress | null {
  if (text.includes('%')) return null;
  const value = new IPv6(text).getValue();
  const word = (shift: bigint): number => Number((value >> shift) & 0xffff_ffffn) | 0;
  return new IpAddress(6, word(96n), word(64n), word(32n), word(0n));
}
