/**
 * What an address gets for a packet that somebody else sent in its name: reliability S6. Every first packet of IKE, ESP,
 * NHRP and GRE that a node answers at all, its answers of five minutes, in octets of IP packets.
 */
import { describe, expect, it } from 'vitest';
import {
  hubTunnel,
  ip,
  type LabNode,
  spokeTunnel,
  VirtualLab,
} from '../../src/dmvpn/virtual-lab.js';
import { encapsulateGre } from '../../src/gre/in-place.js';
import { nodeCrypto } from '../../src/io/crypto-node.js';
import { decodeIkeMessage, messageBytes } from '../../src/ipsec/ike/message.js';
import type { IkePayload } from '../../src/ipsec/ike/payload.js';
import type { Proposal } from '../../src/ipsec/ike/proposal.js';
import { kePayload } from '../../src/ipsec/ike/v2/payloads.js';
import { ErrorCode, PacketType } from '../../src/nhrp/codec/numbers.js';
import { cieOf, headerOf } from '../../src/nhrp/engine/messages.js';
import { echoPacket } from '../../src/wire/icmp-packet.js';
import type { Carrier } from '../../src/wire/path.js';
import { unwrap } from '../../src/wire/result.js';
import { firstIkeMessage, HUB_NBMA, HUB_OVERLAY, inGre, password } from './strangers.js';

const VICTIM = '203.0.113.9';
const FIVE_MINUTES = 300_000;

/** Octets of the IP packet around a datagram. */
const onWire = (carrier: Carrier, octets: number): number =>
  octets + 20 + (carrier === 'gre' || carrier === 'esp' ? 0 : 8);

interface Ratio {
  readonly asked: number;
  readonly answers: readonly number[];
  readonly ratio: number;
  readonly bytes: readonly Uint8Array[];
}

/** One packet in the victim's name, and all that the victim gets. */
function ask(node: LabNode, carrier: Carrier, bytes: Uint8Array, times = 1): Ratio {
  const port = carrier === 'ike' ? 500 : carrier === 'ike-natt' ? 4_500 : 0;
  const local = { address: ip(HUB_NBMA), port };
  const remote = { address: ip(VICTIM), port };
  node.sent.length = 0;
  node.lab.passes = ({ remote: to }) => String(to.address) !== VICTIM;
  for (let i = 0; i < times; i++)
    node.act((n, now) => n.handleDatagram(now, { carrier, local, remote }, bytes.slice()));
  node.lab.run(FIVE_MINUTES);
  const back = node.sent.filter(({ path }) => String(path.remote.address) === VICTIM);
  const answers = back.map(({ path, bytes: answer }) => onWire(path.carrier, answer.length));
  const asked = onWire(carrier, bytes.length) * times;
  const ratio = answers.reduce((sum, n) => sum + n, 0) / asked;
  return { asked, answers, ratio, bytes: back.map((sent) => sent.bytes) };
}

const say = (name: string, { asked, answers, ratio }: Ratio): void =>
  console.info(
    `${name}: ${answers.join(' + ') || 'nothing'} for ${asked} octets, ${ratio.toFixed(2)}`,
  );

describe('IKE and ESP', () => {
  const protectedHub = (over: object = {}): LabNode =>
    new VirtualLab(nodeCrypto()).add(
      hubTunnel({
        protection: { kind: 'ipsec', keys: [{ peer: null, secret: 'of the network' }], ...over },
      }),
    );
  const edited = (edit: (payloads: IkePayload[]) => IkePayload[]): Uint8Array => {
    const { header, payloads } = unwrap(decodeIkeMessage(firstIkeMessage()));
    return messageBytes(header, edit([...payloads]));
  };
  const withUnknownCipher = (p: Proposal): Proposal => ({
    ...p,
    transforms: p.transforms.map((t) => (t.type === 1 ? { ...t, id: 999 } : t)),
  });
  const only384 = [
    { encryption: ['aes-256-gcm-16'], integrity: [], prf: ['hmac-sha2-384'], groups: [20] },
  ];
  const unknownSpis = (exchangeType: number): Uint8Array =>
    messageBytes({ initiatorSpi: 1n, responderSpi: 2n, exchangeType, flags: 8, messageId: 1 }, [
      { kind: 'sk', type: 46, flags: 0, inner: 0, data: new Uint8Array(40) },
    ]);
  const ikev1 = (exchangeType: number): Uint8Array => {
    const bytes = new Uint8Array(200);
    bytes.set([1, 2, 3, 4, 5, 6, 7, 8]);
    bytes.set([1, 0x10, exchangeType, 0], 16);
    bytes[27] = 200;
    return bytes;
  };
  const nextVersion = (): Uint8Array => {
    const bytes = firstIkeMessage();
    bytes[17] = 0x30;
    return bytes;
  };

  it.each<[string, Carrier, () => Uint8Array, object, number]>([
    ['a first message (INIT response)', 'ike', firstIkeMessage, {}, 1.5],
    [
      'INVALID_KE_PAYLOAD',
      'ike',
      () => edited((p) => p.map((x) => (x.kind === 'ke' ? kePayload(14, new Uint8Array(256)) : x))),
      {},
      1,
    ],
    [
      'NO_PROPOSAL_CHOSEN',
      'ike',
      () =>
        edited((p) =>
          p.map((x) =>
            x.kind === 'sa' ? { ...x, proposals: x.proposals.map(withUnknownCipher) } : x,
          ),
        ),
      {},
      1,
    ],
    ['another group', 'ike', firstIkeMessage, { ike: only384 }, 1],
    ['no SA at all', 'ike', () => edited((p) => p.filter((x) => x.kind !== 'sa')), {}, 1],
    [
      'a critical payload that is unknown',
      'ike',
      () =>
        edited((p) => [...p, { kind: 'other', type: 200, flags: 0x80, data: new Uint8Array(0) }]),
      {},
      1,
    ],
    ['IKE_AUTH of no IKE SA', 'ike', () => unknownSpis(35), {}, 1],
    ['CREATE_CHILD_SA of no IKE SA', 'ike', () => unknownSpis(36), {}, 1],
    ['INFORMATIONAL of no IKE SA', 'ike', () => unknownSpis(37), {}, 1],
    ['an exchange that does not exist', 'ike', () => unknownSpis(99), {}, 1],
    ['IKE 3', 'ike', nextVersion, {}, 1],
    ['IKEv1 main mode', 'ike', () => ikev1(2), {}, 0],
    ['IKEv1 aggressive mode', 'ike', () => ikev1(4), {}, 0],
    ['ESP of no association', 'esp', () => new Uint8Array(100).fill(7), {}, 1],
    ['a short ESP packet', 'esp', () => new Uint8Array(9).fill(7), {}, 1],
    ['ESP in UDP of no association', 'ike-natt', () => new Uint8Array(100).fill(7), {}, 1],
    ['a NAT keepalive', 'ike-natt', () => Uint8Array.of(0xff), {}, 0],
    ['a header alone', 'ike', () => firstIkeMessage().subarray(0, 28), {}, 0],
    ['clear GRE', 'gre', () => inGre(message(PacketType.REGISTRATION_REQUEST, 'test123')), {}, 0],
  ])('%s', (name, carrier, packet, over, limit) => {
    const ratio = ask(protectedHub(over), carrier, packet());
    say(name, ratio);
    expect(ratio.answers.length).toBeLessThanOrEqual(1); // nothing is repeated to whom has proven nothing
    expect(ratio.ratio).toBeLessThanOrEqual(limit);
  });

  it('a first message that comes again and again is answered as often, not more', () => {
    const ratio = ask(protectedHub(), 'ike', firstIkeMessage(), 10);
    say('a first message, 10 times', ratio);
    expect(ratio.ratio).toBeLessThanOrEqual(1.5);
  });
});

