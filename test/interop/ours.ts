/** Our node in the roles of the blueprint, with the settings that FRR's side has too. */
import type { DmvpnConfig, TunnelConfig } from '../../src/dmvpn/config.js';
import type { IpsecConfig } from '../../src/dmvpn/ipsec-config.js';
import type { Lab } from './lab.js';
import { Node } from './node.js';
import { lan6Of, lanOf, nbma6Of, nbmaOf, overlay6Of, overlayOf, type Role } from './roles.js';

export interface OurSettings {
  /** GRE key; default 42. */
  readonly key?: number;
  /** Default none. */
  readonly authentication?: string;
  /** Default 300. */
  readonly holdingTimeSeconds?: number;
  /** Default false: registrations carry no U flag. */
  readonly unique?: boolean;
  /** An IPv6 overlay instead of the IPv4 one; default false. */
  readonly v6?: boolean;
  /** By the IPv6 internet instead of the IPv4 one, in a lab that has it; default false. */
  readonly underlay6?: boolean;
  /** Of a spoke, best first; default the hub. */
  readonly nhs?: readonly Role[];
  /** Of a hub: whose LANs it routes to; default s1 to s3. */
  readonly spokes?: readonly Role[];
  /** Protected by IKEv2 with this preshared key; default in the clear. */
  readonly psk?: string;
  /** Anything else of the protection. */
  readonly ipsec?: Partial<IpsecConfig>;
  /** Anything else of the tunnel's configuration. */
  readonly tunnel?: Partial<TunnelConfig>;
}

/** Our node as a Phase 3 spoke: everything goes to its hub until a shortcut is better. */
export const ourSpoke = (lab: Lab, role: Role, settings: OurSettings = {}): Promise<Node> =>
  Node.start(lab, role, spokeConfig(role, settings));

/** Our node as a Phase 3 hub, with redirects and routes to the spokes' LANs. */
export const ourHub = (lab: Lab, role: Role, settings: OurSettings = {}): Promise<Node> =>
  Node.start(lab, role, hubConfig(role, settings));

export function spokeConfig(role: Role, settings: OurSettings = {}): DmvpnConfig {
  const { nhs = ['hub'], v6 = false, underlay6 = false } = settings;
  const address = v6 ? overlay6Of : overlayOf;
  const everything = v6 ? ['fd00:10::/64', 'fd00:172::/32'] : ['10.0.0.0/24', '172.16.0.0/16'];
  return config(role, settings, {
    shortcut: true,
    nhs: nhs.map((hub) => ({ address: address(hub), nbma: (underlay6 ? nbma6Of : nbmaOf)(hub) })),
    multicast: ['nhs'],
    routes: nhs.flatMap((hub, rank) =>
      everything.map((prefix) => ({ prefix, via: address(hub), distance: 50 + rank })),
    ),
  });
}

export function hubConfig(role: Role, settings: OurSettings = {}): DmvpnConfig {
  const { spokes = ['s1', 's2', 's3'], v6 = false } = settings;
  return config(role, settings, {
    redirect: true,
    multicast: ['dynamic'],
    routes: spokes.map((spoke) =>
      v6
        ? { prefix: lan6Of(spoke), via: overlay6Of(spoke) }
        : { prefix: lanOf(spoke), via: overlayOf(spoke) },
    ),
  });
}

function config(role: Role, settings: OurSettings, part: Partial<TunnelConfig>): DmvpnConfig {
  const {
    key = 42,
    authentication,
    holdingTimeSeconds = 300,
    unique = false,
    v6 = false,
    underlay6 = false,
    psk,
  } = settings;
  const tunnel: TunnelConfig = {
    name: 'tun0',
    address: v6 ? `${overlay6Of(role)}/128` : `${overlayOf(role)}/32`,
    local: (underlay6 ? nbma6Of : nbmaOf)(role),
    key,
    protection:
      psk === undefined
        ? { kind: 'insecure-cleartext' }
        : { kind: 'ipsec', keys: [{ peer: null, secret: psk }], ...settings.ipsec },
    authentication:
      authentication === undefined ? null : { kind: 'cisco', passwords: [authentication] },
    holdingTimeSeconds,
    unique,
    ...part,
    ...settings.tunnel,
    routes: [
      { prefix: v6 ? lan6Of(role) : lanOf(role) },
      ...(settings.tunnel?.routes ?? part.routes ?? []),
    ],
  };
  return { tunnels: [tunnel], dropEvents: true };
}
