/** A node that runs until it is told to stop: SIGUSR1 shows its state, SIGTERM and SIGINT take its registrations back. */
import type { DmvpnConfig, DmvpnEvent } from 'dmvpn/dmvpn';
import { AdapterError, type OpenOptions, openNode } from 'dmvpn/io/open';
import { openPcapngFile, pcap, pcapInside } from 'dmvpn/io/pcap';
import { stateOf } from './state.js';
import { endWithReader, Refusal, sentenceOf } from './terminal.js';

export interface RunOptions extends Pick<OpenOptions, 'transport' | 'device'> {
  /** One JSON object a line instead of text for people. */
  readonly json: boolean;
  /** Records what passes, and what is inside ESP in the clear. */
  readonly recording: string | null;
  /** Called when the node is open: it has copies of its keys. */
  readonly onOpen: () => void;
}

const TABLES = ['cache', 'nhs', 'routes'] as const;

/** Runs until a signal; a port that cannot be opened and a wrong configuration are one sentence and exit code 1. */
export async function run(config: DmvpnConfig, options: RunOptions): Promise<void> {
  const { json, transport, device, recording, onOpen } = options;
  const file = recording === null ? null : record(recording);
  const ports = { transport, ...(device === undefined ? {} : { device }), ...file?.ports };
  const node = await openNode(config, ports).catch(refuse);
  onOpen();
  endWithReader(() => node.close());
  process.on('SIGUSR1', () => {
    if (json) console.log(JSON.stringify(stateOf(node)));
    for (const table of json ? [] : TABLES) console.log(`\n${table}\n${node.show(table)}`);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => node.close());
  for await (const event of node.events) console.log(json ? JSON.stringify(event) : textOf(event));
  await file?.close();
}

/** Two interfaces: `wire`, and `inside`, which is empty without IPsec. */
function record(path: string) {
  try {
    const onError = ({ message }: Error) =>
      console.error(`${message} The node goes on without it.`);
    const { sinks, close } = openPcapngFile(path, ['wire', 'inside'], { onError });
    const [wire, inside] = sinks;
    if (!wire || !inside) throw new Error('bug: a recording without its interfaces');
    const wrap: OpenOptions['wrap'] = (transport) => pcap(transport, wire);
    return { ports: { wrap, inside: pcapInside(inside) }, close };
  } catch (error) {
    return refuse(error);
  }
}

/** `spoke-registered tunnel=tun100 protocolAddress=10.0.0.1 …` */
function textOf({ type, ...fields }: DmvpnEvent): string {
  const known = Object.entries(fields).filter(([, value]) => String(value ?? '') !== '');
  return [type, ...known.map(([name, value]) => `${name}=${value}`)].join(' ');
}

/** Ends the process: one sentence and exit code 1 for what the user can mend, the stack for what is our fault. */
export function refuse(error: unknown): never {
  console.error(isForUser(error) ? sentenceOf(error) : error);
  process.exit(1);
}

/** Refusals, ports that cannot be opened, and values that a configuration or an option refuses by name. */
const isForUser = (error: unknown): error is Error =>
  [Refusal, AdapterError, TypeError, RangeError].some((type) => error instanceof type);
