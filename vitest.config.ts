import { configDefaults, type ViteUserConfig } from 'vitest/config';
import { entries } from './scripts/entries.js';

/** `dmvpn` and `dmvpn/…` are the sources in tests, as in tsconfig.json. */
const alias = entries.map(({ specifier, source }) => ({
  find: new RegExp(`^${specifier}$`),
  replacement: `${import.meta.dirname}/${source}`,
}));

const config: ViteUserConfig = {
  resolve: { alias },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/interop/**'],
    reporters: ['default', './test/skip-reporter.ts'],
    testTimeout: 30_000, // of processor time that is shared
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['**/*.d.ts', '**/*.test.ts'] },
  },
};

export default config;
