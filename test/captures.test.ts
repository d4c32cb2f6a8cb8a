/** Every recording decodes, and what is GRE or NHRP in it encodes back octet for octet. */
import { readdirSync, readFileSync } from 'node:fs';
import {
  captureOf,
  type Dissection,
  decodeCaptureFile,
  dissect,
  encodeCaptureFile,
} from 'dmvpn/io/pcap';
import { LINK_TYPE, unwrap } from 'dmvpn/wire';
import { describe, expect, it, vi } from 'vitest';
import { needs } from './require.js';
import { tsharkRows } from './tshark.js';

vi.setConfig({ testTimeout: 30_000 }); // tshark takes its time on a busy machine

const OURS = 'test/vectors/captures';
const SHARED = '../shared/captures';
const THIRD_PARTIES = ['tcpdump', 'zeek', 'pcapplusplus'].map(
  (name) => `../shared/vectors/${name}`,
);

const capturesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.pcap(ng)?$/.test(name))
    .sort();

function dissectFile(path: string): Dissection[] {
  const { interfaces, frames, damage } = unwrap(decodeCaptureFile(readFileSync(path)));
  expect(damage).toBeNull();
  return frames.map((f) => dissect(interfaces[f.interfaceIndex]?.linkType ?? -1, f.bytes));
}

/** `25 nhrp.version bad-version`. */
const errorsIn = (frames: readonly Dissection[]): string[] =>
  frames.flatMap(({ error }, i) => (error ? [`${i + 1} ${error.field} ${error.code}`] : []));

const countOf = (frames: readonly Dissection[], layer: string): number =>
  frames.filter((d) => d.layers.includes(layer)).length;

/** The frames that must be refused, in files where not everything is right. */
const WRONG: Readonly<Record<string, readonly string[]>> = {
  'lab/hostpeer-as-spoke.pcap': [
    '25 nhrp.version bad-version',
    '29 nhrp.type unsupported',
    '30 nhrp.checksum bad-checksum',
    '31 nhrp.extension.end missing',
  ],
  'GrePackets.pcap': [1, 2, 6].map((frame) => `${frame} gre.version bad-version`), // PPTP
  'gre-heapoverflow-1.pcap': ['2 ipv4.version bad-version'],
  'pb_nhrp_1.pcap': ['1 nhrp.packetSize truncated'],
};

function expectSound(folder: string, name: string): Dissection[] {
  const frames = dissectFile(`${folder}/${name}`);
  expect(frames.length).toBeGreaterThan(0);
  expect(errorsIn(frames)).toEqual(WRONG[name] ?? []);
  for (const d of frames) {
    const isOurs = d.layers.includes('gre') || d.layers.includes('nhrp');
    if (d.error === null) expect(d.roundTrip).toBe(isOurs ? true : null);
    if (d.error === null && d.layers.includes('nhrp')) expect(d.nhrp).not.toBeNull();
  }
  return frames;
}

describe('our recordings', () => {
  it.each(capturesIn(OURS))('%s encodes back octet for octet', (name) => {
    expectSound(OURS, name);
  });

  it('hold packets of every kind', () => {
    const frames = capturesIn(OURS).flatMap((name) => dissectFile(`${OURS}/${name}`));
    const layers = ['gre', 'nhrp', 'ike', 'esp', 'ospf', 'igmp', 'icmpv6'];
    const counts = Object.fromEntries(layers.map((layer) => [layer, countOf(frames, layer)]));
    expect(counts).toEqual({
      gre: 472,
      nhrp: 192,
      ike: 282,
      esp: 314,
      ospf: 77,
      igmp: 8,
      icmpv6: 16,
    });
    const types = new Set(frames.flatMap((d) => (d.nhrp ? [d.nhrp.type] : [])));
    expect([...types].sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

needs('shared-captures')('the recordings that ours are copies of', () => {
  it.each(capturesIn(SHARED))('%s encodes back octet for octet', (name) => {
    expectSound(SHARED, name);
  });
});

needs('shared-vectors')('recordings of third parties', () => {
  for (const folder of THIRD_PARTIES)
    it.each(capturesIn(folder))(
      `${folder.replace(/.*\//, '')}/%s encodes back octet for octet`,
      (name) => {
        expectSound(folder, name);
      },
    );
});

/** What of a frame is held against tshark. */
interface Summary {
  readonly gre: number;
  readonly key: number | null;
  readonly protocolType: number | null;
  readonly nhrpType: number | null;
}

const greLayers = (layers: readonly string[]): number => layers.filter((l) => l === 'gre').length;

const summaryOf = ({ layers, gre, nhrp }: Dissection): Summary => ({
  gre: greLayers(layers),
  key: gre?.key ?? null,
  protocolType: gre?.protocolType ?? null,
  nhrpType: nhrp?.type ?? null,
});

/** @param nhrpType what to believe where tshark has no opinion: it calls FRR's Error Indications malformed */
function summaryOfRow([protocols = '', ...numbers]: string[], nhrpType: number | null): Summary {
  const [key = null, protocolType = null, type = null] = numbers.map(outermost);
  return { gre: greLayers(protocols.split(':')), key, protocolType, nhrpType: type ?? nhrpType };
}

const outermost = (values: string): number | null =>
  values === '' ? null : Number(values.split(',')[0]);

needs('tshark')('tshark, given a packet whose total length segmentation offload left 0,', () => {
  it('takes all that is there, as we do', () => {
    const path = `${OURS}/lab/frr10-reg-hold10.pcap`;
    const [first] = unwrap(decodeCaptureFile(readFileSync(path))).frames;
    if (first === undefined) throw new Error('bug: an empty recording');
    const bytes = first.bytes.slice();
    bytes.fill(0, 14 + 2, 14 + 4);
    const file = encodeCaptureFile(captureOf(LINK_TYPE.ETHERNET, [{ ...first, bytes }]));
    const fields = ['frame.protocols', 'gre.key', 'gre.proto', 'nhrp.hdr.op.type'];
    const [row = []] = tsharkRows(file, fields);
    const d = dissect(LINK_TYPE.ETHERNET, bytes);
    expect(d).toMatchObject({ layers: ['ethernet', 'ipv4', 'gre', 'nhrp'], error: null });
    expect(summaryOfRow(row, null)).toEqual(summaryOf(d));
  });
});

needs('tshark')('tshark, given all of our recordings in one file that we wrote,', () => {
  it('sees the same layers, keys and message types', () => {
    const all = capturesIn(OURS).flatMap(
      (name) => unwrap(decodeCaptureFile(readFileSync(`${OURS}/${name}`))).frames,
    );
    const fields = ['frame.protocols', 'gre.key', 'gre.proto', 'nhrp.hdr.op.type'];
    const rows = tsharkRows(encodeCaptureFile(captureOf(LINK_TYPE.ETHERNET, all)), fields);
    expect(rows.length).toBe(all.length);
    let compared = 0;
    for (const [i, { bytes }] of all.entries()) {
      const d = dissect(LINK_TYPE.ETHERNET, bytes);
      if (d.error !== null || d.layers.join() === 'ethernet,ipv4,icmp') continue; // tshark goes on into quotations
      const theirs = summaryOfRow(rows[i] ?? [], d.nhrp?.type ?? null);
      expect(theirs, `frame ${i + 1} of all`).toEqual(summaryOf(d));
      compared++;
    }
    expect(all.length - compared).toBe(4 + 9); // refused, and ICMP errors outside of the tunnel
  });
});
