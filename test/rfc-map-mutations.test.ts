/** The mutations of scripts/mutations.ts still fit: what they change is there, and a row of the map names their test. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MUTATIONS } from '../scripts/mutation-list.js';
import { mapRows } from './rfc-map.js';

const rows = mapRows(readFileSync('docs/rfc-map.md', 'utf8'));

describe('the mutations', () => {
  it.each(MUTATIONS)('$row: the text that is changed stands exactly once in $file', (mutation) => {
    const { file, text, becomes } = mutation;
    expect(readFileSync(file, 'utf8').split(text).length - 1).toBe(1);
    expect(becomes).not.toBe(text);
  });

  it.each(MUTATIONS)('$row: the test is one that the map names for this row', ({ row, test }) => {
    expect(rows.find(({ id }) => id === row)?.proofs).toContainEqual(test);
  });

  it('are spread over the map: at least one of every group of rows', () => {
    const group = (id: string): string => /^(A\.\d+|§|RFC|D|R)/.exec(id)?.[1] ?? id;
    const touched = new Set(MUTATIONS.map(({ row }) => group(row)));
    expect([...new Set(rows.map(({ id }) => group(id)))].filter((g) => !touched.has(g))).toEqual(
      [],
    );
    expect(MUTATIONS.length).toBeGreaterThanOrEqual(25);
  });
});
