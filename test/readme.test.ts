/** Every example in the documents runs, against the package as it is published. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const TIME_LIMIT_MS = 30_000;
/** Inside the project, so that `dmvpn` is the package itself; without the paths to src, so that it is dist. */
const SCRATCH = 'test-results/examples';
const TSX = ['node_modules/tsx/dist/cli.mjs', '--tsconfig', 'tsconfig.dist.json'];

interface Example {
  readonly title: string;
  readonly code: string;
}

/** The fenced blocks whose language line is `info`, named by file and line. */
function examplesIn(document: string, text: string, info: RegExp): Example[] {
  return [...text.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)]
    .filter(([, language = '']) => info.test(language))
    .map(({ index, 2: code = '' }) => ({
      title: `${document}:${text.slice(0, index).split('\n').length}`,
      code,
    }));
}

const guides = existsSync('docs') ? readdirSync('docs').filter((name) => name.endsWith('.md')) : [];
const examples = [
  ...examplesIn('README.md', readFileSync('README.md', 'utf8'), /^ts\b/),
  ...guides.flatMap((name) =>
    examplesIn(`docs/${name}`, readFileSync(`docs/${name}`, 'utf8'), /^ts run$/),
  ),
];

describe('the examples in the documents', () => {
  it('are found', () => {
    const text = 'a\n```ts run\nx;\n```\n```ts\ny;\n```\n```sh\nz\n```\n';
    expect(examplesIn('d', text, /^ts run$/)).toEqual([{ title: 'd:2', code: 'x;\n' }]);
    expect(examplesIn('d', text, /^ts\b/).map(({ code }) => code)).toEqual(['x;\n', 'y;\n']);
  });

  for (const { title, code } of examples) {
    it(`${title} runs to its end`, { timeout: TIME_LIMIT_MS + 5_000 }, () => {
      mkdirSync(SCRATCH, { recursive: true });
      const file = `${SCRATCH}/${title.replace(/\W/g, '-')}.ts`;
      writeFileSync(file, code);
      const run = spawnSync(process.execPath, [...TSX, file], {
        encoding: 'utf8',
        timeout: TIME_LIMIT_MS,
      });
      expect({ status: run.status, stderr: run.stderr }).toEqual({ status: 0, stderr: '' });
    });
  }
});
