import { defineConfig, mergeConfig } from 'vitest/config';
import unit from './vitest.config.js';

/** Real peers in network namespaces: one file after the other, each with minutes to spare. */
export default mergeConfig(
  { ...unit, test: { ...unit.test, include: [], exclude: [] } },
  defineConfig({
    test: {
      include: ['test/interop/**/*.test.ts'],
      fileParallelism: false,
      testTimeout: 300_000,
      hookTimeout: 300_000,
      passWithNoTests: false,
    },
  }),
);
