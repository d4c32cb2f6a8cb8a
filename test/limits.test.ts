/** docs/limits.md against the sources: every limit that it names is there with that number, and none is left out. */
import { readdirSync, readFileSync } from 'node:fs';
import { DEFAULT_LIMITS } from 'dmvpn/dmvpn';
import { describe, expect, it } from 'vitest';

const ROOT = `${import.meta.dirname}/..`;
const page = readFileSync(`${ROOT}/docs/limits.md`, 'utf8');
const sources = new Map(
  (readdirSync(`${ROOT}/src`, { recursive: true }) as string[])
    .filter((file) => /(?<!\.d|test|test-support)\.ts$/.test(file) && !file.startsWith('testing/'))
    .map((file) => [file, readFileSync(`${ROOT}/src/${file}`, 'utf8')]),
);

/** Constants whose names are those of limits, although nothing grows up to them. */
const NO_LIMITS: ReadonlyMap<string, string> = new Map([
  ['cache/cache.ts MAX_LIMIT', 'what `maxEntries` may be'],
  ['cache/host-table.ts MAX_LOAD', 'how full before a table doubles'],
  ['cache/word-table.ts MAX_LOAD', 'the same'],
  ['cache/multibit-trie.ts MAX_VALUE', 'the width of a cell'],
  ['dmvpn/config-reader.ts MAX_NAME', 'of the configuration'],
  ['gre/header.ts GRE_MAX_OCTETS', 'the format'],
  ['io/clock.ts MAX_DELAY_MS', 'of setTimeout'],
  ['io/host.ts MAX_HOPS', 'of a traceroute, an option'],
  ['io/open-options.ts MAX_PATH', 'of an option'],
  ['io/open.ts MAX_CLOSE_MS', 'how long close() waits'],
  ['io/tun.ts MAX_OCTETS', 'the format'],
  ['ipsec/ike/key-schedule.ts MAX_BLOCKS', 'the format'],
  ['ipsec/ike/payload.ts MAX_PAYLOAD_OCTETS', 'the format'],
  ['ipsec/ike/v2/hints.ts MAX_HINT_OCTETS', 'what is asked about is at least as long'],
  ['ipsec/ike/v2/selectors.ts MAX_PORT', 'the format'],
  ['ipsec/ike/v2/window.ts MAX_TURNS', 'how often an exchange is begun again'],
  ['ipsec/protection.ts MAX_OVERHEAD_OCTETS', 'what ESP adds'],
  ['nhrp/codec/checks.ts MAX_PACKET_AT', 'where in a slab'],
  ['nhrp/codec/extension.ts CISCO_MAX_PASSWORD_OCTETS', 'the format'],
  ['nhrp/engine/answers.ts MAX_HOLDING_SECONDS', 'the format'],
  ['nhrp/engine/dispatcher.ts MAX_PACKET_OCTETS', 'the format'],
  ['nhrp/engine/given.ts MAX_PROBES', 'which of two ways is faster'],
  ['wire/checksum.ts MAX_SUMMED_OCTETS', 'what a sum of 32 bits holds'],
  ['wire/describe.ts MAX_SHOWN_OCTETS', 'of what is printed'],
  ['wire/ipv4.ts MAX_OPTION_OCTETS', 'the format'],
]);

interface Row {
  readonly file: string;
  readonly constant: string;
  readonly value: number;
}

/** Rows of five cells: what, constant, file, number, past it. */
const rows: readonly Row[] = [
  ...page.matchAll(/^\| [^|]+ \| `([\w.]+)` \| `([\w/.-]+)` \| ([\d,]+) \| [^|]+ \|$/gm),
].map(([, constant = '', file = '', number = '']) => ({
  file,
  constant,
  value: Number(number.replaceAll(',', '')),
}));

/** A number as the sources write it: `4_096`, `0x4_0000`, `64 << 20`. */
function numberIn(expression: string): number {
  const [value = Number.NaN, shift = 0] = expression.replaceAll('_', '').split(' << ').map(Number);
  return value << shift;
}

const NUMBER = '(0x[\\da-f_]+|[\\d_]+(?: << \\d+)?)';

/** A constant, or a property (`LIMITS.ikeSas`) of one; null when it is not there. */
function inSources({ file, constant }: Pick<Row, 'file' | 'constant'>): number | null {
  const text = sources.get(file) ?? '';
  const [name = '', property] = constant.split('.');
  if (property === undefined) {
    const found = new RegExp(`^(?:export )?const ${name}(?:: number)? = ${NUMBER};`, 'm').exec(
      text,
    );
    return found === null ? null : numberIn(found[1] ?? '');
  }
  const literal = new RegExp(`^const ${name}(?:: \\w+)? = \\{\n(.*?)^\\};`, 'ms').exec(text);
  const found = new RegExp(`^ +${property}: ${NUMBER},$`, 'm').exec(literal?.[1] ?? '');
  return found === null ? null : numberIn(found[1] ?? '');
}

describe('docs/limits.md', () => {
  it('names limits that the sources have, with their numbers', () => {
    expect(rows.map((row) => ({ ...row, value: inSources(row) }))).toEqual(rows);
    expect(rows.length).toBeGreaterThan(65);
    expect(inSources({ file: 'dmvpn/outputs.ts', constant: 'MAX_NOTHING' })).toBeNull();
    expect(inSources({ file: 'ipsec/ike/v2/settings.ts', constant: 'LIMITS.nothing' })).toBeNull();
  });

  it('has no other rows of constants, none twice, and no words in the place of a number', () => {
    const lines = page.split('\n').filter((line) => /^\|.*\.ts`/.test(line));
    expect(lines).toHaveLength(rows.length);
    expect(new Set(rows.map(({ file, constant }) => `${file} ${constant}`)).size).toBe(rows.length);
  });

  it('names what each tunnel has by default', () => {
    const named = page.matchAll(/^\| `(max\w+|errors\w+)` \| ([\d,]+|none)/gm);
    const defaults = [...named].map(([, name = '', number = '']) => [
      name,
      number === 'none' ? null : Number(number.replaceAll(',', '')),
    ]);
    expect(Object.fromEntries(defaults)).toEqual(DEFAULT_LIMITS);
  });

  it('leaves none out that has the name of a limit', () => {
    const constant = /^(?:export )?const (\w*(?:MAX|LIMIT|CAPACITY)_\w+)(?:: number)? = /gm;
    const found = [...sources].flatMap(([file, text]) =>
      [...text.matchAll(constant)].map(([, name]) => `${file} ${name}`),
    );
    const named = new Set(rows.map((row) => `${row.file} ${row.constant}`));
    const unnamed = found.filter((one) => !named.has(one) && !NO_LIMITS.has(one));
    expect(unnamed).toEqual([]);
    const stillThere = [...NO_LIMITS.keys()].filter((one) => sources.has(one.split(' ')[0] ?? ''));
    expect(stillThere.length).toBeGreaterThan(20);
    for (const one of stillThere) expect(found).toContain(one);
  });
});
