import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../io/crypto-node.js';
import { type IpAddress, parseAddress, UNSPECIFIED_V4 } from '../wire/address.js';
import type { Carrier, Endpoint, Path } from '../wire/path.js';
import { randomOctets } from './crypto.js';
import type { AssociationOffer, DirectionKeys, Lifetimes } from './key-exchange.js';
import { ManualKeys } from './manual-keys.js';
import type { ProtectionProfile } from './profile.js';
import { IpsecProtection, type ProtectionOutput } from './protection.js';
import type { PacketFrame } from './sa/association.js';
import { SecurityAssociationDatabase } from './sa/database.js';
import { UNLIMITED } from './sa/lifetime.js';
import { SecretBytes } from './secret.js';
import {
  type CipherSuite,
  cipherSuite,
  encryptionKeyOctets,
  integrityKeyOctets,
} from './suites.js';

const crypto = nodeCrypto();
const GCM = cipherSuite('aes-256-gcm-16', null);
const CBC = cipherSuite('aes-256-cbc', 'hmac-sha1-96');
const BEFORE = 96;

const address = (text: string): IpAddress => parseAddress(text) ?? UNSPECIFIED_V4;
const endpoint = (text: string, port = 0): Endpoint => ({ address: address(text), port });

const HUB = '192.0.2.1';
const SPOKE = '192.0.2.2';
const GRE = Uint8Array.of(0x20, 0, 8, 0, 0, 0, 0, 42, 0x45, 1, 2, 3);

interface End {
  readonly at: string;
  readonly keys: ManualKeys;
  readonly database: SecurityAssociationDatabase;
  readonly protection: IpsecProtection;
}

function end(at: string, profile: Partial<ProtectionProfile> = {}): End {
  const keys = new ManualKeys();
  const random = (octets: number): Uint8Array => randomOctets(crypto, octets);
  const database = new SecurityAssociationDatabase(random);
  const protection = new IpsecProtection({
    ...{ crypto, database, random, profile },
    keyExchange: keys,
    local: address(at),
  });
  return { at, keys, database, protection };
}

interface Deal {
  readonly suite?: CipherSuite;
  readonly mode?: 'transport' | 'tunnel';
  readonly carrier?: Carrier;
  readonly lifetimes?: Partial<Lifetimes>;
  readonly extendedSequence?: boolean;
  /** Of the second end. */
  readonly behindNat?: boolean;
  /** Port of the second end as the first sees it. */
  readonly port?: number;
}

/** Gives both ends the same fresh keys, as an exchange does. Returns the SPIs at each. */
function agree(a: End, b: End, deal: Deal = {}): { aSpi: number; bSpi: number } {
  const { suite = GCM, mode = 'transport', carrier = 'esp', extendedSequence = false } = deal;
  const aSpi = a.database.allocateSpi();
  const bSpi = b.database.allocateSpi();
  const toA = freshKeys(suite);
  const toB = freshKeys(suite);
  const port = carrier === 'esp' ? 0 : 4_500;
  const bPort = deal.port ?? port;
  const offer = (own: End, other: End, spi: number, otherSpi: number): AssociationOffer => ({
    selector: { protocol: 47, local: address(own.at), remote: address(other.at) },
    suite,
    extendedSequence,
    inbound: keysOf(spi, own === a ? toA : toB),
    outbound: keysOf(otherSpi, own === a ? toB : toA),
    lifetimes: { ...UNLIMITED, ...deal.lifetimes },
    encapsulation: {
      mode,
      path: {
        carrier,
        local: endpoint(own.at, port),
        remote: endpoint(other.at, own === a ? bPort : port),
      },
      behindNat: own === b && (deal.behindNat ?? false),
    },
  });
  a.keys.install(endpoint(b.at, bPort), offer(a, b, aSpi, bSpi));
  b.keys.install(endpoint(a.at, port), offer(b, a, bSpi, aSpi));
  return { aSpi, bSpi };
}

const freshKeys = (suite: CipherSuite): readonly [Uint8Array, Uint8Array] => [
  randomOctets(crypto, encryptionKeyOctets(suite)),
  randomOctets(crypto, integrityKeyOctets(suite)),
];

