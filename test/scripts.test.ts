/** The scripts that .ci/run and npm rely on: a count that cannot hide a failure, and a build when one is needed. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { stalenessOf } from '../scripts/staleness.js';

const folder = mkdtempSync(`${tmpdir()}/dmvpn-scripts-`);
afterAll(() => rmSync(folder, { recursive: true }));

interface Counts {
  readonly passed?: number;
  readonly failed?: number;
  readonly skipped?: number;
  /** Files that failed to load. */
  readonly broken?: number;
}

/** As vitest writes it by `--reporter=json`. */
function report(name: string, { passed = 0, failed = 0, skipped = 0, broken = 0 }: Counts): string {
  const path = `${folder}/${name}.json`;
  const ran = { status: failed > 0 ? 'failed' : 'passed', assertionResults: [{}] };
  const testResults = [ran, ...Array(broken).fill({ status: 'failed', assertionResults: [] })];
  const counts = { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped };
  writeFileSync(path, JSON.stringify({ ...counts, testResults }));
  return path;
}

/** Its exit code, and what it printed. */
const totals = (...files: string[]): Promise<[number, string]> =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', 'scripts/totals.ts', ...files]).then(
    ({ stdout }) => [0, stdout],
    ({ code, stdout }) => [code, stdout],
  );

describe.concurrent('scripts/totals.ts', () => {
  const good = report('good', { passed: 7, skipped: 2 });
  const none = `${folder}/none.json`;

  it.each([
    ['adds up what is good', [good, good], 0, 'tests: 14 passed, 0 failed, 4 skipped\n'],
    [
      'fails by a test that failed',
      [good, report('failed', { passed: 3, failed: 1 })],
      ...([1, 'tests: 10 passed, 1 failed, 2 skipped\n'] as const),
    ],
    [
      'fails by a file that failed to load',
      [good, report('broken', { passed: 3, broken: 2 })],
      ...([1, 'tests: 10 passed, 2 failed, 2 skipped\n'] as const),
    ],
    [
      'fails by a report that is missing, and names it',
      [good, none],
      ...([1, `no report: ${none}\ntests: 7 passed, 1 failed, 2 skipped\n`] as const),
    ],
    [
      'fails where nothing has passed',
      [report('empty', { skipped: 5 })],
      ...([1, 'tests: 0 passed, 0 failed, 5 skipped\n'] as const),
    ],
  ] as const)('%s', async (_, files, code, line) => {
    expect(await totals(...files)).toEqual([code, line]);
  });
});

describe('scripts/build-if-stale.ts builds', () => {
  /** A file that was changed at that time, in seconds. */
  const file = (name: string, seconds: number): string => {
    writeFileSync(`${folder}/${name}`, '');
    utimesSync(`${folder}/${name}`, seconds, seconds);
    return `${folder}/${name}`;
  };
  const [early, middle, late] = [file('early', 100), file('middle', 200), file('late', 300)];
  const absent = `${folder}/absent`;

  it.each([
    ['nothing when all outputs are newer', [early, middle], [late], 'fresh'],
    [
      'nothing when an output is as new as the newest input',
      [early, middle],
      [middle, late],
      'fresh',
    ],
    ['when one input is newer than one output', [early, late], [middle, late], 'old'],
    ['when one output is not there', [early], [late, absent], 'absent'],
    ['when no output is there', [early], [absent], 'absent'],
  ] as const)('%s', (_, inputs, outputs, expected) => {
    expect(stalenessOf(inputs, outputs)).toBe(expected);
  });
});
