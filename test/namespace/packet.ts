/**
 * Packet sockets on two multipoint GRE interfaces, gre1 at 192.0.2.1 and gre2 at 192.0.2.2, of a guest's kernel: run
 * by test/interop/kernel-mgre.test.ts. With the argument `refusals` nothing but those, which need no GRE: run by
 * src/io/packet.test.ts.
 */
import assert from 'node:assert/strict';
import { openPacket, type PacketOptions } from '../../src/io/packet.js';
import type { Transport } from '../../src/io/ports.js';
import { type IpAddress, parseAddress } from '../../src/wire/address.js';
import { report } from '../in-namespace.js';
import {
  CASES,
  type Link,
  listenTo,
  outbound,
  settleInRealTime,
} from '../transport-conformance.js';

const NHRP = 0x2001;

const address = (text: string): IpAddress => parseAddress(text) as IpAddress;
const endOf = (n: 1 | 2): PacketOptions => ({
  interface: `gre${n}`,
  local: address(`192.0.2.${n}`),
  etherType: NHRP,
});

async function withLink(run: (link: Link) => Promise<void>): Promise<void> {
  const transports: Transport[] = [];
  const open = async (n: 1 | 2): Promise<Transport> => {
    const transport = await openPacket(endOf(n));
    transports.push(transport);
    return transport;
  };
  const [local, remote] = [1, 2].map((n) => ({ address: address(`192.0.2.${n}`), port: 0 }));
  const path = { carrier: 'gre', local, remote } as Link['path'];
  try {
    await run({ path, near: await open(1), far: await open(2), settle: settleInRealTime });
  } finally {
    await Promise.all(transports.map((transport) => transport.close()));
  }
}

const conformance = CASES.map(({ name, run }) => ({
  name: `GRE of the kernel ${name}`,
  run: () => withLink(run),
}));

const onlyItsOwnEtherType = {
  name: 'another EtherType of the same interface is not its own',
  run: () =>
    withLink(async ({ path, near, far, settle }) => {
      const other = await openPacket({ ...endOf(2), etherType: 0x0800 });
      const [inbox, others] = [listenTo(far), listenTo(other)];
      near.send([outbound(path, new Uint8Array(40))]);
      await settle(() => inbox.arrived.length === 1);
      await settle();
      await other.close();
      assert.deepEqual([inbox.arrived.length, others.arrived.length], [1, 0]);
    }),
};

const failsWith = async (code: string, part: Partial<PacketOptions>): Promise<void> =>
  void (await assert.rejects(() => openPacket({ ...endOf(1), ...part }), {
    name: 'AdapterError',
    code,
    message: /^[^.].*\.$/,
  }));

const refusals = [
  {
    name: 'an interface that is not there is named',
    run: () => failsWith('no-such-interface', { interface: 'nosuch0' }),
  },
  {
    name: 'an interface that is no GRE tunnel is named',
    run: () => failsWith('no-such-interface', { interface: 'lo' }),
  },
  {
    name: 'an IPv6 address is no local one',
    run: () =>
      assert.rejects(() => openPacket({ ...endOf(1), local: address('2001:db8::1') }), RangeError),
  },
  {
    name: 'want of privilege is named',
    run: () => {
      process.seteuid?.(65_534);
      return failsWith('no-privilege', {});
    },
  },
];

const isHere = process.argv[2] !== 'refusals';
await report([...(isHere ? [...conformance, onlyItsOwnEtherType] : []), ...refusals]);
