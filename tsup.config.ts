import type { Options } from 'tsup';
import { entries } from './scripts/entries.js';

const options: Options = {
  entry: Object.fromEntries(entries.map(({ name, source }) => [name, source])),
  format: ['esm', 'cjs'],
  // tsup injects `baseUrl`, which TypeScript 6 refuses (TS5101) unless silenced, here only.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  splitting: true, // one copy of each class per format, whatever entry it is reached by
  sourcemap: true,
  clean: true,
  silent: true,
  target: 'node20',
  platform: 'neutral',
  external: [/^node:/], // a neutral platform does not know Node's own modules
  removeNodeProtocol: false,
};

export default options;
