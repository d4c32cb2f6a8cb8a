/**
 * Who is who in the lab, and their addresses: the blueprint's overlay, one NBMA network and one LAN a role. In the LAN
 * behind a host role is one host, 172.16.n.10 and fd00:172:n::10; behind a guest there is only the router itself.
 */

/** Spokes s1..s8 and hubs; any role is played by a guest or by a process of this machine. */
export type Role = 'hub' | `hub${2 | 3}` | `s${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8}`;

const isHub = (role: Role): boolean => role.startsWith('hub');

/** hub 0, hub2 12, hub3 13, spoke n n: the third octet of the NBMA network and of the LAN. */
const networkNumber = (role: Role): number =>
  role === 'hub' ? 0 : isHub(role) ? 10 + Number(role.slice(3)) : Number(role.slice(1));

/** 10.0.0.100, .102, .103 for the hubs, 10.0.0.n for spoke n: what follows `10.0.0.` and `fd00:10::`. */
const overlayNumber = (role: Role): number =>
  role === 'hub' ? 100 : isHub(role) ? 100 + Number(role.slice(3)) : Number(role.slice(1));

export const nbmaOf = (role: Role): string => `192.168.${networkNumber(role)}.2`;
/** In a lab that was opened with `v6`. */
export const nbma6Of = (role: Role): string => `fd00:192:${networkNumber(role)}::2`;
export const overlayOf = (role: Role): string => `10.0.0.${overlayNumber(role)}`;
export const overlay6Of = (role: Role): string => `fd00:10::${overlayNumber(role)}`;
/** The prefix behind a router, and the router's own address in it. */
export const lanOf = (role: Role): string => `172.16.${networkNumber(role)}.0/24`;
export const lan6Of = (role: Role): string => `fd00:172:${networkNumber(role)}::/64`;
export const lanRouterOf = (role: Role): string => `172.16.${networkNumber(role)}.1`;
export const lanRouter6Of = (role: Role): string => `fd00:172:${networkNumber(role)}::1`;
/** What everything behind the NAT looks like from outside. */
export const NAT_OUTSIDE = '192.168.9.2';
