import { configDefaults, type ViteUserConfig } from 'vitest/config';
import { entries } from './scripts/entries.js';

/** `dmvpn` and `dmvpn/…` are the sources in tests, as in tsconfig.json. */
const alias = entries.map(({ specifier, source }) => ({
  find: new RegExp(`^${specifier}$`),
  replacement: `${import.meta.dirname}/${source}`,
}));

/** Classes whose outputs test/log-scan-setup.ts reads for secrets, by the module that makes them. */
const READ_FOR_SECRETS: Readonly<Record<string, string>> = {
  'src/dmvpn/node.ts': 'DmvpnNode',
  'src/nhrp/engine/engine.ts': 'NhrpEngine',
  'src/ipsec/ike/v2/ike-v2.ts': 'IkeV2',
  'src/ipsec/protection.ts': 'IpsecProtection',
};

const tellLogScan: NonNullable<ViteUserConfig['plugins']>[number] = {
  name: 'tell-log-scan',
  transform: (code, id) => {
    const className = READ_FOR_SECRETS[id.slice(import.meta.dirname.length + 1)];
    if (className === undefined) return null;
    return `${code}\nglobalThis[Symbol.for('dmvpn.log-scan.class')]?.(${className});\n`;
  },
};

const config: ViteUserConfig = {
  plugins: [tellLogScan],
  resolve: { alias },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/interop/**'],
    setupFiles: './test/log-scan-setup.ts',
    reporters: ['default', './test/skip-reporter.ts'],
    testTimeout: 30_000, // of processor time that is shared
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['**/*.d.ts', '**/*.test.ts'] },
  },
};

export default config;
