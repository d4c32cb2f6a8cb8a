/** What passed on the legs of the internet, as tshark reads it: the witness that is neither us nor the peer. */
import { copyFileSync } from 'node:fs';
import { attempt, sleep } from './process.js';
import { nbma6Of, nbmaOf, type Role } from './roles.js';

export interface Frame {
  /** Milliseconds since 1970, on the clock of `Date.now()`. */
  readonly timeMs: number;
  /** Sources of one family, outermost first, then of the other; headers quoted in an ICMP error last. */
  readonly sources: readonly string[];
  readonly destinations: readonly string[];
  /** In hexadecimal, as tshark prints it; empty without one. */
  readonly greKey: string;
  /** 1 Resolution Request .. 8 Traffic Indication; null where the frame is not NHRP. */
  readonly nhrpType: number | null;
  /** What a reply has in common with its request; null where the frame is not NHRP, or of a type without one. */
  readonly requestId: number | null;
  readonly espSpi: string;
  /** tshark's one line about it. */
  readonly info: string;
}

const FIELDS = [
  'frame.time_epoch',
  'eth.type',
  'ip.src',
  'ip.dst',
  'ipv6.src',
  'ipv6.dst',
  'gre.key',
  'nhrp.hdr.op.type',
  'nhrp.reqid',
  'esp.spi',
  '_ws.col.Info',
];
const ETHERTYPE_IPV6 = '0x86dd';
const SETTLE_MS = 300; // tcpdump writes what it has by then

export class Capture {
  /** `folder`: where lab.sh puts `<role>.pcap`. */
  constructor(private readonly folder: string) {}

  /** The frames on a role's leg that a display filter lets through, `since` the given time of `Date.now()`. */
  async frames(role: Role, filter: string, since = 0): Promise<Frame[]> {
    await sleep(SETTLE_MS);
    const columns = FIELDS.flatMap((field) => ['-e', field]);
    const file = `${this.folder}/${role}.pcap`;
    // a recording in progress may end in half a frame, which tshark reads past and reports
    const { text } = await attempt('tshark', [
      '-n',
      '-r',
      file,
      '-Y',
      filter,
      '-T',
      'fields',
      ...columns,
    ]);
    const lines = text.split('\n').filter((line) => /^\d/.test(line));
    return lines.map(frameOf).filter((frame) => frame.timeMs >= since);
  }

  /** The GRE frames that carried packets between two overlay addresses, either way. */
  flow(role: Role, a: string, b: string, since = 0): Promise<Frame[]> {
    const field = a.includes(':') ? 'ipv6.addr' : 'ip.addr';
    return this.frames(role, `gre && !nhrp && ${field}==${a} && ${field}==${b}`, since);
  }

  /** NHRP messages of one type. */
  nhrp(role: Role, type: number, since = 0): Promise<Frame[]> {
    return this.frames(role, `nhrp && nhrp.hdr.op.type==${type}`, since);
  }

  /**
   * NHRP messages of one type on a role's leg whose outermost header, of IPv4, is GRE from `sender`: what an ICMP error
   * or a Traffic Indication quotes is not the sender's.
   */
  nhrpBy(sender: Role, role: Role, type: number, since = 0): Promise<Frame[]> {
    const outer = `ip.src#1==${nbmaOf(sender)} && ip.proto#1==47`;
    return this.frames(role, `nhrp && nhrp.hdr.op.type#1==${type} && ${outer}`, since);
  }

  /** GRE frames that a role sent and tshark finds malformed, or with a wrong NHRP or IP checksum. */
  async faults(role: Role): Promise<Frame[]> {
    const wrong = '_ws.malformed || nhrp.hdr.chksum.status==0 || ip.checksum.status==0';
    const frames = await this.frames(role, `gre && (${wrong})`);
    const own = [nbmaOf(role), nbma6Of(role)];
    return frames.filter(({ sources }) => own.includes(sources[0] ?? '')); // FRR's odd checksums are its own affair
  }

  /** Keeps a recording after the lab is gone. */
  save(role: Role, file: string): void {
    copyFileSync(`${this.folder}/${role}.pcap`, file);
  }
}

function frameOf(line: string): Frame {
  const [
    time = '',
    etherType = '',
    src4 = '',
    dst4 = '',
    src6 = '',
    dst6 = '',
    key = '',
    type = '',
    requestId = '',
    spi = '',
    info = '',
  ] = line.split('\t');
  const isV6 = etherType.startsWith(ETHERTYPE_IPV6);
  return {
    timeMs: Number(time) * 1_000,
    sources: isV6 ? list(src6, src4) : list(src4, src6),
    destinations: isV6 ? list(dst6, dst4) : list(dst4, dst6),
    greKey: key,
    nhrpType: first(type),
    requestId: first(requestId),
    espSpi: spi,
    info,
  };
}

const first = (column: string): number | null =>
  column === '' ? null : Number(column.split(',')[0]);

const list = (...columns: readonly string[]): string[] =>
  columns.flatMap((column) => (column === '' ? [] : column.split(',')));
