/**
 * A node in the simulated network, with what an operating system has around it: a clock, interfaces to a LAN, a small
 * IP stack of its own, and hosts. The node is the real one; its outputs are carried out here.
 */
import type { DmvpnConfig, TunnelConfig } from '../dmvpn/config.js';
import { DmvpnNode } from '../dmvpn/node.js';
import type { Answer, DmvpnEnvironment, DmvpnEvent, Output, Question } from '../dmvpn/output.js';
import type { NodeSnapshot } from '../dmvpn/snapshot.js';
import { type IpAddress, isMulticast, prefixContains } from '../wire/address.js';
import { icmpErrorPacket } from '../wire/icmp-packet.js';
import { decrementTtl, ipDestination, ipTtl } from '../wire/ip-packet.js';
import { addressesOf, addressOf, interfaceOf } from './addresses.js';
import type { Agenda } from './agenda.js';
import type { SeededRandom } from './random.js';
import type { Attachment, Datagram, Realm } from './realm.js';
import { IpStack } from './stack.js';
import type { Sender, Underlay } from './underlay.js';

/** What is around a station. */
export interface World {
  readonly agenda: Agenda;
  readonly underlay: Underlay;
  readonly random: SeededRandom;
  readonly crypto: DmvpnEnvironment['crypto'];
  readonly mac: DmvpnEnvironment['mac'];
  /** Answers a node's question, or null for none at all. */
  readonly answer: (station: Station, question: Question) => Answer | null;
  readonly onFlow: (packet: Uint8Array) => void;
}

export interface Interfaces {
  readonly realm: Realm;
  /** Own addresses on LANs, `172.16.1.1/24`; the node answers for the prefixes. */
  readonly lan: readonly string[];
}

/** Events that are kept; the oldest go first. */
const MAX_EVENTS = 100_000;
const ANSWER_MS = 1;

export class Station implements Attachment, Sender {
  node: DmvpnNode | null = null;
  readonly realm: Realm;
  readonly stack: IpStack;
  readonly events: { readonly at: number; readonly event: DmvpnEvent }[] = [];
  readonly hosts: IpStack[] = [];
  /** Datagrams sent by the node. */
  sent = 0;
  /** Called for each of its datagrams before it is sent: for recordings. */
  onTransmit: ((output: Output & { kind: 'transmit' }) => void) | null = null;
  readonly #lan: readonly ReturnType<typeof interfaceOf>[];
  readonly #leaving: Uint8Array[] = [];
  readonly #locals = new Map<string, IpAddress>();
  #asleep = false;
  /** How far the node's clock is behind the world's. */
  #behindMs = 0;
  #wakeAt: number | null = null;
  #plannedAt: number | null = null;
  #incarnation = 0;
  #isSettling = false;

