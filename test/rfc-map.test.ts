/** docs/rfc-map.md says of every row where it is done and what proves it: nothing in it is empty or has gone. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mapRows, testTitles } from './rfc-map.js';

const rows = mapRows(readFileSync('docs/rfc-map.md', 'utf8'));
const titles = new Map<string, Set<string>>();

function titlesOf(file: string): Set<string> {
  const known = titles.get(file) ?? testTitles(readFileSync(file, 'utf8'));
  titles.set(file, known);
  return known;
}

/** What is wrong with a row, in words. */
function faultsOf(row: (typeof rows)[number]): string[] {
  const empty = row.cells.length !== 4 || row.cells.some((cell) => cell === '');
  const nowhere = row.files.filter((file) => !existsSync(file));
  const noFile = row.proofs.filter(({ file }) => !existsSync(file));
  const noTest = row.proofs.filter(
    ({ file, title }) => existsSync(file) && !titlesOf(file).has(title),
  );
  return [
    ...(empty ? ['has an empty cell'] : []),
    ...(row.isLeftOut || row.proofs.length > 0 ? [] : ['has neither a test nor a reason']),
    ...(row.isLeftOut || row.files.length > 0 ? [] : ['names no file that does it']),
    ...(row.isLeftOut && row.proofs.length > 0 ? ['is left out, and proved'] : []),
    ...nowhere.map((file) => `names ${file}, which is not there`),
    ...noFile.map(({ file }) => `names ${file}, which is not there`),
    ...noTest.map(({ file, title }) => `names “${title}”, which is no test of ${file}`),
  ].map((fault) => `line ${row.line}, ${row.id}: ${fault}`);
}

describe('docs/rfc-map.md', () => {
  it('has the rows of every table', () => {
    const count = (start: RegExp): number => rows.filter(({ id }) => start.test(id)).length;
    const features = Array.from({ length: 12 }, (_, i) => count(new RegExp(`^A\\.${i + 1}\\.`)));
    expect(features).toEqual([18, 14, 17, 13, 12, 10, 15, 5, 18, 8, 6, 6]);
    expect([count(/^§/), count(/^RFC/), count(/^D\.6\./), count(/^R\./)]).toEqual([30, 15, 9, 24]);
  });

  it('names every row once', () => {
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  });

  it('names for each row files that are there and tests that are in them, or a reason', () => {
    expect(rows.flatMap(faultsOf)).toEqual([]);
  });
});

describe('the reader of the map', () => {
  const HEAD = '| row | what | where | proof |\n|---|---|---|---|\n';
  const faults = (line: string): string[] => mapRows(HEAD + line).flatMap(faultsOf);

  it('finds what is wrong with a row', () => {
    const right = '| A | b | `test/rfc-map.ts` | `test/rfc-map.test.ts` “names every row once” |';
    expect(faults(right)).toEqual([]);
    expect(faults('| A | b | none | left out: for a good reason |')).toEqual([]);
    expect(faults('| A |  | none | left out: for a good reason |')).toEqual([
      'line 3, A: has an empty cell',
    ]);
    expect(faults('| A | b | none | left out: |')).toContain(
      'line 3, A: has neither a test nor a reason',
    );
    expect(faults(right.replace('rfc-map.ts', 'gone.ts'))).toEqual([
      'line 3, A: names test/gone.ts, which is not there',
    ]);
    expect(faults(right.replace('rfc-map.test.ts', 'gone.test.ts'))).toEqual([
      'line 3, A: names test/gone.test.ts, which is not there',
    ]);
    expect(faults(right.replace('every', 'no'))).toEqual([
      'line 3, A: names “names no row once”, which is no test of test/rfc-map.test.ts',
    ]);
  });

  it('knows the titles of tests, not those of groups or what only looks like them', () => {
    const text =
      "describe('g', () => { it('a', f); it.each([1])('b %i', f); fit('c'); }); // it('d')";
    expect([...testTitles(text)]).toEqual(['a', 'b %i']);
  });
});
