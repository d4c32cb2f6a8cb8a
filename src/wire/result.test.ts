import { describe, expect, it } from 'vitest';
import { parseAddress } from './address.js';
import { fixedLayout } from './layout.js';
import { type Endpoint, endpointEquals, endpointKey, formatEndpoint } from './path.js';
import { fail, formatWireError, ok, shifted, unwrap } from './result.js';

describe('Result', () => {
  const failure = fail('truncated', 'nhrp.cie', 24, 12, 7);

  it('carries a value, or an error with a place', () => {
    expect(unwrap(ok(42))).toBe(42);
    expect(formatWireError(failure.error)).toBe(
      'nhrp.cie at octet 24: truncated, expected 12, got 7',
    );
    expect(() => unwrap(failure)).toThrow('nhrp.cie at octet 24');
    try {
      unwrap(failure);
    } catch (error) {
      expect((error as Error).cause).toBe(failure.error);
    }
  });

  it('moves its error on the way up', () => {
    expect(shifted(failure, 20).error).toEqual({ ...failure.error, offset: 44 });
    expect(failure.error.offset).toBe(24);
  });
});

describe('FixedLayout', () => {
  const layout = fixedLayout({ a: 1, b: 2, c: 4, d: 5 });

  it('says where each field begins', () => {
    expect(layout.octets).toBe(12);
    expect(['a', 'b', 'c', 'd'].map(layout.offsetOf)).toEqual([0, 1, 3, 7]);
  });

  it('reads all of them for dumps', () => {
    const fields = layout.decode(Buffer.from('ff010203040506070809aabbcc', 'hex'), 1);
    expect(fields).toMatchObject({ a: 1, b: 0x0203, c: 0x0405_0607 });
  });

  it('does not load with a wrong name', () => {
    expect(() => layout.offsetOf('e')).toThrow('bug: no field e');
  });
});

describe('Endpoint', () => {
  const endpoint = (text: string, port: number): Endpoint => {
    const address = parseAddress(text);
    if (address === null) throw new Error(text);
    return { address, port };
  };

  it('prints with its port, if it has one', () => {
    expect(formatEndpoint(endpoint('192.0.2.1', 0))).toBe('192.0.2.1');
    expect(formatEndpoint(endpoint('192.0.2.1', 4754))).toBe('192.0.2.1:4754');
    expect(formatEndpoint(endpoint('2001:db8::1', 0))).toBe('2001:db8::1');
    expect(formatEndpoint(endpoint('2001:db8::1', 4500))).toBe('[2001:db8::1]:4500');
  });

  it('has equal keys exactly when it is equal', () => {
    const all = ['0.0.0.0', '192.0.2.1', '::', '2001:db8::1'].flatMap((text) =>
      [0, 1, 4500].map((port) => endpoint(text, port)),
    );
    for (const [i, a] of all.entries())
      for (const [j, b] of all.entries()) {
        expect(endpointEquals(a, b)).toBe(i === j);
        expect(endpointKey(a) === endpointKey(b)).toBe(i === j);
      }
  });
});
