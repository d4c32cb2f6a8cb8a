/** The examples, run as a user runs them, and what they print held against what was on the wire. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fencesOf, readmeCommands } from './documents.js';
import { needs } from './require.js';
import {
  EXAMPLE_ENVIRONMENT,
  exampleCommand,
  type RunningExample,
  runExample,
  startExample,
} from './run-example.js';

const folder = mkdtempSync(`${tmpdir()}/dmvpn-examples-`);
afterAll(() => rmSync(folder, { recursive: true }));

/** A recording as tshark reads it: for each frame that passes the filter, a field's values from outside to inside. */
function framesOf(path: string, filter: string, fields: readonly string[]): string[][][] {
  const columns = fields.flatMap((field) => ['-e', field]);
  const checks = ['ip.check_checksum', 'udp.check_checksum'].flatMap((o) => ['-o', `${o}:TRUE`]);
  const args = ['-n', '-r', path, ...checks, '-Y', filter, '-T', 'fields', ...columns];
  const { status, stdout, stderr } = spawnSync('tshark', args, { encoding: 'utf8' });
  expect([status, stderr.replace(/^Running as user.*\n/, '')]).toEqual([0, '']);
  const lines = stdout.split('\n').slice(0, -1);
  return lines.map((line) => line.split('\t').map((cell) => (cell === '' ? [] : cell.split(','))));
}

/** Who is named in the lines of each traceroute; a line that is no answer of somebody is named whole. */
const tracesIn = (stdout: string): string[][] =>
  [...stdout.matchAll(/traceroute from .*\n((?: .*\n)*)/g)].map(([, lines = '']) =>
    lines
      .trimEnd()
      .split('\n')
      .map((line, i) => /^ (\d+) {2}([\d.]+) {2}\d+ ms$/.exec(line) ?? [line, i + 1, line])
      .map(([line, ttl, from], i) => (Number(ttl) === i + 1 ? String(from) : String(line))),
  );

const TRACER = { nbma: '127.168.1.2', address: '172.16.1.1' };
const [PORT_UNREACHABLE, TIME_EXCEEDED] = ['3/3', '11/0'];

/** The ICMP messages of a recording, and which of the probes each quotes. */
function icmpIn(path: string) {
  const fields = ['ip.src', 'ip.dst', 'icmp.type', 'icmp.code', 'udp.dstport'];
  const filter = 'frame.interface_name == "inside" && icmp';
  return framesOf(path, filter, fields).map(([sources, destinations, type, code, ports]) => ({
    from: sources?.[1],
    to: destinations?.[1],
    isLastLeg: destinations?.[0] === TRACER.nbma,
    kind: `${type?.[0]}/${code?.[0]}`,
    probe: ports?.at(-1),
  }));
}

/** macOS as far as the example sees it: of 127.0.0.0/8 only 127.0.0.1 can be bound. */
const WITHOUT_LOOPBACK_RANGE = `data:text/javascript,${encodeURIComponent(`
  import dgram from 'node:dgram';
  Object.defineProperty(process, 'platform', { value: 'darwin' });
  const { bind } = dgram.Socket.prototype;
  dgram.Socket.prototype.bind = function (...given) {
    if (given[0]?.address === '127.0.0.1') return bind.apply(this, given);
    const error = Object.assign(new Error('bind EADDRNOTAVAIL'), { code: 'EADDRNOTAVAIL' });
    setImmediate(() => this.emit('error', error));
    return this;
  };
`)}`;

