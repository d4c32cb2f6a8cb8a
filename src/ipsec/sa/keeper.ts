/**
 * Keeps the associations of a tunnel in order: takes what key exchange made, watches lifetimes and liveness, keeps NAT
 * mappings open, and says which peers are up.
 */
import type { IpAddress } from '../../wire/address.js';
import { readU32 } from '../../wire/bytes.js';
import { IP_PROTOCOL } from '../../wire/ip-protocol.js';
import { type Endpoint, endpointEquals, IKE_NATT_PORT, type Path } from '../../wire/path.js';
import type { CryptoProvider } from '../crypto.js';
import { keepalive, withNonEspMarker } from '../esp/udp-encapsulation.js';
import type {
  AssociationOffer,
  DeletionReason,
  FailureReason,
  KeyExchange,
  KeyExchangeOutput,
  Selector,
} from '../key-exchange.js';
import type { ProtectionProfile } from '../profile.js';
import type { ProtectionCounters } from '../protection-counters.js';
import { Association } from './association.js';
import type { SecurityAssociationDatabase } from './database.js';
import { Deadlines } from './deadlines.js';
import { MAX_ASSOCIATIONS_PER_PEER, type Peer } from './peer.js';

export type ProtectionOutput =
  /** Key exchange and keepalives, as they go on the wire. The octets are the receiver's. */
  | { readonly kind: 'transmit'; readonly path: Path; readonly bytes: Uint8Array }
  | {
      readonly kind: 'peer';
      readonly state: 'up' | 'down';
      readonly nbma: Endpoint;
      /** Of `down`; empty for `up`. */
      readonly why: DeletionReason | 'moved' | '';
    }
  /** No association came about; tried again at `retryAt` while the peer is wanted. */
  | {
      readonly kind: 'failed';
      readonly nbma: Endpoint;
      readonly why: FailureReason;
      readonly retryAt: number | null;
    }
  | { readonly kind: 'timeout'; readonly at: number | null; readonly why: string };

export interface KeeperParts {
  readonly crypto: CryptoProvider;
  readonly database: SecurityAssociationDatabase;
  readonly keyExchange: KeyExchange;
  readonly random: (octets: number) => Uint8Array;
  readonly local: IpAddress;
  readonly profile: ProtectionProfile;
  readonly counters: ProtectionCounters;
}

/** A wanted peer whose associations have ended is asked for again after so long: no storm between two that disagree. */
const REWANT_MS = 1_000;

type Event = Exclude<KeyExchangeOutput, { kind: 'timeout' }>;

