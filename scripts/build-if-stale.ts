/** Builds when a source is newer than what was built from it, or when an entry is missing from dist. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { entries } from './entries.js';
import { stalenessOf } from './staleness.js';

const CONFIGURATION = ['package.json', 'tsconfig.json', 'tsup.config.ts'];
const ENDINGS = ['js', 'cjs', 'd.ts', 'd.cts'];

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => `src/${file}`);
const built = entries.flatMap(({ name }) => ENDINGS.map((ending) => `dist/${name}.${ending}`));

const staleness = stalenessOf([...sources, ...CONFIGURATION], built);
if (staleness !== 'fresh') {
  console.error(
    staleness === 'absent'
      ? 'building dist, once: up to a minute …'
      : 'building dist, which is older than src …',
  );
  process.exitCode = spawnSync('tsup', { stdio: 'inherit' }).status ?? 1;
}
