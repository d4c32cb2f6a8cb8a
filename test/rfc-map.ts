/** Reads docs/rfc-map.md: what each row names, and what the files that it names hold. */
import ts from 'typescript';

/** A test named by a row. */
export interface Proof {
  readonly file: string;
  readonly title: string;
}

export interface MapRow {
  /** Line of the document, from 1. */
  readonly line: number;
  /** All four as they stand, without blanks around. */
  readonly cells: readonly string[];
  readonly id: string;
  /** The files that do it; none in a row that is left out. */
  readonly files: readonly string[];
  readonly proofs: readonly Proof[];
  readonly isLeftOut: boolean;
}

const SEPARATOR = /^\|(-+\|)+$/;
const HEAD = '| row | what | where | proof |';
const LEFT_OUT = /^left out: \S.{9,}/s;

/** Every row of every table. */
export function mapRows(text: string): MapRow[] {
  return text.split('\n').flatMap((content, i) => {
    const isRow = content.startsWith('|') && content !== HEAD && !SEPARATOR.test(content);
    return isRow ? [rowOf(content, i + 1)] : [];
  });
}

function rowOf(content: string, line: number): MapRow {
  const cells = content
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.replaceAll('\\|', '|').trim());
  const [id = '', , where = '', proof = ''] = cells;
  return {
    line,
    cells,
    id,
    files: [...where.matchAll(/`([^`]+\.ts)`/g)].map(([, file = '']) => file),
    proofs: [...proof.matchAll(/`([^`]+\.test\.ts)` “(.*?)”/g)].map(
      ([, file = '', title = '']) => ({ file, title }),
    ),
    isLeftOut: LEFT_OUT.test(proof),
  };
}

/** The titles of all tests in a file: of `it`, `it.each` and `it.skipIf`, not of groups. */
export function testTitles(text: string): Set<string> {
  const titles = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && rootOf(node.expression) === 'it') {
      const [title] = node.arguments;
      if (title !== undefined && ts.isStringLiteralLike(title)) titles.add(title.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('x.ts', text, ts.ScriptTarget.ES2022, true));
  return titles;
}

/** `it` of `it(…)`, `it.each([…])(…)` and the like. */
function rootOf(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node) || ts.isCallExpression(node))
    return rootOf(node.expression);
  return '';
}
