/** Prints one line for several vitest reports; a suite without a report counts as a failure. */
import { existsSync, readFileSync } from 'node:fs';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly { status: string; assertionResults: readonly unknown[] }[];
}

const files = process.argv.slice(2);
const missing = files.filter((file) => !existsSync(file));
const reports = files
  .filter((file) => !missing.includes(file))
  .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Report);

const sum = (count: (report: Report) => number): number =>
  reports.reduce((total, report) => total + count(report), 0);

/** Files that failed to load: they have no tests of their own to fail. */
const brokenFiles = ({ testResults }: Report): number =>
  testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0)
    .length;

const passed = sum((report) => report.numPassedTests);
const skipped = sum((report) => report.numPendingTests);
const failed = sum((report) => report.numFailedTests + brokenFiles(report)) + missing.length;

for (const file of missing) console.log(`no report: ${file}`);
console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
