/**
 * What every transport owes its node, whatever carries the packets: docs/adapters.md. Cases are plain functions, so
 * that they run in a test as well as in a process inside a network namespace.
 */
import assert from 'node:assert/strict';
import {
  type Datagram,
  HEADROOM_OCTETS,
  type OutboundDatagram,
  TAILROOM_OCTETS,
  type Transport,
  type UnderlayChange,
  viewOf,
} from '../src/io/ports.js';
import { IpAddress } from '../src/wire/address.js';
import type { Endpoint, Path } from '../src/wire/path.js';

/** Two transports on one network. Each is bound once with `path.carrier` at its end of `path`. */
export interface Link {
  readonly path: Path;
  readonly near: Transport;
  readonly far: Transport;
  /** Comes back when what was sent has arrived, or long enough after it that it never will. */
  settle(until?: () => boolean): Promise<void>;
}

interface Inbox {
  readonly arrived: { readonly path: Path; readonly bytes: Uint8Array }[];
  readonly changes: UnderlayChange[];
  roomiest: boolean;
}

export interface Case {
  readonly name: string;
  run(link: Link): Promise<void>;
}

const PACKET = Uint8Array.of(0x20, 0, 0x20, 0x01, 0, 0, 0, 42, 1, 2, 3);

export const CASES: readonly Case[] = [
  {
    name: 'carries octets, and names both ends as the receiver sees them',
    async run(link) {
      const inbox = listenTo(link.far);
      link.near.send([outbound(link.path, PACKET)]);
      await link.settle(() => inbox.arrived.length === 1);
      assert.deepEqual(inbox.arrived, [{ path: turned(link.path), bytes: PACKET }]);
    },
  },
  {
    name: 'carries an answer to the path that a packet came by',
    async run(link) {
      const [near, far] = [listenTo(link.near), listenTo(link.far)];
      link.near.send([outbound(link.path, PACKET)]);
      await link.settle(() => far.arrived.length === 1);
      link.far.send(far.arrived.map(({ path, bytes }) => outbound(path, bytes)));
      await link.settle(() => near.arrived.length === 1);
      assert.deepEqual(near.arrived, [{ path: link.path, bytes: PACKET }]);
    },
  },
  {
    name: 'has copied what was sent when send returns',
    async run(link) {
      const inbox = listenTo(link.far);
      const reused = new Uint8Array(64);
      for (let i = 1; i <= 5; i++) {
        link.near.send([outbound(link.path, reused.fill(i))]);
      }
      reused.fill(0xa5);
      await link.settle(() => inbox.arrived.length === 5);
      assert.deepEqual(
        inbox.arrived.map(({ bytes }) => bytes[63]),
        [1, 2, 3, 4, 5],
      );
    },
  },
  {
    name: 'keeps the order of a batch larger than any buffer of its own',
    async run(link) {
      const inbox = listenTo(link.far);
      const batch = Array.from({ length: 100 }, (_, i) => outbound(link.path, Uint8Array.of(i, i)));
      link.near.send(batch);
      await link.settle(() => inbox.arrived.length === 100);
      assert.deepEqual(
        inbox.arrived.map(({ bytes }) => bytes[0]),
        batch.map((_, i) => i),
      );
    },
  },
  {
    name: 'sends the part of a slab that it is told',
    async run(link) {
      const inbox = listenTo(link.far);
      const slab = Uint8Array.from({ length: 300 }, (_, i) => i);
      link.near.send([{ ...outbound(link.path, slab), at: 100, octets: 20 }]);
      await link.settle(() => inbox.arrived.length === 1);
      assert.deepEqual(inbox.arrived[0]?.bytes, slab.slice(100, 120));
    },
  },
  {
    name: 'leaves room around what it hands over',
    async run(link) {
      const inbox = listenTo(link.far);
      link.near.send([1, 576, 1_400].map((octets) => outbound(link.path, new Uint8Array(octets))));
      await link.settle(() => inbox.arrived.length === 3);
      assert.deepEqual(
        inbox.arrived.map(({ bytes }) => bytes.length),
        [1, 576, 1_400],
      );
      assert.ok(inbox.roomiest);
    },
  },
  {
    name: 'sends different traffic classes in one batch',
    async run(link) {
      const inbox = listenTo(link.far);
      const batch = [0, 48, 48, 10].map((dscp, i) => ({
        ...outbound(link.path, Uint8Array.of(dscp)),
        dscp,
        dontFragment: i % 2 === 1,
      }));
      link.near.send(batch);
      await link.settle(() => inbox.arrived.length === 4);
      assert.deepEqual(
        inbox.arrived.map(({ bytes }) => bytes[0]),
        [0, 48, 48, 10],
      );
    },
  },
  {
    name: 'never calls its listener from inside send',
    async run(link) {
      let sending = false;
      let reentered = false;
      link.near.listen({
        onDatagrams: () => {
          reentered ||= sending;
        },
        onUnderlay: () => {
          reentered ||= sending;
        },
        onError: assert.fail,
      });
      const toSelf = { ...link.path, remote: link.path.local };
      sending = true;
      link.near.send([outbound(toSelf, PACKET), outbound(link.path, new Uint8Array(70_000))]);
      sending = false;
      await link.settle();
      assert.equal(reentered, false);
    },
  },
  {
    name: 'drops what is not for one of its own ends, and goes on',
    async run(link) {
      const inbox = listenTo(link.far);
      const stranger: Endpoint = { ...link.path.local, address: new IpAddress(4, 0xc0000263) };
      const carrier = link.path.carrier === 'esp' ? 'gre' : 'esp';
      link.near.send([
        outbound({ ...link.path, local: stranger }, PACKET),
        outbound({ ...link.path, carrier }, PACKET),
        outbound(link.path, Uint8Array.of(1)),
      ]);
      await link.settle(() => inbox.arrived.length > 0);
      await link.settle();
      assert.deepEqual(
        inbox.arrived.map(({ bytes }) => bytes.length),
        [1],
      );
    },
  },
  {
    name: 'is silent once it is closed, and may be closed twice',
    async run(link) {
      const [near, far] = [listenTo(link.near), listenTo(link.far)];
      await link.near.close();
      await link.near.close();
      link.near.send([outbound(link.path, PACKET)]);
      link.far.send([outbound(turned(link.path), PACKET)]);
      await link.settle();
      assert.deepEqual([near.arrived, far.arrived], [[], []]);
    },
  },
];

