/** One tunnel of a node: engine, protection and datapath, each driven and drained here. */

import { greProtocolTypeOf } from '../gre/in-place.js';
import { keepaliveAnswer } from '../gre/keepalive.js';
import { decodeGrePacket } from '../gre/packet.js';
import { GRE_PROTOCOL_TYPE } from '../gre/protocol-type.js';
import type {
  Answer,
  EngineCommand,
  EngineOutput,
  Question,
  RouteChange,
} from '../nhrp/engine/api.js';
import { NhrpEngine } from '../nhrp/engine/engine.js';
import { KeyedBuckets } from '../nhrp/engine/rate.js';
import type { EngineSnapshot } from '../nhrp/engine/snapshot.js';
import { hostBits, type IpAddress, isMulticast } from '../wire/address.js';
import { ipProtocol, ipVersion } from '../wire/ip-packet.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import { IPV4_MIN_OCTETS } from '../wire/ipv4.js';
import { type Endpoint, endpointKey, formatEndpoint, type Path } from '../wire/path.js';
import { Drops, PacketCounters } from './counters.js';
import { Datapath } from './datapath.js';
import { type Frame, type PacketArena, viewOf } from './frame.js';
import { IcmpErrors } from './icmp-errors.js';
import { Mgre, type TransmitSlot } from './mgre.js';
import { MulticastTargets } from './multicast.js';
import type { DmvpnEnvironment, Lookup } from './output.js';
import type { Outputs } from './outputs.js';
import { PathMtu } from './path-mtu.js';
import type { Protection, ProtectionOutput, Unopened } from './protection.js';
import type { TunnelSettings } from './settings.js';

const MAX_KEEPALIVE_PEERS = 1_024;

/** What the tunnels of a node share. */
export interface TunnelEnvironment extends DmvpnEnvironment {
  readonly outputs: Outputs;
  readonly arena: PacketArena;
  readonly dropEvents: boolean;
  /** Gives a question of the engine an id of the node's. */
  readonly ask: (tunnel: Tunnel, engineId: number, question: Question, deadline: number) => void;
}

export class Tunnel {
  readonly counters: PacketCounters = new PacketCounters();
  readonly drops: Drops;
  readonly engine: NhrpEngine;
  readonly datapath: Datapath;
  readonly mgre: Mgre;
  readonly pathMtu: PathMtu;
  local: Endpoint;
  readonly #multicast: MulticastTargets;
  readonly #keepalives: KeyedBuckets = new KeyedBuckets(MAX_KEEPALIVE_PEERS, 1, 1);
  #isEnded = false;
  #engineTimeout: { at: number | null; why: string } = { at: null, why: 'idle' };
  #protectionTimeout: { at: number | null; why: string } = { at: null, why: 'idle' };

  constructor(
    readonly settings: TunnelSettings,
    readonly protection: Protection,
    readonly environment: TunnelEnvironment,
    restored?: EngineSnapshot,
  ) {
    const { now, random, mac = null, outputs, arena, dropEvents } = environment;
    const { name, engine: config, key } = settings;
    this.local = settings.local;
    this.drops = new Drops(name, this.counters, outputs, dropEvents);
    this.engine = new NhrpEngine(config, { now, random, mac }, restored);
    this.mgre = new Mgre(key, protection, this.drops, outputs, arena);
    this.pathMtu = new PathMtu(settings.mtu);
    this.#multicast = new MulticastTargets(this.engine);
    this.datapath = new Datapath({
      engine: this.engine,
      mgre: this.mgre,
      drops: this.drops,
      icmp: new IcmpErrors(ownAddresses(settings), this.counters, now),
      multicast: this.#multicast,
      pathMtu: this.pathMtu,
      reflect: settings.multicastReflect,
      settled: (at) => this.drain(at),
    });
    this.engine.handleRoutes(now, settings.routes);
    this.drain(now);
  }

  get name(): string {
    return this.settings.name;
  }

  /** A packet from the device. */
  handlePacket(now: number, packet: Uint8Array): void {
    const slot = this.mgre.slotOf(packet);
    if (this.datapath.sendDirect(now, slot)) return this.mgre.transmit(slot);
    this.datapath.sendSlowly(now, slot);
    this.drain(now);
  }

  /** Opens a datagram, and says whose GRE packet is in the frame now. */
  open(now: number, path: Path, frame: Frame): Endpoint | Unopened {
    const from = this.protection.open(now, path, frame);
    if (from === 'refused') this.drops.drop('protection', path.remote.address);
    if (from === 'consumed' || from === 'refused') this.drain(now);
    return from;
  }

