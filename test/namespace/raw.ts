/** Raw sockets between two addresses of a loopback whose MTU is 1,500. Run by src/io/raw.test.ts. */
import assert from 'node:assert/strict';
import type { Datagram, Transport } from '../../src/io/ports.js';
import { bindsAt, openRaw } from '../../src/io/raw.js';
import { type IpAddress, parseAddress } from '../../src/wire/address.js';
import type { Carrier } from '../../src/wire/path.js';
import { report } from '../in-namespace.js';
import {
  CASES,
  type Link,
  listenTo,
  outbound,
  settleInRealTime,
} from '../transport-conformance.js';

const address = (text: string): IpAddress => parseAddress(text) as IpAddress;

const V4 = [address('192.0.2.1'), address('192.0.2.2')] as const;
const V6 = [address('2001:db8::1'), address('2001:db8::2')] as const;

type Ends = readonly [IpAddress, IpAddress];

async function withLink(
  carrier: Carrier,
  [local, remote]: Ends,
  run: (link: Link) => Promise<void>,
): Promise<void> {
  const transports: Transport[] = [];
  const open = async (end: IpAddress): Promise<Transport> => {
    const transport = await openRaw(bindsAt(end, [carrier]));
    transports.push(transport);
    return transport;
  };
  const path = {
    carrier,
    local: { address: local, port: 0 },
    remote: { address: remote, port: 0 },
  };
  try {
    const link = { path, near: await open(local), far: await open(remote) };
    await run({ ...link, settle: settleInRealTime });
  } finally {
    await Promise.all(transports.map((transport) => transport.close()));
  }
}

const conformance = (title: string, carrier: Carrier, ends: Ends) =>
  CASES.map(({ name, run }) => ({
    name: `${title} ${name}`,
    run: () => withLink(carrier, ends, run),
  }));

const failsWith = async (code: string, attempt: () => Promise<unknown>): Promise<void> =>
  void (await assert.rejects(attempt, { name: 'AdapterError', code, message: /^[^.].*\.$/ }));

await report([
  ...conformance('GRE over IPv4', 'gre', V4),
  ...conformance('ESP over IPv4', 'esp', V4),
  ...conformance('GRE over IPv6', 'gre', V6),
  {
    name: 'DSCP and TTL are in the outer header',
    run: () =>
      withLink('gre', V4, async ({ path, near, far, settle }) => {
        const seen: (number | undefined)[][] = [];
        const read = ({ slab, at }: Datagram) => void seen.push([slab[at - 19], slab[at - 12]]);
        const onDatagrams = (batch: readonly Datagram[]) => batch.forEach(read);
        far.listen({ onDatagrams, onUnderlay: () => {}, onError: assert.fail });
        near.send([46, 0].map((dscp) => ({ ...outbound(path, new Uint8Array(8)), dscp })));
        await settle(() => seen.length === 2);
        assert.deepEqual(seen, [
          [46 << 2, 255],
          [0, 255],
        ]);
      }),
  },
  ...[V4, V6].map((ends) => ({
    name: `too large for the path without fragmentation is reported: IPv${ends[0].family}`,
    run: () =>
      withLink('gre', ends, async ({ path, near, far, settle }) => {
        const [sender, receiver] = [listenTo(near), listenTo(far)];
        const large = outbound(path, new Uint8Array(2_000));
        const small = outbound(path, new Uint8Array(20));
        near.send([{ ...large, dontFragment: true }, { ...small, dontFragment: true }, large]);
        await settle(() => receiver.arrived.length === 2 && sender.changes.length === 1);
        assert.deepEqual(
          receiver.arrived.map(({ bytes }) => bytes.length),
          [20, 2_000],
        );
        const { remote } = path;
        assert.deepEqual(sender.changes, [
          { kind: 'path-mtu', remote: remote.address, mtu: 1_500 },
        ]);
      }),
  })),
  {
    name: 'an address that is not there is named',
    run: () => failsWith('no-such-address', () => openRaw(bindsAt(address('192.0.2.77'), ['gre']))),
  },
  {
    name: 'an interface that is not there is named',
    run: () =>
      failsWith('no-such-interface', () =>
        openRaw(bindsAt(V4[0], ['gre']), { interface: 'nosuch0' }),
      ),
  },
  {
    name: 'want of privilege is named',
    run: () => {
      process.seteuid?.(65_534);
      return failsWith('no-privilege', () => openRaw(bindsAt(V4[0], ['gre'])));
    },
  },
]);
