import type { ViteUserConfig } from 'vitest/config';
import unit from './vitest.config.js';

/** Real peers in network namespaces: one file after the other, each with minutes to spare. */
const config: ViteUserConfig = {
  ...unit,
  test: {
    include: ['test/interop/**/*.test.ts'],
    reporters: ['default', './test/skip-reporter.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
};

export default config;
