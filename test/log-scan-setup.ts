/**
 * In every test file: no secret in what is printed, in outputs and tables of nodes, in errors of their configurations.
 * What the programs under test print is read by log-scan-child.ts, in their own processes, which know their keys.
 * `keys-exported`, the debugging option, is what its name says.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { inspect } from 'node:util';
import { afterAll, afterEach, expect } from 'vitest';
import { learnFromCrypto, PrintWatch, sentenceOf } from './log-scan-hooks.js';

/** Where the tests of the scan itself find it. */
export const watch: PrintWatch = new PrintWatch(
  () => expect.getState().currentTestName ?? expect.getState().testPath ?? 'a test file',
);

const folder = mkdtempSync(`${tmpdir()}/dmvpn-log-scan-`);
process.env.DMVPN_LOG_SCAN = `${folder}/children`;
const preload = `--import=${import.meta.resolve('tsx')} --import=${import.meta.resolve('./log-scan-child.ts')}`;
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} ${preload}`.trim();

learnFromCrypto();
for (const [name, stream] of Object.entries({
  'standard output': process.stdout,
  'standard error': process.stderr,
  'console output': outputOf('_stdout'),
  'console errors': outputOf('_stderr'),
}))
  watch.watch(stream, name);
/** Told of each class by the line that vitest.config.ts puts behind its module: most files load none of them. */
Reflect.set(
  globalThis,
  Symbol.for('dmvpn.log-scan.class'),
  (made: { name: string; prototype: object }) => {
    for (const method of ['pollOutput', 'drainNotices', 'snapshot', 'stats', 'view', 'lookup'])
      if (method in made.prototype) readResults(made.prototype, made.name, method);
  },
);

afterEach(() => report());
afterAll(() => {
  watch.readAgain();
  report();
  const children = process.env.DMVPN_LOG_SCAN ?? '';
  const found = existsSync(children) ? readFileSync(children, 'utf8') : '';
  rmSync(folder, { recursive: true });
  if (found !== '') throw new Error(found);
});

function report(): void {
  const found = watch.found.splice(0);
  if (found.length > 0) throw new Error(found.map(sentenceOf).join('\n'));
}

/** Of each method so many results are also read as `util.inspect` shows them; outputs all as JSON. */
const MAX_INSPECTED = 200;

function readResults(owner: object, className: string, method: string): void {
  const original = Reflect.get(owner, method) as (...args: unknown[]) => unknown;
  let inspected = 0;
  Reflect.set(owner, method, function (this: unknown, ...args: unknown[]): unknown {
    const result = original.apply(this, args);
    if (isForNetwork(result)) return result;
    const name = `${className}.${method}`;
    if (inspected < MAX_INSPECTED) watch.read(inspect(result, { depth: 12 }), name);
    if (inspected++ < MAX_INSPECTED || method === 'pollOutput') watch.read(json(result), name);
    return result;
  });
}

/** Packets carry what they carry, a password of NHRP in clear text too; the other two are frequent, or meant. */
const NOT_READ = ['transmit', 'send', 'deliver', 'timeout', 'keys-exported'];

function isForNetwork(result: unknown): boolean {
  if (Array.isArray(result)) return result.some(isForNetwork);
  const { kind, event } = result as { kind?: string; event?: { type: string } };
  return NOT_READ.includes(kind ?? '') || NOT_READ.includes(event?.type ?? '');
}

const json = (value: unknown): string =>
  JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? v.toString(16) : v)) ?? '';

/** Vitest's console has streams of its own. */
function outputOf(name: '_stdout' | '_stderr'): NodeJS.WritableStream | undefined {
  return (console as unknown as Record<typeof name, NodeJS.WritableStream | undefined>)[name];
}
