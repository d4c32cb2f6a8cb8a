/**
 * The process under test: a node of the published API on raw GRE, or GRE in UDP, and a TUN device, in the namespace
 * that it was started in. The first argument is its configuration. It prints one JSON line for each event and answers
 * one JSON command a line of standard input; SIGTERM makes it leave with its Purges. node.ts is its other end.
 */
import { createInterface } from 'node:readline';
import type { DmvpnConfig } from 'dmvpn/dmvpn';
import { openNode } from 'dmvpn/io/open';
import { parseAddress } from 'dmvpn/wire';
import type { Command, Line } from './node.js';
import { type Roaming, roaming } from './roaming.js';

const print = (line: Line): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const config = JSON.parse(process.argv[2] ?? '{}') as DmvpnConfig;
const isUdp = config.tunnels.some(({ carrier }) => carrier === 'gre-udp');
let roamer: Roaming | null = null;
const node = await openNode(config, {
  transport: isUdp ? 'udp' : 'raw',
  device: 'tun',
  wrap(transport) {
    const local = parseAddress(config.tunnels[0]?.local ?? '');
    if (isUdp || local === null) return transport;
    roamer = roaming(transport, local);
    return roamer;
  },
});

async function answer({ id, what, args }: Command): Promise<void> {
  try {
    print({ type: 'answer', id, value: await outcomeOf(what, args) });
  } catch (error) {
    print({ type: 'refused', id, message: String(error) });
  }
}

function outcomeOf(what: Command['what'], args: readonly string[]): unknown {
  const [first = ''] = args;
  switch (what) {
    case 'stats':
      return node.stats();
    case 'lookup':
      return node.lookup(first);
    case 'view':
      return node.view();
    case 'move':
      return roamer?.move(first);
    case 'clear':
      return node.command({ kind: 'clear', tunnel: 'tun0', what: 'shortcuts' });
  }
}

createInterface(process.stdin)
  .on('line', (text) => answer(JSON.parse(text) as Command))
  .on('close', () => process.exit(1)); // whoever started us is no more
process.once('SIGTERM', () => void node.close());
print({ type: 'ready' });
for await (const event of node.events) print({ type: 'event', event });
process.exit(0);
