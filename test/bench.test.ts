/**
 * The rows of bench/, untimed: each does what the node does, reads what `mutate` has made, and comes to the same as its
 * reference where that one agrees.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cacheSuites } from '../bench/cache.js';
import { checksumRows } from '../bench/checksum.js';
import { espRows } from '../bench/esp.js';
import { greRows } from '../bench/gre.js';
import type { Row } from '../bench/harness.js';
import { ikeRows } from '../bench/ike.js';
import { nhrpRows } from '../bench/nhrp.js';
import { nodeSuites } from '../bench/node.js';

/** By file of bench/, of each kind the smallest size: the larger ones run the same code. */
const suites: Readonly<Record<string, readonly Row[]>> = {
  nhrp: nhrpRows(),
  gre: greRows(),
  checksum: checksumRows(),
  esp: espRows(),
  ike: ikeRows(),
  cache: cacheSuites({ lookup: [1_000], refresh: [1_000], churn: [1_000] }).flatMap((s) => s()),
  node: nodeSuites([100]).flatMap((s) => s()),
};
const TIMES = 70; // more than a batch has packets
const SLOW_TIMES = 2; // where each takes milliseconds

const eachRow = (test: (row: Row, times: number, text: string) => void): void => {
  for (const [suite, rows] of Object.entries(suites))
    it.each(rows.map((row) => [row.name, row] as const))('%s', (_, row) =>
      test(row, suite === 'ike' ? SLOW_TIMES : TIMES, readFileSync(`bench/${suite}.ts`, 'utf8')),
    );
};

describe('what a row comes to depends on the round, and on nothing else', () => {
  eachRow((row, times) => {
    row.mutate(1);
    const first = row.ours(times);
    expect(row.ours(times), 'the same round again').toBe(first);
    row.mutate(2);
    expect(row.ours(times), 'another round').not.toBe(first);
  });
});

describe('a reference is other code, and comes to the same where it says so', () => {
  eachRow(({ ours, reference, mutate }, times) => {
    expect(reference.run).not.toBe(ours);
    for (const round of [1, 2, 3]) {
      mutate(round);
      const theirs = reference.run(times);
      expect(theirs).toBeGreaterThan(Number.NEGATIVE_INFINITY);
      if (reference.agrees) expect(theirs).toBe(ours(times));
    }
  });
});

describe('the node makes the calls that are timed', () => {
  eachRow(({ calls }, _, text) => {
    expect(calls.length).toBeGreaterThan(0);
    for (const [call, file] of calls) {
      const name = /(\w+)\W*$/.exec(call)?.[1] ?? '';
      expect(text).toMatch(new RegExp(`\\b${name}( = |\\()`));
      expect(file).toMatch(/^src\/(?!.*\.test)/);
      expect(readFileSync(file, 'utf8')).toContain(call);
    }
  });
});

describe('nobody has loosened a limit', () => {
  it.each([
    ['nhrp parse and verify', 1.3],
    ['nhrp encode from', 1.5],
    ['gre ', 0.5],
    ['cache exact', 0.7],
    ['cache longest prefix', 0.7],
  ])('%s: at most %s', (name, limit) => {
    const rows = Object.values(suites)
      .flat()
      .filter((row) => row.name.startsWith(name));
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row.limit).toBeLessThanOrEqual(limit);
  });
});
