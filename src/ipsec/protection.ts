/**
 * Protection of a tunnel: policy, associations and key exchange put together, without I/O. GRE goes in and comes out;
 * what stands on the wire is ESP, in IP or in UDP, and IKE.
 *
 * It fails closed: `protect` gives a path only for a packet that has been sealed, and `open` gives a packet only when
 * it came out of an association. There is no other way through, before, between or after associations.
 */
import type { IpAddress } from '../wire/address.js';
import { readU32 } from '../wire/bytes.js';
import { type Endpoint, endpointEquals, type Path } from '../wire/path.js';
import { fail, type WireError } from '../wire/result.js';
import type { CryptoProvider } from './crypto.js';
import { ESP_HEADER_OCTETS } from './esp/header.js';
import { classifyUdpPayload, NON_ESP_MARKER_OCTETS } from './esp/udp-encapsulation.js';
import type { KeyExchange } from './key-exchange.js';
import { DEFAULT_PROFILE, type ProtectionProfile } from './profile.js';
import { type ProtectionCounters, protectionCounters } from './protection-counters.js';
import type { Association, PacketFrame } from './sa/association.js';
import type { SecurityAssociationDatabase } from './sa/database.js';
import { AssociationKeeper, type ProtectionOutput } from './sa/keeper.js';
import type { Peer } from './sa/peer.js';

export type { ProtectionOutput } from './sa/keeper.js';

/**
 * Why a datagram yields no GRE packet: it was key exchange or a keepalive, and is dealt with · it belongs to nothing
 * here · it is wrong, and counted.
 */
export type Unopened = 'consumed' | 'not-mine' | 'refused';

export interface ProtectionParts {
  readonly crypto: CryptoProvider;
  readonly database: SecurityAssociationDatabase;
  readonly keyExchange: KeyExchange;
  /** That many fresh octets: for the jitter of lifetimes. */
  readonly random: (octets: number) => Uint8Array;
  /** The NBMA address of this end. */
  readonly local: IpAddress;
  readonly profile?: Partial<ProtectionProfile>;
}

/** Tunnel mode over IPv6, CBC with SHA2-512-256 in UDP: UDP 8, ESP 8, IV 16, inner header 40, padding and trailer 17, ICV 32. */
const MAX_OVERHEAD_OCTETS = 121;

/** Key exchange is told no more often that packets arrive. */
const TELL_HEARD_MS = 1_000;

export class IpsecProtection {
  /** Octets that it adds at most, outer IP header not counted. */
  readonly overheadOctets: number = MAX_OVERHEAD_OCTETS;
  readonly counters: ProtectionCounters = protectionCounters();
  readonly #database: SecurityAssociationDatabase;
  readonly #keyExchange: KeyExchange;
  readonly #keeper: AssociationKeeper;
  #lastError: WireError | null = null;
  #closed = false;

  constructor(parts: ProtectionParts) {
    this.#database = parts.database;
    this.#keyExchange = parts.keyExchange;
    const profile = { ...DEFAULT_PROFILE, ...parts.profile };
    this.#keeper = new AssociationKeeper({ ...parts, profile, counters: this.counters });
  }

  /** What was wrong with the last datagram that was refused, for a `dropped` event. */
  get lastError(): WireError | null {
    return this.#lastError;
  }

