/** What the house asks of every decoder: each prefix is refused as truncated; any octets give a value or an error, never more. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { toHex } from '../src/wire/bytes.js';
import type { Result, WireError } from '../src/wire/result.js';

type Decoder<T> = (b: Uint8Array) => Result<T>;

/** @param error what else is said of the prefix of that many octets */
export function everyPrefix<T>(
  decode: Decoder<T>,
  whole: Uint8Array,
  error: (octets: number) => Partial<WireError> = () => ({}),
): void {
  expect(decode(whole).ok).toBe(true);
  for (let octets = 0; octets < whole.length; octets++)
    expect(decode(whole.subarray(0, octets))).toMatchObject({
      ok: false,
      error: { code: 'truncated', actual: octets, ...error(octets) },
    });
}

interface AnyBytes<T> {
  /** What they are; 0..80 of any. */
  readonly from?: fc.Arbitrary<Uint8Array>;
  /** The octets of a value, which are those that it was decoded from, if there may be others behind them. */
  readonly encode?: (value: T) => Uint8Array;
  /** Outcomes that have to occur: `ok`, or the code of an error. */
  readonly reaches: readonly (WireError['code'] | 'ok')[];
  readonly numRuns?: number;
}

export function anyBytes<T>(
  decode: Decoder<T>,
  {
    from = fc.uint8Array({ maxLength: 80, size: 'max' }),
    encode,
    reaches,
    numRuns = 500,
  }: AnyBytes<T>,
): void {
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(from, (b) => {
      const before = toHex(b);
      const decoded = decode(b);
      outcomes.add(decoded.ok ? 'ok' : decoded.error.code);
      expect(toHex(b)).toBe(before);
      if (!decoded.ok) {
        expect(decoded.error.offset).toBeGreaterThanOrEqual(0);
        expect(decoded.error.offset).toBeLessThanOrEqual(b.length);
      } else if (encode !== undefined) {
        const again = encode(decoded.value);
        expect(toHex(again)).toBe(toHex(b.subarray(0, again.length)));
      }
    }),
    { numRuns },
  );
  for (const outcome of reaches) expect([...outcomes]).toContain(outcome);
}
