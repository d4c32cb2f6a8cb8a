import type { ViteUserConfig } from 'vitest/config';
import unit from './vitest.config.js';

/** Real peers in guests: `npm run test:interop`, as root. */
const config: ViteUserConfig = {
  ...(unit.resolve && { resolve: unit.resolve }),
  ...(unit.plugins && { plugins: unit.plugins }),
  test: {
    include: ['test/interop/**/*.test.ts'],
    setupFiles: './test/log-scan-setup.ts',
    globalSetup: 'test/interop/setup.ts',
    maxWorkers: 2, // two labs at a time: they wait for protocols more than they compute
    disableConsoleIntercept: true, // the log is for reading
    testTimeout: 400_000,
    hookTimeout: 300_000,
    reporters: ['default', './test/skip-reporter.ts'],
  },
};

export default config;
