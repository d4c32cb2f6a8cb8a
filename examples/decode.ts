/**
 * Reads a capture, pcap or pcapng, and prints what DMVPN knows in it: a tree a packet, or with --json a line.
 *
 *     npx tsx examples/decode.ts FILE [--json]
 */
import { parseArgs } from 'node:util';
import {
  type CapturedFrame,
  type CaptureFile,
  type Dissection,
  decodeCaptureFile,
  describeDissection,
  dissect,
  plainDissection,
} from 'dmvpn/io/pcap';
import { formatWireError } from 'dmvpn/wire';
import { endWithReader, readWhole, sentenceOf } from './terminal.js';

const USAGE = 'Usage: decode FILE [--json]   FILE is a pcap or pcapng capture.';

function main(): void {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  if (values.help) return console.log(USAGE);
  const [path] = positionals;
  if (path === undefined || positionals.length > 1) throw new Error(USAGE);
  const capture = read(path);
  const print = values.json ? asJson : asTree;
  const isMixed = capture.interfaces.length > 1;
  for (const [i, captured] of capture.frames.entries()) {
    const index = captured.interfaceIndex;
    const { linkType = 0, name = null } = capture.interfaces[index] ?? {};
    console.log(print({ frame: i + 1, on: isMixed ? (name ?? index) : null, linkType, captured }));
  }
  if (capture.damage) throw new Error(`${path} is damaged: ${formatWireError(capture.damage)}.`);
}

function read(path: string): CaptureFile {
  const whole = readWhole(path);
  if (whole.length === 0) throw new Error(`${path} is empty.`);
  const decoded = decodeCaptureFile(whole);
  if (decoded.ok) return decoded.value;
  const isOther = decoded.error.field === 'capture.magic';
  const why = isOther ? 'neither pcap nor pcapng' : formatWireError(decoded.error);
  throw new Error(`${path} is not a capture: ${why}.`);
}

interface Numbered {
  readonly frame: number;
  /** The interface's name, or its index when it has none, where there are several. */
  readonly on: string | number | null;
  readonly linkType: number;
  readonly captured: CapturedFrame;
}

const dissected = ({ linkType, captured: { bytes, originalOctets } }: Numbered): Dissection =>
  dissect(linkType, bytes, originalOctets);

const asJson = (n: Numbered): string =>
  JSON.stringify({
    frame: n.frame,
    ...(n.on !== null && { interface: n.on }),
    ...plainDissection(dissected(n)),
  });

function asTree(n: Numbered): string {
  const { timeNs, originalOctets } = n.captured;
  const time = new Date(Number((timeNs ?? 0n) / 1_000_000n));
  const isTime = timeNs !== null && !Number.isNaN(time.getTime()); // a file can say any 64 bits of seconds
  const where = `${isTime ? ` ${time.toISOString()}` : ''}${placeOf(n.on)}`;
  return `frame ${n.frame}${where}, ${originalOctets} octets: ${describeDissection(dissected(n))}`;
}

function placeOf(on: Numbered['on']): string {
  if (on === null) return '';
  return typeof on === 'number' ? ` on interface ${on}` : ` on ${on}`;
}

endWithReader(() => process.exit());
try {
  main();
} catch (error) {
  console.error(error instanceof Error ? sentenceOf(error) : error);
  process.exitCode = 1;
}
