/**
 * Manual keys: a KeyExchange that exchanges nothing, for embedders who bring their own. What it is given it installs;
 * what protection asks for (new keys before old ones run out, an end) waits in `takeRequests`.
 *
 * AEADs and counters forgive no reuse: every `install` needs keys that have never been used (RFC 4106 §2, §10).
 */
import type { Endpoint, Path } from '../wire/path.js';
import { endpointKey } from '../wire/path.js';
import type {
  AssociationOffer,
  DeletionReason,
  KeyExchange,
  KeyExchangeOutput,
} from './key-exchange.js';

/** What protection would like the embedder to do. */
export interface KeyRequest {
  readonly kind: 'want' | 'release' | 'rekey' | 'discard' | 'probe';
  readonly peer: Endpoint;
  /** Of `rekey` and `discard`. */
  readonly inboundSpi: number | null;
}

/** Requests that wait for an embedder who does not look; then the oldest is dropped. */
const MAX_REQUESTS = 1_024;

export class ManualKeys implements KeyExchange {
  readonly #outputs: KeyExchangeOutput[] = [];
  #requests: KeyRequest[] = [];
  /** Inbound SPI by peer. */
  readonly #installed = new Map<string, number>();

  /** Associations with the peer, from the next time that protection is driven. A second call replaces the first. */
  install(peer: Endpoint, offer: AssociationOffer): void {
    const replaces = this.#installed.get(endpointKey(peer));
    this.#installed.set(endpointKey(peer), offer.inbound.spi);
    if (replaces === undefined) this.#outputs.push({ kind: 'installed', peer, offer });
    else this.#outputs.push({ kind: 'rekeyed', peer, offer, replaces, startedHere: true });
  }

  /** Ends the pair with that inbound SPI, or all of the peer's. */
  remove(peer: Endpoint, inboundSpi: number | null, why: DeletionReason = 'released'): void {
    const key = endpointKey(peer);
    if (inboundSpi === null || this.#installed.get(key) === inboundSpi) this.#installed.delete(key);
    this.#outputs.push({ kind: 'deleted', peer, inboundSpi, why });
  }

  /** What has been asked for since the last call. */
  takeRequests(): KeyRequest[] {
    const taken = this.#requests;
    this.#requests = [];
    return taken;
  }

  want(_now: number, peer: Endpoint): void {
    if (!this.#installed.has(endpointKey(peer))) this.#ask('want', peer, null);
  }

  release(_now: number, peer: Endpoint): void {
    this.#installed.delete(endpointKey(peer));
    this.#ask('release', peer, null);
  }

  rekey(_now: number, peer: Endpoint, inboundSpi: number): void {
    this.#ask('rekey', peer, inboundSpi);
  }

  discard(_now: number, peer: Endpoint, inboundSpi: number): void {
    const key = endpointKey(peer);
    if (this.#installed.get(key) === inboundSpi) this.#installed.delete(key);
    this.#ask('discard', peer, inboundSpi);
  }

  probe(_now: number, peer: Endpoint): void {
    this.#ask('probe', peer, null);
  }

  /** Nothing is expected; nothing is answered. */
  handleMessage(_now: number, _path: Path, _bytes: Uint8Array): void {}

  handleTimeout(_now: number): void {}

  pollOutput(): KeyExchangeOutput {
    return this.#outputs.shift() ?? { kind: 'timeout', at: null, why: 'manual keys' };
  }

  #ask(kind: KeyRequest['kind'], peer: Endpoint, inboundSpi: number | null): void {
    this.#requests.push({ kind, peer, inboundSpi });
    if (this.#requests.length > MAX_REQUESTS) this.#requests.shift();
  }
}
