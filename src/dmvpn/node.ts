/**
 * A DMVPN node: multipoint GRE, NHRP and protection in one synchronous object, without socket, clock or randomness of
 * its own. One `handle*` or `command`, then `pollOutput` until `timeout`. This file only routes; see docs/driving.md.
 */

import { greKeyOf, grePayloadAt } from '../gre/in-place.js';
import { decodeGrePacket } from '../gre/packet.js';
import { readAnswer } from '../nhrp/engine/answers.js';
import type { Answer, Question } from '../nhrp/engine/api.js';
import type { IpAddress } from '../wire/address.js';
import type { Endpoint, Path } from '../wire/path.js';
import type { WireError } from '../wire/result.js';
import { type CommandTarget, checkCommand, readCommand } from './commands.js';
import type { DmvpnConfig } from './config.js';
import { Drops, PacketCounters } from './counters.js';
import { type Frame, PacketArena, viewOf } from './frame.js';
import type { TransmitSlot } from './mgre.js';
import type {
  DmvpnEnvironment,
  Lookup,
  NodeCommand,
  NodeState,
  Output,
  UnderlayChange,
} from './output.js';
import { Outputs } from './outputs.js';
import { type Due, earlier } from './overlay.js';
import { protectionsOf } from './protection.js';
import { readConfig, type TunnelSettings } from './settings.js';
import { checkSnapshot, type NodeSnapshot, savedOf } from './snapshot.js';
import { type NodeStats, readStats } from './stats.js';
import { Tunnel } from './tunnel.js';
import { readUnderlay } from './underlay.js';
import { type NodeView, viewOfTunnel } from './view.js';

/** For `forward`: the caller keeps one, names the tunnel, and finds in it what to transmit. */
export interface ForwardSlot extends TransmitSlot {
  tunnel: string;
}

/** A fresh slot for that tunnel. */
export const forwardSlot = (tunnel: string): ForwardSlot => ({
  tunnel,
  slab: new Uint8Array(0),
  at: 0,
  octets: 0,
  path: null,
  dscp: 0,
});

export class DmvpnNode {
  readonly #outputs = new Outputs();
  readonly #arena = new PacketArena();
  readonly #counters = new PacketCounters();
  readonly #drops: Drops;
  readonly #tunnels: readonly Tunnel[];
  /** Of each tunnel the others of its network. */
  readonly #siblings = new Map<Tunnel, readonly Tunnel[]>();
  readonly #questions = new Map<number, (now: number, answer: Answer) => void>();
  #asked = 0;
  #state: NodeState = 'running';