  /** What was in a GRE packet of ours. `slot` begins at the payload, `gre` at the header. */
  handlePayload(now: number, slot: TransmitSlot, gre: Frame, { local, from }: GreEnds): void {
    const protocolType = greProtocolTypeOf(gre.slab, gre.at);
    if (protocolType === GRE_PROTOCOL_TYPE.NHRP) {
      this.counters.nhrpReceived++;
      this.engine.handleMessage(now, { local, remote: from }, viewOf(slot));
    } else if (protocolType === GRE_PROTOCOL_TYPE.IPV4 || protocolType === GRE_PROTOCOL_TYPE.IPV6) {
      const mayBeKeepalive = holdsGre(slot);
      if (!(mayBeKeepalive && this.#isKeepalive(now, gre, { local, from })))
        this.datapath.receive(now, slot, from);
    } else {
      const isAnswer = protocolType === GRE_PROTOCOL_TYPE.KEEPALIVE && slot.octets === 0;
      this.drops.drop(isAnswer ? 'keepalive' : 'unknown-protocol', from.address);
    }
    this.drain(now);
  }

  handleAnswer(now: number, engineId: number, answer: Answer): void {
    this.engine.handleAnswer(now, engineId, answer);
    this.drain(now);
  }

  handleRoutes(now: number, changes: readonly RouteChange[]): void {
    this.engine.handleRoutes(now, changes);
    this.drain(now);
  }

  handleTimeout(now: number): void {
    this.engine.handleTimeout(now);
    this.protection.handleTimeout(now);
    this.datapath.handleTimeout(now);
    this.drain(now);
  }

  command(now: number, command: EngineCommand): void {
    if (command.kind === 'clear' && command.what === 'counters') this.counters.clear();
    this.engine.command(now, command);
    this.drain(now);
  }

  /** The local NBMA address has changed. */
  moveLocal(now: number, address: IpAddress): void {
    this.local = { address, port: this.local.port };
    this.protection.moveLocal(now, this.local);
    this.command(now, { kind: 'local-nbma', address });
  }

  /** The NBMA network passes packets of at most `mtu` octets to that address. */
  learnMtu(now: number, remote: IpAddress, mtu: number | null): void {
    const overheadOctets = (remote.family === 4 ? 20 : 40) + this.mgre.overheadOctets;
    const inner = this.pathMtu.learn(now, remote, { outerMtu: mtu, overheadOctets });
    if (inner === null) return;
    const nbma = String(remote);
    this.environment.outputs.event({ type: 'path-mtu', tunnel: this.name, nbma, mtu: inner });
  }

  lookup(now: number, address: IpAddress): Lookup {
    if (isMulticast(address)) return { kind: 'multicast', targets: [...this.#multicast.at(now)] };
    const { kind, nextHop, nbma } = this.engine.locate(now, address);
    if (kind === 'local' || kind === 'unreachable' || nextHop === null)
      return { kind: kind === 'local' ? 'local' : 'unreachable' };
    if (kind === 'direct' && nbma !== null) return { kind, nextHop, nbma };
    const hub = this.engine.bestNhs;
    return hub === null ? { kind: 'pending', nextHop } : { kind: 'by-hub', nextHop, nbma: hub };
  }

  /** The first of what is due here. */
  timeout(): { at: number | null; why: string } {
    const held = this.datapath.held.nextExpiry();
    const all = [this.#engineTimeout, this.#protectionTimeout, { at: held, why: 'held packets' }];
    return all.reduce((a, b) => (b.at !== null && (a.at === null || b.at < a.at) ? b : a));
  }

  /** Carries out what engine and protection ask for, until both are done. */
  drain(now: number): void {
    let peersChanged = false;
    do {
      this.#drainEngine(now);
      peersChanged = this.#drainProtection(now);
    } while (peersChanged);
    if (this.engine.state === 'closed' && !this.#isEnded) this.#end(now);
  }

  /** The engine has said all: now the associations may go. */
  #end(now: number): void {
    this.#isEnded = true;
    this.protection.shutdown(now);
    this.#drainProtection(now);
  }

  #drainEngine(now: number): void {
    const released = new Map<string, Endpoint>();
    let usable = false;
    for (let o = this.engine.pollOutput(); ; o = this.engine.pollOutput()) {
      if (o.kind === 'timeout') {
        this.#engineTimeout = o;
        break;
      }
      if (o.kind !== 'send') this.#multicast.forget();
      usable ||= (o.kind === 'neighbour' && o.action === 'set') || isNhsUp(o);
      if (o.kind === 'peer') this.#changePeer(now, o, released);
      else this.#carryOut(now, o);
    }
    for (const nbma of released.values()) this.protection.release(now, nbma);
    if (usable) this.datapath.retryHeld(now);
  }

  /** Who is let go has the answers that come after it first, such as that to its Purge. */
  #changePeer(
    now: number,
    { action, nbma }: Extract<EngineOutput, { kind: 'peer' }>,
    released: Map<string, Endpoint>,
  ): void {
    const key = endpointKey(nbma);
    if (action === 'release') return void released.set(key, nbma);
    if (released.delete(key)) this.protection.release(now, nbma); // let go and wanted: made anew
    this.protection.want(now, nbma);
  }

  #carryOut(now: number, output: Exclude<EngineOutput, { kind: 'timeout' | 'peer' }>): void {
    const { outputs, dropEvents, ask } = this.environment;
    switch (output.kind) {
      case 'send':
        return this.mgre.sendNhrp(now, output.bytes, output.to);
      case 'ask':
        return ask(this, output.id, output.question, output.deadline);
      case 'event':
        if (output.event.type !== 'dropped' || dropEvents) outputs.event(output.event);
        return;
      case 'neighbour': // the datapath reads cache and routes themselves
      case 'route':
      case 'multicast':
        return;
    }
  }

  /** True when a peer has come or gone: the engine has been told, and has more to say. */
  #drainProtection(now: number): boolean {
    let changed = false;
    for (let o = this.protection.pollOutput(); ; o = this.protection.pollOutput()) {
      if (o.kind === 'timeout') {
        this.#protectionTimeout = o;
        return changed;
      }
      if (o.kind === 'peer') {
        changed = true;
        this.#peerChanged(now, o);
      } else this.#tell(now, o);
    }
  }

  #tell(now: number, output: Exclude<ProtectionOutput, { kind: 'timeout' | 'peer' }>): void {
    const { outputs } = this.environment;
    const tunnel = this.name;
    switch (output.kind) {
      case 'transmit':
        return this.#transmitControl(output.path, output.bytes);
      case 'dropped':
        return this.drops.drop('protection', output.from.address, () => output.error);
      case 'warning':
        return outputs.event({ type: 'protection-warning', tunnel, text: output.text });
      case 'keys-exported': {
        const { table, line } = output;
        return outputs.event({ type: 'keys-exported', tunnel, table, line });
      }
      case 'failed': {
        const { nbma, why, retryAt } = output;
        const retryInMs = retryAt === null ? null : retryAt - now;
        const at = { tunnel, nbma: formatEndpoint(nbma) };
        return outputs.event({ type: 'protection-failed', ...at, why, retryInMs });
      }
    }
  }

