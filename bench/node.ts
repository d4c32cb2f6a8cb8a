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
  slabChecksum,
  updateChecksum32,
  wordsOf,
  writeU16,
  writeU32,
} from 'dmvpn/wire';
import type { Row } from './harness.js';

const KEY = 42;
const PASSWORD = 'test123';
const HUB = { address: new IpAddress(4, 0xc0a8_0002 | 0), port: 0 };
const HUB_TUNNEL = new IpAddress(4, 0x0a00_0001);
/** Octets of GRE with a key before the message. */
const NHRP_AT = 8;
const CHECKSUM_AT = NHRP_AT + 12;
const REQUEST_ID_AT = NHRP_AT + 24;
const SLOT_OCTETS = 128;
const DRIVE = 'src/io/drive.ts';
const HEADROOM_OCTETS = 96;
const TAILROOM_OCTETS = 288;
const PEERS = 1_024;

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

/** Polls until there is nothing more; returns the checksums of the messages, added up. */
function drain(node: DmvpnNode): number {
  let sum = 0;
  for (;;) {
    const output = node.pollOutput();
    if (output.kind === 'timeout') return sum;
    if (output.kind === 'transmit') sum += readU16(output.bytes, CHECKSUM_AT);
  }
}

const spokeTunnel = (i: number): IpAddress => new IpAddress(4, 0x0a00_0100 + i);
const spokePath = (i: number): Path => ({
  carrier: 'gre',
  local: HUB,
  remote: { address: new IpAddress(4, (0xac10_0000 + i) | 0), port: 0 },
});

function registration(i: number): Uint8Array {
  const message: CieMessage = {
    addressFamily: AddressFamily.IPV4,
    protocolType: ProtocolType.IPV4,
    snap: null,
    hopCount: 255,
    type: 3,
    flags: 0x8002,
    requestId: 0,
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
  const datagram = new Uint8Array(NHRP_AT + messageOctets(message));
  encodeMessage(message, datagram, NHRP_AT);
  encapsulateGre(datagram, NHRP_AT, 0x2001, KEY);
  return datagram;
}

/** Another request id, and the checksum with it. */
function renumber(datagram: Uint8Array, requestId: number): void {
  const before = readU32(datagram, REQUEST_ID_AT);
  writeU32(datagram, REQUEST_ID_AT, requestId);
  const sum = updateChecksum32(readU16(datagram, CHECKSUM_AT), before, requestId);
  writeU16(datagram, CHECKSUM_AT, sum);
}

interface Registered {
  readonly nbma: number;
  readonly holdingTimeSeconds: number;
  readonly requestId: number;
  readonly expiresAt: number;
}

/** A hub for these requests alone: it sums and reads them, and writes and sums replies, but checks and expires nothing. */
class BareHub {
  readonly #spokes = new Map<number, Registered>();
  readonly #reply: Uint8Array = new Uint8Array(SLOT_OCTETS);
  readonly #replyWords: Uint32Array = wordsOf(this.#reply);

  /** Takes the request at `at`, a multiple of four, and returns the checksum of the reply. */
  register(now: number, b: Uint8Array, words: Uint32Array, at: number): number {
    if (readU32(b, at) !== 0x2000_2001 || readU32(b, at + 4) !== KEY) throw new Error('refused');
    const m = at + NHRP_AT;
    const octets = readU16(b, m + 10);
    if (slabChecksum(b, words, m, octets) !== 0) throw new Error('refused');
    const holdingTimeSeconds = readU16(b, m + 46);
    this.#spokes.set(readU32(b, m + 32) | 0, {
      nbma: readU32(b, m + 28) | 0,
      holdingTimeSeconds,
      requestId: readU32(b, m + 24),
      expiresAt: now + holdingTimeSeconds * 1_000,
    });
    return this.#answer(words, at >>> 2, octets);
  }

  /** The request again, with the type of a reply, and with a CIE in its first extension, the responder's address. */
  #answer(request: Uint32Array, from: number, octets: number): number {
    const out = this.#reply;
    const words = this.#replyWords;
    for (let i = 0; i < 15; i++) words[i] = request[from + i] as number; // GRE, header, CIE
    for (let i = 16; i * 4 < NHRP_AT + octets; i++) words[i + 5] = request[from + i] as number;
    writeU16(out, NHRP_AT + 10, octets + 20);
    writeU16(out, CHECKSUM_AT, 0);
    out[NHRP_AT + 17] = 4;
    writeU32(out, NHRP_AT + 52, 0x8003_0014);
    writeU32(out, NHRP_AT + 56, 0);
    writeU32(out, NHRP_AT + 60, (CIE.mtu << 16) | CIE.holdingTimeSeconds);
    writeU32(out, NHRP_AT + 64, 0x0400_0400);
    writeU32(out, NHRP_AT + 68, HUB.address.w0);
    writeU32(out, NHRP_AT + 72, HUB_TUNNEL.w0);
    writeU16(out, CHECKSUM_AT, slabChecksum(out, words, NHRP_AT, octets + 20));
    return readU16(out, CHECKSUM_AT);
  }
}

