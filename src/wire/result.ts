/**
 * What decoders return: a value, or an error that says what is wrong, where, and by how much.
 * Nothing that comes from the network is ever thrown.
 */

/** Why octets were refused. A closed list: every code has a test that reaches it. */
export type WireErrorCode =
  | 'truncated' // fewer octets than the structure needs
  | 'bad-length' // a length or offset field contradicts another
  | 'bad-version'
  | 'bad-checksum'
  | 'bad-value' // a value that the standard forbids
  | 'unsupported' // known and refused by name
  | 'too-many' // a list over its named limit
  | 'duplicate' // at most one is allowed
  | 'missing' // a required part is absent
  | 'bad-icv' // integrity check value is wrong
  | 'bad-padding'
  | 'unknown-spi'
  | 'replayed'; // outside the anti-replay window, or seen before

export interface WireError {
  readonly code: WireErrorCode;
  /** The RFC's name of the field, with its path: `nhrp.cie.holdingTime`. */
  readonly field: string;
  /** Octets from the first one that the outermost decoder was given. */
  readonly offset: number;
  readonly expected: number;
  readonly actual: number;
}

export interface Ok<T> {
  readonly ok: true;
  readonly value: T;
}
export interface Failure {
  readonly ok: false;
  readonly error: WireError;
}
export type Result<T> = Ok<T> | Failure;

export const ok = <T>(value: T): Ok<T> => ({ ok: true, value });

export const fail = (
  code: WireErrorCode,
  field: string,
  offset: number,
  expected: number,
  actual: number,
): Failure => ({ ok: false, error: { code, field, offset, expected, actual } });

/** The same failure as an outer decoder sees it, `by` octets further on. */
export const shifted = (failure: Failure, by: number): Failure => {
  const { code, field, offset, expected, actual } = failure.error;
  return fail(code, field, offset + by, expected, actual);
};

/** One line for people: the only place where the text of an error is composed. */
export const formatWireError = (e: WireError): string =>
  `${e.field} at octet ${e.offset}: ${e.code}, expected ${e.expected}, got ${e.actual}`;

/** The value, or an exception that carries the `WireError` as its cause: for scripts and examples. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(formatWireError(result.error), { cause: result.error });
}