const keysOf = (
  spi: number,
  [encryption, integrity]: readonly [Uint8Array, Uint8Array],
): DirectionKeys => ({
  spi,
  encryptionKey: new SecretBytes(encryption),
  integrityKey: new SecretBytes(integrity),
});

function frameOf(bytes: Uint8Array): PacketFrame {
  const slab = new Uint8Array(BEFORE + bytes.length + 288).fill(0xa5);
  slab.set(bytes, BEFORE);
  return { slab, at: BEFORE, octets: bytes.length };
}

const bytesOf = (f: PacketFrame): Uint8Array => f.slab.slice(f.at, f.at + f.octets);

/** Drives an end, and gives what it had to say. */
function drive(e: End, now: number): ProtectionOutput[] {
  e.protection.handleTimeout(now);
  return poll(e);
}

function poll(e: End): ProtectionOutput[] {
  const outputs: ProtectionOutput[] = [];
  for (;;) {
    const output = e.protection.pollOutput();
    if (output.kind === 'timeout') return outputs;
    outputs.push(output);
  }
}

function deadline(e: End): number | null {
  const output = e.protection.pollOutput();
  if (output.kind !== 'timeout') throw new Error('not drained');
  return output.at;
}

/** Sends GRE from one end to the other: what comes out there. */
function send(from: End, to: End, now = 0, port?: number): string {
  const packet = frameOf(GRE);
  const peer = from.protection.protect(now, packet, endpoint(to.at, port ?? portOf(from, to)));
  if (peer === null) return 'no association';
  const arrived = frameOf(bytesOf(packet));
  const path: Path = { carrier: peer.carrier, local: peer.remote, remote: peer.local };
  const outcome = to.protection.open(now, path, arrived);
  if (typeof outcome === 'string') return outcome;
  expect(bytesOf(arrived)).toEqual(GRE);
  return String(outcome.address);
}

const portOf = (from: End, to: End): number =>
  [...from.database.peers].find((peer) => peer.endpoint.address.equals(address(to.at)))?.endpoint
    .port ?? 0;

function pair(deal: Deal = {}, profile: Partial<ProtectionProfile> = {}): { hub: End; spoke: End } {
  const hub = end(HUB, profile);
  const spoke = end(SPOKE, profile);
  agree(hub, spoke, deal);
  drive(hub, 0);
  drive(spoke, 0);
  return { hub, spoke };
}

