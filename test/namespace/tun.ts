/** TUN devices with the kernel as the host on the other side. Run by src/io/tun.test.ts. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Host } from '../../src/io/host.js';
import type { PacketDevice } from '../../src/io/ports.js';
import { openTun } from '../../src/io/tun.js';
import { report } from '../in-namespace.js';
import { settleInRealTime } from '../transport-conformance.js';

/** What leaves one device goes into the other. */
function join(a: PacketDevice, b: PacketDevice): void {
  a.listen({ onPackets: (batch) => b.write(batch), onError: assert.fail });
  b.listen({ onPackets: (batch) => a.write(batch), onError: assert.fail });
}

/** A kernel at 10.0.0.1 and 2001:db8::1, a host at .2 and ::2 behind it, reached by its routes. */
async function withKernel(run: (host: Host) => Promise<void>): Promise<void> {
  const device = await openTun({
    name: 'dmvpn0',
    addresses: ['10.0.0.1/24', '2001:db8::1/64'],
    mtu: 1_380,
    routes: ['172.16.3.0/24'],
  });
  const host = new Host({ addresses: ['10.0.0.2', '172.16.3.1', '2001:db8::2'] });
  join(device, host);
  try {
    await run(host);
  } finally {
    await device.close();
  }
}

/** Nothing the first two times that it is asked for local routes. */
const KERNEL_THAT_IS_SLOW = `#!/bin/sh
looks=$(dirname "$0")/looks
case "$*" in
*'table local'*)
  echo look >>"$looks"
  [ "$(wc -l <"$looks")" -lt 3 ] && exit ;;
esac
PATH=\${PATH#*:} exec ip "$@"
`;

/** With a script in front of ip(8) in PATH, in a folder of its own; null = without ip(8). */
async function withProgramIp(
  script: string | null,
  run: (folder: string) => Promise<void>,
): Promise<void> {
  const { PATH } = process.env;
  const folder = mkdtempSync(`${tmpdir()}/dmvpn-ip-`);
  if (script !== null) writeFileSync(`${folder}/ip`, script, { mode: 0o755 });
  process.env.PATH = script === null ? folder : `${folder}:${PATH}`;
  try {
    await run(folder);
  } finally {
    process.env.PATH = PATH;
    rmSync(folder, { recursive: true });
  }
}

/** Sends to a closed port by the kernel's own stack, which tells what ICMP it gets back. */
async function refusedBy(address: string): Promise<string> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.connect(7, address);
  await once(socket, 'connect');
  socket.send('anyone there?');
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  socket.close();
  return error.code ?? '';
}

const failsWith = async (
  code: string,
  attempt: () => Promise<unknown>,
  message = /^[^.].*\.$/,
): Promise<void> => void (await assert.rejects(attempt, { name: 'AdapterError', code, message }));

await report([
  {
    name: 'the interface is there with its addresses, MTU and routes, and goes when it is closed',
    run: async () => {
      await withKernel(async () => {
        const shown = execFileSync('ip', ['address', 'show', 'dmvpn0'], { encoding: 'utf8' });
        assert.match(shown, /mtu 1380[\s\S]*inet 10\.0\.0\.1\/24[\s\S]*inet6 2001:db8::1\/64/);
        assert.match(
          execFileSync('ip', ['route'], { encoding: 'utf8' }),
          /172\.16\.3\.0\/24 dev dmvpn0/,
        );
      });
      assert.throws(() => execFileSync('ip', ['link', 'show', 'dmvpn0'], { stdio: 'pipe' }));
    },
  },
  ...['10.0.0.1', '2001:db8::1'].map((address) => ({
    name: `the kernel answers the host: ${address}`,
    run: () =>
      withKernel(async (host) => {
        const { kind, from } = await host.ping(address);
        assert.deepEqual([kind, String(from)], ['reply', address]);
        for (const probe of ['udp', 'icmp'] as const) {
          const hops = await host.traceroute(address, { probe });
          assert.deepEqual(
            hops.map((hop) => `${hop.ttl} ${hop.kind} ${hop.from}`),
            [`1 reply ${address}`],
          );
        }
      }),
  })),
  ...['10.0.0.2', '172.16.3.1', '2001:db8::2'].map((address) => ({
    name: `the kernel understands the host when a port is closed: ${address}`,
    run: () => withKernel(async () => assert.equal(await refusedBy(address), 'ECONNREFUSED')),
  })),
  {
    name: 'is not open before the kernel answers for its IPv6 address, which ip(8) does not wait for',
    run: () =>
      withProgramIp(KERNEL_THAT_IS_SLOW, async (folder) => {
        const addresses = ['2001:db8::1/64', '10.0.0.1/24'];
        await (await openTun({ name: 'dmvpn0', addresses })).close();
        assert.equal(readFileSync(`${folder}/looks`, 'utf8'), 'look\nlook\nlook\n');
      }),
  },
  {
    name: 'a burst of large packets passes whole',
    run: async () => {
      const device = await openTun({ name: 'dmvpn1', addresses: ['10.1.0.1/24'], mtu: 9_000 });
      const seen: number[] = [];
      const onPacket = (packet: Uint8Array) => void seen.push(packet.length);
      join(device, new Host({ addresses: ['10.1.0.2'], onPacket }));
      const sender = createSocket('udp4');
      for (let i = 0; i < 100; i++) sender.send(new Uint8Array(8_000), 7, '10.1.0.2');
      await settleInRealTime(() => seen.length === 100);
      sender.close();
      await device.close();
      assert.deepEqual(seen, Array(100).fill(8_028));
    },
  },
  {
    name: 'a name that is taken is named',
    run: () =>
      withKernel(async () => {
        await failsWith('interface-in-use', () => openTun({ name: 'dmvpn0' }));
        await failsWith('interface-in-use', () => openTun({ name: 'lo' }));
      }),
  },
  {
    name: 'a name of 15 characters is whole',
    run: async () => {
      const device = await openTun({ name: 'fifteen-letters' });
      execFileSync('ip', ['link', 'show', 'fifteen-letters'], { stdio: 'pipe' });
      await device.close();
    },
  },
  {
    name: 'want of iproute2 is named, and leaves no interface behind',
    run: async () => {
      const message = /^The program ip is not installed \(apt-get install iproute2\)\.$/;
      await withProgramIp(null, () =>
        failsWith('failed', () => openTun({ name: 'dmvpn0' }), message),
      );
      assert.throws(() => execFileSync('ip', ['link', 'show', 'dmvpn0'], { stdio: 'pipe' }));
    },
  },
  {
    name: 'an address that ip refuses leaves no interface behind',
    run: async () => {
      await failsWith('failed', () => openTun({ name: 'dmvpn0', addresses: ['10.0.0.300/24'] }));
      assert.throws(() => execFileSync('ip', ['link', 'show', 'dmvpn0'], { stdio: 'pipe' }));
    },
  },
  {
    name: 'want of privilege is named',
    run: () => {
      process.seteuid?.(65_534);
      const message = /^A TUN device needs privilege: run as root or with CAP_NET_ADMIN, or .*\.$/;
      return failsWith('no-privilege', () => openTun({ name: 'dmvpn0' }), message);
    },
  },
]);
