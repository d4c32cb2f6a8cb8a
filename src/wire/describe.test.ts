import { describe, expect, it } from 'vitest';
import { type IpAddress, parseAddress } from './address.js';
import { describe as describeValue, plainOf } from './describe.js';

const VALUE = {
  address: parseAddress('2001:db8::1') as IpAddress,
  nothing: null,
  octets: Uint8Array.of(1, 0xab),
  none: new Uint8Array(0),
  list: [{ code: 0 }, { code: 14 }],
  empty: [],
  big: 7n,
  flag: true,
};

describe('describe', () => {
  it('writes a line for each field', () => {
    expect(describeValue('x', VALUE)).toBe(
      [
        'x',
        '  address: 2001:db8::1',
        '  nothing: -',
        '  octets: 01ab',
        '  none: no octets',
        '  list',
        '    0',
        '      code: 0',
        '    1',
        '      code: 14',
        '  empty: []',
        '  big: 7',
        '  flag: true',
      ].join('\n'),
    );
  });

  it('counts octets that it does not show', () => {
    expect(describeValue('x', new Uint8Array(33))).toBe(`x: ${'00'.repeat(32)}… (33 octets)`);
  });

  it('lets the caller name a field by its path', () => {
    const text = describeValue('x', VALUE, (path) =>
      path === 'x.list.1.code' ? 'unique' : undefined,
    );
    expect(text).toContain('code: 0\n    1\n      code: unique');
  });

  it('makes plain data for JSON', () => {
    expect(JSON.parse(JSON.stringify(plainOf(VALUE)))).toEqual({
      address: '2001:db8::1',
      nothing: null,
      octets: '01ab',
      none: '',
      list: [{ code: 0 }, { code: 14 }],
      empty: [],
      big: '7',
      flag: true,
    });
  });
});