  #peerChanged(
    now: number,
    { state, nbma, why }: { state: 'up' | 'down'; nbma: Endpoint; why: string },
  ): void {
    const at = { tunnel: this.name, nbma: formatEndpoint(nbma) };
    this.environment.outputs.event(
      state === 'up' ? { type: 'peer-up', ...at } : { type: 'peer-down', ...at, why },
    );
    this.engine.handlePeer(now, nbma, state);
  }

  #transmitControl(path: Path, bytes: Uint8Array): void {
    const { outputs, arena } = this.environment;
    if (!outputs.transmit(path, arena.copy(bytes), CONTROL_DSCP))
      this.drops.drop('not-drained', path.remote.address);
  }

  /** GRE in IPv4 in GRE may be a keepalive; answered or not, it goes no further then. */
  #isKeepalive(now: number, gre: Frame, { local, from }: GreEnds): boolean {
    const packet = decodeGrePacket(viewOf(gre));
    if (!packet.ok) return false;
    const ends = { local: local.address, remote: from.address };
    const answer = keepaliveAnswer(packet.value, ends);
    if (answer === null) return false;
    if (!this.settings.answerKeepalives || !this.#keepalives.take(endpointKey(from), now)) {
      this.drops.drop('keepalive', from.address);
      return true;
    }
    this.counters.keepalivesAnswered++;
    this.mgre.sendWhole(now, answer, from);
    return true;
  }
}

/** Both ends of a GRE packet as the engine knows them. */
export interface GreEnds {
  readonly local: Endpoint;
  readonly from: Endpoint;
}

const CONTROL_DSCP = 48; // CS6

const holdsGre = ({ slab, at, octets }: Frame): boolean =>
  octets >= IPV4_MIN_OCTETS &&
  ipVersion(slab, at) === 4 &&
  ipProtocol(slab, at) === IP_PROTOCOL.GRE;

const isNhsUp = (o: EngineOutput): boolean => o.kind === 'event' && o.event.type === 'nhs-up';

const ownAddresses = ({ engine }: TunnelSettings): IpAddress[] => [
  engine.address,
  ...engine.alsoRegister
    .filter((p) => p.length === hostBits(p.address.family))
    .map((p) => p.address),
];
