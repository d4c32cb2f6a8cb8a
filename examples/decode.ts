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
  for (const [i, frame] of capture.frames.entries()) {
    const linkType = capture.interfaces[frame.interfaceIndex]?.linkType ?? 0;
    console.log(print(i + 1, linkType, frame));
  }
  if (capture.damage) throw new Error(`${path} is damaged: ${formatWireError(capture.damage)}.`);
}

function read(path: string): CaptureFile {
  const whole = readWhole(path);
  if (whole.length === 0) throw new Error(`${path} is empty.`);
  const decoded = decodeCaptureFile(whole);
  if (decoded.ok) return decoded.value;
  throw new Error(`${path} is not a capture: ${formatWireError(decoded.error)}.`);
}

const asJson = (frame: number, linkType: number, { bytes }: CapturedFrame): string =>
  JSON.stringify({ frame, ...plainDissection(dissect(linkType, bytes)) });

function asTree(frame: number, linkType: number, captured: CapturedFrame): string {
  const { timeNs, originalOctets, bytes } = captured;
  const time = new Date(Number((timeNs ?? 0n) / 1_000_000n));
  const isTime = timeNs !== null && !Number.isNaN(time.getTime()); // a file can say any 64 bits of seconds
  const tree = describeDissection(dissect(linkType, bytes));
  return `frame ${frame}${isTime ? ` ${time.toISOString()}` : ''}, ${originalOctets} octets: ${tree}`;
}

endWithReader(() => process.exit());
try {
  main();
} catch (error) {
  console.error(error instanceof Error ? sentenceOf(error) : error);
  process.exitCode = 1;
}
