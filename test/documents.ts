/** The fenced blocks of the documents, so that tests run and compare what is really written there. */
import { readFileSync } from 'node:fs';

const ROOT = `${import.meta.dirname}/..`;

export interface Fence {
  /** File and line. */
  readonly title: string;
  /** What stands behind the three backticks. */
  readonly info: string;
  readonly body: string;
}

/** @throws Error for a fence that is not closed, is indented or has tildes: it would be overlooked. */
export function fencesIn(document: string, text: string): Fence[] {
  const fences = [...text.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].map(
    ({ index, 1: info = '', 2: body = '' }) => ({
      title: `${document}:${text.slice(0, index).split('\n').length}`,
      info,
      body,
    }),
  );
  const marks = text.match(/^[\s>]*(```|~~~)/gm)?.length ?? 0;
  if (marks !== 2 * fences.length)
    throw new Error(`${document}: ${marks} marks for ${fences.length} fences`);
  return fences;
}

/** Of a document of the project, by its path from the root. */
export const fencesOf = (document: string): Fence[] =>
  fencesIn(document, readFileSync(`${ROOT}/${document}`, 'utf8'));

/** Which test runs a command of the README; null: none. */
type Kind = 'npm' | 'tshark' | 'example' | null;

const README_COMMANDS: readonly (readonly [kind: Kind, pattern: RegExp])[] = [
  /** `test/readme.test.ts`: the scripts of package.json. */
  ['npm', /^npm ci && npm (?<script>start|test)( +#.*)?$/],
  /** `test/examples.test.ts`, on the recording of `npm start`. */
  ['tshark', /^tshark -r phase3\.pcap .+$/],
  /** `test/examples.test.ts`, both together. */
  ['example', /^DMVPN_PSK='(?<psk>.+)' node --import tsx examples\/(?<name>\w+)\.ts (?<args>.*)$/],
];

export interface ReadmeCommand {
  readonly kind: Kind;
  readonly line: string;
  readonly parts: Readonly<Record<string, string | undefined>>;
}

/** The lines of the blocks of commands. */
export const readmeCommands = (): readonly ReadmeCommand[] =>
  fencesOf('README.md')
    .filter(({ info }) => info === 'sh')
    .flatMap(({ body }) => body.trimEnd().split('\n'))
    .map(commandOf);

function commandOf(line: string): ReadmeCommand {
  for (const [kind, pattern] of README_COMMANDS) {
    const found = pattern.exec(line);
    if (found !== null) return { kind, line, parts: found.groups ?? {} };
  }
  return { kind: null, line, parts: {} };
}