  constructor(
    readonly name: string,
    public config: DmvpnConfig,
    readonly world: World,
    { realm, lan }: Interfaces,
  ) {
    this.realm = realm;
    this.#lan = lan.map(interfaceOf);
    const own = config.tunnels.flatMap(addressesOf);
    this.stack = new IpStack(
      [...own, ...this.#lan.map((l) => l.address)],
      (packet) => this.originate(packet),
      world.onFlow,
      () => world.agenda.now,
    );
    for (const { local } of config.tunnels) this.#attach(local);
    this.start();
  }

  /** What the node's clock says. */
  get now(): number {
    return this.world.agenda.now - this.#behindMs;
  }

  /** @throws RangeError while it is down. */
  get running(): DmvpnNode {
    if (this.node === null) throw new RangeError(`${this.name}: is down`);
    return this.node;
  }

  start(restored?: NodeSnapshot): void {
    const random = this.world.random.fork(`${this.name}#${++this.#incarnation}`);
    const { crypto, mac } = this.world;
    const environment = {
      now: this.now,
      random: (octets: number) => random.octets(octets),
      crypto,
      ...(mac === undefined ? {} : { mac }),
    };
    this.node = new DmvpnNode(this.config, environment, restored);
    this.#wakeAt = null;
    this.#plannedAt = null;
    this.#settle();
  }

  /** As power loss: nothing is said to anyone. */
  kill(): void {
    this.node = null;
    this.#leaving.length = 0;
  }

  /** The process stands still, and hears nothing. */
  sleep(): void {
    this.#asleep = true;
  }

  /** @param clock - Whether the node's clock ran on meanwhile; `sleptMs` is how long it did not otherwise. */
  wake(clock: 'ran' | 'stood', sleptMs: number): void {
    this.#asleep = false;
    if (clock === 'stood') this.#behindMs += sleptMs;
    this.#plannedAt = null;
    this.#plan();
  }

  /** Something is done to the node, and what comes of it. */
  act(input: (node: DmvpnNode, now: number) => void): void {
    if (this.node === null || this.#asleep) return;
    input(this.node, this.now);
    this.#settle();
  }

  receive(_now: number, { carrier, from, to, bytes, sender }: Datagram): void {
    const { underlay } = this.world;
    if (this.node === null || this.#asleep) return underlay.count('nobody there');
    if (underlay.isCut(sender, this.name)) return underlay.count('cut');
    this.node.handleDatagram(this.now, { carrier, local: to, remote: from }, bytes);
    this.#settle();
  }

  tooBig(remote: IpAddress, mtu: number): void {
    this.act((node, now) => node.handleUnderlay(now, { kind: 'path-mtu', remote, mtu }));
  }

  /** The NBMA address has changed (DHCP, roaming): packets to the old one reach nobody. */
  move(from: string, to: string): void {
    this.realm.detach(addressOf(from));
    this.#locals.delete(from);
    this.#attach(to);
    this.config = moved(this.config, from, to);
    const change = { kind: 'local-address', from: addressOf(from), to: addressOf(to) } as const;
    this.act((node, now) => node.handleUnderlay(now, change));
  }

  /** A packet of the station itself. */
  originate(packet: Uint8Array): void {
    const destination = ipDestination(packet, 0);
    if (this.stack.has(destination)) return this.stack.receive(packet);
    const host = this.#hostAt(destination);
    if (host !== undefined) return host.receive(packet);
    this.#leaving.push(packet);
    this.#settle();
  }

  /** A packet of a host behind it: one hop further on. Octets are kept. */
  forward(packet: Uint8Array, from: IpStack): void {
    if (ipTtl(packet, 0) <= 1) {
      const gateway = this.stack.addresses.find(
        (a) => a.family === ipDestination(packet, 0).family,
      );
      const own = this.#lanOf(from)?.address ?? gateway;
      const error = own && icmpErrorPacket({ kind: 'time-exceeded' }, packet, own);
      if (error) from.receive(error);
      return;
    }
    decrementTtl(packet, 0);
    this.originate(packet);
  }

  #attach(local: string): void {
    const address = addressOf(local);
    this.realm.attach(address, this);
    this.#locals.set(local, address);
  }

  /** Sends what waits and carries out what the node says, until both are done. */
  #settle(): void {
    if (this.#isSettling) return;
    this.#isSettling = true;
    try {
      this.#drain();
      for (let packet = this.#leaving.shift(); packet; packet = this.#leaving.shift()) {
        if (this.node === null || this.#asleep) continue;
        const tunnel = this.#tunnelFor(packet);
        if (tunnel !== null) this.node.handlePacket(this.now, tunnel, packet);
        this.#drain();
      }
    } finally {
      this.#isSettling = false;
    }
    this.#plan();
  }

  #drain(): void {
    const { node } = this;
    if (node === null) return;
    for (let o = node.pollOutput(); ; o = node.pollOutput()) {
      if (o.kind === 'timeout') {
        this.#wakeAt = o.at;
        return;
      }
      this.#carryOut(o);
    }
  }

  #carryOut(output: Exclude<Output, { kind: 'timeout' }>): void {
    switch (output.kind) {
      case 'transmit':
        return this.#transmit(output);
      case 'deliver':
        return this.#deliver(output.packet);
      case 'event':
        if (this.events.length >= MAX_EVENTS) this.events.shift();
        this.events.push({ at: this.world.agenda.now, event: output.event });
        return;
      case 'ask':
        return this.#answer(output.id, output.question);
    }
  }

  #transmit(output: Output & { kind: 'transmit' }): void {
    const { agenda, underlay } = this.world;
    this.sent++;
    this.onTransmit?.(output);
    const { carrier, local: from, remote: to } = output.path;
    underlay.send(agenda.now, this, { carrier, from, to, bytes: output.bytes, sender: this.name });
  }

