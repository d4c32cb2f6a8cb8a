/**
 * NBMA peers and whether they can be spoken to. Without protection everyone is up. With it a peer is wanted as long
 * as an entry, a next hop server or an answer needs it (facts C.6), and is up when the caller says so.
 */
import { type Endpoint, endpointKey } from '../../wire/path.js';
import type { EngineOutput } from './api.js';

interface Peer {
  readonly nbma: Endpoint;
  references: number;
  up: boolean;
}

export class Peers {
  readonly #peers = new Map<string, Peer>();

  constructor(
    readonly isProtected: boolean,
    readonly push: (output: EngineOutput) => void,
  ) {}

  isUp(nbma: Endpoint): boolean {
    return !this.isProtected || (this.#peers.get(endpointKey(nbma))?.up ?? false);
  }

  /** One more reason to keep the peer; the first one asks for it. */
  want(nbma: Endpoint): void {
    if (!this.isProtected) return;
    const key = endpointKey(nbma);
    const peer = this.#peers.get(key) ?? { nbma, references: 0, up: false };
    this.#peers.set(key, peer);
    if (peer.references++ === 0) this.push({ kind: 'peer', action: 'want', nbma });
  }

  /** One reason less; the last one lets it go. */
  release(nbma: Endpoint): void {
    const key = endpointKey(nbma);
    const peer = this.#peers.get(key);
    if (peer === undefined || peer.references === 0) return;
    if (--peer.references > 0) return;
    if (!peer.up) this.#peers.delete(key);
    this.push({ kind: 'peer', action: 'release', nbma });
  }

  /** The peer does not answer by what protects it: that is given up and made anew, if it is wanted. */
  renew(nbma: Endpoint): void {
    const peer = this.#peers.get(endpointKey(nbma));
    if (peer === undefined || !peer.up || peer.references === 0) return;
    this.push({ kind: 'peer', action: 'release', nbma });
    this.push({ kind: 'peer', action: 'want', nbma });
  }

  /** Takes note of what the caller says; false when it was known. A peer may come up that nobody here asked for. */
  set(nbma: Endpoint, up: boolean): boolean {
    if (!this.isProtected) return false;
    const key = endpointKey(nbma);
    const peer = this.#peers.get(key) ?? { nbma, references: 0, up: false };
    if (peer.up === up) return false;
    peer.up = up;
    if (!up && peer.references === 0) this.#peers.delete(key);
    else this.#peers.set(key, peer);
    return true;
  }
}
