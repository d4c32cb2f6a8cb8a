/**
 * The network that scripts get when they say no more than "hub" and "spoke": addresses by number, and the
 * configurations of DMVPN's three phases.
 *
 *            tunnel           NBMA             LAN
 *   hub k    10.255.0.k       192.0.2.k
 *   spoke n  10.0.0.0 + n     198.18.0.0 + n   172.16.0.0 + 256 n, /24 (the first 4,095)
 *   IPv6: hub fd00:ffff::k, spoke fd00::n, LAN fd01:0:0:n::/64; NBMA 2001:db8:ff::k and 2001:db8::n
 */
import type { TunnelConfig } from '../dmvpn/config.js';
import type { IpFamily } from '../wire/address.js';

export interface BlueprintOptions {
  /** 1: all by the hub · 2: spokes resolve the next hops that the routes name · 3: redirect and shortcut; 3. */
  readonly phase?: 1 | 2 | 3;
  /** Of the packets in the tunnel; 4. */
  readonly overlay?: IpFamily;
  /** Of the network under it; 4. */
  readonly nbma?: IpFamily;
  /** Over what every tunnel has: carrier, protection, key … */
  readonly tunnel?: Partial<TunnelConfig>;
}

const MAX_LANS = 4_095;

export class Blueprint {
  readonly phase: 1 | 2 | 3;
  readonly overlay: IpFamily;
  readonly nbma: IpFamily;
  readonly #common: Partial<TunnelConfig>;

  constructor({ phase = 3, overlay = 4, nbma = 4, tunnel = {} }: BlueprintOptions) {
    this.phase = phase;
    this.overlay = overlay;
    this.nbma = nbma;
    this.#common = tunnel;
  }

  hubAddress(k: number): string {
    return this.overlay === 4 ? `10.255.0.${k}` : `fd00:ffff::${k.toString(16)}`;
  }

  spokeAddress(n: number): string {
    return this.overlay === 4
      ? `10.${n >>> 16}.${(n >>> 8) & 255}.${n & 255}`
      : `fd00::${n.toString(16)}`;
  }

  hubNbma(k: number): string {
    return this.nbma === 4 ? `192.0.2.${k}` : `2001:db8:ff::${k.toString(16)}`;
  }

  spokeNbma(n: number): string {
    return this.nbma === 4
      ? `198.${18 + (n >>> 16)}.${(n >>> 8) & 255}.${n & 255}`
      : `2001:db8::${n.toString(16)}`;
  }

  /** The spoke's own address on its LAN, with the length of the prefix; null when there is none for that number. */
  lan(n: number): string | null {
    if (this.overlay === 6) return `fd01:0:0:${n.toString(16)}::1/64`;
    return n > MAX_LANS ? null : `172.${16 + (n >>> 8)}.${n & 255}.1/24`;
  }

  hub(k: number): TunnelConfig {
    return {
      ...this.#tunnel(this.hubAddress(k), this.hubNbma(k)),
      redirect: this.phase === 3,
      multicast: ['dynamic'],
      ...this.#common,
    };
  }

  spoke(n: number, hubs: readonly number[]): TunnelConfig {
    return {
      ...this.#tunnel(this.spokeAddress(n), this.spokeNbma(n)),
      shortcut: this.phase === 3,
      multicast: ['nhs'],
      nhs: hubs.map((k) => ({ address: this.hubAddress(k), nbma: this.hubNbma(k) })),
      routes: hubs.flatMap((k, i) => this.#summaries(this.hubAddress(k), i + 1)),
      ...this.#common,
    };
  }

  #tunnel(address: string, local: string): TunnelConfig {
    const connected = this.overlay === 4 ? 8 : 16;
    const host = this.overlay === 4 ? 32 : 128;
    return {
      name: 'tun0',
      address: `${address}/${this.phase === 2 ? connected : host}`,
      local,
      key: 42,
      protection: { kind: 'insecure-cleartext' },
      authentication: { kind: 'cisco', passwords: ['test123'] },
      holdingTimeSeconds: 300,
    };
  }

  /** What a hub announces to its spokes. In phase 2 the LANs are announced one by one, with their own next hops. */
  #summaries(via: string, distance: number): { prefix: string; via: string; distance: number }[] {
    if (this.phase === 2) return [];
    const prefixes =
      this.overlay === 4 ? ['10.0.0.0/8', '172.16.0.0/12'] : ['fd00::/16', 'fd01::/16'];
    return prefixes.map((prefix) => ({ prefix, via, distance }));
  }
}
