/**
 * NHRP codec: the 108-octet Registration Request that a Cisco or FRR spoke sends, beside code that knows where
 * everything is in that one packet and checks nothing.
 */
import {
  AddressFamily,
  type CieExtension,
  type CieMessage,
  ciscoAuthentication,
  encodeMessage,
  MessageTemplate,
  messageOctets,
  messageOf,
  NhrpView,
  ProtocolType,
} from 'dmvpn/nhrp';
import { IpAddress, readU16, readU32, slabChecksum, wordsOf } from 'dmvpn/wire';
import type { Row } from './harness.js';

const PACKETS = 64; // a batch from a socket
const SLOT_OCTETS = 512;
const HEADROOM_OCTETS = 128 + 28; // outer IPv4 and keyed GRE before it
const DISPATCHER = 'src/nhrp/engine/dispatcher.ts';
const CONTEXT = 'src/nhrp/engine/context.ts';

const CIE = {
  code: 0,
  prefixLength: 255,
  unused: 0,
  mtu: 1400,
  holdingTimeSeconds: 300,
  preference: 0,
  nbmaAddress: null,
  nbmaSubaddress: null,
  protocolAddress: null,
} as const;

const emptyExtension = (type: number): CieExtension => ({
  kind: 'cies',
  type,
  compulsory: true,
  reserved: false,
  cies: [],
});

function registration(seed: number): CieMessage {
  const nbma = new IpAddress(4, 0xc0a80000 + seed);
  return {
    addressFamily: AddressFamily.IPV4,
    protocolType: ProtocolType.IPV4,
    snap: null,
    hopCount: 255,
    type: 3,
    flags: 0x8002,
    requestId: (seed * 2_654_435_761) >>> 0,
    sourceNbmaAddress: nbma,
    sourceNbmaSubaddress: null,
    sourceProtocolAddress: new IpAddress(4, 0x0a000000 + seed),
    destinationProtocolAddress: new IpAddress(4, 0x0a000064),
    cies: [{ ...CIE, holdingTimeSeconds: 300 + (seed & 0xff) }],
    extensions: [
      emptyExtension(3),
      emptyExtension(4),
      emptyExtension(5),
      ciscoAuthentication(new TextEncoder().encode('NHRPAUTH')),
      {
        ...emptyExtension(9),
        compulsory: false,
        cies: [{ ...CIE, nbmaAddress: nbma, protocolAddress: new IpAddress(4, 0x0a000064) }],
      },
    ],
  };
}

const OCTETS = messageOctets(registration(1)); // 108

/** A slab of packets at even offsets, other ones each round. */
class Batch {
  readonly slab: Uint8Array = new Uint8Array(PACKETS * SLOT_OCTETS);
  readonly words: Uint32Array = wordsOf(this.slab);
  readonly messages: CieMessage[] = [];

  at(i: number): number {
    return (i % PACKETS) * SLOT_OCTETS + HEADROOM_OCTETS;
  }

  readonly mutate = (round: number): void => {
    for (let i = 0; i < PACKETS; i++) {
      const message = registration(round * PACKETS + i + 1);
      encodeMessage(message, this.slab, this.at(i));
      this.messages[i] = message;
    }
  };
}

function parseRow(batch: Batch): Row {
  const { slab, words } = batch;
  const view = new NhrpView();
  return {
    name: 'nhrp parse and verify, no objects',
    octets: OCTETS,
    limit: 1.3,
    mutate: batch.mutate,
    calls: [['view.parse(', DISPATCHER]],
    ours: (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        if (view.parse(slab, words, batch.at(i), OCTETS) !== null) throw new Error('refused');
        sum = (sum + fieldsOf(view)) | 0;
      }
      return sum;
    },
    reference: {
      name: 'bare offset reader',
      agrees: true,
      run: (times) => {
        let sum = 0;
        for (let i = 0; i < times; i++) sum = (sum + bareRead(slab, words, batch.at(i))) | 0;
        return sum;
      },
    },
  };
}

/** What a node looks at first: header, addresses, holding time, where authentication and NAT addresses are. */
function fieldsOf(view: NhrpView): number {
  const { slab, at } = view;
  let sum = view.type + view.hopCount + view.flags + view.requestId;
  sum += readU32(slab, view.sourceNbmaAt) + readU32(slab, view.sourceProtocolAt);
  sum += readU32(slab, view.destinationProtocolAt) + readU16(slab, view.bodyAt + 6);
  return (sum + view.authenticationAt - at + view.natAddressAt - at) | 0;
}

