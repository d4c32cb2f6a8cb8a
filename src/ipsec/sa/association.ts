/** A pair of ESP security associations with one peer: what came of one negotiation, or of manual keying. */
import { IP_PROTOCOL } from '../../wire/ip-protocol.js';
import type { Endpoint, Path } from '../../wire/path.js';
import { fail, type WireError } from '../../wire/result.js';
import type { CryptoProvider } from '../crypto.js';
import { EspInbound, type OpenedSlot, openedSlot } from '../esp/inbound.js';
import { EspOutbound } from '../esp/outbound.js';
import type { AssociationOffer, Selector } from '../key-exchange.js';
import { type CipherSuite, formatSuite } from '../suites.js';
import { Lifetime, type LifetimeState } from './lifetime.js';
import { TunnelHeader } from './tunnel-header.js';

/** A packet with room around it: `octets` octets of `slab` from `at`. */
export interface PacketFrame {
  slab: Uint8Array;
  at: number;
  octets: number;
}

export interface AssociationOptions {
  readonly crypto: CryptoProvider;
  readonly now: number;
  /** Packets, 32..8192. */
  readonly replayWindow: number;
  /** 0..1; see {@link Lifetime}. */
  readonly early: number;
}

export class Association {
  readonly selector: Selector;
  readonly suite: CipherSuite;
  readonly mode: 'transport' | 'tunnel';
  readonly behindNat: boolean;
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  /** Whom it belongs to, by the name that NHRP has for the peer. */
  peer: Endpoint;
  /** How its packets travel; changes when the peer moves. */
  path: Path;
  /** New keys have been asked for. */
  rekeying = false;
  readonly #inbound: EspInbound;
  readonly #outbound: EspOutbound;
  readonly #sent: Lifetime;
  readonly #received: Lifetime;
  readonly #tunnel: TunnelHeader | null;
  readonly #slot: OpenedSlot = openedSlot();

  /** The provider's handles copy the keys; those of the offer may be wiped afterwards. */
  constructor(peer: Endpoint, offer: AssociationOffer, options: AssociationOptions) {
    const { suite, extendedSequence, inbound, outbound, encapsulation, selector } = offer;
    const { crypto, now, replayWindow, early } = options;
    this.peer = peer;
    this.selector = selector;
    this.suite = suite;
    this.mode = encapsulation.mode;
    this.path = encapsulation.path;
    this.behindNat = encapsulation.behindNat;
    this.inboundSpi = inbound.spi;
    this.outboundSpi = outbound.spi;
    this.#inbound = new EspInbound(crypto, suite, inbound, { extendedSequence, replayWindow });
    this.#outbound = new EspOutbound(crypto, suite, outbound, { extendedSequence });
    this.#sent = new Lifetime(offer.lifetimes, now, early);
    this.#received = new Lifetime(offer.lifetimes, now, early);
    this.#tunnel = this.mode === 'tunnel' ? new TunnelHeader(selector) : null;
  }

  /** The most octets that `seal` adds. */
  get overheadOctets(): number {
    const { headerOctets, tailOctets } = this.#outbound;
    return headerOctets + tailOctets + (this.#tunnel?.octets ?? 0);
  }

  /** When time alone brings on the next soft or hard limit. */
  get nextAt(): number | null {
    return this.#sent.nextAt; // both directions began at the same time
  }

  /** The worse of both directions. */
  lifetimeState(now: number): LifetimeState {
    const sent = this.#sent.state(now, this.#outbound.remaining);
    if (sent === 'hard') return sent;
    const received = this.#received.state(now, Number.MAX_SAFE_INTEGER);
    return received === 'good' ? sent : received;
  }

  /** New keys have been asked for; only the hard limit counts now. */
  softDone(): void {
    this.rekeying = true;
    this.#sent.softDone();
    this.#received.softDone();
  }

  /** Protects a packet of the selector's protocol in place. False when the sequence numbers are used up. */
  seal(frame: PacketFrame): boolean {
    const { slab } = frame;
    if (this.#outbound.remaining === 0) return false;
    this.#sent.charge(frame.octets);
    this.#tunnel?.wrap(slab, frame);
    const nextHeader = this.#tunnel?.nextHeader ?? this.selector.protocol;
    frame.octets = this.#outbound.seal(slab, frame.at, frame.octets, nextHeader);
    frame.at -= this.#outbound.headerOctets;
    return true;
  }

  /**
   * Opens an ESP packet of this association in place: the frame is a packet of the selector's protocol then.
   * `dummy`: one to be discarded (RFC 4303 §2.6).
   */
  open(frame: PacketFrame): WireError | 'dummy' | null {
    const slot = this.#slot;
    const error = this.#inbound.open(frame.slab, frame.at, frame.octets, slot);
    if (error !== null) return error;
    this.#received.charge(frame.octets);
    if (slot.nextHeader === IP_PROTOCOL.NO_NEXT) return 'dummy';
    const start = frame.at;
    frame.at = slot.at;
    frame.octets = slot.octets;
    const expected = this.#tunnel?.nextHeader ?? this.selector.protocol;
    if (slot.nextHeader !== expected)
      return fail('bad-value', 'esp.nextHeader', slot.at - start, expected, slot.nextHeader).error;
    const inner = this.#tunnel?.unwrap(frame.slab, frame) ?? null;
    return inner === null ? null : { ...inner, offset: inner.offset + slot.at - start };
  }

  /** Whether the last packet that `open` accepted is the newest so far. */
  get lastWasNewest(): boolean {
    return this.#slot.sequence === this.#inbound.window.top;
  }

  stats(): AssociationStats {
    return {
      inboundSpi: this.inboundSpi,
      outboundSpi: this.outboundSpi,
      suite: formatSuite(this.suite),
      mode: this.mode,
      carrier: this.path.carrier,
      sentPackets: this.#sent.packets,
      sentOctets: this.#sent.octets,
      receivedPackets: this.#received.packets,
      receivedOctets: this.#received.octets,
    };
  }

  /** The keys are gone; the association refuses to work afterwards. */
  wipe(): void {
    this.#inbound.wipe();
    this.#outbound.wipe();
  }
}

/** Plain data, without secrets. */
export interface AssociationStats {
  readonly inboundSpi: number;
  readonly outboundSpi: number;
  readonly suite: string;
  readonly mode: 'transport' | 'tunnel';
  readonly carrier: Path['carrier'];
  readonly sentPackets: number;
  /** Of payloads, before encapsulation. */
  readonly sentOctets: number;
  readonly receivedPackets: number;
  /** Of ESP packets. */
  readonly receivedOctets: number;
}