/** Every spoke registers again and again, as it does at a third of the holding time. */
function registrationRow(spokes: number): Row {
  const node = hub();
  const bare = new BareHub();
  const slab = new Uint8Array(spokes * SLOT_OCTETS);
  const words = wordsOf(slab);
  const paths = Array.from({ length: spokes }, (_, i) => spokePath(i));
  const datagrams = paths.map((_, i) => {
    const datagram = registration(i);
    slab.set(datagram, i * SLOT_OCTETS);
    return slab.subarray(i * SLOT_OCTETS, i * SLOT_OCTETS + datagram.length);
  });
  let now = 0;
  let bareNow = 0;
  let first = 0;
  const ours = (times: number): number => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      const spoke = (first + i) % spokes;
      now += 1 / 64;
      node.handleDatagram(now, paths[spoke] as Path, datagrams[spoke] as Uint8Array);
      sum += drain(node);
    }
    return sum;
  };
  const run = (times: number): number => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      bareNow += 1 / 64;
      sum += bare.register(bareNow, slab, words, ((first + i) % spokes) * SLOT_OCTETS);
    }
    return sum;
  };
  if (ours(spokes) !== run(spokes)) throw new Error('the replies are not the same'); // and all are there
  return {
    name: `hub registration, memory to memory, ${spokes / 1_000} k spokes`,
    ours,
    calls: [
      ['handleDatagram?.(', DRIVE],
      ['machine.pollOutput(', DRIVE],
    ],
    reference: { name: 'bare reader, Map, bare writer', agrees: true, run },
    limit: null,
    mutate: (round) => {
      first = (Math.imul(round, 0x9e37_79b1) >>> 0) % spokes;
      for (const datagram of datagrams) renumber(datagram, round + 1);
    },
  };
}

/** 1,400 octets from the device to one of 1,024 peers, encapsulated where they lie. */
function forwardRow(): Row {
  const node = hub();
  const octets = 1_400;
  const payload = new Uint8Array(octets - 20);
  const ends = { source: HUB_TUNNEL, protocol: 17, ttl: 64 };
  const packets = Array.from({ length: PEERS }, (_, i) => {
    const prefix = `${spokeTunnel(i)}/32`;
    node.command(0, {
      kind: 'map',
      tunnel: 'tun0',
      prefix,
      nbma: String(spokePath(i).remote.address),
    });
    drain(node);
    return new Uint8Array(HEADROOM_OCTETS + octets + TAILROOM_OCTETS);
  });
  const copies = packets.map((slab) => Buffer.from(slab.buffer, HEADROOM_OCTETS, octets));
  const into = Buffer.alloc(2_048);
  const slot = forwardSlot('tun0');
  return {
    name: 'node forward, 1,400 octets, 1,024 peers',
    ours: (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        const slab = packets[i % PEERS] as Uint8Array;
        if (!node.forward(1, slab, HEADROOM_OCTETS, octets, slot)) throw new Error('refused');
        sum = (sum + slot.octets + (slot.path?.remote.address.w0 ?? 0)) | 0;
      }
      return sum;
    },
    reference: {
      name: 'Buffer.copy of 1,400 octets',
      run: (times) => {
        let sum = 0;
        for (let i = 0; i < times; i++)
          sum += (copies[i % PEERS] as Buffer).copy(into, 0, 0, octets);
        return sum;
      },
      agrees: false,
    },
    limit: null,
    octets,
    calls: [['machine.forward(', DRIVE]],
    mutate: (round) => {
      payload.fill(round);
      packets.forEach((slab, i) => {
        const destination = spokeTunnel((i * 5 + round) % PEERS);
        slab.set(ipPacket({ ...ends, destination }, payload), HEADROOM_OCTETS);
      });
    },
  };
}

/** One suite a row, as in cache.ts. */
export const nodeSuites = (
  spokes: readonly number[] = [1_000, 50_000],
): readonly (() => readonly Row[])[] => [
  ...spokes.map((count) => () => [registrationRow(count)]),
  () => [forwardRow()],
];
