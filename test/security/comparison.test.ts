/** One door for every comparison of a secret: reliability S8, by reading the sources. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { comparisonViolations, PUBLIC_COMPARISONS } from './comparison-check.js';

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((file) => `src/${file}`)
  .filter((path) => path.endsWith('.ts') && !/(\.test|test-support|\.d)\.ts$/.test(path));

it('goes for every file of src', () => {
  expect(sources.length).toBeGreaterThan(100);
  const found = sources.flatMap((path) => comparisonViolations(path, readFileSync(path, 'utf8')));
  expect(found).toEqual([]);
});

it('has no exception that is not used', () => {
  for (const exception of Object.keys(PUBLIC_COMPARISONS)) {
    const [path = '', name = ''] = exception.split(' ');
    expect(readFileSync(path, 'utf8')).toContain(name);
  }
});

it.each([
  ['if (icv === expected) return;', 'compares icv by ==='],
  ['const same = found.secret.octets == text;', 'compares secret by ==='],
  ['for (let i = 0; i < n; i++) if (mac[i] !== given[i]) return false;', 'compares mac by ==='],
  ['return toHex(cookie) === toHex(data);', 'compares cookie by ==='],
  ['return bytesEqual(auth, data);', 'compares by bytesEqual'],
  ['return Buffer.compare(auth, data) === 0;', 'compares by Buffer.compare'],
  ['return authBuffer.equals(data);', 'compares by Buffer.equals'],
  ["import { timingSafeEqual } from 'node:crypto';", 'uses timingSafeEqual'],
  ['return nacl.verify(auth, data);', 'uses nacl.verify outside its door'],
])('refuses %s', (text, problem) => {
  expect(comparisonViolations('src/x.ts', text)[0]).toContain(`src/x.ts:1 ${problem}`);
});

it.each([
  'if (secret === null) return;',
  'if (secret.length === 0) return;',
  "if (typeof secret === 'string') return;",
  'return constantTimeEqual(mac, found);',
  'return a.address.equals(b.address);',
])('lets %s pass', (text) => {
  expect(comparisonViolations('src/x.ts', text)).toEqual([]);
});
