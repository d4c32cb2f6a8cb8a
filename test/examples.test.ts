/** The examples, run as a user runs them, and what they print held against what was on the wire. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { decodePcap } from '../src/io/capture/pcap-format.js';
import { ipSource } from '../src/wire/ip-packet.js';
import { unwrap } from '../src/wire/result.js';
import { needs } from './require.js';

const ROOT = `${import.meta.dirname}/..`;
const folder = mkdtempSync(`${tmpdir()}/dmvpn-examples-`);
afterAll(() => rmSync(folder, { recursive: true }));

const command = (name: string, ...args: string[]) =>
  ['--import', import.meta.resolve('tsx'), `${ROOT}/examples/${name}.ts`, ...args] as const;
/** The examples import the package as it is published, which `npm test` has built; else the sources. */
const tsconfig = existsSync(`${ROOT}/dist/io/open.js`) ? 'tsconfig.dist.json' : 'tsconfig.json';
const options = { cwd: folder, env: { ...process.env, TSX_TSCONFIG_PATH: `${ROOT}/${tsconfig}` } };

const runs = promisify(execFile);
const run = (name: string, ...args: string[]) =>
  runs(process.execPath, command(name, ...args), { ...options, timeout: 50_000 });

/** A payload after IP, UDP and an 8-octet GRE header: our tunnel has a key and nothing else. */
const GRE_PAYLOAD_AT = 20 + 8 + 8;
const ICMP = 1;

/** Sources of the ICMP messages that travel in GRE to `address`, in order, once each hop. */
function icmpSources(path: string): string[] {
  const { frames, damage } = unwrap(decodePcap(readFileSync(path)));
  expect(damage).toBeNull();
  return frames.flatMap(({ bytes }) => {
    const isIpv4 = bytes[GRE_PAYLOAD_AT - 6] === 0x08 && bytes[GRE_PAYLOAD_AT - 5] === 0x00;
    const inner = bytes.subarray(GRE_PAYLOAD_AT);
    return isIpv4 && inner[9] === ICMP ? [String(ipSource(inner, 0))] : [];
  });
}

describe('examples/phase3.ts', () => {
  it('forms a network, goes direct, and shows nothing that was not on the wire', async () => {
    const start = performance.now();
    const { stdout, stderr } = await run('phase3');
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(stderr).toBe('');
    expect(stdout).not.toContain('memory');
    expect(stdout.match(/10\.0\.0\.\d has registered from 127\.168\.\d\.2/g)).toHaveLength(3);

    const [, before = '', after = ''] = stdout.split('traceroute from');
    const hops = (text: string): string[] =>
      [...text.matchAll(/^ \d+ {2}(\S+) {2}\d+ ms$/gm)].map((match) => match[1] ?? '');
    expect(hops(before)).toEqual(['10.0.0.100', '172.16.3.1']);
    expect(hops(after)).toEqual(['172.16.3.1']);

    const sources = icmpSources(`${folder}/phase3.pcap`);
    // An answer by the hub is on the wire twice: to the hub, and from it.
    expect(sources.filter((source) => source === '10.0.0.100')).toHaveLength(1);
    const answers = sources.filter((source) => source === '172.16.3.1').length;
    expect(answers).toBeGreaterThanOrEqual(2);
    expect(answers).toBeLessThanOrEqual(4);

    expect(stdout).toMatch(/Cache of the hub\n.*\n.*\n(tun100 +dynamic +10\.0\.0\.\d\/32 .*\n){3}/);
    expect(stdout).toMatch(/^tun100 +172\.16\.3\.0\/24 +shortcut +10\.0\.0\.3$/m);
  }, 30_000);

  needs('tshark')('its recording', () => {
    it('is read by tshark without a malformed packet, and shows the shortcut', async () => {
      const fields = ['ip.src', 'nhrp.hdr.op.type', 'icmp.type'].flatMap((field) => ['-e', field]);
      const args = ['-r', `${folder}/phase3.pcap`, '-T', 'fields', ...fields];
      const { stdout } = await runs('tshark', args);
      const packets = stdout.trimEnd().split('\n');
      for (const type of [1, 2, 3, 4, 5, 6, 8]) {
        expect(packets.filter((line) => line.split('\t')[1] === String(type))).not.toEqual([]);
      }
      // A Traffic Indication quotes the start of a packet: tshark sums what of it is there.
      const udp = 'udp.checksum.status == 0 && nhrp.hdr.op.type != 8';
      const wrong = ['_ws.malformed', 'ip.checksum.status == 0', `(${udp})`];
      const filter = [...wrong, 'nhrp.hdr.chksum.status == 0', 'icmp.checksum.status == 0'];
      const checks = ['-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE'];
      const bad = await runs('tshark', [...args, ...checks, '-Y', filter.join(' || ')]);
      expect(bad.stdout).toBe('');
    }, 30_000);
  });
});

describe('examples/hub.ts and spoke.ts', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  function start(name: string, ...args: string[]) {
    const child = spawn(process.execPath, command(name, ...args), options);
    children.push(child);
    const said: string[] = [];
    createInterface(child.stdout).on('line', (line) => said.push(line));
    const says = (pattern: RegExp) =>
      expect.poll(() => said.join('\n'), { timeout: 20_000 }).toMatch(pattern);
    return { child, says, ended: once(child, 'exit') };
  }

  const HUB = ['--local', '127.168.0.2', '--address', '10.0.0.100/32', '--key', '42'];
  const SPOKE = ['--local', '127.168.2.2', '--address', '10.0.0.2/32', '--key', '42'];

  it('register, show their state, serve a spoke inside another program, and leave by Purge', async () => {
    const hub = start('hub', ...HUB);
    await hub.says(/10\.0\.0\.100\/32/);
    const spoke = start('spoke', ...SPOKE, '--nhs', '10.0.0.100=127.168.0.2', '--json');
    await spoke.says(/"type":"registered".*"nhs":"10\.0\.0\.100"/);

    const { stdout } = await run('embed');
    expect(stdout).toMatch(/^reply from 10\.0\.0\.100 in \d+ ms\n$/);

    hub.child.kill('SIGUSR1');
    await hub.says(/^tun100 +dynamic +10\.0\.0\.2\/32 +127\.168\.2\.2 /m);
    spoke.child.kill('SIGUSR1');
    await spoke.says(/"type":"stats","state":"running"/);

    spoke.child.kill('SIGTERM');
    expect(await spoke.ended).toEqual([0, null]);
    await hub.says(/entry-removed .*prefix=10\.0\.0\.2\/32 .*reason=purged/);
    hub.child.kill('SIGTERM');
    expect(await hub.ended).toEqual([0, null]);
  }, 60_000);

  it.concurrent.each([
    [['spoke', '--help'], 0, /--nhs ADDRESS=NBMA/],
    [['hub'], 1, /^--local and --address are required; see --help\n$/],
    [['hub', ...HUB, '--local', '192.0.2.1'], 1, /^No interface here has the address .*\n$/],
    [
      ['spoke', ...SPOKE, '--nhs', '10.0.0.100=192.168.0'],
      1,
      /^tunnels\[0\]\.nhs\[0\]\.nbma: .*\n$/,
    ],
  ] as const)(
    'end with one sentence: %j',
    async ([name, ...args], code, says) => {
      const result = await run(name, ...args).catch((failure) => failure);
      expect(result.code ?? 0).toBe(code);
      expect(code === 0 ? result.stdout : result.stderr).toMatch(says);
    },
    20_000,
  );
});
