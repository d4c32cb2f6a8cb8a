/** A decoded packet as a readable tree: for scripts, logs and the messages of failed tests. */
import { IpAddress } from './address.js';
import { toHex } from './bytes.js';

/** Octets beyond these are counted, not shown. */
const MAX_SHOWN_OCTETS = 32;

/** What {@link describe} writes instead of its own choice: a text, or undefined where it has none. */
export type DescribeField = (path: string, value: unknown) => string | undefined;

/**
 * Any plain value as lines: a line for each field, two spaces deeper for each structure in it.
 * Addresses are texts, octets hexadecimal, null is `-`.
 *
 * @param name the root of the tree and of the paths that `special` gets: `nhrp.cies.0.code`
 * @example describe('gre', { key: 42, payload: new Uint8Array(2) })
 * // gre
 * //   key: 42
 * //   payload: 0000
 */
export function describe(name: string, value: unknown, special?: DescribeField): string {
  const lines: string[] = [];
  describeInto(lines, { indent: '', label: name, path: name, value }, special);
  return lines.join('\n');
}

/** The same value with addresses as texts and octets as hexadecimal: for `JSON.stringify`. */
export function plainOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (value instanceof IpAddress) return String(value);
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plainOf(field)]));
}

interface Node {
  readonly indent: string;
  readonly label: string;
  readonly path: string;
  readonly value: unknown;
}

function describeInto(lines: string[], node: Node, special: DescribeField | undefined): void {
  const { indent, label, path, value } = node;
  const text = special?.(path, value) ?? leafText(value);
  lines.push(`${indent}${label}${text === null ? '' : `: ${text}`}`);
  if (text !== null) return;
  for (const [key, field] of Object.entries(value as object)) {
    const child = { indent: `${indent}  `, label: key, path: `${path}.${key}`, value: field };
    describeInto(lines, child, special);
  }
}

/** The text of a value without fields of its own, or null. */
function leafText(value: unknown): string | null {
  if (value === null || value === undefined) return '-';
  if (value instanceof IpAddress) return String(value);
  if (value instanceof Uint8Array) return octetsText(value);
  if (typeof value !== 'object') return String(value);
  return Object.keys(value).length === 0 ? (Array.isArray(value) ? '[]' : '{}') : null;
}

function octetsText(b: Uint8Array): string {
  if (b.length === 0) return 'no octets';
  if (b.length <= MAX_SHOWN_OCTETS) return toHex(b);
  return `${toHex(b.subarray(0, MAX_SHOWN_OCTETS))}… (${b.length} octets)`;
}