describe('examples/phase3.ts', () => {
  let stdout = '';
  let tookMs = 0;
  beforeAll(async () => {
    const start = performance.now();
    const outcome = await runExample(['phase3'], { cwd: folder });
    tookMs = performance.now() - start;
    expect([outcome.code, outcome.stderr]).toEqual([0, '']);
    stdout = outcome.stdout;
  }, 60_000);

  it('forms a protected network on loopback in less than ten seconds, and goes direct', () => {
    expect(tookMs).toBeLessThan(10_000);
    expect(stdout).toMatch(
      /^Protected: IKEv2 with a random key for this run, ESP, .* UDP 4500\.$/m,
    );
    expect(stdout).not.toContain('memory');
    expect(stdout.match(/10\.0\.0\.\d has registered from 127\.168\.\d\.2/g)).toHaveLength(3);
    expect(tracesIn(stdout)).toEqual([['10.0.0.100', '172.16.3.1'], ['172.16.3.1']]);
    expect(stdout).toMatch(/Cache of the hub\n.*\n.*\n(tun100 +dynamic +10\.0\.0\.\d\/32 .*\n){3}/);
    expect(stdout).toMatch(/^tun100 +172\.16\.3\.0\/24 +shortcut +10\.0\.0\.3$/m);
  });

  it('goes direct on a network in memory, too, where the loopback range cannot be bound, and says so', async () => {
    const elsewhere = mkdtempSync(`${folder}/memory-`);
    const preload = WITHOUT_LOOPBACK_RANGE;
    const outcome = await runExample(['phase3'], { cwd: elsewhere, preload });
    expect([outcome.code, outcome.stderr]).toEqual([0, '']);
    expect(outcome.stdout).toContain('On this system the network is one in memory.');
    expect(tracesIn(outcome.stdout)).toEqual(tracesIn(stdout));
  });

  it('is what the README shows, times aside', () => {
    const screen = fencesOf('README.md').find(({ info }) => info === 'text');
    const shown = screen?.body.trimEnd().split('\n') ?? [];
    const timeless = (line: string): string => line.replace(/\d+ ms$/, 'ms');
    // spokes register in any order
    const isOrdered = (line: string) => !line.includes('has registered');
    const printed = stdout.split('\n').map(timeless);
    for (const line of shown.map(timeless)) expect(printed).toContain(line);
    let at = -1;
    for (const line of shown.filter(isOrdered).map(timeless)) {
      at = printed.indexOf(line, at + 1);
      expect([line, at]).not.toEqual([line, -1]);
    }
    expect(shown.length).toBeGreaterThan(15);
  });

  needs('tshark')('its recording', () => {
    const path = `${folder}/phase3.pcap`;

    it('has for each line of the traceroutes one ICMP message, in that order, and no other', () => {
      const lines = tracesIn(stdout).flatMap((hops) =>
        hops.map((from, i) => ({
          from,
          kind: i < hops.length - 1 ? TIME_EXCEEDED : PORT_UNREACHABLE,
        })),
      );
      expect(lines).toHaveLength(3);
      const messages = icmpIn(path);
      const arrived = messages.filter((m) => m.isLastLeg && m.to === TRACER.address);
      expect(arrived.map(({ from, kind }) => ({ from, kind }))).toEqual(lines);
      // each answers a probe of its own, and all that is ICMP on earlier legs is one of these on its way
      const isSameAs = (a: (typeof messages)[0]) => (b: (typeof messages)[0]) =>
        a.probe === b.probe && a.from === b.from && a.kind === b.kind && a.to === b.to;
      expect(new Set(arrived.map(({ probe }) => probe)).size).toBe(lines.length);
      for (const message of messages) expect(arrived.filter(isSameAs(message))).toHaveLength(1);
      const sent = `frame.interface_name == "inside" && !icmp && udp && ip.src == ${TRACER.nbma}`;
      const probes = framesOf(path, sent, ['udp.dstport']).map(([ports]) => ports?.[0]);
      expect(probes).toEqual(arrived.map(({ probe }) => probe));
    });

    it('shows every NHRP message of a Phase 3 network inside, and a sealed packet for each', () => {
      const inside = framesOf(path, 'frame.interface_name == "inside"', [
        'nhrp.hdr.op.type',
        'gre.key',
      ]);
      const types = new Set(inside.flatMap(([type = []]) => type));
      expect([...types].sort()).toEqual(
        expect.arrayContaining(['1', '2', '3', '4', '5', '6', '8']),
      );
      expect(inside.every(([, key = []]) => key[0] === '0x0000002a')).toBe(true);
      expect(framesOf(path, 'frame.interface_name == "wire" && esp', ['esp.spi'])).toHaveLength(
        inside.length,
      );
    });

    it('is read by the command of the README: what is inside, and nothing else', () => {
      const commands = readmeCommands().filter(({ kind }) => kind === 'tshark');
      const [line = ''] = commands.map((command) => command.line);
      const shown = spawnSync('sh', ['-c', line], { cwd: folder, encoding: 'utf8' });
      expect([commands.length, shown.status]).toEqual([1, 0]);
      const lines = shown.stdout.trimEnd().split('\n');
      const inside = framesOf(path, 'gre', ['frame.number']);
      expect(lines.map((one) => one.trim().split(/\s+/)[0])).toEqual(inside.flat(2));
      for (const protocol of [/ NHRP /, / ICMP /])
        expect(lines.some((one) => protocol.test(one))).toBe(true);
      expect(shown.stdout).not.toMatch(/ (ESP|ISAKMP) /);
    });

    it('has nothing on the wire but IKE and ESP in UDP 4500', () => {
      const notOurs = 'frame.interface_name == "wire" && !(udp.port == 4500 && (isakmp || esp))';
      expect(framesOf(path, notOurs, ['frame.number'])).toEqual([]);
      const twelve = framesOf(path, 'isakmp.exchangetype == 34 || isakmp.exchangetype == 35', [
        'ip.src',
      ]);
      expect(twelve.length).toBeGreaterThanOrEqual(4 * 4); // IKE_SA_INIT and IKE_AUTH of four pairs
    });

    it('has no malformed packet and no wrong checksum', () => {
      // A Traffic Indication quotes the start of a packet: tshark sums what of it is there.
      const udp = 'udp.checksum.status == 0 && nhrp.hdr.op.type != 8';
      const wrong = ['_ws.malformed', 'ip.checksum.status == 0', `(${udp})`];
      const filter = [...wrong, 'nhrp.hdr.chksum.status == 0', 'icmp.checksum.status == 0'];
      expect(framesOf(path, filter.join(' || '), ['frame.number'])).toEqual([]);
    });
  });

  it('takes a key that it is given, and shows it to nobody', async () => {
    const cwd = mkdtempSync(`${folder}/given-`);
    const env = { DMVPN_PSK: 'the key of this very test' };
    const { code, stdout: said, stderr } = await runExample(['phase3'], { cwd, env });
    expect([code, stderr]).toEqual([0, '']);
    expect(said).toMatch(/^Protected: IKEv2 with the key that was given/);
    for (const text of [said, readFileSync(`${cwd}/phase3.pcap`, 'latin1')])
      expect(text).not.toContain(env.DMVPN_PSK);
  }, 60_000);

  needs('tshark')('in clear text', () => {
    it('is so only when it is told, and all of it is on the wire', async () => {
      const cwd = mkdtempSync(`${folder}/clear-`);
      const { code, stdout: said } = await runExample(['phase3', '--insecure-cleartext'], { cwd });
      expect(code).toBe(0);
      expect(said).toMatch(/^In clear text: GRE in UDP 4754\.\n/);
      const all = framesOf(`${cwd}/phase3.pcap`, 'frame', ['frame.interface_name', 'udp.dstport']);
      expect(all.length).toBeGreaterThan(20);
      expect(all.every(([on, port]) => on?.[0] === 'wire' && port?.[0] === '4754')).toBe(true);
    }, 60_000);
  });
});

