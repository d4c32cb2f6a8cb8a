/** Every example in the documents runs, against the package as it is published. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { DmvpnNode } from 'dmvpn/dmvpn';
import { describe, expect, it } from 'vitest';
import { type Fence, fencesIn, fencesOf, readmeCommands } from './documents.js';

const TIME_LIMIT_MS = 30_000;
/** Inside the project, so that `dmvpn` is the package itself; without the paths to src, so that it is dist. */
const SCRATCH = 'test-results/examples';
const TSX = ['node_modules/tsx/dist/cli.mjs', '--tsconfig', 'tsconfig.dist.json'];

/**
 * Every fence there is, by what stands behind its backticks: `ts` and `ts run` run here; `sh` is held against
 * `readmeCommands`; `text` is what `npm start` shows, compared in examples.test.ts; none is the drawing, read below.
 */
const FENCES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'README.md': { sh: 3, text: 1, ts: 2 },
  'docs/adapters.md': { 'ts run': 3 },
  'docs/architecture.md': { '': 1 },
  'docs/driving.md': { 'ts run': 2 },
  'docs/ipsec.md': { 'ts run': 1 },
  'docs/limits.md': {},
  'docs/rfc-map.md': {},
};
const RUNS: Readonly<Record<string, string>> = { 'README.md': 'ts' };
const EMBED_LINES = 20;

const guides = readdirSync('docs').filter((name) => name.endsWith('.md'));
const documents = ['README.md', ...guides.map((name) => `docs/${name}`)];
const examples = documents.flatMap((document) =>
  fencesOf(document).filter(({ info }) => info === (RUNS[document] ?? 'ts run')),
);

function countsOf(fences: readonly Fence[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { info } of fences) counts[info] = (counts[info] ?? 0) + 1;
  return counts;
}

describe('the blocks in the documents', () => {
  it('are found, and those that would be overlooked are refused', () => {
    const text = 'a\n```ts run\nx;\n```\n```ts\ny;\n```\n```\nz\n```\n';
    expect(fencesIn('d', text).map(({ title, info, body }) => [title, info, body])).toEqual([
      ['d:2', 'ts run', 'x;\n'],
      ['d:5', 'ts', 'y;\n'],
      ['d:8', '', 'z\n'],
    ]);
    for (const hidden of [
      '```ts\nx;\n',
      '  ```ts\nx;\n  ```\n',
      '~~~ts\nx;\n~~~\n',
      '> ```\n> ```\n',
    ])
      expect(() => fencesIn('d', text + hidden)).toThrow('marks for');
  });

  it('are of a known kind, and none is missing', () => {
    const found = documents.map((document) => [document, countsOf(fencesOf(document))]);
    expect(Object.fromEntries(found)).toEqual(FENCES);
    expect(examples).toHaveLength(8);
  });

  it('are commands that a test runs, in the README', () => {
    const commands = readmeCommands();
    expect(commands.map(({ kind, line }) => kind ?? line)).toEqual([
      ...['npm', 'npm', 'tshark', 'example', 'example'],
    ]);
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = commands.flatMap(({ parts }) => (parts.script ? [scripts[parts.script]] : []));
    expect(named).toEqual([
      expect.stringMatching(/ examples\/phase3\.ts$/), // which examples.test.ts runs
      expect.stringMatching(/ vitest run$/), // this
    ]);
  });

  it('name functions that there are, in the drawing', () => {
    const drawings = fencesOf('docs/architecture.md').map(({ body }) => body);
    const names = [...drawings.join('').matchAll(/DmvpnNode\.(\w+)/g)].map(([, name]) => name);
    expect(names).toEqual(['handlePacket', 'handleDatagram']);
    for (const name of names) expect(DmvpnNode.prototype).toHaveProperty(String(name));
  });
});

describe('the examples in the documents', () => {
  for (const { title, body } of examples) {
    it(`${title} runs to its end`, { timeout: TIME_LIMIT_MS + 5_000 }, () => {
      mkdirSync(SCRATCH, { recursive: true });
      const file = `${SCRATCH}/${title.replace(/\W/g, '-')}.ts`;
      writeFileSync(file, body);
      const run = spawnSync(process.execPath, [...TSX, file], {
        encoding: 'utf8',
        timeout: TIME_LIMIT_MS,
      });
      expect({ status: run.status, stderr: run.stderr }).toEqual({ status: 0, stderr: '' });
    });
  }

  it('a node in twenty lines has at most twenty, as the formatter sets them', () => {
    const readme = readFileSync('README.md', 'utf8');
    const section = readme
      .split(/^## /m)
      .find((part) => part.startsWith('A node in twenty lines\n'));
    const [fence, ...others] = fencesIn('README.md', section ?? '');
    expect([fence?.info, others]).toEqual(['ts', []]);
    const code = fence?.body ?? '';
    expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(EMBED_LINES);
    const biome = ['node_modules/@biomejs/biome/bin/biome', 'format', '--stdin-file-path=embed.ts'];
    const formatted = spawnSync(process.execPath, biome, { input: code, encoding: 'utf8' });
    expect(formatted).toMatchObject({ status: 0, stdout: code });
  });
});
