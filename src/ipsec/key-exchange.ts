/**
 * What makes the keys: the built-in IKE, or another daemon that is told what is wanted and says what came of it.
 * Driven as every part: one call, then `pollOutput` until `timeout`.
 */
import type { IpAddress } from '../wire/address.js';
import type { Endpoint, Path } from '../wire/path.js';
import type { SecretBytes } from './secret.js';
import type { CipherSuite } from './suites.js';

/** What an association protects: GRE between two NBMA hosts. */
export interface Selector {
  /** 47. */
  readonly protocol: number;
  readonly local: IpAddress;
  readonly remote: IpAddress;
}

/** One direction. The keys belong to whoever receives this, who wipes them. */
export interface DirectionKeys {
  /** 256..0xffff_ffff; chosen by the receiver of the packets. */
  readonly spi: number;
  /** The encryption key with its salt. */
  readonly encryptionKey: SecretBytes;
  /** Empty for an AEAD. */
  readonly integrityKey: SecretBytes;
}

/** Limits of one association; null for none. Soft ones ask for new keys, hard ones end it. */
export interface Lifetimes {
  readonly softSeconds: number | null;
  readonly hardSeconds: number | null;
  readonly softOctets: number | null;
  readonly hardOctets: number | null;
  readonly softPackets: number | null;
  readonly hardPackets: number | null;
}

/** How the packets of an association look. */
export interface Encapsulation {
  readonly mode: 'transport' | 'tunnel';
  /** Carrier `esp`, or `ike-natt` for UDP encapsulation (RFC 3948). */
  readonly path: Path;
  /** This end is behind NAT: send keepalives (RFC 3948 §4). */
  readonly behindNat: boolean;
}

/** A pair of security associations. */
export interface AssociationOffer {
  readonly selector: Selector;
  readonly suite: CipherSuite;
  readonly extendedSequence: boolean;
  readonly inbound: DirectionKeys;
  readonly outbound: DirectionKeys;
  readonly lifetimes: Lifetimes;
  readonly encapsulation: Encapsulation;
}

export type DeletionReason =
  | 'peer' // it sent a Delete
  | 'peer-dead' // no answer to liveness checks
  | 'superseded' // INITIAL_CONTACT, or a newer exchange with the same peer
  | 'expired' // a hard lifetime, or the sequence numbers are used up
  | 'released'
  | 'shutdown';

export type FailureReason =
  | 'no-answer'
  | 'no-proposal'
  | 'authentication'
  | 'selector'
  | 'transport-mode'
  | 'malformed'
  | 'no-key' // none configured for this peer
  | 'limit';

export type KeyExchangeOutput =
  | { readonly kind: 'transmit'; readonly path: Path; readonly bytes: Uint8Array }
  /**
   * A first pair for the peer. `peer` is the endpoint of the `want` that it answers, else the remote end of the
   * packets' path. `offer` is null when a kernel or another daemon holds the keys and does ESP itself.
   */
  | {
      readonly kind: 'installed';
      readonly peer: Endpoint;
      readonly offer: AssociationOffer | null;
    }
  /** New keys in place of the pair with that inbound SPI, which stays usable until it is deleted. */
  | {
      readonly kind: 'rekeyed';
      readonly peer: Endpoint;
      readonly replaces: number;
      /** Whether this end began it: then the peer is ready for packets under the new keys (RFC 7296 §2.8). */
      readonly startedHere: boolean;
      readonly offer: AssociationOffer;
    }
  /** Packets to the peer now go elsewhere: authenticated change of its address or port. */
  | { readonly kind: 'moved'; readonly peer: Endpoint; readonly path: Path }
  /** The pair with that inbound SPI is gone; null: all of the peer's. */
  | {
      readonly kind: 'deleted';
      readonly peer: Endpoint;
      readonly inboundSpi: number | null;
      readonly why: DeletionReason;
    }
  /** While the peer is wanted the exchange tries again at `retryAt` by itself; null: it will not. */
  | {
      readonly kind: 'failed';
      readonly peer: Endpoint;
      readonly why: FailureReason;
      readonly retryAt: number | null;
    }
  /** Drained: call `handleTimeout` by then. */
  | { readonly kind: 'timeout'; readonly at: number | null; readonly why: string };

export interface KeyExchange {
  /** An association with the peer is wanted from now on; again and again is harmless. */
  want(now: number, peer: Endpoint, selector: Selector): void;
  /** It is not wanted any more: deleted in order, the other end told. */
  release(now: number, peer: Endpoint, selector: Selector): void;
  /** A soft limit of the pair with that inbound SPI is reached. */
  rekey(now: number, peer: Endpoint, inboundSpi: number): void;
  /** The pair with that inbound SPI has ended here (hard limit): tell the other end. */
  discard(now: number, peer: Endpoint, inboundSpi: number): void;
  /** Packets go out and nothing comes back: find out whether the peer lives (RFC 7296 §2.4). */
  probe(now: number, peer: Endpoint): void;
  /** An ESP packet of the pair with that inbound SPI was authentic and new: the peer lives. Told at most once a second. */
  heard?(now: number, peer: Endpoint, inboundSpi: number): void;
  /** `octets` octets of ESP came for an SPI that nobody has: the sender may remember what is forgotten here. */
  unknownSpi?(now: number, path: Path, spi: number, octets: number): void;
  /** A datagram of carrier `ike` or `ike-natt`, the latter without its non-ESP marker. Borrowed. */
  handleMessage(now: number, path: Path, bytes: Uint8Array): void;
  handleTimeout(now: number): void;
  /** Octets of `transmit` carry no non-ESP marker, and are valid until the next call. */
  pollOutput(): KeyExchangeOutput;
}
