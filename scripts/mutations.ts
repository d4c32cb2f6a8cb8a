/**
 * Breaks the code of the rows of docs/rfc-map.md, one line at a time, and sees whether the tests notice.
 *
 *     npx tsx scripts/mutations.ts [row …]
 *
 * All of it happens in a copy of the tree in the temporary folder. First every test must be green there; then each
 * mutation is put in, its test must turn red, and it is taken out again. A mutation whose test stays green, or with
 * which the file no longer loads, is a failure.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MUTATIONS, type Mutation } from './mutation-list.js';

const COPIED = ['src', 'test', 'scripts', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
const REPORT = 'mutation-report.json';
const TIME_LIMIT_MS = 180_000;

type Outcome = 'red' | 'green' | 'does not run';

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

function copyOfTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'dmvpn-mutations-'));
  for (const name of COPIED) cpSync(name, join(copy, name), { recursive: true });
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Runs the tests with one of these titles. Red: at least one of them failed, in a file that loads. */
function outcomeOf(copy: string, file: string, titles: readonly string[]): Outcome {
  const report = join(copy, REPORT);
  rmSync(report, { force: true });
  const vitest = resolve('node_modules/vitest/vitest.mjs');
  const pattern = `(${titles.map(patternOf).join('|')})$`;
  const options = ['--reporter=json', `--outputFile=${report}`];
  spawnSync(process.execPath, [vitest, 'run', file, '-t', pattern, ...options], {
    cwd: copy,
    stdio: 'ignore',
    timeout: TIME_LIMIT_MS,
  });
  if (!existsSync(report)) return 'does not run';
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
  const statuses = testResults.flatMap((r) => r.assertionResults.map(({ status }) => status));
  if (statuses.includes('failed')) return 'red';
  return statuses.includes('passed') ? 'green' : 'does not run';
}

/** A title as a pattern; what vitest fills in may be anything. */
const patternOf = (title: string): string =>
  title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/%[a-z]/g, '.*');

function mutated(copy: string, { file, text, becomes, test }: Mutation): Outcome {
  const path = join(copy, file);
  const original = readFileSync(path, 'utf8');
  if (original.split(text).length !== 2) return 'does not run';
  writeFileSync(
    path,
    original.replace(text, () => becomes),
  );
  try {
    return outcomeOf(copy, test.file, [test.title]);
  } finally {
    writeFileSync(path, original);
  }
}

/** Files whose tests are not green as they are: nothing could be learned from their turning red. */
function notGreen(copy: string, mutations: readonly Mutation[]): string[] {
  const files = new Set(mutations.map(({ test }) => test.file));
  return [...files].flatMap((file) => {
    const titles = mutations.flatMap(({ test }) => (test.file === file ? [test.title] : []));
    const outcome = outcomeOf(copy, file, [...new Set(titles)]);
    return outcome === 'green' ? [] : [`${file}: ${outcome} before anything was changed`];
  });
}

/** On one line: the text that is replaced, cut where it is long. */
const brief = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
};

const rowOf = (m: Mutation, outcome: Outcome): string =>
  [
    m.row.padEnd(14),
    outcome.padEnd(13),
    m.file.padEnd(36),
    brief(m.text).padEnd(61),
    m.test.title,
  ].join(' ');

const wanted = process.argv.slice(2);
const chosen = MUTATIONS.filter(({ row }) => wanted.length === 0 || wanted.includes(row));
const copy = copyOfTree();
try {
  const unsound = notGreen(copy, chosen);
  for (const line of unsound) console.log(line);
  let red = 0;
  for (const mutation of unsound.length === 0 ? chosen : []) {
    const outcome = mutated(copy, mutation);
    if (outcome === 'red') red++;
    console.log(rowOf(mutation, outcome));
  }
  console.log(`${chosen.length} mutations, ${red} found by their tests`);
  process.exitCode = red === chosen.length && red > 0 ? 0 : 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}