const message = (type: number, secret: string | null, destination = HUB_OVERLAY) => {
  const about = { nbma: ip(VICTIM), protocol: ip('10.0.0.9'), hopCount: 255 };
  const extensions = secret === null ? null : [password(secret)];
  const header = { ...headerOf(about, ip(destination)), extensions };
  const packet = echo();
  if (type === PacketType.ERROR_INDICATION)
    return {
      ...header,
      type,
      unused: 0,
      errorCode: ErrorCode.PROTOCOL_ERROR,
      errorOffset: 0,
      packet,
    } as never;
  if (type === PacketType.TRAFFIC_INDICATION)
    return { ...header, type, unused: 0, trafficCode: 0, unused2: 0, packet } as never;
  const cies = [cieOf({ prefixLength: 32, holdingTimeSeconds: 300 })];
  return { ...header, type, flags: 0, requestId: 1, cies } as never;
};

const echo = (source = '10.0.0.9', destination = HUB_OVERLAY, data = 0): Uint8Array =>
  echoPacket(
    { isReply: false, identifier: 1, sequence: 1, data: new Uint8Array(data) },
    { source: ip(source), destination: ip(destination) },
    64,
  );

function dataInGre(packet: Uint8Array): Uint8Array {
  const slab = new Uint8Array(8 + packet.length);
  slab.set(packet, 8);
  encapsulateGre(slab, 8, 0x0800, 42);
  return slab;
}

describe('NHRP and GRE in the clear', () => {
  const hub = (): LabNode => {
    const lab = new VirtualLab();
    const added = lab.add(hubTunnel());
    lab.add(spokeTunnel(1));
    lab.run(1_000);
    return added;
  };
  /** Fixed header, mandatory part and GRE of an Error Indication that quotes nothing. */
  const ERROR_HEADER = 8 + 20 + 8 + 3 * 4;

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('a message of type %i without the password', (type) => {
    for (const secret of [null, 'guess']) {
      const ratio = ask(hub(), 'gre', inGre(message(type, secret)));
      say(`type ${type}, ${secret === null ? 'no' : 'a wrong'} password`, ratio);
      expect(ratio.answers.length).toBeLessThanOrEqual(1);
      expect(ratio.answers[0] ?? 0).toBeLessThanOrEqual(ratio.asked + ERROR_HEADER);
      expect(ratio.answers[0] ?? 0).toBeLessThanOrEqual(20 + ERROR_HEADER + 128);
      for (const bytes of ratio.bytes) expect(Buffer.from(bytes).includes('test123')).toBe(false); // who asks is not told it
    }
  });

  it('a hundred of them in a second are worth one answer', () => {
    const ratio = ask(hub(), 'gre', inGre(message(PacketType.REGISTRATION_REQUEST, 'guess')), 100);
    say('a hundred registrations', ratio);
    expect(ratio.ratio).toBeLessThan(0.05);
  });

  it.each<[string, () => Uint8Array]>([
    ['a ping of the hub', () => dataInGre(echo())],
    ['a ping of a LAN', () => dataInGre(echo('10.0.0.9', '192.168.101.5', 56))],
    [
      'a packet whose time is over',
      () => {
        const packet = echo('10.0.0.9', '192.168.101.5', 56);
        packet[8] = 1;
        return dataInGre(packet);
      },
    ],
    ['octets that are nothing', () => new Uint8Array(64).fill(0x55)],
    ['a GRE keepalive', () => dataInGre(new Uint8Array(0))],
  ])('%s', (name, packet) => {
    const ratio = ask(hub(), 'gre', packet());
    say(name, ratio);
    expect(ratio.ratio).toBeLessThanOrEqual(1.5);
  });
});
