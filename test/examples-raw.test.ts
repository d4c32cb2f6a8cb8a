/** Hub and spoke over IP protocols and TUN devices, in a network namespace each; tshark reads the wire between them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { needs } from './require.js';
import { EXAMPLE_ENVIRONMENT as env, exampleCommand } from './run-example.js';

const scratch = mkdtempSync(`${tmpdir()}/dmvpn-examples-raw-`);
afterAll(() => rmSync(scratch, { recursive: true }));
const run = promisify(execFile);

const shell = (name: string, ...args: string[]): string =>
  [process.execPath, ...exampleCommand(name, ...args)].map((word) => `'${word}'`).join(' ');

/** Time to live, protocol and ports of the outer header, once each. */
async function wire(folder: string): Promise<string[]> {
  const fields = ['ip.ttl', 'ip.proto', 'udp.port'].flatMap((field) => ['-e', field]);
  const tshark = [
    '-n',
    '-r',
    `${folder}/wire.pcapng`,
    '-Y',
    'ip && !icmp.type == 3',
    '-T',
    'fields',
  ];
  const { stdout } = await run('tshark', [...tshark, '-E', 'occurrence=f', ...fields]);
  const headers = stdout.split('\n').map((line) => line.trimEnd().replaceAll('\t', ' '));
  return [...new Set(headers)].filter((header) => header !== '').sort();
}

needs('root', 'tshark')('examples/hub.ts and spoke.ts over IP protocols', () => {
  const key = `${scratch}/key`;
  writeFileSync(key, 'of the lab\n');

  it.each([
    [
      'protected: IKE on UDP 500 and ESP, IP protocol 50',
      ['--psk-file', key],
      ['255 17 500', '255 50'],
    ],
    ['in clear text: GRE, IP protocol 47', ['--insecure-cleartext'], ['255 47']],
  ])(
    '%s; kernels reach each other, and the time to live is 255',
    async (_, protection, expected) => {
      const folder = mkdtempSync(`${scratch}/run-`);
      const common = ['--transport', 'raw', '--device', 'tun', '--key', '42', ...protection];
      const route = (via: string) => ['--route', `10.0.0.0/24=${via}`];
      const hub = ['--local', '192.0.2.1', '--address', '10.0.0.100/32', ...route('10.0.0.1')];
      const spoke = ['--local', '192.0.2.2', '--address', '10.0.0.1/32', ...route('10.0.0.100')];
      const nhs = ['--nhs', '10.0.0.100=192.0.2.1'];
      const commands = [
        shell('hub', ...hub, ...common),
        shell('spoke', ...spoke, ...nhs, ...common),
      ];
      const script = ['--net', 'sh', 'test/namespace/raw-examples.sh', folder, ...commands];
      const { stdout, stderr } = await run('unshare', script, { env, timeout: 80_000 });
      expect(stderr).toBe('');
      expect(stdout).toMatch(
        /^10\.0\.0\.1 ECONNREFUSED\n10\.0\.0\.1 dev tun100 .*\nspoke 0\nhub 0\n$/,
      );
      expect(await wire(folder)).toEqual(expected);
    },
    90_000,
  );
});
