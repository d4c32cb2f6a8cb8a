/**
 * The security association database (RFC 4301 §4.4.2): inbound by SPI, outbound by peer. Several peers behind
 * one NAT have the same selectors, so nothing is ever found by selector.
 */
import { readU32 } from '../../wire/bytes.js';
import { type Endpoint, endpointEquals, endpointKey } from '../../wire/path.js';
import { MIN_SPI } from '../esp/header.js';
import type { Association } from './association.js';
import { Peer } from './peer.js';

/** Half-open negotiations hold one each; the oldest is given up first. */
const MAX_RESERVED_SPIS = 4_096;
const SPI_OCTETS = 4;

export class SecurityAssociationDatabase {
  readonly #random: (octets: number) => Uint8Array;
  readonly #bySpi = new Map<number, Association>();
  readonly #byPeer = new Map<string, Peer>();
  readonly #reserved = new Set<number>();
  /** The cache hands out the same endpoint object for every packet: no key is made of it each time. */
  #known = new WeakMap<Endpoint, Peer>();

  /** @param random that many fresh octets, unpredictable */
  constructor(random: (octets: number) => Uint8Array) {
    this.#random = random;
  }

  /** Pairs of associations. */
  get size(): number {
    return this.#bySpi.size;
  }

  get peers(): Iterable<Peer> {
    return this.#byPeer.values();
  }

  get peerCount(): number {
    return this.#byPeer.size;
  }

  /** A random SPI for packets to us, in use nowhere, reserved until it is installed or released. */
  allocateSpi(): number {
    for (;;) {
      const spi = readU32(this.#random(SPI_OCTETS), 0);
      if (spi < MIN_SPI || this.#bySpi.has(spi) || this.#reserved.has(spi)) continue;
      if (this.#reserved.size >= MAX_RESERVED_SPIS)
        for (const oldest of this.#reserved) {
          this.#reserved.delete(oldest);
          break;
        }
      this.#reserved.add(spi);
      return spi;
    }
  }

  /** A negotiation has failed: its SPI is free again. */
  releaseSpi(spi: number): void {
    this.#reserved.delete(spi);
  }

  bySpi(inboundSpi: number): Association | undefined {
    return this.#bySpi.get(inboundSpi);
  }

  /** The peer of that address and port, if it is known. */
  find(endpoint: Endpoint): Peer | null {
    const known = this.#known.get(endpoint);
    if (known !== undefined && !known.gone) return known;
    const peer = this.#byPeer.get(endpointKey(endpoint));
    if (peer === undefined) return null;
    this.#known.set(endpoint, peer);
    return peer;
  }

  /** The peer of that address and port, made when it is new. */
  findOrAdd(endpoint: Endpoint): Peer {
    const found = this.find(endpoint);
    if (found !== null) return found;
    const peer = new Peer(endpoint);
    this.#byPeer.set(endpointKey(endpoint), peer);
    return peer;
  }

  /** @param use see {@link Peer.add} */
  add(peer: Peer, association: Association, use: boolean): void {
    if (this.#bySpi.has(association.inboundSpi)) throw new Error('bug: an inbound SPI used twice');
    this.#reserved.delete(association.inboundSpi);
    this.#bySpi.set(association.inboundSpi, association);
    peer.add(association, use);
  }

  /** Takes a pair out and wipes its keys. */
  remove(peer: Peer, association: Association): void {
    if (this.#bySpi.get(association.inboundSpi) === association)
      this.#bySpi.delete(association.inboundSpi);
    peer.remove(association);
    association.wipe();
  }

  /** Forgets a peer that is neither wanted nor has associations. */
  forgetIfIdle(peer: Peer): void {
    if (peer.wanted || peer.isUp || peer.associations.length > 0) return;
    this.#byPeer.delete(endpointKey(peer.endpoint));
    peer.gone = true;
  }

  /** The peer is known by another address and port from now on, which no other peer has. */
  rename(peer: Peer, endpoint: Endpoint): void {
    if (endpointEquals(peer.endpoint, endpoint)) return;
    this.#byPeer.delete(endpointKey(peer.endpoint));
    this.#known = new WeakMap();
    peer.endpoint = endpoint;
    this.#byPeer.set(endpointKey(endpoint), peer);
    for (const association of peer.associations) association.peer = endpoint;
  }
}