export class AssociationKeeper {
  readonly #parts: KeeperParts;
  readonly #deadlines = new Deadlines<Peer>();
  readonly #outputs: ProtectionOutput[] = [];
  #local: IpAddress;
  #exchangeAt: number | null = null;
  #exchangeWhy = 'key exchange';

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#local = parts.local;
  }

  get local(): IpAddress {
    return this.#local;
  }

  want(now: number, nbma: Endpoint): void {
    const { database, keyExchange } = this.#parts;
    if (database.find(nbma) === null && this.#isFull()) {
      this.#outputs.push({ kind: 'failed', nbma, why: 'limit', retryAt: null });
      return;
    }
    const peer = database.findOrAdd(nbma);
    peer.wanted = true;
    keyExchange.want(now, peer.endpoint, this.#selector(peer));
    this.drain(now);
  }

  release(now: number, nbma: Endpoint, why: DeletionReason): void {
    const peer = this.#parts.database.find(nbma);
    if (peer === null) return;
    peer.wanted = false;
    this.#parts.keyExchange.release(now, peer.endpoint, this.#selector(peer));
    this.#endAll(now, peer, why);
    this.drain(now);
  }

  /** Nothing that was agreed for the old address holds; the same peers are wanted from the new one. */
  moveLocal(now: number, local: IpAddress): void {
    const wanted = [...this.#parts.database.peers].filter((peer) => peer.wanted);
    for (const peer of [...this.#parts.database.peers])
      this.release(now, peer.endpoint, 'superseded');
    this.#local = local;
    for (const peer of wanted) this.want(now, peer.endpoint);
  }

  handleTimeout(now: number): void {
    this.#parts.keyExchange.handleTimeout(now);
    this.drain(now);
    for (let peer = this.#deadlines.takeDue(now); peer !== null; ) {
      this.#attend(now, peer);
      peer = this.#deadlines.takeDue(now);
    }
  }

  pollOutput(): ProtectionOutput {
    const output = this.#outputs.shift();
    if (output !== undefined) return output;
    const own = this.#deadlines.next();
    const exchange = this.#exchangeAt;
    if (own === null || (exchange !== null && exchange <= own))
      return { kind: 'timeout', at: exchange, why: this.#exchangeWhy };
    return { kind: 'timeout', at: own, why: 'association lifetime, liveness or keepalive' };
  }

  /** Takes everything that key exchange has to say. */
  drain(now: number): void {
    for (;;) {
      const output = this.#parts.keyExchange.pollOutput();
      if (output.kind !== 'timeout') this.#handleEvent(now, output);
      else {
        this.#exchangeAt = output.at;
        this.#exchangeWhy = output.why;
        return;
      }
    }
  }

  /** After a packet of the association: asks for new keys at a soft limit, ends it at a hard one. */
  checkLifetime(now: number, peer: Peer, association: Association): void {
    const state = association.lifetimeState(now);
    if (state === 'hard') this.expire(now, peer, association);
    if (state !== 'soft' || association.rekeying) return;
    association.softDone();
    if (peer.current !== association) return; // an old pair that lives on is not renewed
    this.#parts.keyExchange.rekey(now, peer.endpoint, association.inboundSpi);
    this.drain(now);
  }

  /** No packet under these keys any more (RFC 4303 §3.3.3, RFC 4301 §4.4.2.1). */
  expire(now: number, peer: Peer, association: Association): void {
    this.#parts.counters.expired++;
    this.#parts.keyExchange.discard(now, peer.endpoint, association.inboundSpi);
    this.#end(now, peer, association, 'expired');
    this.drain(now);
  }

  #handleEvent(now: number, event: Event): void {
    switch (event.kind) {
      case 'transmit':
        this.#outputs.push(transmitOf(event.path, event.bytes));
        return;
      case 'installed':
        if (event.offer === null) this.#installExternal(event.peer);
        else this.#install(now, event.peer, event.offer, true);
        return;
      case 'rekeyed':
        this.#install(now, event.peer, event.offer, event.startedHere);
        return;
      case 'moved':
        for (const association of this.#find(event.peer)?.associations ?? [])
          association.path = event.path;
        return;
      case 'deleted':
        this.#deleted(now, event.peer, event.inboundSpi, event.why);
        return;
      case 'failed': {
        const { peer: nbma, why, retryAt } = event;
        this.#outputs.push({ kind: 'failed', nbma, why, retryAt });
        return;
      }
    }
  }

  // ---- new associations ----

  #install(now: number, nbma: Endpoint, offer: AssociationOffer, use: boolean): void {
    const { crypto, database, profile } = this.#parts;
    if (this.#find(nbma) === null && this.#isFull()) {
      this.#parts.keyExchange.discard(now, nbma, offer.inbound.spi);
      wipeOffer(offer);
      return;
    }
    const peer = this.#peerFor(nbma, offer.encapsulation.path);
    const wasUp = peer.isUp;
    const { replayWindow, rekeyJitter } = profile;
    const early = rekeyJitter * this.#fraction();
    const options = { crypto, now, replayWindow, early };
    database.add(peer, new Association(peer.endpoint, offer, options), use);
    wipeOffer(offer);
    const oldest = peer.associations[0];
    if (peer.associations.length > MAX_ASSOCIATIONS_PER_PEER && oldest !== undefined)
      this.expire(now, peer, oldest);
    peer.lastSentAt = now;
    peer.unansweredSince = null;
    if (!wasUp) this.#announce(peer, 'up', '');
    this.#reschedule(now, peer);
  }

  #installExternal(nbma: Endpoint): void {
    const peer = this.#parts.database.findOrAdd(nbma);
    const wasUp = peer.isUp;
    peer.external = true;
    if (!wasUp) this.#announce(peer, 'up', '');
  }

  /** A peer that is wanted by its address alone is the one that has floated to port 4500. */
  #find(nbma: Endpoint): Peer | null {
    const found = this.#parts.database.find(nbma);
    if (found !== null || nbma.port !== IKE_NATT_PORT) return found;
    const floated = this.#parts.database.find({ address: nbma.address, port: 0 });
    return floated?.wanted ? floated : null;
  }

  /** One that has moved away from the endpoint that it is known by makes room for whom the NAT has given it to. */
  #peerFor(nbma: Endpoint, path: Path): Peer {
    const { database } = this.#parts;
    const found = this.#find(nbma);
    if (found === null) return database.findOrAdd(nbma);
    const now = found.current?.path ?? path;
    const hasMoved =
      endpointEquals(path.remote, found.endpoint) && !endpointEquals(now.remote, path.remote);
    if (!hasMoved) return found;
    this.#announce(found, 'down', 'moved');
    database.rename(found, now.remote);
    this.#announce(found, 'up', '');
    return database.findOrAdd(nbma);
  }

  #isFull(): boolean {
    return this.#parts.database.peerCount >= this.#parts.profile.maxPeers;
  }

  #selector(peer: Peer): Selector {
    return {
      protocol: IP_PROTOCOL.GRE,
      local: this.#local,
      remote: peer.endpoint.address,
    };
  }

  #fraction(): number {
    return readU32(this.#parts.random(4), 0) / 0x1_0000_0000;
  }

  // ---- time ----

  #attend(now: number, peer: Peer): void {
    const { profile, counters, keyExchange } = this.#parts;
    if (peer.wanted && !peer.isUp) keyExchange.want(now, peer.endpoint, this.#selector(peer));
    for (const association of [...peer.associations]) this.checkLifetime(now, peer, association);
    if (isDue(now, peer.unansweredSince, profile.livenessMs)) {
      peer.unansweredSince = now; // asked again only after as long again
      keyExchange.probe(now, peer.endpoint);
    }
    if (peer.current?.behindNat && isDue(now, peer.lastSentAt, profile.keepaliveMs)) {
      peer.lastSentAt = now;
      counters.keepalivesSent++;
      this.#outputs.push({ kind: 'transmit', path: peer.current.path, bytes: keepalive() });
    }
    if (peer.isUp) this.#reschedule(now, peer);
    this.drain(now);
  }

  #reschedule(now: number, peer: Peer): void {
    const { livenessMs, keepaliveMs } = this.#parts.profile;
    const times: number[] = [];
    for (const { nextAt } of peer.associations) if (nextAt !== null) times.push(nextAt);
    if (livenessMs !== null) times.push((peer.unansweredSince ?? now) + livenessMs);
    if (peer.current?.behindNat) times.push(peer.lastSentAt + keepaliveMs);
    this.#deadlines.schedule(peer, times.length === 0 ? null : Math.min(...times));
  }

  // ---- the end of associations ----

  #deleted(now: number, nbma: Endpoint, inboundSpi: number | null, why: DeletionReason): void {
    const { database } = this.#parts;
    const association = inboundSpi === null ? undefined : database.bySpi(inboundSpi);
    const peer = this.#find(association?.peer ?? nbma);
    if (peer === null) return;
    if (inboundSpi === null) this.#endAll(now, peer, why);
    else if (association !== undefined) this.#end(now, peer, association, why);
  }

  #endAll(now: number, peer: Peer, why: DeletionReason): void {
    const wasUp = peer.isUp;
    for (const association of [...peer.associations])
      this.#parts.database.remove(peer, association);
    peer.external = false;
    this.#ended(now, peer, wasUp, why);
  }

  #end(now: number, peer: Peer, association: Association, why: DeletionReason): void {
    const wasUp = peer.isUp;
    this.#parts.database.remove(peer, association);
    this.#ended(now, peer, wasUp, why);
  }

  #ended(now: number, peer: Peer, wasUp: boolean, why: DeletionReason): void {
    if (wasUp && !peer.isUp) {
      this.#announce(peer, 'down', why);
      this.#deadlines.schedule(peer, peer.wanted ? now + REWANT_MS : null);
    }
    this.#parts.database.forgetIfIdle(peer);
  }

  #announce(peer: Peer, state: 'up' | 'down', why: DeletionReason | 'moved' | ''): void {
    this.#outputs.push({ kind: 'peer', state, nbma: peer.endpoint, why });
  }
}

/** Written as the alarm was computed: `now - since` differs from `ms` by rounding on clocks with fractions. */
const isDue = (now: number, since: number | null, ms: number | null): boolean =>
  since !== null && ms !== null && now >= since + ms;

function wipeOffer(offer: AssociationOffer): void {
  for (const keys of [offer.inbound, offer.outbound]) {
    keys.encryptionKey.wipe();
    keys.integrityKey.wipe();
  }
}

/** IKE on port 4500 goes behind the non-ESP marker. */
const transmitOf = (path: Path, message: Uint8Array): ProtectionOutput => ({
  kind: 'transmit',
  path,
  bytes: path.carrier === 'ike-natt' ? withNonEspMarker(message) : Uint8Array.from(message),
});