const CLEAR = '--insecure-cleartext';
const HUB = ['--local', '127.168.0.2', '--address', '10.0.0.100/32', '--key', '42'];
const SPOKE = ['--local', '127.168.2.2', '--address', '10.0.0.2/32', '--key', '42'];
const NHS = ['--nhs', '10.0.0.100=127.168.0.2'];
const NETWORKS = ['--lan', '172.16.2.0/24', '--route', '10.0.0.0/24=10.0.0.100'];

/** Of that spoke, in a line of JSON. */
const STATE = {
  state: 'running',
  cache: [
    expect.objectContaining({ kind: 'local', prefix: '10.0.0.2/32', nbma: null }),
    {
      ...{ tunnel: 'tun100', kind: 'nhs', prefix: '10.0.0.100/32', nbma: '127.168.0.2' },
      ...{ claimedNbma: null, expiresInSeconds: expect.any(Number), flags: ['registered', 'up'] },
    },
  ],
  servers: [
    {
      ...{ tunnel: 'tun100', protocolAddress: '10.0.0.100', nbma: '127.168.0.2' },
      ...{ priority: 0, state: 'up' },
    },
  ],
  routes: [
    {
      ...{ tunnel: 'tun100', prefix: '172.16.2.0/24', kind: 'device', via: null },
      ...{ distance: 0, mode: 'new' },
    },
    {
      ...{ tunnel: 'tun100', prefix: '10.0.0.0/24', kind: 'static', via: '10.0.0.100' },
      ...{ distance: 1, mode: 'new' },
    },
  ],
};