  /** Associations with the peer are wanted from now on. Again and again is harmless. */
  want(now: number, nbma: Endpoint): void {
    if (!this.#closed) this.#keeper.want(now, nbma);
  }

  /** They are not wanted any more: the peer is told, and the keys are wiped. */
  release(now: number, nbma: Endpoint): void {
    this.#keeper.release(now, nbma, 'released');
  }

  /**
   * Protects a GRE packet in place; there are 96 octets free before it and 288 after.
   * @returns how to send it, or null when there is no association with the peer (yet): the frame has not changed
   */
  protect(now: number, frame: PacketFrame, to: Endpoint): Path | null {
    const peer = this.#database.find(to);
    const association = peer?.current ?? null;
    if (peer === null || association === null) return this.#withoutAssociation(peer);
    if (!association.seal(frame)) {
      this.#keeper.expire(now, peer, association);
      return null;
    }
    peer.lastSentAt = now;
    peer.unansweredSince ??= now;
    this.counters.sealed++;
    this.#keeper.checkLifetime(now, peer, association);
    return association.path;
  }

  /** Opens a datagram in place: the frame is a GRE packet then, and the answer the peer that it came from. */
  open(now: number, path: Path, frame: PacketFrame): Endpoint | Unopened {
    switch (path.carrier) {
      case 'gre':
      case 'gre-udp':
        return this.#openClear(path);
      case 'ike':
        return this.#openIke(now, path, frame, 0);
      case 'esp':
        return this.#openEsp(now, path, frame);
      case 'ike-natt':
        return this.#openUdp(now, path, frame);
    }
  }

  /** The local NBMA address has changed: nothing that was agreed for the old one holds. */
  moveLocal(now: number, local: Endpoint): void {
    this.#keeper.moveLocal(now, local.address);
  }

  handleTimeout(now: number): void {
    this.#keeper.handleTimeout(now);
  }

  /** Every peer is told, and every key wiped. Nothing can be wanted any more. */
  shutdown(now: number): void {
    this.#closed = true;
    for (const { endpoint } of [...this.#database.peers])
      this.#keeper.release(now, endpoint, 'shutdown');
  }

  pollOutput(): ProtectionOutput {
    return this.#keeper.pollOutput();
  }

  /** Clear GRE comes in only from a peer whose kernel decrypts: that lets nothing else through. */
  #openClear(path: Path): Endpoint | Unopened {
    const peer = this.#database.find(path.remote);
    if (peer?.external) return peer.endpoint;
    if (path.local.address.equals(this.#keeper.local)) this.counters.clearText++;
    return 'not-mine';
  }

  #openUdp(now: number, path: Path, frame: PacketFrame): Endpoint | Unopened {
    switch (classifyUdpPayload(frame.slab, frame.at, frame.octets)) {
      case 'keepalive':
        this.counters.keepalivesReceived++;
        return 'consumed';
      case 'ike':
        return this.#openIke(now, path, frame, NON_ESP_MARKER_OCTETS);
      case 'esp':
        return this.#openEsp(now, path, frame);
      case 'truncated':
        return this.#truncated('udp-encapsulation', frame.octets);
    }
  }

  #openIke(now: number, path: Path, frame: PacketFrame, skip: number): Unopened {
    const { slab, at, octets } = frame;
    this.#keyExchange.handleMessage(now, path, slab.subarray(at + skip, at + octets));
    this.#keeper.drain(now);
    return 'consumed';
  }

  #openEsp(now: number, path: Path, frame: PacketFrame): Endpoint | Unopened {
    if (frame.octets < ESP_HEADER_OCTETS) return this.#truncated('esp.header', frame.octets);
    const spi = readU32(frame.slab, frame.at);
    const association = this.#database.bySpi(spi);
    if (association === undefined) {
      this.#refuse(fail('unknown-spi', 'esp.spi', 0, 0, spi).error);
      this.#keyExchange.unknownSpi?.(now, path, spi, frame.octets);
      this.#keeper.drain(now);
      return 'not-mine'; // perhaps another tunnel's
    }
    const outcome = association.open(frame);
    if (outcome !== null && outcome !== 'dummy') return this.#refuse(outcome);
    const peer = this.#handleAuthentic(now, path, association);
    if (outcome === 'dummy') {
      this.counters.dummies++;
      return 'consumed';
    }
    this.counters.opened++;
    return peer.endpoint;
  }

  /** The ICV was right: the peer lives, uses this pair, and is where the packet came from. */
  #handleAuthentic(now: number, path: Path, association: Association): Peer {
    const peer = this.#database.find(association.peer);
    if (peer === null) throw new Error('bug: an association without its peer');
    peer.unansweredSince = null;
    if (peer.current !== association) peer.confirm(association);
    if (association.lastWasNewest) follow(association, path);
    if (now >= peer.toldHeardAt + TELL_HEARD_MS) this.#tellHeard(now, peer, association);
    this.#keeper.checkLifetime(now, peer, association);
    return peer;
  }

  #tellHeard(now: number, peer: Peer, { inboundSpi }: Association): void {
    peer.toldHeardAt = now;
    this.#keyExchange.heard?.(now, peer.endpoint, inboundSpi);
    this.#keeper.drain(now);
  }

  #withoutAssociation(peer: Peer | null): Path | null {
    if (peer?.external) {
      const remote = { address: peer.endpoint.address, port: 0 };
      return { carrier: 'gre', local: { address: this.#keeper.local, port: 0 }, remote };
    }
    this.counters.noAssociation++;
    return null;
  }

  #truncated(field: string, octets: number): Unopened {
    return this.#refuse(fail('truncated', field, 0, ESP_HEADER_OCTETS, octets).error);
  }

  #refuse(error: WireError): Unopened {
    const { refused } = this.counters;
    refused[error.code] = (refused[error.code] ?? 0) + 1;
    this.#lastError = error;
    return 'refused';
  }
}

/**
 * A peer behind NAT may come by another address or port at any time: its newest packet tells. An end that is behind NAT
 * itself does not follow (RFC 7296 §2.23).
 */
function follow(association: Association, path: Path): void {
  const encapsulated = path.carrier === 'ike-natt' && association.path.carrier === 'ike-natt';
  if (!encapsulated || association.behindNat) return;
  if (!endpointEquals(association.path.remote, path.remote)) association.path = path;
}
