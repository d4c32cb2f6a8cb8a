/** test/require.ts and test/skip-reporter.ts, in runs of their own: what is skipped, how that is told, and how the run ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, it } from 'vitest';

const ROOT = `${import.meta.dirname}/..`;
const VITEST = `${ROOT}/node_modules/vitest/vitest.mjs`;

interface Outcome {
  readonly code: number;
  readonly said: string;
}

/** Without tshark, or anything else, in PATH. */
async function run(suite: string, DMVPN_REQUIRE: string, ...more: string[]): Promise<Outcome> {
  const args = [VITEST, 'run', '--config', 'test/skips/vitest.config.ts', suite, ...more];
  const env = { PATH: '/nowhere', NO_COLOR: '1', DMVPN_REQUIRE };
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code, said: stdout + stderr };
}

describe.concurrent('a run of tests', () => {
  it('says at its end how many were skipped and why, and succeeds', async ({ expect }) => {
    const { code, said } = await run('/reasoned', 'root');
    expect(said).toMatch(/ Tests +1 passed \| 3 skipped/);
    expect(said).toMatch(/^skipped 3: tshark \(apt-get install tshark\) 3$/m);
    expect(code).toBe(0);
  });

  it('fails where DMVPN_REQUIRE names what is missing', async ({ expect }) => {
    const { code, said } = await run('/reasoned', 'root,tshark');
    expect(said).toMatch(/ Tests +2 failed \| 1 passed \(3\)/);
    expect(said).toContain(
      'DMVPN_REQUIRE=root,tshark, but it is missing: [needs tshark: apt-get install tshark]',
    );
    expect(said).not.toMatch(/^skipped /m);
    expect(code).toBe(1);
  });

  it('fails when a test is skipped without a reason', async ({ expect }) => {
    const { code, said } = await run('/unreasoned', '');
    expect(said).toMatch(/ Tests +1 passed \| 1 skipped/);
    expect(said).toMatch(/^skipped 1: no reason given 1$/m);
    expect(code).toBe(1);
  });

  it('does not count what -t leaves out', async ({ expect }) => {
    const { code, said } = await run('/unreasoned', '', '-t', 'runs');
    expect(said).toMatch(/ Tests +1 passed \| 1 skipped/);
    expect(said).not.toMatch(/^skipped /m);
    expect(code).toBe(0);
  });
});