  /**
   * @param restored - A snapshot of an earlier life; tunnels are found by name.
   * @throws TypeError or RangeError that begins with the path of the offending value.
   */
  constructor(config: DmvpnConfig, environment: DmvpnEnvironment, restored?: NodeSnapshot) {
    const { tunnels, dropEvents } = readConfig(config);
    if (restored) checkSnapshot(restored);
    this.#drops = new Drops(null, this.#counters, this.#outputs, dropEvents);
    const shared = {
      ...environment,
      outputs: this.#outputs,
      arena: this.#arena,
      dropEvents,
      ask: this.#ask.bind(this),
      siblings: (tunnel: Tunnel) => this.#siblings.get(tunnel) ?? [],
    };
    const protections = protectionsOf(tunnels, environment);
    this.#tunnels = protections.map((protection, i) => {
      const settings = tunnels[i] as TunnelSettings;
      return new Tunnel(settings, protection, shared, savedOf(restored, settings.name));
    });
    for (const tunnel of this.#tunnels)
      this.#siblings.set(tunnel, siblingsOf(tunnel, this.#tunnels));
    this.#spread(environment.now);
  }

  get state(): NodeState {
    return this.#state;
  }

  /** A datagram of the NBMA network, without outer IP and UDP headers, and both its ends. Borrowed for the call. */
  handleDatagram(now: number, path: Path, bytes: Uint8Array): void {
    if (!this.#begin(path.remote.address)) return;
    const frame = this.#arena.copy(bytes);
    let candidates = 0;
    let last: Tunnel | null = null;
    for (const tunnel of this.#tunnels) {
      const from = tunnel.open(now, path, frame);
      if (from === 'not-mine') continue;
      if (typeof from === 'string' || this.#handleGre(now, frame, tunnel, from))
        return this.#end(now);
      candidates++;
      last = tunnel;
    }
    this.#refuse(path, frame, candidates === 1 && last ? last.drops : this.#drops, candidates > 0);
  }

  /** An IP packet from that tunnel's device; its TTL has been lowered already. Borrowed for the call. */
  handlePacket(now: number, tunnel: string, packet: Uint8Array): void {
    if (!this.#begin('device')) return;
    this.#find(tunnel).handlePacket(now, packet);
    this.#end(now);
  }

  /**
   * The fast way of `handlePacket`: encapsulates where the packet lies, in `octets` octets of `slab` from `at` with 96
   * octets before and 288 after, and fills the slot; nothing is queued, and there is nothing to poll.
   * False: nothing has changed, use `handlePacket`.
   */
  forward(now: number, slab: Uint8Array, at: number, octets: number, slot: ForwardSlot): boolean {
    if (this.#state === 'closed') return false;
    slot.slab = slab;
    slot.at = at;
    slot.octets = octets;
    return this.#find(slot.tunnel).sendDirect(now, slot);
  }

  /**
   * The answer to an `ask`; late, unknown and second answers are without effect.
   * @throws TypeError or RangeError that begins with the name of the offending value; the question stays open then.
   */
  handleAnswer(now: number, id: number, answer: Answer): void {
    const read = readAnswer(answer);
    const question = this.#questions.get(id);
    if (question === undefined || !this.#begin('caller')) return;
    this.#questions.delete(id);
    question(now, read);
    this.#end(now);
  }

  /**
   * Something has changed in the network under the tunnels.
   * @throws TypeError or RangeError that begins with the name of the offending value: `change.kind`.
   */
  handleUnderlay(now: number, given: UnderlayChange): void {
    const change = readUnderlay(given);
    if (!this.#begin('underlay')) return;
    if (change.kind === 'local-address') {
      for (const tunnel of this.#tunnels)
        if (tunnel.local.address.equals(change.from)) tunnel.moveLocal(now, change.to);
    } else if (change.kind === 'path-mtu') {
      for (const tunnel of this.#tunnels) tunnel.learnMtu(now, change.remote, change.mtu);
    } // `unreachable` is a hint that anyone can forge: the protocols find out by themselves
    this.#end(now);
  }

  /** Early or repeated calls have no effect. */
  handleTimeout(now: number): void {
    if (!this.#begin('timer')) return;
    for (const tunnel of this.#tunnels) tunnel.handleTimeout(now);
    this.#end(now);
  }

  /** @throws TypeError or RangeError that begins with the path of the offending value. */
  command(now: number, command: NodeCommand): void {
    checkCommand(command);
    if (!this.#begin('caller')) return;
    if (command.kind === 'shutdown') this.#shutdown(now);
    else {
      const tunnel = this.#find(command.tunnel);
      const read = readCommand(command, targetOf(now, tunnel));
      if (read.to === 'routes') tunnel.handleRoutes(now, read.change);
      else tunnel.command(now, read.command);
    }
    this.#end(now);
  }

  /** The next thing to do; `timeout` says that there is nothing more, and when to call again. */
  pollOutput(): Output {
    const output = this.#outputs.poll();
    if (output !== null) return output;
    if (this.#state === 'closed') return { kind: 'timeout', at: null, why: 'closed' };
    let first: Due = { at: null, why: 'idle' };
    for (const tunnel of this.#tunnels) first = earlier(first, tunnel.timeout());
    return { kind: 'timeout', at: first.at, why: first.why };
  }

  /** Where a packet to this address would go. */
  lookup(tunnel: string, address: IpAddress, now: number): Lookup {
    return this.#find(tunnel).lookup(now, address);
  }

  /** Registrations and request ids as plain data: give it to the constructor of a later node. */
  snapshot(now: number): NodeSnapshot {
    const tunnels = this.#tunnels.map((t) => [t.name, t.snapshot(now)] as const);
    return { version: 1, tunnels: Object.fromEntries(tunnels) };
  }

  stats(): NodeStats {
    return readStats(this.#state, this.#counters, this.#tunnels);
  }

  /** Tables of entries, routes and servers, for people: see `show.ts`. */
  view(now: number): NodeView {
    return { state: this.#state, now, tunnels: this.#tunnels.map((t) => viewOfTunnel(t, now)) };
  }

  /** True when the node may go on; what is polled already is given up. */
  #begin(from: IpAddress | string): boolean {
    if (this.#outputs.isEmpty) this.#arena.reset();
    if (this.#state !== 'closed') return true;
    this.#drops.drop('closed', from);
    return false;
  }

  #end(now: number): void {
    this.#spread(now);
    if (this.#state !== 'closing' || !this.#tunnels.every((t) => t.isClosed)) return;
    this.#questions.clear();
    this.#setState('closed');
  }

  /** What happened to associations that tunnels share is told to all of them. */
  #spread(now: number): void {
    if (this.#tunnels.length < 2) return;
    for (let told = true; told; ) {
      told = false;
      for (const tunnel of this.#tunnels) {
        if (!tunnel.protection.hasNews) continue;
        tunnel.drain(now);
        told = true;
      }
    }
  }

  /** False when the key is not this tunnel's. */
  #handleGre(now: number, gre: Frame, tunnel: Tunnel, from: Endpoint): boolean {
    const payload = grePayloadAt(gre.slab, gre.at, gre.octets);
    if (payload < 0 || greKeyOf(gre.slab, gre.at) !== tunnel.settings.key) return false;
    const octets = gre.octets - (payload - gre.at);
    const slot = { slab: gre.slab, at: payload, octets, path: null, dscp: 0 };
    tunnel.handlePayload(now, slot, gre, { local: tunnel.local, from });
    return true;
  }

  /** Nobody's packet: `drops` is the tunnel's if there is only one that it can be for. */
  #refuse(path: Path, gre: Frame, drops: Drops, hasTunnel: boolean): void {
    const from = path.remote.address;
    if (!hasTunnel) return drops.drop('no-tunnel', from);
    const isGre = grePayloadAt(gre.slab, gre.at, gre.octets) >= 0;
    drops.drop(isGre ? 'wrong-key' : 'not-gre', from, () => errorOf(gre));
  }

  #shutdown(now: number): void {
    if (this.#state !== 'running') return;
    this.#setState('closing');
    for (const tunnel of this.#tunnels) tunnel.command(now, { kind: 'shutdown' });
  }

  #setState(state: NodeState): void {
    this.#state = state;
    this.#outputs.event({ type: 'state', state });
  }

  #ask(question: Question, deadline: number, answer: (now: number, answer: Answer) => void): void {
    const id = ++this.#asked;
    this.#questions.set(id, answer);
    this.#outputs.ask({ kind: 'ask', id, question, deadline });
  }

  /** @throws RangeError for a name that is none of the configuration's. */
  #find(name: string): Tunnel {
    for (const tunnel of this.#tunnels) if (tunnel.name === name) return tunnel;
    if (typeof name !== 'string') throw new TypeError('tunnel: a text expected');
    throw new RangeError(`tunnel: there is no tunnel '${name}'`);
  }
}

/** The other tunnels of the same network id. */
const siblingsOf = (tunnel: Tunnel, all: readonly Tunnel[]): readonly Tunnel[] => {
  const { networkId } = tunnel.settings;
  return networkId === null
    ? []
    : all.filter((other) => other !== tunnel && other.settings.networkId === networkId);
};

const targetOf = (now: number, { local, overlays }: Tunnel): CommandTarget => ({
  local: local.address,
  overlay: overlays.map(({ family }) => family),
  isOwn: (address) =>
    overlays.some(({ family, engine }) => {
      if (family !== address.family) return false;
      const { kind, route } = engine.locate(now, address);
      return kind === 'local' && route === null;
    }),
});

function errorOf(gre: Frame): WireError | null {
  const decoded = decodeGrePacket(viewOf(gre));
  return decoded.ok ? null : decoded.error;
}
