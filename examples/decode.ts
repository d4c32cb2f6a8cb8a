/**
 * Reads a capture, pcap or pcapng, and prints what DMVPN knows in it: a tree a packet, or with --json a line.
 *
 *     npx tsx examples/decode.ts FILE [--json]
 */
import { parseArgs } from 'node:util';
import {
  type CapturedFrame,
  type CaptureFile,
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
    const { linkType = 0, name = null } = capture.interfaces[captured.interfaceIndex] ?? {};
    console.log(print({ frame: i + 1, on: isMixed ? name : null, linkType, captured }));
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
  /** The interface's name, where there are several. */
  readonly on: string | null;
  readonly linkType: number;
  readonly captured: CapturedFrame;
}

const asJson = ({ frame, on, linkType, captured: { bytes } }: Numbered): string =>
  JSON.stringify({
    frame,
    ...(on !== null && { interface: on }),
    ...plainDissection(dissect(linkType, bytes)),
  });

function asTree({ frame, on, linkType, captured }: Numbered): string {
  const { timeNs, originalOctets, bytes } = captured;
  const time = new Date(Number((timeNs ?? 0n) / 1_000_000n));
  const isTime = timeNs !== null && !Number.isNaN(time.getTime()); // a file can say any 64 bits of seconds
  const where = `${isTime ? ` ${time.toISOString()}` : ''}${on === null ? '' : ` on ${on}`}`;
  const tree = describeDissection(dissect(linkType, bytes));
  return `frame ${frame}${where}, ${originalOctets} octets: ${tree}`;
}

endWithReader(() => process.exit());
try {
  main();
} catch (error) {
  console.error(error instanceof Error ? sentenceOf(error) : error);
  process.exitCode = 1;
}