describe('protection', () => {
  it.each([
    ['transport', 'esp', GCM],
    ['tunnel', 'esp', GCM],
    ['transport', 'ike-natt', CBC],
    ['tunnel', 'ike-natt', CBC],
  ] as const)('carries GRE both ways: %s mode over %s', (mode, carrier, suite) => {
    const { hub, spoke } = pair({ mode, carrier, suite });
    for (let i = 0; i < 5; i++) {
      expect(send(spoke, hub)).toBe(SPOKE);
      expect(send(hub, spoke)).toBe(HUB);
    }
    expect(hub.protection.counters).toMatchObject({ sealed: 5, opened: 5, refused: {} });
  });

  it('over IPv6 too', () => {
    for (const mode of ['transport', 'tunnel'] as const) {
      const a = end('2001:db8::1');
      const b = end('2001:db8::2');
      agree(a, b, { mode });
      drive(a, 0);
      drive(b, 0);
      expect(send(a, b)).toBe('2001:db8::1');
    }
  });

  it('adds no more than it says', () => {
    const sha512 = cipherSuite('aes-256-cbc', 'hmac-sha2-512-256');
    const a = end('2001:db8::1');
    const b = end('2001:db8::2');
    agree(a, b, { mode: 'tunnel', carrier: 'ike-natt', suite: sha512 });
    drive(a, 0);
    for (let octets = 0; octets < 40; octets++) {
      const packet = frameOf(new Uint8Array(octets));
      expect(a.protection.protect(0, packet, endpoint(b.at, 4_500))).not.toBeNull();
      expect(packet.octets + 8 - octets).toBeLessThanOrEqual(a.protection.overheadOctets);
    }
  });

  it('says that a peer is up once, and down when its last pair is gone', () => {
    const hub = end(HUB);
    const spoke = end(SPOKE);
    const { aSpi } = agree(hub, spoke);
    expect(drive(hub, 0)).toEqual([{ kind: 'peer', state: 'up', nbma: endpoint(SPOKE), why: '' }]);
    const second = agree(hub, spoke);
    expect(drive(hub, 1)).toEqual([]);
    hub.keys.remove(endpoint(SPOKE), aSpi, 'peer');
    expect(drive(hub, 2)).toEqual([]);
    hub.keys.remove(endpoint(SPOKE), second.aSpi, 'peer-dead');
    expect(drive(hub, 3)).toEqual([
      { kind: 'peer', state: 'down', nbma: endpoint(SPOKE), why: 'peer-dead' },
    ]);
    expect(hub.database.size).toBe(0);
    expect(hub.database.peerCount).toBe(0);
  });

  describe('fails closed', () => {
    const inClear = (carrier: Carrier): Path => ({
      carrier,
      local: endpoint(HUB, carrier === 'gre' ? 0 : 4_754),
      remote: endpoint(SPOKE),
    });

    it('lets no clear GRE in, before, while and after there is an association', () => {
      const hub = end(HUB);
      const spoke = end(SPOKE);
      const attempt = (): void => {
        for (const carrier of ['gre', 'gre-udp'] as const)
          expect(hub.protection.open(0, inClear(carrier), frameOf(GRE))).toBe('not-mine');
      };
      attempt();
      agree(hub, spoke);
      drive(hub, 0);
      attempt();
      hub.keys.remove(endpoint(SPOKE), null);
      drive(hub, 0);
      attempt();
      expect(hub.protection.counters.clearText).toBe(6);
    });

    it('lets no GRE out without an association, and does not touch the frame', () => {
      const { hub, spoke } = pair();
      const packet = frameOf(GRE);
      expect(hub.protection.protect(0, packet, endpoint('192.0.2.77'))).toBeNull();
      expect(bytesOf(packet)).toEqual(GRE);
      hub.keys.remove(endpoint(SPOKE), null);
      drive(hub, 0);
      expect(send(hub, spoke)).toBe('no association');
      expect(hub.protection.counters.noAssociation).toBe(2);
    });

    it('delivers nothing but the protocol of the selector', () => {
      const { hub, spoke } = pair();
      const association = spoke.database.find(endpoint(HUB))?.current;
      const packet = frameOf(GRE);
      Object.assign(association as object, { selector: { protocol: 6 } });
      const path = spoke.protection.protect(0, packet, endpoint(HUB)) as Path;
      const reverse: Path = { carrier: path.carrier, local: path.remote, remote: path.local };
      expect(hub.protection.open(0, reverse, packet)).toBe('refused');
      expect(hub.protection.lastError).toMatchObject({
        code: 'bad-value',
        field: 'esp.nextHeader',
        expected: 47,
        actual: 6,
      });
    });
  });

  it('counts what it refuses by code', () => {
    const { hub, spoke } = pair();
    const packet = frameOf(GRE);
    const path = spoke.protection.protect(0, packet, endpoint(HUB)) as Path;
    const sealed = bytesOf(packet);
    const give = (bytes: Uint8Array): unknown => {
      const local = path.remote;
      return hub.protection.open(0, { carrier: 'esp', local, remote: path.local }, frameOf(bytes));
    };
    const flipped = sealed.slice();
    flipped[sealed.length - 1] = (flipped[sealed.length - 1] as number) ^ 1;
    expect(give(flipped)).toBe('refused');
    expect(give(sealed)).toMatchObject({ port: 0 });
    expect(give(sealed)).toBe('refused');
    expect(give(sealed.subarray(0, 20))).toBe('refused');
    expect(give(sealed.subarray(0, 7))).toBe('refused');
    expect(give(Uint8Array.of(9, 9, 9, 9, ...sealed.subarray(4)))).toBe('not-mine');
    expect(hub.protection.counters.refused).toEqual({
      'bad-icv': 1,
      replayed: 1,
      truncated: 2,
      'unknown-spi': 1,
    });
  });

  it('discards dummy packets, which move the window', () => {
    const { hub, spoke } = pair();
    Object.assign(spoke.database.find(endpoint(HUB))?.current as object, {
      selector: { protocol: 59 },
    });
    expect(send(spoke, hub)).toBe('consumed');
    expect(hub.protection.counters).toMatchObject({ dummies: 1, opened: 0, refused: {} });
  });

  it('finds peers of one NAT by port, though their selectors are the same', () => {
    const hub = end(HUB);
    const nat = '198.51.100.7';
    const one = end(nat);
    const two = end(nat);
    agree(hub, one, { carrier: 'ike-natt', port: 1_111 });
    agree(hub, two, { carrier: 'ike-natt', port: 2_222 });
    for (const e of [hub, one, two]) drive(e, 0);
    expect(send(hub, one, 0, 1_111)).toBe(HUB);
    expect(send(hub, two, 0, 2_222)).toBe(HUB);
    expect(send(hub, two, 0, 1_111)).toBe('not-mine'); // the other one's SPI
  });

  describe('a peer behind NAT', () => {
    const moved = (port: number): Path => ({
      carrier: 'ike-natt',
      local: endpoint(HUB, 4_500),
      remote: endpoint(SPOKE, port),
    });
    const sealedBy = (spoke: End): PacketFrame => {
      const packet = frameOf(GRE);
      expect(spoke.protection.protect(0, packet, endpoint(HUB, 4_500))).not.toBeNull();
      return packet;
    };
    const pathOf = (hub: End): Path | null =>
      hub.protection.protect(0, frameOf(GRE), endpoint(SPOKE, 1_111));

    it('is followed to another port by its newest packet that is right', () => {
      const { hub, spoke } = pair({ carrier: 'ike-natt', port: 1_111, behindNat: true });
      const late = sealedBy(spoke);
      expect(hub.protection.open(0, moved(3_333), sealedBy(spoke))).toEqual(
        endpoint(SPOKE, 1_111), // the name that NHRP has for it stays
      );
      expect(pathOf(hub)?.remote.port).toBe(3_333);
      expect(hub.protection.open(0, moved(1_111), late)).toEqual(endpoint(SPOKE, 1_111));
      expect(pathOf(hub)?.remote.port).toBe(3_333);
    });

    it('is not moved by a packet that is wrong', () => {
      const { hub, spoke } = pair({ carrier: 'ike-natt', port: 1_111, behindNat: true });
      const packet = sealedBy(spoke);
      packet.slab[packet.at + 20] = (packet.slab[packet.at + 20] as number) ^ 1;
      expect(hub.protection.open(0, moved(6_666), packet)).toBe('refused');
      expect(pathOf(hub)?.remote.port).toBe(1_111);
    });

    it('makes room for whom the NAT has given its old port to', () => {
      const { hub, spoke } = pair({ carrier: 'ike-natt', port: 1_111, behindNat: true });
      hub.protection.open(0, moved(3_333), sealedBy(spoke));
      const other = end(SPOKE);
      agree(hub, other, { carrier: 'ike-natt', port: 1_111 });
      // manual keys take it for the same peer; an exchange would not
      const outputs = drive(hub, 1);
      expect(outputs).toEqual([
        { kind: 'peer', state: 'down', nbma: endpoint(SPOKE, 1_111), why: 'moved' },
        { kind: 'peer', state: 'up', nbma: endpoint(SPOKE, 3_333), why: '' },
        { kind: 'peer', state: 'up', nbma: endpoint(SPOKE, 1_111), why: '' },
      ]);
      drive(other, 1);
      expect(send(hub, other, 1, 1_111)).toBe(HUB);
      expect(send(hub, spoke, 1, 3_333)).toBe(HUB);
    });

    it('keeps its mapping open while it has nothing to say, and only it', () => {
      const { hub, spoke } = pair({ carrier: 'ike-natt', behindNat: true }, { livenessMs: null });
      expect(deadline(spoke)).toBe(20_000);
      expect(drive(spoke, 19_999)).toEqual([]);
      const [sent] = drive(spoke, 20_000);
      expect(sent).toMatchObject({ kind: 'transmit', bytes: Uint8Array.of(0xff) });
      expect(hub.protection.open(20_000, moved(4_500), frameOf(Uint8Array.of(0xff)))).toBe(
        'consumed',
      );
      expect(hub.protection.counters.keepalivesReceived).toBe(1);
      send(spoke, hub, 30_000);
      expect(drive(spoke, 40_000)).toEqual([]);
      expect(drive(spoke, 50_000)).toHaveLength(1);
      expect(drive(hub, 50_000)).toEqual([]);
    });
  });

  it('is found again as the peer that is wanted when its packets float to port 4500', () => {
    const spoke = end(SPOKE);
    const hub = end(HUB);
    spoke.protection.want(0, endpoint(HUB));
    expect(spoke.keys.takeRequests()).toMatchObject([{ kind: 'want', peer: endpoint(HUB) }]);
    agree(hub, spoke, { carrier: 'ike-natt' });
    expect(drive(spoke, 0)).toEqual([{ kind: 'peer', state: 'up', nbma: endpoint(HUB), why: '' }]);
    const path = spoke.protection.protect(0, frameOf(GRE), endpoint(HUB));
    expect(path).toMatchObject({ carrier: 'ike-natt', remote: { port: 4_500 } });
  });

  describe('lifetimes', () => {
    it.each([
      ['packets', { softPackets: 3, hardPackets: 5 }],
      ['octets', { softOctets: 3 * GRE.length, hardOctets: 5 * GRE.length }],
    ])('of %s ask for new keys, then end the pair', (_, lifetimes) => {
      const { hub, spoke } = pair({ lifetimes });
      const inboundSpi = spoke.database.find(endpoint(HUB))?.current?.inboundSpi ?? 0;
      for (let i = 1; i <= 5; i++) {
        expect(send(spoke, hub)).not.toBe('no association');
        expect(spoke.keys.takeRequests().map((r) => r.kind)).toEqual(
          i === 3 ? ['rekey'] : i === 5 ? ['discard'] : [],
        );
      }
      expect(spoke.database.bySpi(inboundSpi)).toBeUndefined();
      expect(send(spoke, hub)).toBe('no association');
      expect(poll(spoke)).toMatchObject([{ kind: 'peer', state: 'down', why: 'expired' }]);
    });

    it('of seconds begin early by chance, and end on time', () => {
      const starts = new Set<number>();
      for (let i = 0; i < 20; i++) {
        const { spoke } = pair(
          { lifetimes: { softSeconds: 3_000, hardSeconds: 3_600 } },
          { livenessMs: null },
        );
        const soft = deadline(spoke) ?? 0;
        expect(soft).toBeGreaterThanOrEqual(2_700_000);
        expect(soft).toBeLessThanOrEqual(3_000_000);
        starts.add(soft);
        drive(spoke, soft);
        expect(spoke.keys.takeRequests()).toMatchObject([{ kind: 'rekey' }]);
        expect(deadline(spoke)).toBe(3_600_000);
        expect(drive(spoke, 3_600_000)).toMatchObject([{ state: 'down', why: 'expired' }]);
        expect(spoke.database.size).toBe(0);
      }
      expect(starts.size).toBeGreaterThan(15);
    });

    it('are renewed without a lost packet: make before break', () => {
      const { hub, spoke } = pair();
      for (let round = 0; round < 10; round++) {
        const old = spoke.database.find(endpoint(HUB))?.current;
        const inFlight = frameOf(GRE);
        const path = spoke.protection.protect(0, inFlight, endpoint(HUB)) as Path;
        const { aSpi, bSpi } = agree(hub, spoke);
        drive(hub, 0);
        expect(send(hub, spoke)).toBe('not-mine'); // the spoke has not installed yet: manual keys cannot know
        drive(spoke, 0);
        expect(send(spoke, hub)).toBe(SPOKE);
        expect(send(hub, spoke)).toBe(HUB);
        const back: Path = { carrier: 'esp', local: path.remote, remote: path.local };
        expect(hub.protection.open(0, back, inFlight)).toEqual(endpoint(SPOKE));
        expect([hub.database.bySpi(aSpi), spoke.database.bySpi(bSpi)]).not.toContain(undefined);
        hub.keys.remove(endpoint(SPOKE), old?.outboundSpi ?? 0);
        spoke.keys.remove(endpoint(HUB), old?.inboundSpi ?? 0);
        drive(hub, 0);
        drive(spoke, 0);
        expect(hub.database.size).toBe(1);
        expect(spoke.database.size).toBe(1);
      }
    });
  });

  it('stays on the old pair after a rekey that the peer began, until the peer uses the new one', () => {
    const { hub, spoke } = pair();
    const outputs = (hub.keys as unknown as { pollOutput: () => unknown }).pollOutput;
    agree(hub, spoke);
    hub.keys.pollOutput = function (this: ManualKeys) {
      const output = outputs.call(this) as ReturnType<ManualKeys['pollOutput']>;
      return output.kind === 'rekeyed' ? { ...output, startedHere: false } : output;
    };
    drive(hub, 0);
    expect(send(hub, spoke)).toBe(HUB); // the spoke has only the old one yet
    drive(spoke, 0);
    const before = hub.database.find(endpoint(SPOKE))?.current;
    expect(send(spoke, hub)).toBe(SPOKE);
    expect(hub.database.find(endpoint(SPOKE))?.current).not.toBe(before);
    expect(send(hub, spoke)).toBe(HUB);
  });

  it('asks whether a peer lives that does not answer, and only then', () => {
    const { hub, spoke } = pair({}, { livenessMs: 10_000 });
    expect(drive(spoke, 60_000)).toEqual([]);
    expect(spoke.keys.takeRequests()).toEqual([]);
    send(spoke, hub, 61_000);
    drive(spoke, 70_999);
    expect(spoke.keys.takeRequests()).toEqual([]);
    drive(spoke, 71_000);
    expect(spoke.keys.takeRequests()).toMatchObject([{ kind: 'probe', peer: endpoint(HUB) }]);
    drive(spoke, 81_000);
    expect(spoke.keys.takeRequests()).toHaveLength(1);
    send(hub, spoke, 81_500);
    drive(spoke, 95_000);
    expect(spoke.keys.takeRequests()).toEqual([]);
  });

  it('wants a peer again a second after it was lost, while it is wanted', () => {
    const { spoke } = pair();
    spoke.protection.want(0, endpoint(HUB));
    spoke.keys.takeRequests();
    spoke.keys.remove(endpoint(HUB), null, 'peer-dead');
    drive(spoke, 5_000);
    expect(deadline(spoke)).toBe(6_000);
    drive(spoke, 6_000);
    expect(spoke.keys.takeRequests()).toMatchObject([{ kind: 'want' }]);
    spoke.protection.release(7_000, endpoint(HUB));
    expect(deadline(spoke)).toBeNull();
    expect(spoke.database.peerCount).toBe(0);
  });

  it('begins anew from another local address', () => {
    const { spoke, hub } = pair();
    spoke.protection.want(0, endpoint(HUB));
    spoke.keys.takeRequests();
    spoke.protection.moveLocal(1, endpoint('192.0.2.99'));
    expect(spoke.keys.takeRequests().map((r) => r.kind)).toEqual(['release', 'want']);
    expect(send(spoke, hub)).toBe('no association');
    expect(poll(spoke)).toMatchObject([{ state: 'down', why: 'superseded' }]);
  });

  it('keeps to its limit of peers', () => {
    const hub = end(HUB, { maxPeers: 1 });
    const one = end(SPOKE);
    const two = end('192.0.2.3');
    agree(hub, one);
    agree(hub, two);
    expect(drive(hub, 0)).toHaveLength(1);
    expect(hub.database.size).toBe(1);
    expect(hub.keys.takeRequests()).toMatchObject([{ kind: 'discard' }]);
    hub.protection.want(0, endpoint('192.0.2.4'));
    expect(poll(hub)).toMatchObject([{ kind: 'failed', why: 'limit' }]);
  });

  it('ends everything at shutdown', () => {
    const { hub, spoke } = pair();
    hub.protection.shutdown(1);
    expect(hub.keys.takeRequests()).toMatchObject([{ kind: 'release' }]);
    expect(send(hub, spoke)).toBe('no association');
    hub.protection.want(2, endpoint(SPOKE));
    expect(hub.keys.takeRequests()).toEqual([]);
    expect(hub.database.size).toBe(0);
  });

  it('hands IKE over without its marker, and puts it before what goes out', () => {
    const spoke = end(SPOKE);
    const seen: Uint8Array[] = [];
    spoke.keys.handleMessage = (_now, _path, bytes) => void seen.push(bytes.slice());
    const path: Path = {
      carrier: 'ike-natt',
      local: endpoint(SPOKE, 4_500),
      remote: endpoint(HUB, 4_500),
    };
    expect(spoke.protection.open(0, path, frameOf(Uint8Array.of(0, 0, 0, 0, 7, 8)))).toBe(
      'consumed',
    );
    const plain = { ...path, carrier: 'ike' as const };
    expect(spoke.protection.open(0, plain, frameOf(Uint8Array.of(7, 9)))).toBe('consumed');
    expect(seen).toEqual([Uint8Array.of(7, 8), Uint8Array.of(7, 9)]);
  });

  it('lets a kernel do ESP for a peer whose association has no keys here', () => {
    const hub = end(HUB);
    (hub.keys as unknown as { install(peer: Endpoint, offer: unknown): void }).install(
      endpoint(SPOKE),
      { inbound: { spi: 0 } },
    );
    const outputs = hub.keys.pollOutput.bind(hub.keys);
    hub.keys.pollOutput = () => {
      const output = outputs();
      return output.kind === 'installed' ? { ...output, offer: null } : output;
    };
    expect(drive(hub, 0)).toMatchObject([{ state: 'up' }]);
    expect(hub.protection.protect(0, frameOf(GRE), endpoint(SPOKE))).toMatchObject({
      carrier: 'gre',
    });
    const path: Path = { carrier: 'gre', local: endpoint(HUB), remote: endpoint(SPOKE) };
    expect(hub.protection.open(0, path, frameOf(GRE))).toEqual(endpoint(SPOKE));
  });

  it('shows no key anywhere, and wipes those that it was given', () => {
    const hub = end(HUB);
    const spoke = end(SPOKE);
    const keys = freshKeys(CBC);
    const inbound = keysOf(hub.database.allocateSpi(), keys);
    const outbound = keysOf(spoke.database.allocateSpi(), keys);
    const views = [inbound, outbound].flatMap((k) => [
      k.encryptionKey.octets,
      k.integrityKey.octets,
    ]);
    const offer: AssociationOffer = {
      selector: { protocol: 47, local: address(HUB), remote: address(SPOKE) },
      suite: CBC,
      extendedSequence: false,
      inbound,
      outbound,
      lifetimes: UNLIMITED,
      encapsulation: {
        mode: 'transport',
        path: { carrier: 'esp', local: endpoint(HUB), remote: endpoint(SPOKE) },
        behindNat: false,
      },
    };
    hub.keys.install(endpoint(SPOKE), offer);
    const texts = [inspect(offer, { depth: 9, showHidden: true }), JSON.stringify(offer)];
    const outputs = drive(hub, 0);
    const association = hub.database.find(endpoint(SPOKE))?.current;
    for (const shown of [outputs, hub, association, association?.stats()])
      texts.push(inspect(shown, { depth: 12, showHidden: true }), JSON.stringify(shown) ?? '');
    for (const key of keys) {
      const forms = [Buffer.from(key).toString('hex'), Buffer.from(key).toString('base64')];
      forms.push([...key].join(','), [...key].join(', '));
      for (const text of texts)
        for (const form of forms) expect(text.includes(form.slice(0, 24))).toBe(false);
    }
    for (const view of views) expect(view.every((octet) => octet === 0)).toBe(true);
  });
});
