/** The published entry points, read from the one place that names them: `exports` in package.json. */
import { readFileSync } from 'node:fs';

interface Entry {
  /** What a user imports: `dmvpn/io/udp`. */
  readonly specifier: string;
  /** Path in dist without its ending: `io/udp`. */
  readonly name: string;
  /** The file that it is built from: `src/io/udp.ts`. */
  readonly source: string;
}

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<
    Record<string, string | { readonly import: { readonly default: string } }>
  >;
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;

export const entries: readonly Entry[] = Object.entries(manifest.exports).flatMap(
  ([key, target]) => {
    if (typeof target === 'string') return []; // ./package.json
    const name = target.import.default.replace(/^\.\/dist\/|\.js$/g, '');
    return [{ specifier: manifest.name + key.slice(1), name, source: `src/${name}.ts` }];
  },
);
