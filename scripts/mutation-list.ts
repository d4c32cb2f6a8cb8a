/**
 * Ways to break the code of a row of docs/rfc-map.md, and the test that has to notice: the lines of mutations.tsv.
 * Columns are parted by tabs; `\n` in them is the end of a line.
 */
import { readFileSync } from 'node:fs';

export interface Mutation {
  /** Of docs/rfc-map.md. */
  readonly row: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly text: string;
  /** What stands there instead; empty to delete it. */
  readonly becomes: string;
  readonly test: { readonly file: string; readonly title: string };
}

const COLUMNS = 6;

const [, ...lines] = readFileSync(`${import.meta.dirname}/mutations.tsv`, 'utf8')
  .trim()
  .split('\n');

export const MUTATIONS: readonly Mutation[] = lines.map((line) => {
  const cells = line.split('\t').map((cell) => cell.replaceAll('\\n', '\n'));
  if (cells.length !== COLUMNS) throw new Error(`mutations.tsv: ${COLUMNS} columns: ${line}`);
  const [row = '', file = '', text = '', becomes = '', testFile = '', title = ''] = cells;
  return { row, file, text, becomes, test: { file: testFile, title } };
});
