/** All benchmarks. `npm run bench -- --help` says what can be asked for. */
import { parseArgs } from 'node:util';
import { cacheSuites } from './cache.js';
import { checksumRows } from './checksum.js';
import { espRows } from './esp.js';
import { greRows } from './gre.js';
import { DEFAULTS, type Row, report } from './harness.js';
import { ikeRows } from './ike.js';
import { nhrpRows } from './nhrp.js';
import { nodeSuites } from './node.js';

const USAGE = `npm run bench -- [--only TEXT] [--rounds N] [--json] [--assert]
  --only TEXT   rows whose name contains it
  --rounds N    rounds for each row (${DEFAULTS.rounds})
  --json        one JSON object a row
  --assert      exit 1 when a row is over its limit`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: String(DEFAULTS.rounds) },
    json: { type: 'boolean', default: false },
    assert: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const SUITES: readonly (() => readonly Row[])[] = [
  nhrpRows,
  greRows,
  checksumRows,
  espRows,
  ikeRows,
  ...cacheSuites(),
  ...nodeSuites(),
];

/** A suite is made when its turn comes: its million entries do not lie in memory while another is measured. */
function* rows(): Generator<Row> {
  for (const suite of SUITES) yield* suite().filter((row) => row.name.includes(values.only));
}

if (values.help) console.log(USAGE);
else {
  const rounds = Math.max(1, Number(values.rounds) || DEFAULTS.rounds);
  const over = report(rows(), { json: values.json, settings: { ...DEFAULTS, rounds } });
  if (over && values.assert) process.exitCode = 1;
}
