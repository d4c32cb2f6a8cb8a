/** A transport that records what passes through another, as whole IP packets, for tcpdump and Wireshark. */
import { createWriteStream, openSync } from 'node:fs';
import { ipPacket } from '../wire/ip-packet.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import { LINK_TYPE } from '../wire/link-layer.js';
import type { Carrier, Endpoint } from '../wire/path.js';
import { encodeUdp, udpOctets } from '../wire/udp.js';
import { AdapterError } from './adapter-error.js';
import { encodePcapHeader, encodePcapRecord } from './capture/pcap-format.js';
import { OUTER_TTL, type OutboundDatagram, type Packet, type Transport, viewOf } from './ports.js';

export { type Dissection, dissect } from '../dmvpn/dissect.js';
export { describeDissection, plainDissection } from '../dmvpn/dissection-tree.js';
export {
  type CapturedFrame,
  type CaptureFile,
  type CaptureInterface,
  captureOf,
} from './capture/capture.js';
export { decodeCaptureFile, encodeCaptureFile } from './capture/capture-file.js';
export {
  encodePcapngFrame,
  encodePcapngInterface,
  encodePcapngSection,
} from './capture/pcapng-format.js';
export { encodePcapHeader, encodePcapRecord };

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
    sink(asIpPacket(from, to, packet), performance.timeOrigin + performance.now());
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

/** A pcap file that is written as packets come. */
export interface PcapFile {
  readonly sink: PacketSink;
  /** Comes back when all is on disk. */
  close(): Promise<void>;
}

/** Packets that wait for the disk; more are not recorded. */
const MAX_UNWRITTEN_OCTETS = 64 << 20;

/** Begins a file anew. @throws AdapterError `failed` when it cannot be written. */
export function openPcapFile(path: string): PcapFile {
  const stream = createWriteStream(path, { fd: create(path) });
  stream.write(encodePcapHeader({ linkType: LINK_TYPE.RAW, snapOctets: 0, name: null }, 'pcap'));
  return {
    sink(bytes, at) {
      if (stream.writableLength > MAX_UNWRITTEN_OCTETS) return;
      const timeNs = BigInt(Math.round(at * 1_000)) * 1_000n;
      const frame = { interfaceIndex: 0, timeNs, originalOctets: bytes.length, bytes };
      stream.write(encodePcapRecord(frame, 'pcap'));
    },
    close: () => new Promise((closed) => stream.end(closed)),
  };
}

function create(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (cause) {
    const why = (cause as Error).message;
    throw new AdapterError('failed', `The recording ${path} cannot be written: ${why}.`, { cause });
  }
}