/** The same path from its other end. */
export const turned = ({ carrier, local, remote }: Path): Path => ({
  carrier,
  local: remote,
  remote: local,
});

export const outbound = (path: Path, bytes: Uint8Array): OutboundDatagram => ({
  path,
  slab: bytes,
  at: 0,
  octets: bytes.length,
  dscp: 0,
  dontFragment: false,
});

export function listenTo(transport: Transport): Inbox {
  const inbox: Inbox = { arrived: [], changes: [], roomiest: true };
  transport.listen({
    onDatagrams(batch) {
      for (const datagram of batch) {
        inbox.roomiest &&= hasRoom(datagram);
        const { carrier, local, remote } = datagram.path;
        inbox.arrived.push({
          path: { carrier, local, remote },
          bytes: Uint8Array.from(viewOf(datagram)),
        });
      }
    },
    onUnderlay: (change) => void inbox.changes.push(change),
    onError: assert.fail,
  });
  return inbox;
}

const hasRoom = ({ slab, at, octets }: Datagram): boolean =>
  at >= HEADROOM_OCTETS && slab.length - at - octets >= TAILROOM_OCTETS;

/** Waits in real time, at most a second, for what should come; 30 ms for what should not. */
export async function settleInRealTime(until?: () => boolean): Promise<void> {
  const deadline = performance.now() + (until ? 1_000 : 30);
  while (!until?.() && performance.now() < deadline) {
    await new Promise((resume) => setTimeout(resume, 2));
  }
}
