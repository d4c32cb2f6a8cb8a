/** What keeps a port from being opened, as a user of the examples meets it: one sentence, and exit code 1. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { needs } from './require.js';
import { runExample } from './run-example.js';

type Given = NonNullable<Parameters<typeof runExample>[1]>;

const CLEAR = '--insecure-cleartext';
/** An address that no other test binds. */
const LOCAL = '127.168.9.2';
const HUB = ['hub', '--local', LOCAL, '--address', '10.0.0.100/32'] as const;

async function expectRefusal(args: readonly string[], given: Given, says: RegExp): Promise<void> {
  const { code, stdout, stderr } = await runExample([...HUB, ...args], given);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(says);
}

describe('examples/hub.ts', { timeout: 60_000 }, () => {
  it.each([
    ['4754, GRE in UDP', 4754, [CLEAR], {}],
    ['4500, IKE and ESP in UDP', 4500, [], { DMVPN_PSK: 'a key of this test' }],
  ])('says that the port is in use: %s', async (_, port, args, env) => {
    const holder = createSocket('udp4').bind({ address: LOCAL, port, exclusive: true });
    await once(holder, 'listening');
    const says = new RegExp(
      `^UDP port ${port} on 127\\.168\\.9\\.2 is in use: stop the program that holds it, or use another address\\.\\n$`,
    );
    await expectRefusal(args, { env }, says).finally(() => holder.close());
  });

  it('says that raw sockets need privilege', async () => {
    const says =
      /^Raw sockets need privilege: run as root or with CAP_NET_RAW, or use the UDP transport\.\n$/;
    await expectRefusal([CLEAR, '--transport', 'raw'], { isOrdinaryUser: true }, says);
  });

  it.each([
    ['raw sockets', ['--transport', 'raw']],
    ['a TUN device', ['--device', 'tun']],
  ])('says that koffi is missing, for %s', async (_, args) => {
    const says = /^Raw sockets and TUN devices need the package koffi: npm install koffi\.\n$/;
    await expectRefusal([CLEAR, ...args], { preload: WITHOUT_KOFFI }, says);
  });

  it('says that the name is too long for a TUN device', async () => {
    const says =
      /^name: at most 15 characters expected for a TUN device, got 'sixteen-letters-'\n$/;
    await expectRefusal([CLEAR, '--device', 'tun', '--name', 'sixteen-letters-'], {}, says);
  });
});

describe('examples/kernel-mgre.ts', () => {
  it('says that iproute2 is missing', async () => {
    const folder = mkdtempSync(`${tmpdir()}/dmvpn-examples-`);
    const protection = { kind: 'insecure-cleartext' };
    const tunnel = { name: 'gre1', local: '192.0.2.1', address: '10.0.0.1/32', protection };
    writeFileSync(`${folder}/tunnel`, JSON.stringify(tunnel));
    const command = ['kernel-mgre', `${folder}/tunnel`] as const;
    const outcome = await runExample(command, { env: { PATH: '/nowhere' } });
    rmSync(folder, { recursive: true });
    expect(outcome).toMatchObject({
      ...{ code: 1, stdout: '' },
      stderr: 'The program ip is not installed (apt-get install iproute2).\n',
    });
  }, 60_000);
});

needs('root')('examples/hub.ts with a TUN device', () => {
  it('says that it needs privilege', async () => {
    const says =
      /^A TUN device needs privilege: run as root or with CAP_NET_ADMIN, or use an in-process host\.\n$/;
    await expectRefusal([CLEAR, '--device', 'tun'], { isOrdinaryUser: true }, says);
  }, 60_000);
});

/** As where the optional peer has not been installed. */
const HOOK = `export const resolve = (name, context, next) => {
  if (name !== 'koffi') return next(name, context);
  throw Object.assign(new Error("Cannot find package 'koffi'"), { code: 'ERR_MODULE_NOT_FOUND' });
};`;
const moduleOf = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
const WITHOUT_KOFFI = moduleOf(
  `import { register } from 'node:module'; register(${JSON.stringify(moduleOf(HOOK))});`,
);
