/** A transport that records what passes through another, as whole IP packets, for tcpdump and Wireshark. */
import { createWriteStream, openSync } from 'node:fs';
import type { InsidePacket } from '../dmvpn/output.js';
import { ipPacket } from '../wire/ip-packet.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import { LINK_TYPE } from '../wire/link-layer.js';
import type { Carrier, Endpoint } from '../wire/path.js';
import { encodeUdp, udpOctets } from '../wire/udp.js';
import { AdapterError } from './adapter-error.js';
import type { CapturedFrame, CaptureInterface } from './capture/capture.js';
import { encodePcapHeader, encodePcapRecord } from './capture/pcap-format.js';
import {
  encodePcapngFrame,
  encodePcapngInterface,
  encodePcapngSection,
} from './capture/pcapng-format.js';
import { OUTER_TTL, type OutboundDatagram, type Packet, type Transport, viewOf } from './ports.js';

export { type Dissection, dissect, type IpEnds } from '../dmvpn/dissect.js';
export { describeDissection, plainDissection } from '../dmvpn/dissection-tree.js';
export {
  type CapturedFrame,
  type CaptureFile,
  type CaptureInterface,
  captureOf,
} from './capture/capture.js';
export { decodeCaptureFile, encodeCaptureFile } from './capture/capture-file.js';
export {
  encodePcapHeader,
  encodePcapngFrame,
  encodePcapngInterface,
  encodePcapngSection,
  encodePcapRecord,
};

/** Takes an IP packet, which is its to keep, at a wall time in milliseconds since 1970. */
export type PacketSink = (packet: Uint8Array, at: number) => void;

export interface PcapOptions {
  /** `sent` where every node of a network records into the same sink, so that nothing is there twice; `both`. */
  readonly record?: 'both' | 'sent' | 'received';
}

/** The outer headers are made as the carrier makes them; the identification is not that of the wire. */
export function pcap(
  transport: Transport,
  sink: PacketSink,
  { record = 'both' }: PcapOptions = {},
): Transport {
  const note = (from: Endpoint, to: Endpoint, packet: Recorded) =>
    sink(asIpPacket(from, to, packet), wallTime());
  return {
    send(batch) {
      if (record !== 'received')
        for (const d of batch) note(d.path.local, d.path.remote, { ...d, carrier: d.path.carrier });
      transport.send(batch);
    },
    listen(listener) {
      transport.listen({
        ...listener,
        onDatagrams(batch) {
          if (record !== 'sent')
            for (const d of batch)
              note(d.path.remote, d.path.local, { ...d, carrier: d.path.carrier });
          listener.onDatagrams(batch);
        },
      });
    },
    close: () => transport.close(),
  };
}

/**
 * DEBUGGING ONLY: records what is inside ESP, for `inside` of `openNode`: each GRE packet, in the clear, as it would be
 * between the same two addresses without protection.
 */
export function pcapInside(
  sink: PacketSink,
  { record = 'both' }: PcapOptions = {},
): (packet: InsidePacket) => void {
  return ({ direction, from, to, gre }) => {
    if (record !== 'both' && record !== direction) return;
    const packet = { slab: gre, at: 0, octets: gre.length, carrier: 'gre' } as const;
    sink(asIpPacket(from, to, packet), wallTime());
  };
}

/** Milliseconds since 1970, to the microsecond. */
const wallTime = (): number => performance.timeOrigin + performance.now();

type Recorded = Packet &
  Partial<Pick<OutboundDatagram, 'dscp' | 'dontFragment'>> & { readonly carrier: Carrier };

function asIpPacket(from: Endpoint, to: Endpoint, packet: Recorded): Uint8Array {
  const { dscp = 0, dontFragment = false } = packet;
  const ip = { source: from.address, destination: to.address };
  const protocol = PROTOCOLS[packet.carrier];
  const payload = protocol === IP_PROTOCOL.UDP ? inUdp(from, to, packet) : viewOf(packet);
  return ipPacket({ ...ip, protocol, ttl: OUTER_TTL, dscp, dontFragment }, payload);
}

