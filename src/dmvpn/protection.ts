/**
 * What stands between GRE and the NBMA network: nothing, or IPsec. One for each tunnel, driven by it as every part is:
 * one call, then `pollOutput` until `timeout`.
 */
import { type Endpoint, endpointEquals, type Path } from '../wire/path.js';
import type { Frame } from './frame.js';
import type { DmvpnEnvironment } from './output.js';
import type { TunnelSettings } from './settings.js';

export type ProtectionOutput =
  /** Key exchange and keepalives. */
  | { readonly kind: 'transmit'; readonly path: Path; readonly bytes: Uint8Array }
  | {
      readonly kind: 'peer';
      readonly state: 'up' | 'down';
      readonly nbma: Endpoint;
      /** Of `down`; empty for `up`. */
      readonly why: string;
    }
  | { readonly kind: 'timeout'; readonly at: number | null; readonly why: string };

/** Why an inbound datagram yields no GRE packet. */
export type Unopened =
  /** It was key exchange or a keepalive, and is dealt with. */
  | 'consumed'
  /** Not for this protection: another carrier, local end or SPI. */
  | 'not-mine'
  /** For this one, and wrong; counted by it. */
  | 'refused';

export interface Protection {
  /** Octets that it adds at most, outer IP header not counted. */
  readonly overheadOctets: number;
  /** The engine wants to speak to the peer from now on, or no longer does. */
  want(now: number, peer: Endpoint): void;
  release(now: number, peer: Endpoint): void;
  /**
   * Protects a GRE packet in place.
   * @returns how to send it, or null when there is no association with the peer (yet): the frame has not changed
   */
  protect(now: number, frame: Frame, to: Endpoint): Path | null;
  /** Opens a datagram in place: the frame is a GRE packet then, and the answer the peer that it came from. */
  open(now: number, path: Path, frame: Frame): Endpoint | Unopened;
  /** The local NBMA address has changed. */
  moveLocal(now: number, local: Endpoint): void;
  handleTimeout(now: number): void;
  /** The peers are told; nothing is sent after the outputs of this call. */
  shutdown(now: number): void;
  pollOutput(): ProtectionOutput;
}

/** `insecure-cleartext`: GRE as it is, in IP or in UDP. */
export class Cleartext implements Protection {
  readonly overheadOctets: number;
  readonly #carrier: 'gre' | 'gre-udp';
  #local: Endpoint;
  #paths = new WeakMap<Endpoint, Path>(); // the cache hands out the same endpoint object each time

  constructor(carrier: 'gre' | 'gre-udp', local: Endpoint) {
    this.#carrier = carrier;
    this.#local = local;
    this.overheadOctets = carrier === 'gre-udp' ? 8 : 0;
  }

  want(): void {}
  release(): void {}
  handleTimeout(): void {}
  shutdown(): void {}

  protect(_now: number, _frame: Frame, to: Endpoint): Path {
    const known = this.#paths.get(to);
    if (known !== undefined) return known;
    const path: Path = { carrier: this.#carrier, local: this.#local, remote: to };
    this.#paths.set(to, path);
    return path;
  }

  open(_now: number, path: Path): Endpoint | Unopened {
    const isMine = path.carrier === this.#carrier && endpointEquals(path.local, this.#local);
    return isMine ? path.remote : 'not-mine';
  }

  moveLocal(_now: number, local: Endpoint): void {
    this.#local = local;
    this.#paths = new WeakMap();
  }

  pollOutput(): ProtectionOutput {
    return { kind: 'timeout', at: null, why: 'cleartext' };
  }
}

/** The protection that a tunnel's configuration asks for. */
export function protectionOf(settings: TunnelSettings, _environment: DmvpnEnvironment): Protection {
  return new Cleartext(settings.carrier, settings.local);
}
