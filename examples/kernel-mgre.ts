/**
 * NHRP alone: the kernel does multipoint GRE, the engine tells it neighbours and routes. Linux, as root.
 *
 *     ip link add gre1 type gre key 42 local 192.0.2.1 ttl 64
 *     ip link set gre1 arp on mtu 1400 up && ip address add 10.0.0.1/32 dev gre1
 *     sysctl net.ipv4.conf.gre1.send_redirects=0 net.ipv4.neigh.gre1.{app_solicit=1,mcast_solicit=0}
 *     npx tsx examples/kernel-mgre.ts spoke.json
 *
 * spoke.json is one tunnel of a node's configuration, named as its interface:
 * `{"name":"gre1","local":"192.0.2.1","address":"10.0.0.1/32","shortcut":true,"routes":[…],"nhs":[…], …}`
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type EngineSettings, engineSettings, type TunnelConfig } from 'dmvpn/dmvpn';
import { monotonicClock as clock } from 'dmvpn/io/clock';
import { drive, type Machine, viewOf } from 'dmvpn/io/drive';
import { openPacket } from 'dmvpn/io/packet';
import { type EngineOutput, NhrpEngine } from 'dmvpn/nhrp';
import { type Endpoint, formatPrefix, ipSource, parseAddress } from 'dmvpn/wire';
import { refuse } from './run.js';
import { Refusal, readJson } from './terminal.js';

const USAGE = `Usage: kernel-mgre.ts [FILE]
NHRP for the multipoint GRE interface of a Linux kernel, as root.
FILE is one tunnel of a node's configuration, as JSON, named as its interface; standard input when it is not given.
Signals: SIGTERM takes registrations back and ends.`;

const { engine: config, routes } = readSettings();
const { tunnel: name, nbmaAddress: local } = config;

const ip = spawn('ip', ['-force', '-batch', '-'], { stdio: ['pipe', 'inherit', 'inherit'] });
await once(ip, 'spawn').catch(refuseWithoutIp);
const at = { interface: name, local };
const transport = await openPacket({ ...at, etherType: 0x2001 }).catch(refuse); // NHRP
const data = await openPacket({ ...at, etherType: 0x0800 }).catch(refuse); // a copy of what the tunnel brings
const misses = spawn('ip', ['monitor', 'neigh', 'dev', name]);
const tell = (command: string) => ip.stdin.write(`${command}\n`);

const engine = new NhrpEngine(config, { now: clock.now(), random: randomBytes, mac: null });
const machine: Machine<EngineOutput> = {
  handleTimeout: (now) => engine.handleTimeout(now),
  handleDatagram: (now, path, bytes) => engine.handleMessage(now, path, bytes),
  pollOutput() {
    const output = engine.pollOutput();
    if (engine.state === 'closed' && output.kind === 'timeout') leave();
    return output;
  },
};
const driver = drive(machine, { clock, transport }, carryOut);
driver.act((now) => engine.handleRoutes(now, routes));
for (const { prefix, via, distance = 1 } of routes) {
  const metric = 1_000 + distance;
  tell(`route replace ${formatPrefix(prefix)} via ${via} dev ${name} onlink metric ${metric}`);
}

/** Routes of NHRP are told apart by their protocol number, and win over configured ones by their metric. */
function carryOut(output: EngineOutput): void {
  if (output.kind === 'event') return console.log(JSON.stringify(output.event));
  if (output.kind === 'send') {
    const path = { carrier: 'gre', local: { address: local, port: 0 }, remote: output.to } as const;
    const slab = output.bytes;
    transport.send([{ path, slab, at: 0, octets: slab.length, dscp: 48, dontFragment: true }]);
  } else if (output.kind === 'route') {
    const { action, prefix, via } = output;
    const route = `${formatPrefix(prefix)} via ${via} dev ${name} onlink proto 191 metric 10`;
    tell(`route ${action === 'set' ? 'replace' : 'del'} ${route}`);
  } else if (output.kind === 'neighbour' && output.prefix.length === 32) {
    const { action, prefix, nbma } = output;
    const neighbour = `${prefix.address} dev ${name}`;
    const verb = action === 'set' ? 'replace' : 'del';
    tell(`neigh ${verb} ${neighbour} ${nbma ? `lladdr ${nbma.address} nud permanent` : ''}`);
    tell(`route ${verb} ${neighbour} proto 191 metric 10`);
  }
}

data.listen({
  onDatagrams(batch) {
    for (const one of batch) driver.act((now) => onData(now, viewOf(one), one.path.remote));
  },
  onUnderlay() {},
  onError: refuse,
});
function onData(now: number, packet: Uint8Array, from: Endpoint): void {
  const { nextHop } = engine.locate(now, ipSource(packet, 0));
  if (nextHop) engine.handleUsed(now, nextHop); // a peer that talks is worth renewing
  if ((packet[8] ?? 0) > 1) engine.handleForwarded(now, packet, from); // of a hub: maybe a redirect
}
createInterface(misses.stdout).on('line', (line) => {
  const address = parseAddress(/^miss (\S+)/.exec(line)?.[1] ?? '');
  if (address) driver.act((now) => engine.handleMiss(now, address)); // Phase 2
});
process.once('SIGTERM', () => driver.act((now) => engine.command(now, { kind: 'shutdown' })));

function leave(): void {
  for (const port of [driver, data]) void port.close();
  misses.kill();
  ip.stdin.end(); // it does what it has been told, and ends
}

/** Wrong arguments and files end the process with one sentence; `--help` prints and ends it. */
function readSettings(): EngineSettings {
  try {
    const options = { help: { type: 'boolean' } } as const;
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [file = '/dev/stdin', ...more] = positionals;
    if (more.length > 0) throw new Refusal('One FILE is taken; see --help.');
    if (!values.help) return engineSettings(readJson(file) as TunnelConfig);
  } catch (error) {
    return refuse(error);
  }
  console.log(USAGE);
  process.exit(0);
}

function refuseWithoutIp(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ENOENT') return refuse(error);
  return refuse(new Refusal('The program ip is not installed (apt-get install iproute2).'));
}