const PROTOCOLS: Readonly<Record<Carrier, number>> = {
  gre: IP_PROTOCOL.GRE,
  esp: IP_PROTOCOL.ESP,
  'gre-udp': IP_PROTOCOL.UDP,
  ike: IP_PROTOCOL.UDP,
  'ike-natt': IP_PROTOCOL.UDP,
};

function inUdp(from: Endpoint, to: Endpoint, packet: Packet): Uint8Array {
  const datagram = {
    sourcePort: from.port,
    destinationPort: to.port,
    checksum: 0, // computed
    payload: viewOf(packet),
  };
  const out = new Uint8Array(udpOctets(datagram));
  encodeUdp(datagram, { source: from.address, destination: to.address }, out, 0);
  return out;
}

/** A capture file that is written as packets come. */
export interface PcapFile {
  readonly sink: PacketSink;
  /** Comes back when all is on disk. */
  close(): Promise<void>;
}

/** One with several interfaces, told apart by their names. */
export interface PcapngFile extends Pick<PcapFile, 'close'> {
  /** One an interface, in the order of their names. */
  readonly sinks: readonly PacketSink[];
}

export interface RecordingOptions {
  /** The file cannot be written any more, a full disk above all: told once, and nothing more is recorded. A warning of the process when not given. */
  readonly onError?: (error: AdapterError) => void;
}

/** Packets that wait for the disk; more are not recorded. */
const MAX_UNWRITTEN_OCTETS = 64 << 20;

/** Begins a pcap file anew. @throws AdapterError `failed` when it cannot be written. */
export function openPcapFile(path: string, options: RecordingOptions = {}): PcapFile {
  const { write, close } = begin(path, [encodePcapHeader(rawIp(null), 'pcap')], options);
  return { sink: (bytes, at) => write(encodePcapRecord(frameOf(0, bytes, at), 'pcap')), close };
}

/** Begins a pcapng file anew, with an interface for each name. @throws AdapterError `failed` when it cannot be written. */
export function openPcapngFile(
  path: string,
  names: readonly string[],
  options: RecordingOptions = {},
): PcapngFile {
  const interfaces = names.map((name) => encodePcapngInterface(rawIp(name)));
  const { write, close } = begin(path, [encodePcapngSection(), ...interfaces], options);
  const sinks = names.map(
    (_, i): PacketSink =>
      (bytes, at) =>
        write(encodePcapngFrame(frameOf(i, bytes, at))),
  );
  return { sinks, close };
}

const rawIp = (name: string | null): CaptureInterface => ({
  linkType: LINK_TYPE.RAW,
  snapOctets: 0,
  name,
});

const frameOf = (interfaceIndex: number, bytes: Uint8Array, at: number): CapturedFrame => ({
  interfaceIndex,
  timeNs: BigInt(Math.round(at * 1_000)) * 1_000n,
  originalOctets: bytes.length,
  bytes,
});

function begin(
  path: string,
  head: readonly Uint8Array[],
  { onError = (error) => process.emitWarning(error) }: RecordingOptions,
) {
  const stream = createWriteStream(path, { fd: create(path) });
  stream.on('error', (cause) => onError(unwritable(path, cause))); // it has destroyed itself
  for (const octets of head) stream.write(octets);
  return {
    write(octets: Uint8Array): void {
      if (!stream.destroyed && stream.writableLength <= MAX_UNWRITTEN_OCTETS) stream.write(octets);
    },
    close: () =>
      new Promise<void>((closed) => {
        if (stream.closed) closed();
        else stream.once('close', closed).end();
      }),
  };
}

function create(path: string): number {
  try {
    return openSync(path, 'w', 0o600); // it may hold what is inside ESP
  } catch (cause) {
    throw unwritable(path, cause as Error);
  }
}

const unwritable = (path: string, cause: Error): AdapterError =>
  new AdapterError('failed', `The recording ${path} cannot be written: ${cause.message}.`, {
    cause,
  });
