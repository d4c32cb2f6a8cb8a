/** How a datagram travels on the NBMA network: what an adapter needs to send it, and tells on receipt. */
import { addressKey, type IpAddress } from './address.js';

export interface Endpoint {
  readonly address: IpAddress;
  /** 0 where the carrier has no ports. */
  readonly port: number;
}

/**
 * `gre` IP protocol 47 · `esp` IP protocol 50 · `gre-udp` GRE in UDP 4754 (RFC 8086) ·
 * `ike` UDP 500 · `ike-natt` IKE and ESP in UDP 4500 (RFC 3948).
 */
export type Carrier = 'gre' | 'esp' | 'gre-udp' | 'ike' | 'ike-natt';

export interface Path {
  readonly carrier: Carrier;
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

export const GRE_UDP_PORT = 4754; // RFC 8086 §3
export const IKE_PORT = 500; // RFC 7296 §2
export const IKE_NATT_PORT = 4500; // RFC 3948 §2

/** A Map key: equal endpoints have equal keys, and only they. */
export const endpointKey = (e: Endpoint): string => `${addressKey(e.address)}|${e.port}`;

export const endpointEquals = (a: Endpoint, b: Endpoint): boolean =>
  a.port === b.port && a.address.equals(b.address);

/** `192.0.2.1`, `192.0.2.1:4754` or `[2001:db8::1]:4754`; no port when it is 0. */
export function formatEndpoint(e: Endpoint): string {
  if (e.port === 0) return String(e.address);
  return e.address.family === 4 ? `${e.address}:${e.port}` : `[${e.address}]:${e.port}`;
}
