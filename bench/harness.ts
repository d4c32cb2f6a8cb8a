/**
 * Side-by-side measurement: ours and a reference in the same run, round about, on the same input.
 * A round is: mutate the input, time one side, time the other (the order alternates). What counts is the median of
 * the rounds' ratios. Time is processor time of this process, which other programs on the machine do not use up.
 */

/** One line of the table. Both sides loop themselves, so that calling them costs nothing. */
export interface Row {
  readonly name: string;
  /** Does the work `times` times; returns a number that depends on it and on what `mutate` has made. */
  readonly ours: (times: number) => number;
  /** The calls that are timed, each with the file of the node that makes it: test/bench.test.ts looks there. */
  readonly calls: readonly (readonly [call: string, file: string])[];
  /** What it is held against. */
  readonly reference: {
    readonly name: string;
    readonly run: (times: number) => number;
    /** Both sides return the same number: they have read the same octets. */
    readonly agrees: boolean;
  };
  /** Largest ratio ours / reference that `--assert` lets pass; null where the ratio is shown only. */
  readonly limit: number | null;
  /** Called before each round, outside the measured time. */
  readonly mutate: (round: number) => void;
  /** Octets of one operation, where a rate in octets says something. */
  readonly octets?: number;
}

export interface Measurement {
  readonly name: string;
  readonly reference: string;
  /** Medians, nanoseconds of processor time an operation. */
  readonly oursNs: number;
  readonly referenceNs: number;
  /** Median of the rounds' ratios. */
  readonly ratio: number;
  /** Half the distance between the quartiles of the ratio, as a share of its median. */
  readonly spread: number;
  readonly limit: number | null;
  readonly over: boolean;
  readonly octets: number | null;
}

export interface Settings {
  readonly rounds: number;
  /** Least processor time of one timed side of a round; it is counted in microseconds. */
  readonly sampleMs: number;
}

export const DEFAULTS: Settings = { rounds: 21, sampleMs: 4 };
const WARM_UP_ROUNDS = 5;

/** Keeps the results of the measured code alive. */
let sink = 0;

export function measure(row: Row, settings: Settings = DEFAULTS): Measurement {
  const times = calibrate(row, settings.sampleMs);
  for (let round = 0; round < WARM_UP_ROUNDS; round++) runRound(row, round, times);
  const rounds = Array.from({ length: settings.rounds }, (_, i) =>
    runRound(row, i + WARM_UP_ROUNDS, times),
  );
  const ratios = rounds.map((r) => r.ours / r.reference);
  const ratio = median(ratios);
  return {
    name: row.name,
    reference: row.reference.name,
    oursNs: median(rounds.map((r) => r.ours)),
    referenceNs: median(rounds.map((r) => r.reference)),
    ratio,
    spread: spreadOf(ratios),
    limit: row.limit,
    over: row.limit !== null && ratio > row.limit,
    octets: row.octets ?? null,
  };
}

interface Round {
  readonly ours: number;
  readonly reference: number;
}

function runRound(row: Row, round: number, times: number): Round {
  row.mutate(round);
  const { reference } = row;
  const sides =
    round % 2 === 0
      ? [time(row.ours, times), time(reference.run, times)]
      : [time(reference.run, times), time(row.ours, times)].reverse();
  const [ours, theirs] = sides as [Timed, Timed];
  if (reference.agrees && ours.result !== theirs.result)
    throw new Error(
      `${row.name}: ours gives ${ours.result}, ${reference.name} gives ${theirs.result}`,
    );
  return { ours: ours.ns, reference: theirs.ns };
}

interface Timed {
  readonly ns: number;
  readonly result: number;
}

function time(run: (times: number) => number, times: number): Timed {
  const begin = process.cpuUsage();
  const result = run(times);
  const { user, system } = process.cpuUsage(begin);
  const ns = ((user + system) * 1e3) / times;
  sink += result;
  return { ns, result };
}

/** Operations for one sample: doubled until they fill it, thrice, as one call may be cold or meet the collector. */
function calibrate(row: Row, sampleMs: number): number {
  row.mutate(0);
  const fastestNs = (times: number): number =>
    Math.min(time(row.ours, times).ns, time(row.reference.run, times).ns);
  for (let times = 1; ; times *= 2) {
    const perOperation = Math.min(fastestNs(times), fastestNs(times), fastestNs(times));
    if (perOperation * times >= sampleMs * 1e6) return times;
  }
}

const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);

const at = (values: readonly number[], share: number): number =>
  sorted(values)[Math.floor((values.length - 1) * share)] ?? Number.NaN;

const median = (values: readonly number[]): number => at(values, 0.5);

const spreadOf = (values: readonly number[]): number =>
  (at(values, 0.75) - at(values, 0.25)) / 2 / median(values);

/** Measures the rows and prints them as the options say; returns whether any is over its limit. */
export function report(
  rows: Iterable<Row>,
  options: { readonly json: boolean; readonly settings: Settings },
): boolean {
  const measurements: Measurement[] = [];
  for (const row of rows) {
    progress(`${measurements.length + 1} ${row.name}`);
    measurements.push(measure(row, options.settings));
  }
  progress('');
  const text = options.json
    ? measurements.map((m) => JSON.stringify(m)).join('\n')
    : table(measurements);
  process.stdout.write(`${text}\n`);
  if (!Number.isFinite(sink)) process.stderr.write('the results were not numbers\n');
  return measurements.some((m) => m.over);
}

/** One line that is written over, on a terminal only. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

const HEADINGS = [
  'row',
  'ns',
  'per second',
  'MB/s',
  'beside',
  'ns',
  'ratio',
  'spread',
  'limit',
  '',
];
const TEXT_COLUMNS = [0, 4, 9];

function table(measurements: readonly Measurement[]): string {
  const lines = [HEADINGS, ...measurements.map(cells)];
  const widths = HEADINGS.map((_, c) => Math.max(...lines.map((line) => line[c]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, c) => {
          const width = widths[c] ?? 0;
          return TEXT_COLUMNS.includes(c) ? cell.padEnd(width) : cell.padStart(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const cells = (m: Measurement): string[] => [
  m.name,
  nanoseconds(m.oursNs),
  Math.round(1e9 / m.oursNs).toLocaleString('en'),
  m.octets === null ? '' : Math.round((m.octets * 1e3) / m.oursNs).toLocaleString('en'),
  m.reference,
  nanoseconds(m.referenceNs),
  m.ratio.toFixed(2),
  `±${(m.spread * 100).toFixed(0)} %`,
  m.limit === null ? '' : `≤ ${m.limit.toFixed(2)}`,
  m.over ? 'OVER' : m.limit === null ? '' : 'ok',
];

const nanoseconds = (ns: number): string => ns.toFixed(ns < 100 ? 1 : 0);
