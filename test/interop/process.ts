/** Running commands and waiting for what they change. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Finished {
  readonly code: number;
  /** Standard output and, where the command failed, standard error after it. */
  readonly text: string;
}

const MAX_OUTPUT_OCTETS = 64 * 1024 * 1024;

/** Runs a program to its end; its exit status is the caller's to judge. */
export const attempt = (
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> =>
  new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: MAX_OUTPUT_OCTETS };
    execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, text: code === 0 ? stdout : stdout + stderr });
    });
  });

/** Runs a program that must succeed; resolves with its standard output. */
export async function execute(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const { code, text } = await attempt(program, args, env);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${code}\n${text}`);
  return text;
}

export interface Patience {
  /** Default 40, in which nhrpd that is not answered asks six times: at once and after 1, 2, 4, 8 and 16 s. */
  readonly seconds?: number;
  /** Between two looks; default 200. */
  readonly everyMs?: number;
}

/** Thrown by what {@link until} looks at when looking again is of no use. */
export class Hopeless extends Error {}

/**
 * Looks again and again until what it sees is true, and resolves with the milliseconds that took. What was seen
 * last, or the last exception, is in the error of one who waited in vain.
 */
export async function until(
  what: string,
  look: () => Promise<unknown>,
  patience: Patience = {},
): Promise<number> {
  const { seconds = 40, everyMs = 200 } = patience;
  const began = performance.now();
  for (;;) {
    const seen: unknown = await look().catch((error: unknown) => error);
    if (seen instanceof Hopeless) throw seen;
    if (seen && !(seen instanceof Error)) return Math.round(performance.now() - began);
    if (performance.now() - began > seconds * 1_000) {
      throw new Error(
        `waited ${seconds} s in vain: ${what}${seen instanceof Error ? ` (${seen.message})` : ''}`,
      );
    }
    await sleep(everyMs);
  }
}

export { sleep };
