import type { ViteUserConfig } from 'vitest/config';

/** Suites for test/skips.test.ts, one a run, with the reporter of ours. */
const config: ViteUserConfig = {
  test: {
    include: ['test/skips/*.suite.ts'],
    reporters: ['default', './test/skip-reporter.ts'],
  },
};

export default config;
