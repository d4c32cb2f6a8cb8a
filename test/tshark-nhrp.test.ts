/**
 * What we encode, read by Wireshark: each type of message over each pair of families, with every extension, field by
 * field in the order of the wire. The expectation is written from the message, not from its octets.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { encodeNbmaAddress, nhrpAddressOctets } from '../src/nhrp/codec/address.js';
import { extensionOctets } from '../src/nhrp/codec/extension.js';
import {
  AddressFamily,
  type Cie,
  type CieMessage,
  ciscoAuthentication,
  decodeMessage,
  type Extension,
  ExtensionType,
  flagNames,
  macAuthentication,
  messageBytes,
  messageOctets,
  type NhrpAddress,
  type NhrpMessage,
  PacketType,
  ProtocolType,
  packetTypeName,
  withoutExtension,
} from '../src/nhrp/index.js';
import { parseAddress } from '../src/wire/address.js';
import { fromHex, toHex } from '../src/wire/bytes.js';
import { unwrap } from '../src/wire/result.js';
import { RECORDED } from './recorded-nhrp.js';
import { needs } from './require.js';

const NBMA = {
  [AddressFamily.IPV4]: ['192.0.2.1', '192.0.2.2'],
  [AddressFamily.IPV6]: ['2001:db8::1', '2001:db8::2'],
};
const PROTOCOL = {
  [ProtocolType.IPV4]: ['10.0.0.1', '10.0.0.100'],
  [ProtocolType.IPV6]: ['fd00::1', 'fd00::100'],
};
const address = (text: string | undefined): NhrpAddress => parseAddress(text ?? '');
const text = (s: string): Uint8Array => new TextEncoder().encode(s);

type Afn = keyof typeof NBMA;
type Pro = keyof typeof PROTOCOL;
const FAMILIES: readonly (readonly [Afn, Pro])[] = [
  [AddressFamily.IPV4, ProtocolType.IPV4],
  [AddressFamily.IPV4, ProtocolType.IPV6],
  [AddressFamily.IPV6, ProtocolType.IPV4],
  [AddressFamily.IPV6, ProtocolType.IPV6],
];

const cie = (afn: Afn, pro: Pro, n: number): Cie => ({
  ...{ code: [0, 4, 5, 12, 13, 14][n % 6] ?? 0, prefixLength: 24 + n, unused: n, mtu: 1400 + n },
  ...{ holdingTimeSeconds: 300 + n, preference: n },
  nbmaAddress: n === 0 ? null : address(NBMA[afn][n % 2]),
  nbmaSubaddress: null, // Wireshark 4.0 takes it for the beginning of the protocol address
  protocolAddress: n === 0 ? null : address(PROTOCOL[pro][n % 2]),
});

const cies = (type: number, list: readonly Cie[]): Extension => ({
  ...{ kind: 'cies', type, compulsory: type !== 9, reserved: false, cies: list },
});
const vendor = (oui: number, data: string): Extension => ({
  ...{ kind: 'vendor', type: 8, compulsory: false, reserved: false, oui, data: text(data) },
});

/** Every extension, in Cisco's order; `authentication` and what stands in type 9 as given. */
const everyExtension = (
  afn: Afn,
  pro: Pro,
  authentication: Extension,
  nine: Extension,
): Extension[] => [
  cies(3, [cie(afn, pro, 1)]),
  cies(4, [cie(afn, pro, 1), cie(afn, pro, 2)]),
  cies(5, []),
  authentication,
  nine,
  vendor(0x00000c, 'group'),
  vendor(0x00000c, 'again'),
  {
    kind: 'unknown',
    type: 0x3801,
    compulsory: false,
    reserved: false,
    octets: fromHex('0102030405'),
  },
];

const CAPABILITIES: Extension = {
  ...{ kind: 'capabilities', type: 9, compulsory: false, reserved: false },
  ...{ sourceCapabilities: 1, destinationCapabilities: 0 },
};

/** What a redirect quotes: a ping between LANs. */
const PING = {
  [ProtocolType.IPV4]: fromHex('4500001c000000003f0100000a0000010a0000020800f7ff00000000'),
  [ProtocolType.IPV6]: fromHex(`6000000000083a40${'fd000000'.repeat(8)}8000000000000000`),
};
/** What an error quotes. */
const QUOTED = messageBytes(
  withoutExtension(unwrap(decodeMessage(RECORDED.registrationReply)), ExtensionType.AUTHENTICATION),
);

