/** For the tests of this folder: nodes joined in memory under a virtual clock. The simulator proper is in src/testing. */

import type { CryptoProvider } from '../ipsec/crypto.js';
import type { IpAddress } from '../wire/address.js';
import { parseAddress } from '../wire/address.js';
import { echoPacket } from '../wire/icmp-packet.js';
import type { Path } from '../wire/path.js';
import type { DmvpnConfig, TunnelConfig } from './config.js';
import { DmvpnNode } from './node.js';
import type { DmvpnEvent, Output } from './output.js';
import type { NodeSnapshot } from './snapshot.js';

const LATENCY_MS = 5;

export const ip = (text: string): IpAddress => {
  const address = parseAddress(text);
  if (address === null) throw new TypeError(`text: '${text}'`);
  return address;
};

/** The tunnel of the VyOS blueprint, hub or spoke. */
export const hubTunnel = (over: Partial<TunnelConfig> = {}): TunnelConfig => ({
  name: 'tun100',
  address: '10.0.0.100/32',
  local: '192.168.0.2',
  key: 42,
  protection: { kind: 'insecure-cleartext' },
  authentication: { kind: 'cisco', passwords: ['test123'] },
  holdingTimeSeconds: 300,
  redirect: true,
  multicast: ['dynamic'],
  routes: [1, 2, 3].map((n) => ({ prefix: `192.168.10${n}.0/24`, via: `10.0.0.${n}` })),
  ...over,
});

export const spokeTunnel = (n: number, over: Partial<TunnelConfig> = {}): TunnelConfig => ({
  name: 'tun100',
  address: `10.0.0.${n}/32`,
  local: `192.168.${n}.2`,
  key: 42,
  protection: { kind: 'insecure-cleartext' },
  authentication: { kind: 'cisco', passwords: ['test123'] },
  holdingTimeSeconds: 300,
  shortcut: true,
  multicast: ['nhs'],
  nhs: [{ address: '10.0.0.100', nbma: '192.168.0.2' }],
  routes: [
    { prefix: '10.0.0.0/24', via: '10.0.0.100' },
    { prefix: '192.168.0.0/16', via: '10.0.0.100' },
    { prefix: `192.168.10${n}.0/24`, via: null },
  ],
  ...over,
});

interface Sent {
  readonly at: number;
  readonly path: Path;
  readonly bytes: Uint8Array;
  readonly dscp: number;
}

/** One node and all that it has put out. */
export class LabNode {
  readonly events: DmvpnEvent[] = [];
  readonly delivered: Uint8Array[] = [];
  readonly sent: Sent[] = [];
  readonly asked: (Output & { kind: 'ask' })[] = [];
  wakeAt: number | null = null;

  constructor(
    readonly lab: VirtualLab,
    readonly node: DmvpnNode,
    readonly tunnel: string,
  ) {}

  act(input: (node: DmvpnNode, now: number) => void): void {
    input(this.node, this.lab.now);
    this.drain();
  }

  ping(source: string, destination: string, ttl = 64, sequence = 1): void {
    const ends = { source: ip(source), destination: ip(destination) };
    const echo = { isReply: false, identifier: 7, sequence, data: new Uint8Array(8) };
    this.packet(echoPacket(echo, ends, ttl));
  }

  packet(packet: Uint8Array): void {
    this.act((node, now) => node.handlePacket(now, this.tunnel, packet));
  }

  drain(): void {
    for (;;) {
      const output = this.node.pollOutput();
      if (output.kind === 'timeout') {
        this.wakeAt = output.at;
        return;
      }
      if (output.kind === 'transmit') this.#transmit(output);
      else if (output.kind === 'deliver') this.delivered.push(output.packet.slice());
      else if (output.kind === 'event') this.events.push(output.event);
      else this.asked.push(output);
    }
  }

  #transmit({ path, bytes, dscp }: Output & { kind: 'transmit' }): void {
    const copy = bytes.slice();
    this.sent.push({ at: this.lab.now, path, bytes: copy, dscp });
    this.lab.carry(path, copy);
  }
}

export class VirtualLab {
  now = 1_000;
  /** What the network does to a datagram: false loses it. */
  passes: (path: Path) => boolean = () => true;
  readonly nodes: LabNode[] = [];
  readonly #onTheWay: { at: number; path: Path; bytes: Uint8Array }[] = [];
  #seed = 1;

  /** @param crypto needed by protected tunnels */
  constructor(readonly crypto: CryptoProvider | null = null) {}

  add(tunnel: TunnelConfig, over: Partial<DmvpnConfig> = {}, restored?: NodeSnapshot): LabNode {
    const config: DmvpnConfig = { tunnels: [tunnel], dropEvents: true, ...over };
    const random = (octets: number): Uint8Array =>
      Uint8Array.from({ length: octets }, () => this.#next());
    const node = new DmvpnNode(config, { now: this.now, random, crypto: this.crypto }, restored);
    const added = new LabNode(this, node, tunnel.name);
    this.nodes.push(added);
    added.drain();
    return added;
  }

  remove(node: LabNode): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  carry(path: Path, bytes: Uint8Array): void {
    if (this.passes(path)) this.#onTheWay.push({ at: this.now + LATENCY_MS, path, bytes });
  }

  /** Lets time pass. */
  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const datagram = this.#onTheWay[0];
      const alarms = this.nodes.map((n) => n.wakeAt ?? Number.POSITIVE_INFINITY);
      const next = Math.min(datagram?.at ?? Number.POSITIVE_INFINITY, ...alarms);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      if (datagram !== undefined && datagram.at <= this.now) this.#arrive();
      else this.nodes[alarms.indexOf(next)]?.act((node, now) => node.handleTimeout(now));
    }
    this.now = end;
  }

  #arrive(): void {
    const { path, bytes } = this.#onTheWay.shift() as { path: Path; bytes: Uint8Array };
    const there: Path = { carrier: path.carrier, local: path.remote, remote: path.local };
    for (const node of this.nodes) {
      const locals = node.node.view(this.now).tunnels.map((t) => t.local);
      if (locals.some((l) => l.address.equals(there.local.address)))
        node.act((n, now) => n.handleDatagram(now, there, bytes));
    }
  }

  #next(): number {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) >>> 0;
    return this.#seed >>> 24;
  }
}
