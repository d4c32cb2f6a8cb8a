/** The network of the VyOS DMVPN blueprint: its addresses, key, authentication and holding time. */
import type { TunnelConfig } from 'dmvpn/dmvpn';

export const SPOKES: readonly number[] = [1, 2, 3];

/** The blueprint has 192.168.n.2, the hub 192.168.0.2; loopback mirrors them. */
const nbmaOf = (n: number): string => `127.168.${n}.2`;
const lanOf = (n: number): string => `172.16.${n}.0/24`;

type Protection = TunnelConfig['protection'];

const tunnelAt = (n: number, protection: Protection): Omit<TunnelConfig, 'address'> => ({
  name: 'tun100',
  local: nbmaOf(n),
  carrier: 'gre-udp',
  key: 42,
  authentication: { kind: 'cisco', passwords: ['test123'] },
  holdingTimeSeconds: 300,
  unique: false,
  protection,
});

/** Knows the way to every LAN, and tells spokes when they could go direct. */
export const hubTunnel = (protection: Protection): TunnelConfig => ({
  ...tunnelAt(0, protection),
  address: '10.0.0.100/32',
  redirect: true,
  multicast: ['dynamic'],
  routes: SPOKES.map((n) => ({ prefix: lanOf(n), via: `10.0.0.${n}` })),
});

/** Sends everything by the hub until a shortcut is there. */
export const spokeTunnel = (n: number, protection: Protection): TunnelConfig => ({
  ...tunnelAt(n, protection),
  address: `10.0.0.${n}/32`,
  nhs: [{ address: '10.0.0.100', nbma: nbmaOf(0) }],
  shortcut: true,
  multicast: ['nhs'],
  routes: [
    { prefix: lanOf(n) },
    { prefix: '10.0.0.0/24', via: '10.0.0.100' },
    { prefix: '172.16.0.0/16', via: '10.0.0.100' },
  ],
});
