import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { needs } from '../../../test/require.js';
import { tsharkRows } from '../../../test/tshark.js';
import { fromHex } from '../../wire/bytes.js';
import { LINK_TYPE } from '../../wire/link-layer.js';
import { type Result, unwrap } from '../../wire/result.js';
import { type CapturedFrame, type CaptureFile, captureOf, MAX_FRAME_OCTETS } from './capture.js';
import { decodeCaptureFile, encodeCaptureFile } from './capture-file.js';

vi.setConfig({ testTimeout: 30_000 }); // tshark takes its time on a busy machine

const MICROSECOND_NS = 1_000n;
const timeNs = fc.bigInt({ min: 0n, max: 0xffff_ffffn * 1_000_000_000n });
const frame = (interfaces: number): fc.Arbitrary<CapturedFrame> =>
  fc
    .record({
      interfaceIndex: fc.nat(interfaces - 1),
      timeNs,
      cut: fc.nat(100),
      bytes: fc.uint8Array({ maxLength: 20 }),
    })
    .map(({ cut, ...f }) => ({ ...f, originalOctets: f.bytes.length + cut }));
const on = fc.record({
  linkType: fc.nat(300),
  snapOctets: fc.integer({ min: 1, max: 65_535 }),
  name: fc.constant(null),
});

const pcap: fc.Arbitrary<CaptureFile> = fc
  .record({
    format: fc.constantFrom('pcap', 'pcap-ns'),
    on,
    frames: fc.array(frame(1), { maxLength: 4 }),
  })
  .map(({ format, on, frames }) => ({
    format,
    interfaces: [on],
    frames: format === 'pcap' ? frames.map(toMicroseconds) : frames,
    damage: null,
  }));
const pcapng: fc.Arbitrary<CaptureFile> = fc
  .array(fc.record({ on, name: fc.option(fc.string()) }), { minLength: 1, maxLength: 3 })
  .chain((declared) =>
    fc.record({
      format: fc.constant('pcapng' as const),
      interfaces: fc.constant(declared.map((d) => ({ ...d.on, name: d.name }))),
      frames: fc.array(frame(declared.length), { maxLength: 4 }),
      damage: fc.constant(null),
    }),
  );
const capture = fc.oneof(pcap, pcapng);

function toMicroseconds(f: CapturedFrame): CapturedFrame {
  const time = f.timeNs ?? 0n;
  return { ...f, timeNs: time - (time % MICROSECOND_NS) };
}

const errorOf = (r: Result<CaptureFile>): unknown => (r.ok ? r.value.damage : r.error);

