/** A node that runs until it is told to stop: SIGUSR1 shows its state, SIGTERM and SIGINT take its registrations back. */
import type { DmvpnConfig, DmvpnEvent } from 'dmvpn/dmvpn';
import { AdapterError, type OpenOptions, openNode } from 'dmvpn/io/open';

export interface RunOptions extends OpenOptions {
  /** One JSON object a line instead of text for people. */
  readonly json: boolean;
}

const TABLES = ['cache', 'nhs', 'routes'] as const;

/** Runs until a signal; a port that cannot be opened and a wrong configuration are one sentence and exit code 1. */
export async function run(config: DmvpnConfig, { json, ...options }: RunOptions): Promise<void> {
  const node = await openNode(config, options).catch(refuse);
  process.on('SIGUSR1', () => {
    if (json) console.log(JSON.stringify({ type: 'stats', ...node.stats() }));
    for (const table of json ? [] : TABLES) console.log(`\n${table}\n${node.show(table)}`);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => node.close());
  for await (const event of node.events) console.log(json ? JSON.stringify(event) : textOf(event));
}

/** `spoke-registered tunnel=tun100 protocolAddress=10.0.0.1 …` */
function textOf({ type, ...fields }: DmvpnEvent): string {
  return [type, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)].join(' ');
}

export function refuse(error: unknown): never {
  const isForUser = error instanceof AdapterError || isWrongValue(error);
  console.error(isForUser ? error.message : error);
  process.exit(1);
}

/** A value of the configuration, or an option, that is refused by name. */
const isWrongValue = (error: unknown): error is Error =>
  error instanceof TypeError || error instanceof RangeError;