function message(
  type: number,
  afn: Afn,
  pro: Pro,
  extensions: readonly Extension[] | null,
): NhrpMessage {
  const common = {
    ...{ addressFamily: afn, protocolType: pro, snap: null, hopCount: 200 + type },
    sourceNbmaAddress: address(NBMA[afn][0]),
    sourceNbmaSubaddress: null,
    sourceProtocolAddress: address(PROTOCOL[pro][0]),
    destinationProtocolAddress: address(PROTOCOL[pro][1]),
    extensions,
  };
  if (type === PacketType.ERROR_INDICATION)
    return {
      ...common,
      type,
      unused: 0,
      errorCode: 15,
      errorOffset: 9,
      packet: QUOTED,
      extensions: null,
    };
  if (type === PacketType.TRAFFIC_INDICATION)
    return { ...common, type, unused: 0, trafficCode: 0, unused2: 0, packet: PING[pro] };
  const list = [0, 1, 2, 3, 4, 5].map((n) => cie(afn, pro, n));
  const flags = [0xf802, 0xc802, 0x8002, 0x0002, 0x8000, 0][type - 1] ?? 0;
  return {
    ...common,
    type: type as CieMessage['type'],
    flags,
    requestId: 0xdead0000 + type,
    cies: list,
  };
}

const everyMessage = (
  authentication: (pro: Pro) => Extension,
  nine: (afn: Afn, pro: Pro) => Extension,
) =>
  FAMILIES.flatMap(([afn, pro]) =>
    Object.values(PacketType).map((type) =>
      message(type, afn, pro, everyExtension(afn, pro, authentication(pro), nine(afn, pro))),
    ),
  );

/** A field as tshark names it, and its octets. */
type Field = readonly [name: string, hex: string];

const number = (name: string, octets: number, value: number): Field => [
  `nhrp.${name}`,
  value.toString(16).padStart(2 * octets, '0'),
];
const bytes = (name: string, b: Uint8Array): Field[] =>
  b.length > 0 ? [[`nhrp.${name}`, toHex(b)]] : [];

/** An address behind its type/length octet. */
function encoded(a: NhrpAddress): Uint8Array {
  const out = new Uint8Array(1 + nhrpAddressOctets(a));
  encodeNbmaAddress(a, out, 1, 0);
  return out;
}

const typeLengthOf = (a: NhrpAddress): number => encoded(a)[0] ?? 0;

const addressField = (name: string, a: NhrpAddress): Field[] => bytes(name, encoded(a).subarray(1));

const cieFields = (c: Cie): Field[] => [
  number('code', 1, c.code),
  number('prefix', 1, c.prefixLength),
  number('unused', 2, c.unused),
  number('mtu', 2, c.mtu),
  number('htime', 2, c.holdingTimeSeconds),
  number('cli.addr_tl', 1, typeLengthOf(c.nbmaAddress)),
  number('cli.saddr_tl', 1, typeLengthOf(c.nbmaSubaddress)),
  number('prot.len', 1, nhrpAddressOctets(c.protocolAddress)),
  number('pref', 1, c.preference),
  ...addressField('client.nbma.addr', c.nbmaAddress),
  ...addressField('client.nbma.saddr', c.nbmaSubaddress),
  ...addressField('client.prot.addr', c.protocolAddress),
];

function valueFields(e: Extension): Field[] {
  switch (e.kind) {
    case 'cies':
      return e.cies.flatMap(cieFields);
    case 'authentication':
      return [
        number('auth_ext.reserved', 2, e.reserved16),
        number('auth_ext.spi', 2, e.spi),
        ...bytes('auth_ext.src_addr', e.source ?? new Uint8Array(0)),
        ...bytes('auth_ext.data', e.data),
      ];
    case 'vendor':
      return [number('vendor_ext.id', 3, e.oui), ...bytes('vendor_ext.data', e.data)];
    case 'capabilities':
      return [
        number('devcap_ext.srccap', 4, e.sourceCapabilities),
        number('devcap_ext.dstcap', 4, e.destinationCapabilities),
      ];
    case 'unknown':
      return bytes('unknown_ext.value', e.octets);
  }
}