/** The same fields, found by the packet's own lengths and offsets; it sums the same checksum and believes everything. */
function bareRead(b: Uint8Array, words: Uint32Array, at: number): number {
  const end = at + readU16(b, at + 10);
  if (slabChecksum(b, words, at, end - at) !== 0) throw new Error('refused');
  const source = at + 28 + (octet(b, at + 18) & 63) + (octet(b, at + 19) & 63);
  const destination = source + octet(b, at + 20);
  const cie = destination + octet(b, at + 21);
  let sum = octet(b, at + 17) + octet(b, at + 9) + readU16(b, at + 22) + readU32(b, at + 24);
  sum += readU32(b, at + 28) + readU32(b, source) + readU32(b, destination) + readU16(b, cie + 6);
  for (let e = at + readU16(b, at + 14); e < end; e += 4 + readU16(b, e + 2)) {
    const type = readU16(b, e) & 0x3fff;
    if (type === 7 || type === 9) sum += e - at;
  }
  return sum | 0;
}

const octet = (b: Uint8Array, at: number): number => b[at] as number;

function decodeRow(batch: Batch): Row {
  const { slab, words } = batch;
  const view = new NhrpView();
  return {
    name: 'nhrp decode to objects',
    octets: OCTETS,
    limit: 1.3,
    mutate: batch.mutate,
    calls: [
      ['view.parse(', DISPATCHER],
      ['messageOf(', DISPATCHER],
    ],
    ours: (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        if (view.parse(slab, words, batch.at(i), OCTETS) !== null) throw new Error('refused');
        const message = messageOf(view);
        if (!('cies' in message)) throw new Error('refused');
        sum = (sum + message.requestId + (message.extensions?.length ?? 0)) | 0;
      }
      return sum;
    },
    reference: {
      name: 'hand-written, addresses as text',
      agrees: true,
      run: (times) => {
        let sum = 0;
        for (let i = 0; i < times; i++) {
          const message = bareDecode(slab, words, batch.at(i));
          sum = (sum + message.requestId + message.extensions.length) | 0;
        }
        return sum;
      },
    },
  };
}

const text = (b: Uint8Array, at: number): string =>
  `${b[at]}.${b[at + 1]}.${b[at + 2]}.${b[at + 3]}`;

/** What one writes in an afternoon: an object a structure, addresses as strings, octets as views, no check but the sum. */
function bareDecode(b: Uint8Array, words: Uint32Array, at: number) {
  const end = at + readU16(b, at + 10);
  if (slabChecksum(b, words, at, end - at) !== 0) throw new Error('refused');
  const cie = {
    code: b[at + 40],
    prefixLength: b[at + 41],
    mtu: readU16(b, at + 44),
    holdingTimeSeconds: readU16(b, at + 46),
    preference: b[at + 51],
  };
  const extensions: { type: number; octets: Uint8Array }[] = [];
  for (let e = at + readU16(b, at + 14); e < end - 4; e += 4 + readU16(b, e + 2))
    extensions.push({
      type: readU16(b, e) & 0x3fff,
      octets: b.subarray(e + 4, e + 4 + readU16(b, e + 2)),
    });
  return {
    addressFamily: readU16(b, at),
    protocolType: readU16(b, at + 2),
    hopCount: b[at + 9],
    type: b[at + 17],
    flags: readU16(b, at + 22),
    requestId: readU32(b, at + 24),
    sourceNbmaAddress: text(b, at + 28),
    sourceProtocolAddress: text(b, at + 32),
    destinationProtocolAddress: text(b, at + 36),
    cies: [cie],
    extensions,
  };
}

