/** One tunnel of a node: protection, and an engine and datapath for each address family, driven and drained here. */

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
import { KeyedBuckets } from '../nhrp/engine/rate.js';
import { type EngineSnapshot, joinSnapshots } from '../nhrp/engine/snapshot.js';
import type { IpAddress, IpFamily } from '../wire/address.js';
import { readU16 } from '../wire/bytes.js';
import { ETHERTYPE } from '../wire/ethertype.js';
import { ipProtocol, ipVersion } from '../wire/ip-packet.js';
import { IP_PROTOCOL } from '../wire/ip-protocol.js';
import { IPV4_MIN_OCTETS } from '../wire/ipv4.js';
import { type Endpoint, endpointKey, formatEndpoint, type Path } from '../wire/path.js';
import { subjectOf } from './commands.js';
import { Drops, PacketCounters } from './counters.js';
import { type Frame, type PacketArena, viewOf } from './frame.js';
import { IcmpErrors } from './icmp-errors.js';
import { Mgre, type TransmitSlot } from './mgre.js';
import { TunnelNetwork } from './network.js';
import type { DmvpnEnvironment, Lookup } from './output.js';
import type { Outputs } from './outputs.js';
import { type Due, Overlay } from './overlay.js';
import { PathMtu } from './path-mtu.js';
import { PeerWishes } from './peer-wishes.js';
import type { Protection, ProtectionOutput, Unopened } from './protection.js';
import type { TunnelSettings } from './settings.js';

const MAX_KEEPALIVE_PEERS = 1_024;

/** What the tunnels of a node share. */
export interface TunnelEnvironment extends DmvpnEnvironment {
  readonly outputs: Outputs;
  readonly arena: PacketArena;
  readonly dropEvents: boolean;
  /** The other tunnels of the same network id. */
  readonly siblings: (tunnel: Tunnel) => readonly Tunnel[];
  /** Gives a question of an engine an id of the node's. */
  readonly ask: (
    question: Question,
    deadline: number,
    answer: (now: number, answer: Answer) => void,
  ) => void;
}

export class Tunnel {
  readonly counters: PacketCounters = new PacketCounters();
  readonly drops: Drops;
  /** One for each address family, that of `address` first. */
  readonly overlays: readonly [Overlay, ...Overlay[]];
  readonly mgre: Mgre;
  readonly pathMtu: PathMtu;
  local: Endpoint;
  readonly #wishes: PeerWishes;
  readonly #network: TunnelNetwork;
  readonly #keepalives: KeyedBuckets = new KeyedBuckets(MAX_KEEPALIVE_PEERS, 1, 1);
  #isEnded = false;
  #protectionTimeout: Due = { at: null, why: 'idle' };

