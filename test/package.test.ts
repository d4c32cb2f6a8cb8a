/** What a user gets: the tarball, installed into an empty project, imported every way it can be. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import limits from '../.size-limit.js';
import { entries } from '../scripts/entries.js';

/** Copied from our own node_modules, so that nothing is downloaded. koffi is left out: no entry may need it to load. */
const COPIED = ['buffer-layout', 'ip-num', 'tweetnacl', 'fast-check', 'pure-rand'];
const NATIVE = 'koffi';
const specifiers = entries.map(({ specifier }) => specifier);
const project = mkdtempSync(join(tmpdir(), 'dmvpn-package-'));

/** npm without the log scan of NODE_OPTIONS: it ends at once where other modules were loaded before its own. */
const env = { ...process.env, NODE_OPTIONS: '' };
const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd: project, encoding: 'utf8', env });
const save = (name: string, text: string): void => writeFileSync(join(project, name), text);

beforeAll(() => {
  const pack = ['pack', '--json', '--silent', '--ignore-scripts', '--pack-destination', project];
  const [packed] = JSON.parse(execFileSync('npm', pack, { encoding: 'utf8', env }));
  const copies = COPIED.map((name) => [name, `file:${resolve('node_modules', name)}`]);
  const dependencies = { dmvpn: `file:${packed.filename}`, ...Object.fromEntries(copies) };
  save('package.json', JSON.stringify({ private: true, dependencies }));
  run('npm', 'install', '--offline', '--install-links', '--ignore-scripts', '--silent');
}, 60_000);

afterAll(() => rmSync(project, { recursive: true }));

describe('the entries', () => {
  it('are documented, every one', () => {
    expect(JSON.parse(readFileSync('typedoc.json', 'utf8')).entryPoints).toEqual(
      entries.map(({ source }) => source),
    );
  });

  it('have a ceiling, every one', () => {
    expect(limits.map(({ path }) => path)).toEqual(entries.map(({ name }) => `dist/${name}.js`));
  });
});

describe('the installed package', () => {
  it('holds what is published and nothing else', () => {
    const root = join(project, 'node_modules/dmvpn');
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
    expect(files).toEqual(
      expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']),
    );
    const unexpected = files.filter(
      (file) => !/^(dist|dist[/].*|package\.json|[A-Z]+(\.md)?)$/.test(file),
    );
    expect(unexpected).toEqual([]);
    expect(files.filter((file) => /\.test\.|\.ts\.map$/.test(file))).toEqual([]);
  });

  it('depends on three small packages and brings nothing native', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(dependencies).toEqual({
      'buffer-layout': '1.2.2',
      'ip-num': '1.6.2',
      tweetnacl: '1.0.3',
    });
    expect(readdirSync(join(project, 'node_modules'))).not.toContain(NATIVE);
  });

  it.each([
    ['ESM', 'all.mjs', 'await import'],
    ['CJS', 'all.cjs', 'require'],
  ])('is imported as %s, every entry, and a name means the same thing in each', (_, file, load) => {
    save(
      file,
      `const all = {};
       for (const specifier of ${JSON.stringify(specifiers)}) all[specifier] = ${load}(specifier);
       const seen = new Map();
       const clashes = [];
       const counts = {};
       for (const [specifier, module] of Object.entries(all)) {
         counts[specifier] = Object.keys(module).length;
         for (const [name, value] of Object.entries(module)) {
           if (seen.has(name) && seen.get(name) !== value) clashes.push(specifier + '#' + name);
           seen.set(name, value);
         }
       }
       console.log(JSON.stringify({ counts, clashes }));`,
    );
    const { counts, clashes } = JSON.parse(run('node', file));
    expect(clashes).toEqual([]);
    expect(Object.keys(counts)).toEqual(specifiers);
    expect(specifiers.filter((specifier) => counts[specifier] === 0)).toEqual([]);
  });

  it('tells ESM and CJS users the same types, without help from our own type files', () => {
    const lines = specifiers.map((specifier, i) => `import * as m${i} from '${specifier}';`);
    const use = `export const all = [${specifiers.map((_, i) => `m${i}`).join(', ')}];`;
    for (const file of ['use.mts', 'use.cts']) save(file, [...lines, use].join('\n'));
    const flags =
      '--noEmit --strict --module nodenext --target es2022 --lib es2023 --skipLibCheck false';
    const types = ['--types', 'node', '--typeRoots', resolve('node_modules/@types')];
    const tsc = [resolve('node_modules/typescript/bin/tsc'), ...flags.split(' '), ...types];
    expect(compilerOutput(...tsc, 'use.mts', 'use.cts')).toBe('');
  }, 60_000);
});

function compilerOutput(...args: string[]): string {
  try {
    return run('node', ...args);
  } catch (error) {
    return String((error as { stdout: string }).stdout);
  }
}
