/** The house keeps its floors apart: docs/architecture.md, "Who may import whom". */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { entries } from '../scripts/entries.js';
import { layeringViolations } from './layering-check.js';

const published = entries.map(({ specifier }) => specifier);

function sourcesUnder(...folders: readonly string[]): Map<string, string> {
  const paths = folders
    .filter(existsSync)
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`),
    );
  const code = paths.filter((path) => /(?<!\.test|\.d)\.ts$/.test(path));
  return new Map(code.map((path) => [path, readFileSync(path, 'utf8')]));
}

describe('the sources', () => {
  it('are read', () => {
    expect([...sourcesUnder('src').keys()]).toContain('src/wire/result.ts');
  });

  it('import only what the architecture allows, and stay out of the outside world', () => {
    expect(layeringViolations(sourcesUnder('src'), published)).toEqual([]);
  });

  it('are reached by examples and benchmarks through published entry points', () => {
    expect(layeringViolations(sourcesUnder('examples', 'bench'), published)).toEqual([]);
  });
});

/** The violations in one file, without the path and line in front. */
const violations = (path: string, text: string): string[] =>
  layeringViolations(new Map([[path, text]]), published).map((line) => line.replace(/^\S+ /, ''));

describe('an import', () => {
  it.each([
    ['src/wire/a.ts', '../gre/header.js', 'wire may not import gre'],
    ['src/gre/a.ts', '../ipsec/index.js', 'gre may not import ipsec'],
    ['src/nhrp/codec/a.ts', '../engine/client.js', 'nhrp/codec may not import nhrp/engine'],
    ['src/nhrp/engine/a.ts', '../../gre/index.js', 'nhrp/engine may not import gre'],
    ['src/nhrp/engine/a.ts', '../../dmvpn/index.js', 'nhrp/engine may not import dmvpn'],
    ['src/cache/a.ts', '../nhrp/codec/cie.js', 'cache may not import nhrp/codec'],
    ['src/dmvpn/a.ts', '../io/udp.js', 'dmvpn may not import io'],
    ['src/dialect/a.ts', '../dmvpn/config.js', 'dialect may import only types of dmvpn'],
    ['src/io/a.ts', '../nhrp/engine/api.js', 'io may import only types of nhrp/engine'],
    ['src/io/a.ts', '../gre/index.js', 'io may not import gre'],
    ['src/testing/a.ts', '../io/raw.js', 'testing may not'],
    ['src/index.ts', './io/udp.js', 'index.ts may not import io'],
    ['src/gre/a.ts', '../elsewhere/x.js', 'no such layer in test/layering-rules.ts'],
    ['src/wire/a.ts', 'buffer-layout', 'only src/wire/layout.ts may'],
    ['src/dmvpn/a.ts', 'ip-num', 'only src/wire/address.ts may'],
    ['src/ipsec/esp/a.ts', 'tweetnacl', 'only src/wire/constant-time.ts and src/ipsec/ike/ may'],
    ['src/io/tun.ts', 'koffi', 'an optional peer is loaded when it is needed'],
    ['src/gre/a.ts', 'left-pad', 'not a dependency of the library'],
    ['src/gre/a.ts', 'node:os', 'node: modules belong in src/io'],
    ['examples/a.ts', '../src/index.js', 'only published entry points are allowed here'],
    ['bench/a.ts', 'dmvpn/dist/index.js', 'not a published entry point'],
  ])('in %s of %s is refused', (path, specifier, why) => {
    const expected = [`imports ${specifier}: ${why}`];
    expect(violations(path, `import { a } from '${specifier}';`)).toEqual(expected);
    expect(violations(path, `export { a } from '${specifier}';`)).toEqual(expected);
    expect(violations(path, `export * from '${specifier}';`)).toEqual(expected);
  });

  it.each([
    ['src/gre/a.ts', `import { ok } from '../wire/result.js';`],
    ['src/io/a.ts', `import type { NhrpEngine } from '../nhrp/engine/api.js';`],
    ['src/io/a.ts', `import { type NhrpEngine } from '../nhrp/engine/api.js';`],
    ['src/io/a.ts', `import { readFileSync } from 'node:fs';`],
    ['src/io/tun.ts', `const koffi = await import('koffi');`],
    ['src/io/tun.ts', `type Library = import('koffi').LibraryHandle;`],
    ['src/ipsec/ike/dh.ts', `import nacl from 'tweetnacl';`],
    ['src/wire/layout.ts', `import { struct } from 'buffer-layout';`],
    ['examples/a.ts', `import { openNode } from 'dmvpn/io/open'; import './shared.js';`],
  ])('in %s as in %s is allowed', (path, text) => {
    expect(violations(path, text)).toEqual([]);
  });

  it('hidden in a type or a call is seen', () => {
    expect(violations('src/gre/a.ts', `type F = import('../dmvpn/x.js').F;`)).toHaveLength(1);
    expect(violations('src/gre/a.ts', `const f = () => import('../dmvpn/x.js');`)).toHaveLength(1);
  });
});

describe('the outside world', () => {
  it.each([
    'const t = Date.now();',
    'const d = new Date(0);',
    'const t = performance.now();',
    'setTimeout(() => {}, 1);',
    'const schedule = setInterval;',
    'const r = Math.random();',
    'const r = crypto.getRandomValues(new Uint8Array(1));',
    'const env = { crypto };',
    'console.log(1);',
    'const b = Buffer.alloc(1);',
    'const f = (b: Buffer): number => b.length;',
    'const h = process.hrtime();',
    'const now = globalThis.Date.now();',
    'async function f() {}',
    'const f = async () => 1;',
    'class C { async m() {} }',
    'type P = Promise<number>;',
    'class C extends EventEmitter {}',
    'const f = (crypto: number) => crypto; const g = () => crypto;',
    'if (true) { const process = 1; } process.exit();',
    'queueMicrotask(() => {});',
  ])('is refused to the core: %s', (text) => {
    expect(violations('src/gre/a.ts', text)).toHaveLength(1);
    expect(violations('src/io/a.ts', text)).toEqual([]);
  });

  it.each([
    'interface Env { readonly crypto: number; process(): void }',
    'const f = (env: { crypto: number }) => env.crypto;',
    'const f = (crypto: number) => crypto + 1;',
    'const f = ({ crypto }: { crypto: number }) => ({ crypto });',
    'const f = ({ crypto: provider }: { crypto: number }) => provider;',
    "import { crypto } from './x.js'; crypto();",
    'for (const process of []) { process; }',
    'function process() {} process();',
    'const m = Math.floor(1.5);',
    '// Date.now() and setTimeout in a comment',
    "const text = 'async Promise Buffer';",
  ])('is not meant by: %s', (text) => {
    expect(violations('src/gre/a.ts', text)).toEqual([]);
  });
});