  constructor(
    readonly settings: TunnelSettings,
    readonly protection: Protection,
    readonly environment: TunnelEnvironment,
    restored?: EngineSnapshot,
  ) {
    const { now, outputs, arena, dropEvents } = environment;
    const { name, engine, otherEngine, key, routes } = settings;
    this.local = settings.local;
    this.drops = new Drops(name, this.counters, outputs, dropEvents);
    this.mgre = new Mgre(key, protection, this.drops, outputs, arena);
    this.pathMtu = new PathMtu(settings.mtu);
    this.#wishes = new PeerWishes(protection);
    this.#network = new TunnelNetwork(this, () => environment.siblings(this));
    const shared = {
      ...{ environment, routes, restored, mgre: this.mgre, drops: this.drops },
      icmp: new IcmpErrors(() => this.#ownAddresses(), this.counters, now),
      pathMtu: this.pathMtu,
      reflect: settings.multicastReflect,
      settled: (at: number) => this.drain(at),
      passOn: this.#network.passOn.bind(this.#network),
      elsewhere: this.#network.onward.bind(this.#network),
    };
    const first = new Overlay({ ...shared, config: engine });
    this.overlays =
      otherEngine === null ? [first] : [first, new Overlay({ ...shared, config: otherEngine })];
    this.drain(now);
  }

  get name(): string {
    return this.settings.name;
  }

  /** `closed` when all families are. */
  get isClosed(): boolean {
    return this.overlays.every(({ engine }) => engine.state === 'closed');
  }

  /** Whose a packet or address of that family is. Without one of its own a family goes by the other (multicast does). */
  overlayOf(family: IpFamily): Overlay {
    const [first, other] = this.overlays;
    return other !== undefined && other.family === family ? other : first;
  }

  /** A packet from the device. */
  handlePacket(now: number, packet: Uint8Array): void {
    const slot = this.mgre.slotOf(packet);
    if (this.sendDirect(now, slot)) return this.mgre.transmit(slot);
    this.#overlayOf(slot).datapath.sendSlowly(now, slot);
    this.drain(now);
  }

  /** The fast way of a packet from the device; false: nothing has changed. */
  sendDirect(now: number, slot: TransmitSlot): boolean {
    return this.#overlayOf(slot).datapath.sendDirect(now, slot);
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
      const { engine } = this.overlayOf(isAboutIpv6(slot) ? 6 : 4);
      engine.handleMessage(now, { local, remote: from }, viewOf(slot));
    } else if (protocolType === GRE_PROTOCOL_TYPE.IPV4 || protocolType === GRE_PROTOCOL_TYPE.IPV6) {
      const mayBeKeepalive = holdsGre(slot);
      if (!(mayBeKeepalive && this.#isKeepalive(now, gre, { local, from })))
        this.#overlayOf(slot).datapath.receive(now, slot, from);
    } else {
      const isAnswer = protocolType === GRE_PROTOCOL_TYPE.KEEPALIVE && slot.octets === 0;
      this.drops.drop(isAnswer ? 'keepalive' : 'unknown-protocol', from.address);
    }
    this.drain(now);
  }

  handleRoutes(now: number, change: RouteChange): void {
    this.overlayOf(change.prefix.address.family).engine.handleRoutes(now, [change]);
    this.drain(now);
  }

  handleTimeout(now: number): void {
    for (const { engine } of this.overlays) engine.handleTimeout(now);
    this.protection.handleTimeout(now);
    for (const { datapath } of this.overlays) datapath.handleTimeout(now);
    this.drain(now);
  }

  /** What speaks of an overlay address is for its family, all else for each. */
  command(now: number, command: EngineCommand): void {
    if (command.kind === 'clear' && command.what === 'counters') this.counters.clear();
    if (command.kind === 'mtu') this.pathMtu.tunnelMtu = command.mtu;
    const subject = subjectOf(command);
    const meant = subject === null ? this.overlays : [this.overlayOf(subject.family)];
    for (const { engine } of meant) engine.command(now, command);
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
    return this.overlayOf(address.family).lookup(now, address);
  }

  /** The first of what is due here. */
  timeout(): Due {
    let first = this.#protectionTimeout;
    for (const overlay of this.overlays) first = overlay.firstDue(first);
    return first;
  }

  /** Plain data with remaining times. */
  snapshot(now: number): EngineSnapshot {
    return joinSnapshots(this.overlays.map(({ engine }) => engine.snapshot(now)));
  }

  /** Carries out what engine and protection ask for, until both are done. */
  drain(now: number): void {
    let peersChanged = false;
    do {
      for (const overlay of this.overlays)
        overlay.drain(now, (output) => this.#carryOut(now, overlay, output));
      this.#wishes.settle(now);
      peersChanged = this.#drainProtection(now);
    } while (peersChanged);
    if (this.isClosed && !this.#isEnded) this.#end(now);
  }

  /** The engine has said all: now the associations may go. */
  #end(now: number): void {
    this.#isEnded = true;
    this.protection.shutdown(now);
    this.#drainProtection(now);
  }

  #carryOut(
    now: number,
    overlay: Overlay,
    output: Exclude<EngineOutput, { kind: 'timeout' }>,
  ): void {
    const { outputs, dropEvents, ask } = this.environment;
    switch (output.kind) {
      case 'peer':
        return this.#wishes.change(now, overlay, output);
      case 'send':
        return this.mgre.sendNhrp(now, output.bytes, output.to);
      case 'ask':
        return ask(output.question, output.deadline, (at, answer) => {
          overlay.engine.handleAnswer(at, output.id, answer);
          this.drain(at);
        });
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
    for (const { engine } of this.overlays) engine.handlePeer(now, nbma, state);
  }

  #ownAddresses(): IpAddress[] {
    return this.overlays.flatMap(({ engine }) => engine.ownAddresses);
  }

  #overlayOf({ slab, at }: Frame): Overlay {
    return this.overlays.length === 1
      ? this.overlays[0]
      : this.overlayOf(ipVersion(slab, at) === 6 ? 6 : 4);
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

const PROTOCOL_TYPE_AT = 2;

/** ar$pro.type of an NHRP packet (RFC 2332 §5.1): which family it speaks of. */
const isAboutIpv6 = ({ slab, at, octets }: Frame): boolean =>
  octets >= PROTOCOL_TYPE_AT + 2 && readU16(slab, at + PROTOCOL_TYPE_AT) === ETHERTYPE.IPV6;