describe('a capture file', () => {
  it('gives back what was written into it, in every format', () => {
    fc.assert(
      fc.property(capture, (c) => {
        expect(unwrap(decodeCaptureFile(encodeCaptureFile(c)))).toEqual(c);
      }),
    );
  });

  it('that ends in the middle has the frames before, and says where', () => {
    fc.assert(
      fc.property(capture, (c) => {
        const whole = encodeCaptureFile(c);
        for (let octets = 0; octets < whole.length; octets++) {
          const decoded = decodeCaptureFile(whole.subarray(0, octets));
          if (!decoded.ok) expect(decoded.error.code).toBe('truncated');
          else if (decoded.value.damage === null)
            expect(decoded.value.frames).toEqual(c.frames.slice(0, decoded.value.frames.length));
          else expect(decoded.value.damage).toMatchObject({ code: 'truncated', actual: octets });
        }
      }),
      { numRuns: 20 },
    );
  });

  it('of any octets does not throw', () => {
    const start = fc.constantFrom(
      '',
      'a1b2c3d400020004',
      'd4c3b2a102000400',
      '0a0d0d0a',
      '4d3cb2a1',
      '34cdb2a102000400',
    );
    const any = fc.uint8Array({ maxLength: 80 });
    fc.assert(
      fc.property(start, any, (hex, rest) => {
        decodeCaptureFile(Uint8Array.of(...fromHex(hex), ...rest));
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(capture, fc.nat(), fc.nat(255), (c, where, value) => {
        const b = encodeCaptureFile(c);
        b[where % b.length] = value;
        decodeCaptureFile(b);
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, string, object]>([
    ['nothing', '', { code: 'truncated', field: 'capture.magic', expected: 4, actual: 0 }],
    [
      'text',
      '7b0a2020',
      { code: 'bad-value', field: 'capture.magic', offset: 0, actual: 0x7b0a2020 },
    ],
    [
      'a magic alone',
      'a1b2c3d4',
      { code: 'truncated', field: 'pcap.header', expected: 24, actual: 4 },
    ],
    [
      'pcap 3',
      `a1b2c3d400030000${'00'.repeat(16)}`,
      { code: 'bad-version', field: 'pcap.version', offset: 4, actual: 3 },
    ],
    [
      'a huge frame',
      `a1b2c3d400020004${'00'.repeat(16)}0000000000000000 7fffffff 00000000`,
      { code: 'bad-length', field: 'pcap.capturedLength', offset: 32, expected: MAX_FRAME_OCTETS },
    ],
    [
      'a modified record of 16 octets',
      `a1b2cd3400020004${'00'.repeat(16)}0000000000000000 00000000 00000000`,
      { code: 'truncated', field: 'pcap.record', offset: 24, expected: 48, actual: 40 },
    ],
    ['a section alone', '0a0d0d0a', { code: 'truncated', field: 'pcapng.block' }],
    [
      'no byte order',
      '0a0d0d0a0000001c 01020304 0000',
      { code: 'bad-value', field: 'pcapng.byteOrderMagic', offset: 8 },
    ],
    [
      'a block of 13',
      '0a0d0d0a0000000d 1a2b3c4d 00',
      { code: 'bad-length', field: 'pcapng.blockLength', offset: 4, actual: 13 },
    ],
    [
      'lengths that differ',
      '0a0d0d0a0000001c 1a2b3c4d 00010000 ffffffffffffffff 00000018',
      { code: 'bad-length', field: 'pcapng.blockLengthAgain', offset: 24 },
    ],
    [
      'a short section',
      '0a0d0d0a00000010 1a2b3c4d 00000010',
      { code: 'truncated', field: 'pcapng.section', offset: 8 },
    ],
    [
      'pcapng 2',
      '0a0d0d0a0000001c 1a2b3c4d 00020000 ffffffffffffffff 0000001c',
      { code: 'bad-version', field: 'pcapng.version', offset: 12, actual: 2 },
    ],
  ])('that begins with %s is refused', (_, hex, error) => {
    expect(errorOf(decodeCaptureFile(fromHex(hex)))).toMatchObject(error);
  });

  it('has exactly one interface as pcap', () => {
    const c = captureOf(1, []);
    expect(() => encodeCaptureFile({ ...c, interfaces: [] })).toThrow(RangeError);
  });
});

describe('pcap in either byte order', () => {
  const record = (hex: string): CapturedFrame[] => [
    ...unwrap(decodeCaptureFile(fromHex(hex))).frames,
  ];
  it.each([
    [
      'big-endian microseconds',
      'a1b2c3d4 0002 0004 00000000 00000000 00040000 00000065',
      '00000001 00000002 00000001 00000009 45',
      1_000_002_000n,
    ],
    [
      'little-endian microseconds',
      'd4c3b2a1 0200 0400 00000000 00000000 00000400 65000000',
      '01000000 02000000 01000000 09000000 45',
      1_000_002_000n,
    ],
    [
      'big-endian nanoseconds',
      'a1b23c4d 0002 0004 00000000 00000000 00040000 00000065',
      '00000001 00000002 00000001 00000009 45',
      1_000_000_002n,
    ],
    [
      'little-endian nanoseconds',
      '4d3cb2a1 0200 0400 00000000 00000000 00000400 65000000',
      '01000000 02000000 01000000 09000000 45',
      1_000_000_002n,
    ],
    [
      "Kuznetzov's modified records, big-endian",
      'a1b2cd34 0002 0004 00000000 00000000 00040000 00000065',
      '00000001 00000002 00000001 00000009 00000003 0800 00 00 45',
      1_000_002_000n,
    ],
    [
      "Kuznetzov's modified records, little-endian",
      '34cdb2a1 0200 0400 00000000 00000000 00000400 65000000',
      '01000000 02000000 01000000 09000000 03000000 0008 00 00 45',
      1_000_002_000n,
    ],
  ])('reads %s', (_, header, body, timeNs) => {
    expect(record(header + body)).toEqual([
      { interfaceIndex: 0, timeNs, originalOctets: 9, bytes: Uint8Array.of(0x45) },
    ]);
  });
});

/** Blocks by hand, in either byte order. */
function blocks(little: boolean, ...parts: [type: number, body: string][]): Uint8Array {
  const word = (n: number): string => {
    const hex = (n >>> 0).toString(16).padStart(8, '0');
    return little ? (hex.match(/../g) ?? []).reverse().join('') : hex;
  };
  return fromHex(
    parts
      .map(([type, body]) => {
        const octets = body.replace(/\s/g, '').length / 2 + 12;
        return `${word(type)}${word(octets)}${body}${word(octets)}`;
      })
      .join(''),
  );
}
const BIG = '1a2b3c4d 0001 0000 ffffffffffffffff';
const LITTLE = '4d3c2b1a 0100 0000 ffffffffffffffff';
const SECTION = 0x0a0d0d0a;

describe('pcapng', () => {
  it('has several interfaces with their own link types and clocks', () => {
    const file = blocks(
      false,
      [SECTION, BIG],
      [1, '0001 0000 00040000'], // microseconds when nothing is said
      [1, '0065 0000 00040000 0002 0003 65746800 0009 0001 09000000 0000 0000'], // `eth`, nanoseconds
      [1, '0065 0000 00040000 0009 0001 8a000000 000e 0008 0000000000000064 0000 0000'], // 1/1024 s, and 100 s on
      [6, '00000000 00000000 00000005 00000001 00000001 aa000000'],
      [6, '00000001 00000000 00000005 00000002 00000002 bbbb0000'],
      [6, '00000002 00000000 00000200 00000001 00000001 cc000000'],
      [5, '00000000'], // interface statistics: passed over
      [2, '0001 ffff 00000000 00000007 00000001 00000001 dd000000'], // the obsolete Packet
      [3, '00000004 ee0000ee'], // a Simple Packet, of the first interface
    );
    const { interfaces, frames, damage } = unwrap(decodeCaptureFile(file));
    expect(damage).toBeNull();
    expect(interfaces.map((i) => [i.linkType, i.name])).toEqual([
      [1, null],
      [0x65, 'eth'],
      [0x65, null],
    ]);
    expect(frames.map((f) => [f.interfaceIndex, f.timeNs, f.bytes.length])).toEqual([
      [0, 5_000n, 1],
      [1, 5n, 2],
      [2, 100_500_000_000n, 1],
      [1, 7n, 1],
      [0, null, 4],
    ]);
  });

  it('may change its byte order from section to section, and counts interfaces anew', () => {
    const big = blocks(
      false,
      [SECTION, BIG],
      [1, '0001 0000 00000000'],
      [6, '00000000 00000000 00000005 00000001 00000001 aa000000'],
    );
    const little = blocks(
      true,
      [SECTION, LITTLE],
      [1, '6500 0000 00000000'],
      [6, '00000000 00000000 05000000 01000000 01000000 bb000000'],
    );
    const { interfaces, frames } = unwrap(decodeCaptureFile(Uint8Array.of(...big, ...little)));
    expect(interfaces.map((i) => i.linkType)).toEqual([1, 0x65]);
    expect(frames.map((f) => [f.interfaceIndex, f.bytes[0]])).toEqual([
      [0, 0xaa],
      [1, 0xbb],
    ]);
  });

  it.each<[string, [number, string], object]>([
    [
      'of no interface',
      [6, '00000001 00000000 00000005 00000001 00000001 aa000000'],
      { code: 'missing', field: 'pcapng.interfaceId', expected: 1, actual: 1 },
    ],
    [
      'longer than its block',
      [6, '00000000 00000000 00000005 00000005 00000001 aa000000'],
      { code: 'bad-length', field: 'pcapng.capturedLength', expected: 4, actual: 5 },
    ],
    [
      'that is huge',
      [6, '00000000 00000000 00000005 7fffffff 00000001'],
      { code: 'bad-length', expected: MAX_FRAME_OCTETS },
    ],
    ['that is none', [6, '00000000'], { code: 'truncated', field: 'pcapng.packet' }],
    ['that is a short Simple Packet', [3, ''], { code: 'truncated', field: 'pcapng.simplePacket' }],
  ])('stops at a packet %s', (_, block, error) => {
    const file = blocks(false, [SECTION, BIG], [1, '0001 0000 00000000'], block);
    expect(unwrap(decodeCaptureFile(file)).damage).toMatchObject(error);
  });

  it('stops at interfaces that are wrong or too many', () => {
    const damageOf = (...parts: [number, string][]): unknown =>
      unwrap(decodeCaptureFile(blocks(false, [SECTION, BIG], ...parts))).damage;
    expect(damageOf([1, '00010000'])).toMatchObject({
      code: 'truncated',
      field: 'pcapng.interface',
    });
    expect(damageOf([1, '0001 0000 00000000 0002 0009 61000000'])).toMatchObject({
      code: 'truncated',
      field: 'pcapng.option',
    });
    expect(damageOf([3, '00000000'])).toMatchObject({ code: 'missing', field: 'pcapng.interface' });
    const many = Array.from({ length: 4097 }, (): [number, string] => [1, '0001 0000 00000000']);
    expect(damageOf(...many)).toMatchObject({ code: 'too-many', expected: 4096 });
  });

  it('gives a whole frame without a time as a Simple Packet', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const f: CapturedFrame = { interfaceIndex: 0, timeNs: null, originalOctets: 3, bytes };
    const c = captureOf(LINK_TYPE.RAW, [f], 'pcapng');
    expect(unwrap(decodeCaptureFile(encodeCaptureFile(c))).frames).toEqual([f]);
  });
});

needs('tshark')('tshark', () => {
  const [ipv4, ipv6] = [
    fromHex(`45000014${'00'.repeat(16)}`),
    fromHex(`60000000003b00${'00'.repeat(33)}`),
  ];
  const at = 1_700_000_000_123_456_789n;
  const FIELDS = [
    'frame.time_epoch',
    'frame.len',
    'frame.cap_len',
    'frame.interface_id',
    'frame.protocols',
  ];
  const frame = (bytes: Uint8Array, interfaceIndex = 0): CapturedFrame => ({
    interfaceIndex,
    timeNs: at,
    originalOctets: bytes.length + 6,
    bytes,
  });

  it.each([
    ['pcap', '1700000000.123456000', ''],
    ['pcap-ns', '1700000000.123456789', ''],
    ['pcapng', '1700000000.123456789', '0'],
  ] as const)('reads our %s files', (format, time, id) => {
    const rows = tsharkRows(
      encodeCaptureFile(captureOf(LINK_TYPE.RAW, [frame(ipv4), frame(ipv6)], format)),
      FIELDS,
    );
    expect(rows).toEqual([
      [time, '26', '20', id, 'raw:ip'],
      [time, '46', '40', id, expect.stringMatching(/^raw:ipv6/)],
    ]);
  });

  it('reads our interfaces', () => {
    const interfaces = [
      { linkType: LINK_TYPE.RAW, snapOctets: 100, name: 'hub' },
      { linkType: LINK_TYPE.ETHERNET, snapOctets: 0, name: 'spoke' },
    ];
    const ethernet = Uint8Array.of(...new Uint8Array(12), 0x08, 0x00, ...ipv4);
    const file = encodeCaptureFile({
      format: 'pcapng',
      interfaces,
      frames: [frame(ipv4), frame(ethernet, 1)],
      damage: null,
    });
    expect(tsharkRows(file, ['frame.interface_name', 'frame.protocols'])).toEqual([
      ['hub', 'raw:ip'],
      ['spoke', 'eth:ethertype:ip'],
    ]);
  });
});
