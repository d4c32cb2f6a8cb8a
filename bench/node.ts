/**
 * The whole node, memory to memory: registrations that a hub takes, and data packets on their way out. A registration is
 * a datagram in and the reply polled: GRE, NHRP, authentication, cache, timers, reply.
 */
import { DmvpnNode, forwardSlot, type Path } from 'dmvpn';
import { encapsulateGre } from 'dmvpn/gre';
import {
  AddressFamily,
  type CieMessage,
  ciscoAuthentication,
  encodeMessage,
  messageOctets,
  ProtocolType,
} from 'dmvpn/nhrp';
import {
  IpAddress,
  ipPacket,
  readU16,
  readU32,
  updateChecksum32,
  writeU16,
  writeU32,
} from 'dmvpn/wire';
import type { Row } from './harness.js';

const KEY = 42;
const PASSWORD = 'test123';
const HUB = { address: new IpAddress(4, 0xc0a8_0002 | 0), port: 0 };
const HUB_TUNNEL = new IpAddress(4, 0x0a00_0001);
/** Behind 8 octets of GRE. */
const CHECKSUM_AT = 8 + 12;
const REQUEST_ID_AT = 8 + 24;
const HEADROOM_OCTETS = 96;
const TAILROOM_OCTETS = 288;

const CIE = {
  code: 0,
  prefixLength: 255,
  unused: 0,
  mtu: 1_400,
  holdingTimeSeconds: 7_200,
  preference: 0,
  nbmaAddress: null,
  nbmaSubaddress: null,
  protocolAddress: null,
} as const;

const hub = (): DmvpnNode =>
  new DmvpnNode(
    {
      tunnels: [
        {
          name: 'tun0',
          address: `${HUB_TUNNEL}/8`,
          local: String(HUB.address),
          key: KEY,
          authentication: { kind: 'cisco', passwords: [PASSWORD] },
          protection: { kind: 'insecure-cleartext' },
          limits: { maxEntries: 1_000_000 },
        },
      ],
    },
    { now: 0, random: (octets) => new Uint8Array(octets), crypto: null },
  );

/** Polls until there is nothing more; returns how many outputs there were. */
function drain(node: DmvpnNode): number {
  let count = 0;
  while (node.pollOutput().kind !== 'timeout') count++;
  return count;
}

const spokeTunnel = (i: number): IpAddress => new IpAddress(4, 0x0a00_0100 + i);
const spokePath = (i: number): Path => ({
  carrier: 'gre',
  local: HUB,
  remote: { address: new IpAddress(4, (0xac10_0000 + i) | 0), port: 0 },
});

function registration(i: number, requestId: number): Uint8Array {
  const message: CieMessage = {
    addressFamily: AddressFamily.IPV4,
    protocolType: ProtocolType.IPV4,
    snap: null,
    hopCount: 255,
    type: 3,
    flags: 0x8002,
    requestId,
    sourceNbmaAddress: spokePath(i).remote.address,
    sourceNbmaSubaddress: null,
    sourceProtocolAddress: spokeTunnel(i),
    destinationProtocolAddress: HUB_TUNNEL,
    cies: [CIE],
    extensions: [
      ...[3, 4, 5].map(
        (type) => ({ kind: 'cies', type, compulsory: true, reserved: false, cies: [] }) as const,
      ),
      ciscoAuthentication(new TextEncoder().encode(PASSWORD)),
    ],
  };
  const datagram = new Uint8Array(8 + messageOctets(message));
  encodeMessage(message, datagram, 8);
  encapsulateGre(datagram, 8, 0x2001, KEY);
  return datagram;
}

/** Another request id, and the checksum with it. */
function renumber(datagram: Uint8Array, requestId: number): void {
  const before = readU32(datagram, REQUEST_ID_AT);
  writeU32(datagram, REQUEST_ID_AT, requestId);
  const sum = updateChecksum32(readU16(datagram, CHECKSUM_AT), before, requestId);
  writeU16(datagram, CHECKSUM_AT, sum);
}

/** Every spoke registers again and again, as it does at a third of the holding time. */
function registrationRow(spokes: number): Row {
  const node = hub();
  const paths = Array.from({ length: spokes }, (_, i) => spokePath(i));
  const datagrams = Array.from({ length: spokes }, (_, i) => registration(i, 0));
  let now = 0;
  let next = 0;
  const register = (times: number): number => {
    let replies = 0;
    for (let i = 0; i < times; i++) {
      next = next + 1 < spokes ? next + 1 : 0;
      now += 1 / 64;
      node.handleDatagram(now, paths[next] as Path, datagrams[next] as Uint8Array);
      replies += drain(node);
    }
    return replies;
  };
  register(2 * spokes); // all are there, and the code is warm
  return {
    name: `hub registration, memory to memory, ${spokes / 1_000} k spokes`,
    ours: register,
    reference: null,
    limit: null,
    mutate: (round) => {
      for (const datagram of datagrams) renumber(datagram, round);
    },
  };
}

/** 1,400 octets from the device to one of 1,024 peers, encapsulated where they lie. */
function forwardRow(): Row {
  const node = hub();
  const octets = 1_400;
  const packets = Array.from({ length: 1_024 }, (_, i) => {
    const prefix = `${spokeTunnel(i)}/32`;
    node.command(0, {
      kind: 'map',
      tunnel: 'tun0',
      prefix,
      nbma: String(spokePath(i).remote.address),
    });
    drain(node);
    const ends = { source: HUB_TUNNEL, destination: spokeTunnel(i) };
    const packet = ipPacket({ ...ends, protocol: 17, ttl: 64 }, new Uint8Array(octets - 20));
    const slab = new Uint8Array(HEADROOM_OCTETS + octets + TAILROOM_OCTETS);
    slab.set(packet, HEADROOM_OCTETS);
    return slab;
  });
  const copies = packets.map((slab) => Buffer.from(slab));
  const into = Buffer.alloc(2_048);
  const slot = forwardSlot('tun0');
  return {
    name: 'node forward, 1,400 octets, 1,024 peers',
    ours: (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        node.forward(1, packets[i & 1_023] as Uint8Array, HEADROOM_OCTETS, octets, slot);
        sum += slot.octets;
      }
      return sum;
    },
    reference: {
      name: 'Buffer.copy of 1,400 octets',
      run: (times) => {
        let sum = 0;
        for (let i = 0; i < times; i++)
          sum += (copies[i & 1_023] as Buffer).copy(into, 0, 96, 1_496);
        return sum;
      },
      agrees: false,
    },
    limit: null,
    octets,
    mutate: (round) => {
      for (const slab of packets) slab[HEADROOM_OCTETS + octets - 1] = round;
    },
  };
}

export const nodeSuites: readonly (() => readonly Row[])[] = [
  () => [registrationRow(1_000)],
  () => [registrationRow(50_000)],
  () => [forwardRow()],
];
