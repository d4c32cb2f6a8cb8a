/**
 * Floods against a whole node: reliability S4 and S5. `FLOOD=1000000` for the figures of the table; fewer in every run.
 */
import { afterEach, describe, expect, it } from 'vitest';
import {
  hubTunnel,
  ip,
  type LabNode,
  spokeTunnel,
  VirtualLab,
} from '../../src/dmvpn/virtual-lab.js';
import { nodeCrypto } from '../../src/io/crypto-node.js';
import type { CryptoProvider } from '../../src/ipsec/crypto.js';
import { IpAddress } from '../../src/wire/address.js';
import { MIB, usedOctets } from './heap.js';
import { firstIkeMessage, HUB_NBMA, registration } from './strangers.js';

const FLOOD = Number(process.env.FLOOD ?? 50_000);
const MAX_GROWTH = 32 * MIB;
const PER_MS = 20;
const TIMEOUT_MS = FLOOD > 100_000 ? 3_600_000 : 120_000;

const figures: string[] = [];
afterEach(() => {
  for (const figure of figures.splice(0)) console.info(figure);
});
const mib = (octets: number): string => `${(octets / MIB).toFixed(1)} MiB`;

const strangerAddress = (i: number): IpAddress => new IpAddress(4, 0x0b00_0000 + i);
const isStranger = ({ w0 }: IpAddress): boolean => w0 >>> 24 === 0x0b;

/** Gives the node `FLOOD` datagrams, `PER_MS` in a millisecond, each from an address that is nobody's. */
function flood(
  lab: VirtualLab,
  hub: LabNode,
  carrier: 'ike' | 'gre',
  datagram: (i: number) => Uint8Array,
  each: (i: number) => void,
  port = carrier === 'ike' ? 500 : 0,
): void {
  const local = { address: ip(HUB_NBMA), port };
  lab.passes = ({ remote }) => !isStranger(remote.address); // nobody is there
  for (let i = 0; i < FLOOD; i++) {
    const remote = { address: strangerAddress(i), port };
    hub.act((node, now) => node.handleDatagram(now, { carrier, local, remote }, datagram(i)));
    if (i % PER_MS === 0) lab.run(1);
    each(i);
  }
}

/** What the hub has sent since the last call, which forgets it. */
const takeSent = (hub: LabNode): LabNode['sent'] => hub.sent.splice(0);

/** What it has learned from others. */
const learned = (lab: VirtualLab, hub: LabNode) =>
  hub.node
    .view(lab.now)
    .tunnels.flatMap(({ entries }) => entries.filter(({ kind }) => kind === 'dynamic'));

describe('IKE_SA_INIT from invented addresses (S4)', () => {
  const protection = { kind: 'ipsec', keys: [{ peer: null, secret: 'of the network' }] } as const;

  it(
    'costs no Diffie-Hellman past the threshold and no memory, and keeps nobody out',
    () => {
      let exchanges = 0;
      const base = nodeCrypto();
      const counting: CryptoProvider = {
        ...base,
        openDh: (...args) => {
          exchanges++;
          return base.openDh(...args);
        },
      };
      const lab = new VirtualLab(counting);
      const hub = lab.add(hubTunnel({ protection }), { dropEvents: false });
      const message = firstIkeMessage();
      let spoke: LabNode | null = null;
      let connectedMs: number | null = null;
      let addedAt = 0;
      let replies = 0;
      const before = usedOctets();
      const began = performance.now();
      flood(
        lab,
        hub,
        'ike',
        (i) => {
          message.set([i >>> 16, i >>> 8, i], 1); // another SPI
          return message;
        },
        (i) => {
          replies += takeSent(hub).length;
          if (i === Math.floor(FLOOD / 2)) {
            addedAt = lab.now;
            spoke = lab.add(spokeTunnel(1, { protection }), { dropEvents: false });
          }
          const isIn = spoke?.events.some(({ type }) => type === 'registered') ?? false;
          if (isIn && connectedMs === null) connectedMs = lab.now - addedAt;
          if (spoke !== null) takeSent(spoke);
        },
      );
      const perSecond = (FLOOD / (performance.now() - began)) * 1_000;
      const growth = usedOctets() - before;
      const virtualMs = lab.now - 1_000;
      figures.push(
        `IKE: ${FLOOD} strangers in ${virtualMs} ms (${perSecond.toFixed(0)} a second here): ${exchanges} Diffie-Hellman, ` +
          `${replies} answers, heap ${mib(growth)}, a peer is in after ${connectedMs} ms`,
      );
      // thirty for each lifetime of a half-open IKE SA (30 s), and the peer's own with us
      expect(exchanges).toBeLessThanOrEqual(30 * Math.ceil(virtualMs / 30_000) + 2);
      expect(growth).toBeLessThan(MAX_GROWTH);
      expect(connectedMs).not.toBeNull();
      expect(connectedMs).toBeLessThanOrEqual(10_000);
    },
    TIMEOUT_MS,
  );
});

