import { isIPv4, isIPv6 } from 'node:net';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressBytes,
  addressKey,
  addressOctets,
  formatAddress,
  formatPrefix,
  hostBits,
  hostPrefix,
  IpAddress,
  type IpPrefix,
  isMulticast,
  isUnspecified,
  maskAddress,
  parseAddress,
  parsePrefix,
  prefixContains,
  prefixEquals,
  readAddress,
  UNSPECIFIED_V4,
  UNSPECIFIED_V6,
  writeAddress,
} from './address.js';
import { toHex } from './bytes.js';

const word = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 1));
const v4 = word.map((w) => new IpAddress(4, w));
const v6 = fc.tuple(word, word, word, word).map((words) => new IpAddress(6, ...words));
const address = fc.oneof(v4, v6);
const prefix: fc.Arbitrary<IpPrefix> = address.chain((a) =>
  fc.nat(hostBits(a.family)).map((length) => ({ address: maskAddress(a, length), length })),
);
const parsed = (text: string): IpAddress => parseAddress(text) as IpAddress;
const bitsOf = (a: IpAddress): string =>
  Array.from(addressBytes(a), (octet) => octet.toString(2).padStart(8, '0')).join('');

describe('IpAddress', () => {
  it('parses what it prints, and prints what it parses', () => {
    fc.assert(
      fc.property(address, (a) => {
        const text = formatAddress(a);
        expect(a.family === 4 ? isIPv4(text) : isIPv6(text)).toBe(true);
        expect(parsed(text)).toEqual(a);
        expect([`${a}`, JSON.stringify(a)]).toEqual([text, `"${text}"`]);
      }),
    );
  });

  it.each([
    // RFC 5952 §4 and §5
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:AAAA', '2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
  ])('prints %s as %s', (text, canonical) => {
    expect(String(parseAddress(text))).toBe(canonical);
  });

  it.each([
    ...[
      '',
      '1.2.3',
      '1.2.3.4.5',
      '256.1.1.1',
      '1.2.3.-4',
      '1.2.3.4 ',
      'a.b.c.d',
      '1.2.3.4/8',
      '1e1.2.3.4',
      '0x1.2.3.4',
    ],
    ...[
      ':',
      ':::',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '12345::',
      'g::',
      '::1%eth0',
      '1::2::3',
      '::1.2.3',
      ' ::1',
    ],
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  it('takes no text that Node does not take, and never throws', () => {
    const part = fc.constantFrom(
      '0',
      '1',
      '255',
      '256',
      '01',
      '.',
      ':',
      '::',
      'ffff',
      '%',
      '/',
      ' ',
      '-',
    );
    const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (t) => {
        if (parseAddress(t) !== null) expect(isIPv4(t) || isIPv6(t)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads what it writes', () => {
    fc.assert(
      fc.property(address, fc.nat(5), (a, at) => {
        const out = new Uint8Array(24).fill(0xa5);
        const end = writeAddress(a, out, at);
        expect(end - at).toBe(addressOctets(a));
        expect(readAddress(out, at, a.family)).toEqual(a);
        expect(toHex(out.subarray(at, end))).toBe(toHex(addressBytes(a)));
        expect(out[end]).toBe(0xa5);
      }),
    );
  });

  it('has equal keys exactly when it is equal', () => {
    fc.assert(
      fc.property(address, address, (a, b) => {
        expect(addressKey(a) === addressKey(b)).toBe(a.equals(b));
        const same = readAddress(addressBytes(a), 0, a.family);
        expect([a.equals(same), addressKey(same)]).toEqual([true, addressKey(a)]);
      }),
    );
    expect(UNSPECIFIED_V4.equals(UNSPECIFIED_V6)).toBe(false);
    expect(addressKey(UNSPECIFIED_V4)).not.toBe(addressKey(UNSPECIFIED_V6));
  });

  it('knows multicast and nobody', () => {
    for (const text of ['224.0.0.5', '239.255.255.255', 'ff02::1'])
      expect(isMulticast(parsed(text))).toBe(true);
    for (const text of ['223.255.255.255', '240.0.0.1', 'fe80::1', '255.255.255.255'])
      expect(isMulticast(parsed(text))).toBe(false);
    expect([UNSPECIFIED_V4, UNSPECIFIED_V6, parsed('::1')].map(isUnspecified)).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('IpPrefix', () => {
  it('parses what it prints', () => {
    fc.assert(
      fc.property(prefix, (p) => {
        const again = parsePrefix(formatPrefix(p));
        expect(again).toEqual(p);
        expect(again !== null && prefixEquals(again, p)).toBe(true);
      }),
    );
  });

  it.each([
    '10.0.0.1/8',
    '10.0.0.0/33',
    '2001:db8::/129',
    '10.0.0.0/',
    '10.0.0.0/8.0',
    '10.0.0.0/-1',
    '/8',
    '10.0.0.0/8/8',
    '2001:db8::1/64',
  ])('refuses %j', (text) => {
    expect(parsePrefix(text)).toBeNull();
  });

  it('is that of a host when no length is given', () => {
    expect(parsePrefix('10.0.0.1')).toEqual(hostPrefix(parsed('10.0.0.1')));
    expect(formatPrefix(hostPrefix(parsed('2001:db8::1')))).toBe('2001:db8::1/128');
  });

  it('contains exactly the addresses that begin with its bits', () => {
    fc.assert(
      fc.property(prefix, address, (p, other) => {
        for (const a of [other, p.address, maskAddress(other, p.length)]) {
          const begins = bitsOf(a).startsWith(bitsOf(p.address).slice(0, p.length));
          expect(prefixContains(p, a)).toBe(a.family === p.address.family && begins);
        }
      }),
    );
  });

  it('masks bit by bit', () => {
    fc.assert(
      fc.property(address, fc.nat(140), (a, length) => {
        const masked = bitsOf(maskAddress(a, length));
        expect(masked).toBe(bitsOf(a).slice(0, length).padEnd(hostBits(a.family), '0'));
      }),
    );
  });
});

it('an address is printed as text by console.log as well', () => {
  expect(inspect({ nextHop: new IpAddress(4, 0x0a000064) })).toBe('{ nextHop: 10.0.0.100 }');
});
