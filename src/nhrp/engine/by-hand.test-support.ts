/** Messages written by hand and put before the engines of a test network, and what they send in answer, decoded. */
import { readU16 } from '../../wire/bytes.js';
import type { Extension } from '../codec/extension.js';
import {
  type CieMessage,
  decodeMessage,
  encodeMessage,
  messageOctets,
  type NhrpMessage,
  type TrafficIndication,
} from '../codec/message.js';
import { address, blueprint, HUB, type Network } from './engine-network.test-support.js';
import { cieExtension, cieOf, headerOf } from './messages.js';

export const PASSWORD: Uint8Array = Uint8Array.from('test123', (c) => c.charCodeAt(0));
export const AUTHENTICATION: Extension = {
  kind: 'authentication',
  type: 7,
  compulsory: true,
  reserved: false,
  reserved16: 0,
  spi: 1,
  source: null,
  data: PASSWORD,
};
export const UNKNOWN_COMPULSORY: Extension = {
  kind: 'unknown',
  type: 0x123,
  compulsory: true,
  reserved: false,
  octets: new Uint8Array(4),
};
export const EXTENSIONS: readonly Extension[] = [
  cieExtension(3),
  cieExtension(4),
  cieExtension(5),
  AUTHENTICATION,
  cieExtension(9),
];

/** A stranger at 10.0.0.7 (192.168.7.2) writes by hand. */
export const STRANGER: Parameters<typeof headerOf>[0] = {
  protocol: address('10.0.0.7'),
  nbma: address('192.168.7.2'),
  hopCount: 255,
};

export const cieMessage = (
  type: CieMessage['type'],
  destination: string,
  more: Partial<CieMessage> = {},
): CieMessage => ({
  ...headerOf(STRANGER, address(destination)),
  type,
  flags: 0,
  requestId: 77,
  cies: [cieOf({ prefixLength: 32, mtu: 1400, holdingTimeSeconds: 300 })],
  extensions: EXTENSIONS,
  ...more,
});

/** A redirect about a packet of the LAN of spoke 1 to that of spoke 2. */
export function indicationWith(extensions: readonly Extension[] | null): TrafficIndication {
  const packet = new Uint8Array(28);
  packet.set([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 172, 16, 1, 1, 172, 16, 2, 1]);
  return {
    ...headerOf(STRANGER, address('172.16.1.1')),
    type: 8,
    unused: 0,
    trafficCode: 0,
    unused2: 0,
    packet,
    extensions,
  };
}

export function octetsOf(message: NhrpMessage): Uint8Array {
  const octets = new Uint8Array(messageOctets(message));
  encodeMessage(message, octets, 0);
  return octets;
}

/** Sends by hand, lets time pass, and returns what came back or went on, decoded. */
export function exchange(
  net: Network,
  message: NhrpMessage,
  from = '192.168.7.2',
  to: string = HUB.nbma,
): Sent[] {
  const before = net.trace.length;
  net.inject(from, to, octetsOf(message));
  net.run(10);
  return net.trace.slice(before).map(parseTrace);
}

export interface Sent {
  readonly by: string;
  readonly to: string;
  readonly message: NhrpMessage;
}

export function parseTrace(line: string): Sent {
  const [, by = '', , to = '', hex = ''] = line.split(' ');
  const decoded = decodeMessage(
    Uint8Array.from(hex.match(/../g) ?? [], (h) => Number.parseInt(h, 16)),
  );
  if (!decoded.ok) throw new Error(`bug: ${line}`);
  return { by, to, message: decoded.value };
}

export const errorsIn = (sent: readonly Sent[]): number[] =>
  sent.flatMap(({ message }) => (message.type === 7 ? [message.errorCode] : []));

export const repliesIn = (sent: readonly Sent[], type: number): CieMessage[] =>
  sent.flatMap(({ message }) =>
    message.type === type && message.type <= 6 ? [message as CieMessage] : [],
  );

export const ready = (more: Parameters<typeof blueprint>[0] = {}): Network => {
  const net = blueprint(more);
  net.run(2_000);
  return net;
};

export const hubSlot = (net: Network, text: string): number =>
  net.engine('hub').cache.find(address(text), net.now);

/** Of octets whose checksum field is zero: RFC 2332 §5.1, in the plainest way. */
export function checksumOf(octets: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < octets.length; at += 2)
    sum += at + 1 < octets.length ? readU16(octets, at) : (octets[at] ?? 0) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