const END: Extension = {
  kind: 'unknown',
  type: 0,
  compulsory: true,
  reserved: false,
  octets: new Uint8Array(0),
};

const extensionFields = (e: Extension): Field[] => [
  number('ext.type', 2, (e.compulsory ? 0x8000 : 0) + e.type),
  number('ext.len', 2, extensionOctets(e) - 4),
  ...valueFields(e),
];

function fields(m: NhrpMessage): Field[] {
  const extensions = m.extensions === null ? [] : [...m.extensions, END];
  const tail = extensions.reduce((sum, e) => sum + extensionOctets(e), 0);
  return [
    number('hdr.afn', 2, m.addressFamily),
    number('hdr.pro.type', 2, m.protocolType),
    ['nhrp.protocol_type', '0000000000'],
    number('hdr.hopcnt', 1, m.hopCount),
    number('hdr.pktsz', 2, messageOctets(m)),
    number('hdr.extoff', 2, tail === 0 ? 0 : messageOctets(m) - tail),
    number('hdr.version', 1, 1),
    number('hdr.op.type', 1, m.type),
    number('hdr.shtl', 1, typeLengthOf(m.sourceNbmaAddress)),
    number('hdr.sstl', 1, typeLengthOf(m.sourceNbmaSubaddress)),
    number('src.prot.len', 1, nhrpAddressOctets(m.sourceProtocolAddress)),
    number('dst.prot.len', 1, nhrpAddressOctets(m.destinationProtocolAddress)),
    ...ownFields(m),
    ...addressField('src.nbma.addr', m.sourceNbmaAddress),
    ...addressField('src.nbma.saddr', m.sourceNbmaSubaddress),
    ...addressField('src.prot.addr', m.sourceProtocolAddress),
    ...addressField('dst.prot.addr', m.destinationProtocolAddress),
    ...('cies' in m ? m.cies.flatMap(cieFields) : []),
    ...(m.type === PacketType.ERROR_INDICATION ? fields(unwrap(decodeMessage(m.packet))) : []),
    ...extensions.flatMap(extensionFields),
  ];
}

function ownFields(m: NhrpMessage): Field[] {
  if ('cies' in m) return [number('flags', 2, m.flags), number('reqid', 4, m.requestId)];
  if (m.type === PacketType.TRAFFIC_INDICATION) return []; // tshark does not show its code
  return [number('err.code', 2, m.errorCode), number('err.offset', 2, m.errorOffset)];
}

/** GRE without key over IPv4, as link type 228 (raw IPv4). */
function pcapOf(packets: readonly Uint8Array[]): Uint8Array {
  const file = Buffer.from('a1b2c3d40002000400000000000000000000ffff000000e4', 'hex');
  const frames = packets.map((packet) => {
    const frame = Buffer.alloc(16 + 24);
    frame.writeUInt32BE(24 + packet.length, 8);
    frame.writeUInt32BE(24 + packet.length, 12);
    frame.set(fromHex('45c0000000000000ff2f0000c0000201c000020200002001'), 16);
    frame.writeUInt16BE(24 + packet.length, 18);
    return Buffer.concat([frame, packet]);
  });
  return Buffer.concat([file, ...frames]);
}

