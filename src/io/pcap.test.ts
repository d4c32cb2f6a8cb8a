import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { CASES, listenTo, outbound, turned } from '../../test/transport-conformance.js';
import { type IpAddress, parseAddress } from '../wire/address.js';
import { decodeIpv4Header } from '../wire/ipv4.js';
import type { Carrier } from '../wire/path.js';
import { unwrap } from '../wire/result.js';
import { decodeUdp } from '../wire/udp.js';
import { bindsAt } from './bind.js';
import { decodePcap } from './capture/pcap-format.js';
import { decodePcapng } from './capture/pcapng-format.js';
import { virtualClock } from './clock.js';
import { MemoryNetwork } from './memory.js';
import { openPcapFile, openPcapngFile, type PcapOptions, pcap, pcapInside } from './pcap.js';

const address = (text: string): IpAddress => parseAddress(text) as IpAddress;
const [NEAR, FAR] = [address('192.0.2.1'), address('192.0.2.2')];

const folder = mkdtempSync(`${tmpdir()}/dmvpn-pcap-`);
afterAll(() => rmSync(folder, { recursive: true }));

function recorded(carrier: Carrier, options?: PcapOptions) {
  const clock = virtualClock();
  const network = new MemoryNetwork({ clock });
  const [bind] = bindsAt(NEAR, [carrier]);
  const port = bind?.local.port ?? 0;
  const packets: Uint8Array[] = [];
  const near = pcap(
    network.open(bindsAt(NEAR, [carrier])),
    (packet) => void packets.push(packet),
    options,
  );
  const far = network.open(bindsAt(FAR, [carrier]));
  const path = { carrier, local: { address: NEAR, port }, remote: { address: FAR, port } };
  return { packets, near, far, path, settle: async () => clock.advance(1_000) };
}

describe('a recorded transport', () => {
  for (const { name, run } of CASES) it(name, () => run(recorded('gre-udp')));

  it('shows GRE in UDP as it was sent, outer headers and all', () => {
    const { packets, near, path } = recorded('gre-udp');
    const payload = Uint8Array.of(0x20, 0, 8, 0, 0, 0, 0, 42, 1, 2, 3);
    near.send([{ ...outbound(path, payload), dscp: 48, dontFragment: true }]);
    const packet = packets[0] ?? new Uint8Array(0);
    const ip = unwrap(decodeIpv4Header(packet));
    expect(ip).toMatchObject({ dscp: 48, dontFragment: true, protocol: 17, totalOctets: 39 });
    expect([`${ip.source}`, `${ip.destination}`]).toEqual(['192.0.2.1', '192.0.2.2']);
    const udp = unwrap(decodeUdp(packet.subarray(20), ip));
    expect(udp).toMatchObject({ sourcePort: 4754, destinationPort: 4754, payload });
    expect(udp.checksum).not.toBeNull();
  });

  it.each([
    ['gre', 47],
    ['esp', 50],
  ] as const)('shows %s as IP protocol %i', (carrier, protocol) => {
    const { packets, near, path } = recorded(carrier);
    near.send([outbound(path, Uint8Array.of(1, 2, 3))]);
    expect(packets[0]?.[9]).toBe(protocol);
    expect(packets[0]?.slice(20)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it.each([
    ['both', 2],
    ['sent', 1],
    ['received', 1],
  ] as const)('records what it is told: %s', async (record, count) => {
    const { packets, near, far, path, settle } = recorded('gre', { record });
    listenTo(near);
    near.send([outbound(path, Uint8Array.of(1))]);
    far.send([outbound(turned(path), Uint8Array.of(2))]);
    await settle();
    expect(packets).toHaveLength(count);
  });
});

describe('a pcap file', () => {
  it('has what was put into it, at the times', async () => {
    const path = `${folder}/a.pcap`;
    const file = openPcapFile(path);
    file.sink(Uint8Array.of(0x45, 1), 1_700_000_000_123.456);
    file.sink(Uint8Array.of(0x60), 1_700_000_001_000);
    await file.close();
    const { frames, interfaces, damage } = unwrap(decodePcap(readFileSync(path)));
    expect(damage).toBeNull();
    expect(interfaces[0]?.linkType).toBe(101);
    expect(frames.map(({ timeNs, bytes }) => [timeNs, [...bytes]])).toEqual([
      [1_700_000_000_123_456_000n, [0x45, 1]],
      [1_700_000_001_000_000_000n, [0x60]],
    ]);
  });

  it('says why it cannot be written', () => {
    expect(() => openPcapFile(`${folder}/nosuch/a.pcap`)).toThrow(/^The recording .* ENOENT.*\.$/);
  });
});

describe('a recording whose disk is full', () => {
  const packet = new Uint8Array(60).fill(0x45);

  it.runIf(existsSync('/dev/full'))('says so once, takes what comes, and closes', async () => {
    const said: string[] = [];
    const { sink, close } = openPcapFile('/dev/full', { onError: (e) => said.push(e.message) });
    for (let i = 0; i < 10; i++) {
      sink(packet, i);
      await setImmediate();
    }
    await close();
    await close();
    expect(said).toEqual([expect.stringMatching(/^The recording \/dev\/full .*ENOSPC.*\.$/)]);
  });
});

describe('a pcapng file', () => {
  it('keeps what comes by its interfaces apart, in the order in which it came', async () => {
    const path = `${folder}/a.pcapng`;
    const file = openPcapngFile(path, ['wire', 'inside']);
    file.sinks[1]?.(Uint8Array.of(0x45, 1), 1_700_000_000_123.456);
    file.sinks[0]?.(Uint8Array.of(0x60), 1_700_000_001_000);
    await file.close();
    const { frames, interfaces, damage } = unwrap(decodePcapng(readFileSync(path)));
    expect(damage).toBeNull();
    expect(interfaces.map(({ linkType, name }) => [linkType, name])).toEqual([
      [101, 'wire'],
      [101, 'inside'],
    ]);
    expect(frames.map((f) => [f.interfaceIndex, f.timeNs, [...f.bytes]])).toEqual([
      [1, 1_700_000_000_123_456_000n, [0x45, 1]],
      [0, 1_700_000_001_000_000_000n, [0x60]],
    ]);
  });
});

describe('what is inside', () => {
  it.each([
    ['both', ['192.0.2.1', '192.0.2.2']],
    ['sent', ['192.0.2.1']],
    ['received', ['192.0.2.2']],
  ] as const)('is recorded as GRE between the ends, as it is told: %s', (record, sources) => {
    const packets: Uint8Array[] = [];
    const note = pcapInside((packet) => void packets.push(packet), { record });
    const [near, far] = [NEAR, FAR].map((a) => ({ address: a, port: 4500 }));
    if (!near || !far) throw new Error('bug: two ends');
    note({ direction: 'sent', from: near, to: far, gre: Uint8Array.of(0, 0, 8, 0) });
    note({ direction: 'received', from: far, to: near, gre: Uint8Array.of(0, 0, 8, 0) });
    const headers = packets.map((packet) => unwrap(decodeIpv4Header(packet)));
    expect(headers.map(({ source }) => String(source))).toEqual(sources);
    for (const [i, { protocol }] of headers.entries()) {
      expect(protocol).toBe(47);
      expect(packets[i]?.slice(20)).toEqual(Uint8Array.of(0, 0, 8, 0));
    }
  });
});
