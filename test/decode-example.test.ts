/** `examples/decode.ts` as a user runs it. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeCaptureFile, openPcapngFile } from '../src/io/pcap.js';
import { EXAMPLE_ENVIRONMENT as env, exampleCommand } from './run-example.js';

const ROOT = `${import.meta.dirname}/..`;
const CAPTURES = `${ROOT}/test/vectors/captures/lab`;
const folder = mkdtempSync(`${tmpdir()}/dmvpn-decode-`);
afterAll(() => rmSync(folder, { recursive: true }));

const decode = (...args: string[]) =>
  spawnSync(process.execPath, exampleCommand('decode', ...args), { env, encoding: 'utf8' });

describe('examples/decode.ts', { timeout: 30_000 }, () => {
  it('prints a JSON line for each packet, with what is wrong', () => {
    const { status, stdout, stderr } = decode(`${CAPTURES}/hostpeer-as-spoke.pcap`, '--json');
    expect([status, stderr]).toEqual([0, '']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map((line) => line.frame)).toEqual(Array.from({ length: 44 }, (_, i) => i + 1));
    expect(lines[0]).toMatchObject({
      frame: 1,
      layers: ['ethernet', 'ipv4', 'gre', 'nhrp'],
      gre: { protocolType: 0x2001, key: 42 },
      nhrp: {
        type: 3,
        sourceProtocolAddress: '10.0.0.1',
        destinationProtocolAddress: '10.0.0.100',
      },
      roundTrip: true,
    });
    expect(Object.keys(lines[29])).toEqual(['frame', 'layers', 'gre', 'error']);
    expect(lines[29].error).toMatchObject({ code: 'bad-checksum', offset: 14 + 20 + 8 + 12 });
    expect(lines.filter((line) => line.roundTrip === true)).toHaveLength(40);
  });

  it('names what is not ours', () => {
    const { stdout } = decode(`${CAPTURES}/ipsec-ikev2-nat-at-hub.pcap`, '--json');
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toEqual({ frame: 1, layers: ['ethernet', 'ipv4', 'udp', 'ike'] });
    expect(lines[4]).toEqual({ frame: 5, layers: ['ethernet', 'ipv4', 'udp', 'esp'] });
  });

  it('names the interface of each packet where there are several', async () => {
    const path = `${folder}/two.pcapng`;
    const file = openPcapngFile(path, ['wire', 'inside']);
    const gre = Uint8Array.from(Buffer.from('450000180000000040110000c0000201c0000202', 'hex'));
    for (const sink of file.sinks) sink(gre, 1_700_000_000_000);
    await file.close();
    const lines = decode(path, '--json').stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).interface)).toEqual(['wire', 'inside']);
    expect(decode(path).stdout).toMatch(
      /^frame 1 2023-\S+Z on wire, 20 .*\nframe 2 2023-\S+Z on inside, /s,
    );
  });

  it('names interfaces without a name by their index', () => {
    const path = `${folder}/unnamed.pcapng`;
    const frame = { timeNs: 0n, originalOctets: 1, bytes: Uint8Array.of(0x45) };
    const frames = [0, 2].map((interfaceIndex) => ({ ...frame, interfaceIndex }));
    const interfaces = [null, 'named', null].map((name) => ({
      linkType: 105, // IEEE 802.11, which is not ours
      snapOctets: 0,
      name,
    }));
    const file = { format: 'pcapng', interfaces, frames, damage: null } as const;
    writeFileSync(path, encodeCaptureFile(file));
    const lines = decode(path, '--json').stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { frame: 1, interface: 0, layers: ['linktype-105'] },
      { frame: 2, interface: 2, layers: ['linktype-105'] },
    ]);
    expect(decode(path).stdout).toMatch(/^frame 1 \S+Z on interface 0, 1 octets: linktype-105\n/);
  });

  it('prints a tree for each packet', () => {
    const { status, stdout } = decode(`${CAPTURES}/frr10-auth-phase3-at-s1.pcap`);
    expect(status).toBe(0);
    expect(
      stdout.match(/^frame \d+ 2026-\S+Z, \d+ octets: ethernet \/ ipv4 [\d.]+ → [\d.]+ \/ gre/gm),
    ).toHaveLength(25);
    expect(stdout).toContain('\n    type: 0x08 Traffic Indication\n');
  });

  it('shows the frames before the damage, and says what the damage is', () => {
    const path = `${folder}/cut.pcap`;
    writeFileSync(path, readFileSync(`${CAPTURES}/frr10-reg-hold10.pcap`).subarray(0, 400));
    const { status, stdout, stderr } = decode(path, '--json');
    expect([status, stdout.trimEnd().split('\n').length]).toEqual([1, 2]);
    expect(stderr).toMatch(/cut\.pcap is damaged: pcap\.frame at octet \d+: truncated, .*\.\n$/);
  });

  writeFileSync(`${folder}/empty.pcap`, '');
  writeFileSync(`${folder}/text.pcap`, 'This is no capture.\n');
  it.each([
    [['package.json'], /^package\.json is not a capture: neither pcap nor pcapng\.\n$/],
    [[`${folder}/text.pcap`], /^\S+text\.pcap is not a capture: .*\.\n$/],
    [[`${folder}/empty.pcap`], /^\S+empty\.pcap is empty\.\n$/],
    [['no-such-file'], /^no-such-file does not exist\.\n$/],
    [
      ['package.json/a'],
      /^package\.json\/a does not exist, as a part of its path is no directory\.\n$/,
    ],
    [['test'], /^test is a directory, not a file\.\n$/],
    [['--yaml', 'a'], /^Unknown option '--yaml'; see --help\.\n$/],
    [[], /^Usage: decode FILE .*\n$/],
  ])('ends with one sentence: %j', (args, says) => {
    const { status, stdout, stderr } = decode(...args);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(says);
  });

  it('ends with one sentence where the file may not be read', () => {
    const path = `${folder}/secret.pcap`;
    writeFileSync(path, '');
    chmodSync(path, 0);
    chmodSync(folder, 0o755);
    // root may read everything, unless it gives that up
    const reduced = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--securebits=+noroot'];
    const isRoot = process.getuid?.() === 0;
    const [command = '', ...args] = [
      ...(isRoot ? reduced : []),
      process.execPath,
      ...exampleCommand('decode', path),
    ];
    const { status, stdout, stderr } = spawnSync(command, args, { env, encoding: 'utf8' });
    expect([status, stdout, stderr]).toEqual([1, '', `${path} may not be read by this user.\n`]);
  });

  it('ends without a word when nobody reads on', () => {
    const capture = `${CAPTURES}/hostpeer-as-spoke.pcap`;
    const script = '"$@" | head -n 1; "$@" | true';
    const args = ['-c', script, 'sh', process.execPath, ...exampleCommand('decode', capture)];
    const { status, stdout, stderr } = spawnSync('sh', args, { env, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^frame 1 .*\n$/);
  });

  it('explains itself', () => {
    expect(decode('--help')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Usage:/) });
  });
});
