/**
 * What stands between GRE and the NBMA network: nothing, or IPsec. One for each tunnel (of one local address all the
 * same IPsec, ipsec-shared.ts), driven by it as every part is:
 * one call, then `pollOutput` until `timeout`.
 */
import { addressKey } from '../wire/address.js';
import { type Endpoint, endpointEquals, type Path } from '../wire/path.js';
import type { WireError } from '../wire/result.js';
import type { Frame } from './frame.js';
import { Ipsec } from './ipsec.js';
import type { IpsecSettings, KeyExchangeConfig } from './ipsec-config.js';
import { sharesIpsec } from './ipsec-distinct.js';
import { SharedIpsec } from './ipsec-shared.js';
import type { DmvpnEnvironment } from './output.js';
import { PathCache } from './path-cache.js';
import type { TunnelSettings } from './settings.js';
import { Watched } from './watched.js';

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
  /** No association with the peer came about; tried again at `retryAt`, milliseconds, while it is wanted. */
  | {
      readonly kind: 'failed';
      readonly nbma: Endpoint;
      readonly why: string;
      readonly retryAt: number | null;
    }
  /** A datagram of the key exchange was refused. */
  | { readonly kind: 'dropped'; readonly from: Endpoint; readonly error: WireError | null }
  | { readonly kind: 'warning'; readonly text: string }
  /** DEBUGGING ONLY: a line of one of Wireshark's key tables. */
  | { readonly kind: 'keys-exported'; readonly table: string; readonly line: string }
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
  /** Something happened while another tunnel was driven: poll. */
  readonly hasNews?: boolean;
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
class Cleartext implements Protection {
  readonly overheadOctets: number;
  #paths: PathCache;

  constructor(carrier: 'gre' | 'gre-udp', local: Endpoint) {
    this.#paths = new PathCache(carrier, local);
    this.overheadOctets = carrier === 'gre-udp' ? 8 : 0;
  }

  want(): void {}
  release(): void {}
  handleTimeout(): void {}
  shutdown(): void {}

  protect(_now: number, _frame: Frame, to: Endpoint): Path {
    return this.#paths.to(to);
  }

  open(_now: number, path: Path): Endpoint | Unopened {
    const { carrier, local } = this.#paths;
    return path.carrier === carrier && endpointEquals(path.local, local) ? path.remote : 'not-mine';
  }

  moveLocal(_now: number, local: Endpoint): void {
    this.#paths = new PathCache(this.#paths.carrier, local);
  }

  pollOutput(): ProtectionOutput {
    return { kind: 'timeout', at: null, why: 'cleartext' };
  }
}

/**
 * The protections that the tunnels' configurations ask for; those of one local address are one.
 * @throws TypeError when it needs a CryptoProvider and the environment has none
 */
export function protectionsOf(
  tunnels: readonly TunnelSettings[],
  environment: DmvpnEnvironment,
): readonly Protection[] {
  const endpoints = new Map<number | string, SharedIpsec>();
  const protections = tunnels.map((tunnel) => {
    const { protection, carrier, local } = tunnel;
    if (protection.kind === 'insecure-cleartext') return new Cleartext(carrier, local);
    const key = addressKey(local.address);
    const isAlone = tunnels.filter((other) => sharesIpsec(other, tunnel)).length === 1;
    if (isAlone) return ipsecOf(tunnel, protection, environment);
    const known = endpoints.get(key);
    const shared = known ?? new SharedIpsec(ipsecOf(tunnel, protection, environment), local);
    endpoints.set(key, shared);
    return shared.join();
  });
  for (const { protection } of tunnels)
    if (protection.kind === 'ipsec') for (const { secret } of protection.ike.keys) secret.fill(0); // IKE has its own
  return protections;
}

function ipsecOf(
  { local, name }: TunnelSettings,
  settings: IpsecSettings | KeyExchangeConfig,
  { crypto, random, watchInside }: DmvpnEnvironment,
): Protection {
  if (crypto === null)
    throw new TypeError(`env.crypto: a CryptoProvider expected, as tunnel '${name}' is protected`);
  const ipsec = new Ipsec({ settings, crypto, random, local });
  return watchInside ? new Watched(ipsec, local, watchInside) : ipsec;
}
