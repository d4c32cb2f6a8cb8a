/** Runs a script of test/namespace as root in a network namespace of its own, and reads the cases that it reports. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface Outcome {
  readonly name: string;
  /** null = passed. */
  readonly error: string | null;
}

/** @param setup arguments of `ip`, one command each, run before the script. */
export async function runInNamespace(
  script: string,
  setup: readonly string[],
): Promise<readonly Outcome[]> {
  const commands = ['link set lo up', ...setup].map((command) => `ip ${command} || exit 1`);
  const run = `exec ${process.execPath} --import tsx test/namespace/${script}`;
  const { stdout } = await promisify(execFile)('unshare', [
    '--net',
    'sh',
    '-c',
    [...commands, run].join('\n'),
  ]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Outcome);
}

/** The other side: runs the cases one after the other and reports each on a line. */
export async function report(
  cases: readonly { readonly name: string; run(): Promise<void> }[],
): Promise<void> {
  for (const { name, run } of cases) {
    const error = await run().then(
      () => null,
      (thrown: Error) => thrown.stack ?? String(thrown),
    );
    console.log(JSON.stringify({ name, error }));
  }
}