/** The packets as tshark describes them in PDML, one text each. */
function dissect(packets: readonly Uint8Array[], authenticationHasAddress: boolean): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'dmvpn-tshark-'));
  try {
    const file = join(folder, 'nhrp.pcap');
    writeFileSync(file, pcapOf(packets));
    const preference = `nhrp.auth_ext_has_addr:${authenticationHasAddress ? 'TRUE' : 'FALSE'}`;
    const { stdout } = spawnSync('tshark', ['-r', file, '-T', 'pdml', '-o', preference], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    return stdout.split('<packet>').slice(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const LINE = /<field name="(nhrp\.[^"]*)"(.*)>/g;
const attribute = (line: string, name: string): string | undefined =>
  new RegExp(` ${name}="([^"]*)"`).exec(line)?.[1];

/** Bits that are parts of other fields, and the checksum, which is looked at by itself. */
const PART = /^nhrp\.(flag\..*|ext\.c|hdr\.chksum.*|.*tl\.(type|len)|.*cap\.V)$/;

const dissected = (pdml: string): Field[] =>
  [...pdml.matchAll(LINE)].flatMap(([, name = '', rest = '']): Field[] => {
    if (PART.test(name)) return [];
    const value = attribute(rest, 'unmaskedvalue') ?? attribute(rest, 'value') ?? '';
    return [[name.replace(/_(bytes|byets)$/, ''), value]]; // the dissector's own spelling
  });

/** What tshark finds wrong with a packet. */
const complaints = (pdml: string): string[] =>
  [...pdml.matchAll(/name="(_ws\.malformed|nhrp\.ext\.(?:extra|malformed|not_allowed))"/g)].map(
    ([, name = '']) => name,
  );

const FLAG_LETTERS: Readonly<Record<string, string>> = {
  ...{ q: 'router', a: 'authoritative', d: 'destination-stable', u: 'unique', s: 'source-stable' },
  ...{ n: 'no-reply', nat: 'nat' },
};

const flags = (pdml: string): string[] =>
  [...pdml.matchAll(LINE)].flatMap(([, name = '', rest = '']) => {
    const letter = /^nhrp\.flag\.(.*)$/.exec(name)?.[1];
    return letter !== undefined && attribute(rest, 'show') === '1'
      ? [FLAG_LETTERS[letter] ?? letter]
      : [];
  });

function compare(messages: readonly NhrpMessage[], authenticationHasAddress: boolean): void {
  const packets = dissect(messages.map(messageBytes), authenticationHasAddress);
  expect(packets).toHaveLength(messages.length);
  messages.forEach((m, i) => {
    const pdml = packets[i] ?? '';
    const what = `${packetTypeName(m.type)}, families ${m.addressFamily} and ${m.protocolType}`;
    expect(complaints(pdml), what).toEqual([]);
    expect(/nhrp\.hdr\.chksum\.status"[^>]* show="1"/.test(pdml), what).toBe(true);
    expect(pdml.includes(packetTypeName(m.type)), what).toBe(true);
    expect(dissected(pdml), what).toEqual(fields(m));
    if ('cies' in m) expect(flags(pdml), what).toEqual(flagNames(m.type, m.flags));
  });
}

const password = (): Extension => ciscoAuthentication(text('test123'));

needs('tshark')('tshark reads what we encode', () => {
  it("each type over each pair of families, with every extension and Cisco's authentication", () => {
    compare(
      everyMessage(password, (afn, pro) => cies(9, [cie(afn, pro, 1)])),
      false,
    );
  });

  it('with the authentication of RFC 2332 and the capabilities of RFC 2735', () => {
    const mac = (pro: Pro): Extension => {
      const source = encoded(address(PROTOCOL[pro][0])).subarray(1);
      return {
        ...macAuthentication(256, source, 16),
        data: Uint8Array.from(
          source.length === 4
            ? RECORDED.purgeReply.subarray(0, 16)
            : RECORDED.purgeReply.subarray(1, 17),
        ),
      };
    };
    compare(
      everyMessage(mac, () => CAPABILITIES),
      true,
    );
  });

  it('E.164 addresses, and a subaddress of the source', () => {
    const e164 = { typeLength: 0x40 | 15, octets: text('441234567890123') };
    const sub = { typeLength: 4, octets: Uint8Array.of(1, 2, 3, 4) };
    const plain = message(PacketType.RESOLUTION_REPLY, AddressFamily.IPV4, ProtocolType.IPV4, null);
    const list = [cie(AddressFamily.IPV4, ProtocolType.IPV4, 0)]; // no E.164 here: Wireshark 4.0 forgets to mask its bit
    const m = {
      ...plain,
      addressFamily: AddressFamily.E164,
      sourceNbmaAddress: e164,
      sourceNbmaSubaddress: sub,
      cies: list,
    };
    compare([m as CieMessage], false);
  });

  it('what real peers sent, encoded again', () => {
    const messages = Object.values(RECORDED).map((octets) => unwrap(decodeMessage(octets)));
    compare(
      messages.filter((m) => m.type !== PacketType.ERROR_INDICATION), // the one of FRR quotes too little for tshark
      false,
    );
  });
});