describe('registrations (S5)', () => {
  it(
    'with a wrong password make no entry, and at most a hundred answers a second',
    () => {
      const lab = new VirtualLab();
      const hub = lab.add(hubTunnel(), { dropEvents: false });
      const answers = new Map<number, number>();
      const before = usedOctets();
      flood(
        lab,
        hub,
        'gre',
        (i) => registration(i, 'guess'),
        () => {
          for (const { at } of takeSent(hub)) {
            const second = Math.floor(at / 1_000);
            answers.set(second, (answers.get(second) ?? 0) + 1);
          }
          hub.events.length = 0;
        },
      );
      const growth = usedOctets() - before;
      const seconds = (lab.now - 1_000) / 1_000;
      const all = [...answers.values()].reduce((sum, n) => sum + n, 0);
      const entries = learned(lab, hub).length;
      figures.push(
        `NHRP, wrong password: ${FLOOD} in ${seconds} s: ${entries} entries, ${all} errors, at most ${Math.max(...answers.values())} in a second, heap ${mib(growth)}`,
      );
      expect(entries).toBe(0);
      expect(all).toBeGreaterThan(0);
      expect([...answers.values()].filter((n) => n > 100)).toEqual([]);
      expect(growth).toBeLessThan(MAX_GROWTH);
    },
    TIMEOUT_MS,
  );

  it('with a wrong password from one address are answered once a second', () => {
    const lab = new VirtualLab();
    const hub = lab.add(hubTunnel(), { dropEvents: false });
    const remote = { address: ip('192.0.2.77'), port: 0 };
    const local = { address: ip(HUB_NBMA), port: 0 };
    for (let i = 0; i < 10_000; i++) {
      const path = { carrier: 'gre', local, remote } as const;
      hub.act((node, now) => node.handleDatagram(now, path, registration(i % 200, 'guess')));
      lab.run(1);
    }
    expect(takeSent(hub).length).toBeGreaterThan(8);
    expect(hub.sent.length).toBeLessThanOrEqual(11);
  });

  it(
    'with the right one fill the cache to its limit; the first stay',
    () => {
      const lab = new VirtualLab();
      const limits = { maxEntries: 1_000 };
      const hub = lab.add(hubTunnel({ limits, holdingTimeSeconds: 7_200 }), { dropEvents: false });
      const before = usedOctets();
      flood(
        lab,
        hub,
        'gre',
        (i) => registration(i, 'test123'),
        () => {
          takeSent(hub);
          hub.events.length = 0;
        },
      );
      const growth = usedOctets() - before;
      const cache = learned(lab, hub);
      figures.push(`NHRP, right password: ${FLOOD}: ${cache.length} entries, heap ${mib(growth)}`);
      expect(cache.length).toBe(1_000);
      expect(cache.some(({ prefix }) => String(prefix.address) === '10.128.0.0')).toBe(true);
      expect(growth).toBeLessThan(MAX_GROWTH);
    },
    TIMEOUT_MS,
  );

  it('with the right one from one peer end at the limit for a peer', () => {
    const lab = new VirtualLab();
    const hub = lab.add(hubTunnel({ limits: { maxEntriesPerPeer: 16 } }), { dropEvents: false });
    const path = {
      carrier: 'gre',
      local: { address: ip(HUB_NBMA), port: 0 },
      remote: { address: ip('192.0.2.77'), port: 0 },
    } as const;
    for (let i = 0; i < 500; i++)
      hub.act((node, now) =>
        node.handleDatagram(now, path, registration(i, 'test123', '192.0.2.77')),
      );
    expect(learned(lab, hub)).toHaveLength(16);
  });
});