function encodeRow(batch: Batch): Row {
  const out = new Uint8Array(SLOT_OCTETS);
  const words = wordsOf(out);
  return {
    name: 'nhrp encode from a message',
    octets: OCTETS,
    limit: 1.5,
    mutate: batch.mutate,
    calls: [['encodeMessage(', CONTEXT]],
    ours: (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) {
        encodeMessage(batch.messages[i % PACKETS] as CieMessage, out, 0, words);
        sum = (sum + readU16(out, 12)) | 0;
      }
      return sum;
    },
    reference: {
      name: 'bare writer',
      agrees: true,
      run: (times) => {
        let sum = 0;
        for (let i = 0; i < times; i++) {
          bareWrite(batch.messages[i % PACKETS] as CieMessage, out, words);
          sum = (sum + readU16(out, 12)) | 0;
        }
        return sum;
      },
    },
  };
}

function put16(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 8;
  b[at + 1] = value;
}
function put32(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
}
const word = (address: unknown): number => (address as IpAddress).w0;

function putCie(b: Uint8Array, at: number, cie: CieMessage['cies'][number], octets: number): void {
  b[at] = cie.code;
  b[at + 1] = cie.prefixLength;
  put16(b, at + 2, cie.unused);
  put16(b, at + 4, cie.mtu);
  put16(b, at + 6, cie.holdingTimeSeconds);
  b[at + 8] = octets;
  b[at + 9] = 0;
  b[at + 10] = octets;
  b[at + 11] = cie.preference;
}

/** This one message, every field at its constant offset. */
function bareWrite(m: CieMessage, b: Uint8Array, words: Uint32Array): void {
  put16(b, 0, m.addressFamily);
  put16(b, 2, m.protocolType);
  put32(b, 4, 0);
  b[8] = 0;
  b[9] = m.hopCount;
  put16(b, 10, 108);
  put16(b, 12, 0);
  put16(b, 14, 52);
  b[16] = 1;
  b[17] = m.type;
  b[18] = 4;
  b[19] = 0;
  b[20] = 4;
  b[21] = 4;
  put16(b, 22, m.flags);
  put32(b, 24, m.requestId);
  put32(b, 28, word(m.sourceNbmaAddress));
  put32(b, 32, word(m.sourceProtocolAddress));
  put32(b, 36, word(m.destinationProtocolAddress));
  const [cie] = m.cies;
  const [, , , auth, nat] = m.extensions ?? [];
  if (cie === undefined || auth?.kind !== 'authentication' || nat?.kind !== 'cies') return;
  putCie(b, 40, cie, 0);
  put32(b, 52, 0x80030000);
  put32(b, 56, 0x80040000);
  put32(b, 60, 0x80050000);
  put32(b, 64, 0x8007000c);
  put32(b, 68, auth.spi);
  for (let i = 0; i < 8; i++) b[72 + i] = auth.data[i] as number;
  put32(b, 80, 0x00090014);
  const [natCie] = nat.cies;
  if (natCie === undefined) return;
  putCie(b, 84, natCie, 4);
  put32(b, 96, word(natCie.nbmaAddress));
  put32(b, 100, word(natCie.protocolAddress));
  put32(b, 104, 0x80000000);
  put16(b, 12, slabChecksum(b, words, 0, 108));
}

function templateRow(): Row {
  const out = new Uint8Array(SLOT_OCTETS);
  const words = wordsOf(out);
  const message = registration(1);
  const template = new MessageTemplate(message);
  let requestId = 0;
  const ours = (times: number): number => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      template.requestId = (requestId + i) >>> 0;
      template.encode(out, 0);
      sum = (sum + readU16(out, 12)) | 0;
    }
    return sum;
  };
  const run = (times: number): number => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      put32(out, 24, requestId + i);
      put16(out, 12, 0);
      put16(out, 12, slabChecksum(out, words, 0, OCTETS));
      sum = (sum + readU16(out, 12)) | 0;
    }
    return sum;
  };
  return {
    name: 'nhrp encode from a template',
    octets: OCTETS,
    limit: 1,
    mutate: (round) => {
      requestId = Math.imul(round, 0x9e3779b1) >>> 0;
      bareWrite(message, out, words);
    },
    calls: [
      ['template.requestId = ', 'src/nhrp/engine/registration.ts'],
      ['template.encode(', CONTEXT],
    ],
    ours,
    reference: { name: 'patch in place, sum anew', agrees: true, run },
  };
}

/** Rows of the NHRP codec. */
export function nhrpRows(): readonly Row[] {
  const batch = new Batch();
  return [parseRow(batch), decodeRow(batch), encodeRow(batch), templateRow()];
}