describe('examples/hub.ts and spoke.ts', () => {
  const running: RunningExample[] = [];
  afterEach(() => {
    for (const { child } of running.splice(0)) child.kill('SIGKILL');
  });
  const start: typeof startExample = (...given) => {
    const example = startExample(...given);
    running.push(example);
    return example;
  };

  it('register, protected by a key from a file and from the environment, and show their state', async () => {
    const file = `${folder}/psk`;
    writeFileSync(file, 'a key for two\n');
    const recording = `${folder}/spoke.pcap`;
    const hub = start(['hub', ...HUB, '--psk-file', file]);
    await hub.says(/10\.0\.0\.100\/32/);
    const spoke = start(['spoke', ...SPOKE, ...NHS, ...NETWORKS, '--pcap', recording], {
      env: { DMVPN_PSK: 'a key for two' },
    });
    await spoke.says(/^registered .*nhs=10\.0\.0\.100/m);
    await hub.says(/^peer-up tunnel=tun100 nbma=127\.168\.2\.2:4500$/m);

    hub.child.kill('SIGUSR1');
    await hub.says(/^tun100 +dynamic +10\.0\.0\.2\/32 +127\.168\.2\.2:4500 /m);
    spoke.child.kill('SIGUSR1');
    await spoke.says(/^nhs\nTunnel .*\n-.*\ntun100 +10\.0\.0\.100 +127\.168\.0\.2:4500 +0 +up$/m);
    await spoke.says(/^routes\nTunnel .*\n-.*\n(tun100 .*\n)*tun100 +172\.16\.2\.0\/24 +device$/m);
    await spoke.says(
      /^routes\nTunnel .*\n-.*\n(tun100 .*\n)*tun100 +10\.0\.0\.0\/24 +static +10\.0\.0\.100$/m,
    );
    spoke.child.kill('SIGTERM');
    expect(await spoke.ended).toEqual([0, null]);
    await hub.says(/entry-removed .*prefix=10\.0\.0\.2\/32 .*reason=purged/);
    hub.child.kill('SIGTERM');
    expect(await hub.ended).toEqual([0, null]);
    expect(hub.said() + spoke.said()).not.toContain('a key for two');
    expect(readFileSync(recording, 'latin1')).not.toContain('a key for two');
  }, 60_000);

  it('do what the README says, for an ordinary user, and leave when they are told to', async () => {
    const commands = readmeCommands().filter(({ kind }) => kind === 'example');
    const running = commands.map(({ parts: { name = '', args = '', psk = '' } }) =>
      start([name, ...args.split(' ')], { env: { DMVPN_PSK: psk }, isOrdinaryUser: true }),
    );
    const [hub, spoke, ...others] = running;
    if (hub === undefined || spoke === undefined) throw new Error('a hub and a spoke expected');
    expect(others).toEqual([]);
    await hub.says(/^spoke-registered .*protocolAddress=10\.0\.0\.1/m);
    await spoke.says(/^registered .*nhs=10\.0\.0\.100/m);
    spoke.child.kill('SIGTERM');
    expect(await spoke.ended).toEqual([0, null]);
    await hub.says(/entry-removed .*prefix=10\.0\.0\.1\/32 .*reason=purged/);
    hub.child.kill('SIGTERM');
    expect(await hub.ended).toEqual([0, null]);
  }, 60_000);

  it.runIf(existsSync('/dev/full'))(
    'go on when the disk of their recording is full',
    async () => {
      const hub = start(['hub', ...HUB, CLEAR, '--pcap', '/dev/full']);
      await hub.says(/10\.0\.0\.100\/32/);
      const spoke = start(['spoke', ...SPOKE, ...NHS, CLEAR]);
      await hub.says(/^spoke-registered /m);
      for (const { child, ended } of [spoke, hub]) {
        child.kill('SIGTERM');
        expect(await ended).toEqual([0, null]);
      }
    },
    60_000,
  );

  it('in clear text, when told so, serve a spoke inside another program and leave by Purge', async () => {
    const hub = start(['hub', ...HUB, CLEAR]);
    await hub.says(/10\.0\.0\.100\/32/);
    const spoke = start(['spoke', ...SPOKE, ...NHS, ...NETWORKS, CLEAR, '--json']);
    await spoke.says(/"type":"registered".*"nhs":"10\.0\.0\.100"/);

    const { stdout } = await runExample(['embed']);
    expect(stdout).toMatch(/^reply from 10\.0\.0\.100 in \d+ ms\n$/);

    spoke.child.kill('SIGUSR1');
    await spoke.says(/"type":"stats","state":"running"/);
    const lines = spoke
      .said()
      .split('\n')
      .filter((line) => line.includes('"type":"stats"'));
    expect(lines.map((line) => JSON.parse(line))).toEqual([expect.objectContaining(STATE)]);
    spoke.child.kill('SIGTERM');
    expect(await spoke.ended).toEqual([0, null]);
    await hub.says(/entry-removed .*prefix=10\.0\.0\.2\/32 .*reason=purged/);
  }, 60_000);

  it('ends without a word when nobody reads on', () => {
    const script = `"$@" | head -n 1`;
    const args = [
      '-c',
      script,
      'sh',
      process.execPath,
      ...exampleCommand('hub', ...HUB, CLEAR, '--local', '127.168.7.2'),
    ];
    const options = { env: EXAMPLE_ENVIRONMENT, encoding: 'utf8', timeout: 30_000 } as const;
    const nobody = start(['spoke', ...SPOKE, '--nhs', '10.0.0.100=127.168.7.2', CLEAR]);
    const { stdout, stderr, error } = spawnSync('sh', args, options);
    nobody.child.kill();
    expect([stdout.split('\n').length, stderr, error]).toEqual([2, '', undefined]);
  }, 60_000);

  mkdirSync(`${folder}/directory`);
  writeFileSync(`${folder}/empty`, '\n');
  writeFileSync(`${folder}/key`, 'key');
  writeFileSync(`${folder}/tunnel`, '{"name":"gre1","address":"10.0.0.1/32"}');
  it.concurrent.each([
    [['spoke', '--help'], /--nhs ADDRESS=NBMA.*--psk-file FILE.*--insecure-cleartext/s],
    [['hub'], /^--local and --address are required; see --help\.\n$/],
    [
      ['hub', ...HUB],
      /^There is no preshared key: give --psk-file FILE or set DMVPN_PSK, or say --insecure-cleartext\.\n$/,
    ],
    [['spoke', ...SPOKE, ...NHS], /^There is no preshared key: .*\n$/],
    [
      ['hub', ...HUB, '--psk', 'secret'],
      /^--psk is not taken, .*: use --psk-file FILE or DMVPN_PSK in the environment\.\n$/,
    ],
    [['spoke', ...SPOKE, '--psk=secret'], /^--psk is not taken, (?!.*secret).*\n$/],
    [['phase3', '--psk=secret'], /^--psk is not taken, (?!.*secret).*\n$/],
    [
      ['hub', ...HUB, '--psk-file', `${folder}/key`, CLEAR],
      /^--insecure-cleartext has no use for a key: .*\n$/,
    ],
    [['hub', ...HUB, '--psk-file', `${folder}/none`], /^.*\/none does not exist\.\n$/],
    [
      ['hub', ...HUB, '--psk-file', `${folder}/directory`],
      /^.*\/directory is a directory, not a file\.\n$/,
    ],
    [
      ['hub', ...HUB, '--psk-file', `${folder}/empty`],
      /^.*\/empty is empty: write the preshared key into it\.\n$/,
    ],
    [['hub', ...HUB, CLEAR, '--local', '192.0.2.1'], /^No interface here has the address .*\n$/],
    [
      ['hub', ...HUB, CLEAR, '--transport', 'tcp'],
      /^--transport: udp or raw expected, not 'tcp'\.\n$/,
    ],
    [['hub', ...HUB, CLEAR, '--key', 'x'], /^--key: a whole number expected, not 'x'\.\n$/],
    [
      ['hub', ...HUB, CLEAR, '--route', '172.16.1.0/24=10.0.0.1=10.0.0.2'],
      /^--route: PREFIX=NEXTHOP or PREFIX expected, not '172\.16\.1\.0\/24=10\.0\.0\.1=10\.0\.0\.2'\.\n$/,
    ],
    [
      ['hub', ...HUB, CLEAR, '--route', '172.16.1.0/24='],
      /^--route: PREFIX=NEXTHOP or PREFIX .*\n$/,
    ],
    [
      ['spoke', ...SPOKE, CLEAR, '--nhs', '10.0.0.100=127.168.0.2=127.168.0.3'],
      /^--nhs: ADDRESS=NBMA expected, not '10\.0\.0\.100=127\.168\.0\.2=127\.168\.0\.3'\.\n$/,
    ],
    [['hub', ...HUB, CLEAR, '--keys', '1'], /^Unknown option '--keys'; see --help\.\n$/],
    [
      ['hub', ...HUB, CLEAR, '--pcap', `${folder}/none/a`],
      /^The recording .* cannot be written: .*\n$/,
    ],
    [
      ['spoke', ...SPOKE, CLEAR, '--nhs', '10.0.0.100=192.168.0'],
      /^tunnels\[0\]\.nhs\[0\]\.nbma: .*\n$/,
    ],
    [['kernel-mgre', '--help'], /^Usage: kernel-mgre\.ts \[FILE\]\n.*SIGTERM/s],
    [['kernel-mgre', `${folder}/none`], /^.*\/none does not exist\.\n$/],
    [['kernel-mgre', `${folder}/key`], /^.*\/key is not JSON\.\n$/],
    [['kernel-mgre', `${folder}/tunnel`], /^tunnels\[0\]\.local: .*\n$/],
    [['kernel-mgre', 'a', 'b'], /^One FILE is taken; see --help\.\n$/],
    [['kernel-mgre', '--no-such'], /^Unknown option '--no-such'; see --help\.\n$/],
  ] as [[string, ...string[]], RegExp][])(
    'say what is wrong in one sentence: %j',
    async (command, says) => {
      const { code, stdout, stderr } = await runExample(command, { cwd: folder });
      const isHelp = command.includes('--help');
      expect([code, isHelp ? stderr : stdout]).toEqual([isHelp ? 0 : 1, '']);
      expect(isHelp ? stdout : stderr).toMatch(says);
    },
    60_000,
  );
});