  /** Out of the tunnel's device: for the station itself, a group, or a host behind it. */
  #deliver(packet: Uint8Array): void {
    const destination = ipDestination(packet, 0);
    if (this.stack.has(destination)) return this.stack.receive(packet);
    if (isMulticast(destination)) return this.stack.receive(packet);
    const host = this.#hostAt(destination);
    if (host === undefined) return;
    const copy = packet.slice();
    if (ipTtl(copy, 0) > 1) {
      decrementTtl(copy, 0);
      return host.receive(copy);
    }
    const error = icmpErrorPacket(
      { kind: 'time-exceeded' },
      copy,
      this.stack.sourceFor(destination),
    );
    if (error !== null) this.originate(error);
  }

  #answer(id: number, question: Question): void {
    const incarnation = this.#incarnation;
    this.world.agenda.after(ANSWER_MS, () => {
      const answer = this.world.answer(this, question);
      if (answer === null || incarnation !== this.#incarnation) return;
      this.act((node, now) => node.handleAnswer(now, id, answer));
    });
  }

  /** One entry in the agenda stands for the node's next alarm: an idle node costs nothing. */
  #plan(): void {
    if (this.#wakeAt === null || this.#asleep) return;
    const at = Math.max(Math.ceil(this.#wakeAt) + this.#behindMs, this.world.agenda.now);
    if (this.#plannedAt !== null && this.#plannedAt <= at) return;
    this.#plannedAt = at;
    const incarnation = this.#incarnation;
    this.world.agenda.at(at, () => {
      if (incarnation === this.#incarnation && this.#plannedAt === at) this.#ring();
    });
  }

  #ring(): void {
    this.#plannedAt = null;
    if (this.node === null || this.#asleep || this.#wakeAt === null) return;
    if (this.#wakeAt > this.now) return this.#plan(); // an alarm that was put off meanwhile
    this.node.handleTimeout(this.now);
    this.#settle();
  }

  /** As a kernel with a routing protocol chooses: the first tunnel of the family that has a way. */
  #tunnelFor(packet: Uint8Array): string | null {
    const { tunnels } = this.config;
    const [only] = tunnels;
    if (tunnels.length === 1 && only !== undefined) return only.name;
    const destination = ipDestination(packet, 0);
    const ofFamily = tunnels.filter((t) =>
      addressesOf(t).some(({ family }) => family === destination.family),
    );
    const withWay = ofFamily.find(({ name }) => {
      const { kind } = this.running.lookup(name, destination, this.now);
      return kind !== 'unreachable' && kind !== 'pending';
    });
    return (withWay ?? ofFamily[0])?.name ?? null;
  }

  #hostAt(address: IpAddress): IpStack | undefined {
    return this.hosts.length === 0 ? undefined : this.hosts.find((host) => host.has(address));
  }

  #lanOf(host: IpStack) {
    return this.#lan.find((l) => host.addresses.some((a) => prefixContains(l.prefix, a)));
  }
}

function moved(config: DmvpnConfig, from: string, to: string): DmvpnConfig {
  const tunnels = config.tunnels.map(
    (t): TunnelConfig => (t.local === from ? { ...t, local: to } : t),
  );
  return { ...config, tunnels };
}
