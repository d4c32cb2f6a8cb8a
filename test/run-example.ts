/** Runs the examples as a user runs them: by tsx, against the package as it is published. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { expect } from 'vitest';

const ROOT = `${import.meta.dirname}/..`;
const TIME_LIMIT_MS = 50_000;

/** The arguments of node. */
export const exampleCommand = (name: string, ...args: string[]): readonly string[] => [
  '--import',
  import.meta.resolve('tsx'),
  `${ROOT}/examples/${name}.ts`,
  ...args,
];

/** `npm test` has built dist; without it the examples run from the sources. */
const tsconfig = existsSync(`${ROOT}/dist/io/open.js`) ? 'tsconfig.dist.json' : 'tsconfig.json';
const { DMVPN_PSK: _, ...environment } = process.env;
/** Where the examples find the package, and no key. */
export const EXAMPLE_ENVIRONMENT: NodeJS.ProcessEnv = {
  ...environment,
  TSX_TSCONFIG_PATH: `${ROOT}/${tsconfig}`,
};

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Given {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** A module that is loaded before it, for `runExample`. */
  readonly preload?: string;
  /** What root may and an ordinary user may not is given up. */
  readonly isOrdinaryUser?: boolean;
}

/** Root as anybody else, but for the files that are its own: the checkout may be where only root may look. */
const UNPRIVILEGED: readonly string[] =
  process.getuid?.() === 0
    ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--securebits=+noroot']
    : [];

/** The program, and its arguments. */
const commandFor = (isOrdinaryUser: boolean, args: readonly string[]): [string, string[]] => {
  const [program = '', ...rest] = [
    ...(isOrdinaryUser ? UNPRIVILEGED : []),
    process.execPath,
    ...args,
  ];
  return [program, rest];
};

/** To its end, whatever that is. */
export function runExample(
  [name, ...args]: readonly [string, ...string[]],
  { env, preload, isOrdinaryUser = false, ...given }: Given = {},
): Promise<Outcome> {
  const command = [...exampleCommand(name, ...args)];
  if (preload !== undefined) command.splice(2, 0, '--import', preload); // behind tsx
  return promisify(execFile)(...commandFor(isOrdinaryUser, command), {
    ...given,
    env: { ...EXAMPLE_ENVIRONMENT, ...env },
    timeout: TIME_LIMIT_MS,
    maxBuffer: 64 << 20,
  }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (failure) => failure as Outcome,
  );
}

/** One that runs until it is told to stop, and what it says meanwhile. */
export interface RunningExample {
  readonly child: ChildProcess;
  /** Waits for it. */
  says(pattern: RegExp): Promise<void>;
  readonly said: () => string;
  readonly ended: Promise<unknown[]>;
}

export function startExample(
  [name, ...args]: readonly [string, ...string[]],
  { env, isOrdinaryUser = false, ...given }: Given = {},
): RunningExample {
  const child = spawn(...commandFor(isOrdinaryUser, exampleCommand(name, ...args)), {
    ...given,
    env: { ...EXAMPLE_ENVIRONMENT, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  const said = () => lines.join('\n');
  return {
    child,
    said,
    says: async (pattern) => {
      await expect.poll(said, { timeout: 20_000 }).toMatch(pattern);
    },
    ended: once(child, 'exit'),
  };
}
