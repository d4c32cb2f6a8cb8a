/** The last line of a run: how many tests were skipped and why. A skip without a reason fails the run. */
import type { Reporter, TestModule, Vitest } from 'vitest/node';
import { reasonsIn } from './requirements.js';

const NO_REASON = 'no reason given';

export default class SkipReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.#vitest?.config.testNamePattern) return; // `-t` skips whatever it does not name
    const counts = countReasons(modules);
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    if (total === 0) return;
    const parts = [...counts].map(([reason, count]) => `${reason} ${count}`);
    console.log(`skipped ${total}: ${parts.join(', ')}`);
    if (counts.has(NO_REASON)) process.exitCode = 1;
  }
}

function countReasons(modules: readonly TestModule[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const module of modules) {
    for (const test of module.children.allTests('skipped')) {
      const result = test.result();
      const note = result.state === 'skipped' ? result.note : undefined;
      const reason = note ?? (reasonsIn(test.fullName).join(' and ') || NO_REASON);
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
  }
  return counts;
}
