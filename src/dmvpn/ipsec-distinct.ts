/** Protected tunnels of one local address: they share one IKE, so that their protection has to be the same. */
import { IpAddress } from '../wire/address.js';
import { constantTimeEqual } from '../wire/constant-time.js';
import type { TunnelSettings } from './settings.js';

const isProtected = ({ protection }: TunnelSettings): boolean =>
  protection.kind !== 'insecure-cleartext';

/** Whether two tunnels, or a tunnel and itself, have one endpoint of IKE and ESP. */
export const sharesIpsec = (a: TunnelSettings, b: TunnelSettings): boolean =>
  isProtected(a) && isProtected(b) && a.local.address.equals(b.local.address);

/**
 * What of `tunnel` keeps it from sharing the local address with `other`, as a path within the tunnel's configuration;
 * null when nothing does.
 */
export function unsharable(tunnel: TunnelSettings, other: TunnelSettings): string | null {
  if (!sharesIpsec(tunnel, other)) return null;
  if (tunnel.carrier !== other.carrier) return 'carrier';
  const [a, b] = [tunnel.protection, other.protection];
  if (a.kind !== b.kind) return 'protection.kind';
  if (a.kind === 'key-exchange' && b.kind === 'key-exchange')
    return a.keyExchange === b.keyExchange ? null : 'protection.keyExchange';
  if (a.kind !== 'ipsec' || b.kind !== 'ipsec') return null;
  const theirs: Readonly<Record<string, unknown>> = { ...b.given };
  const differing = Object.entries(a.given).find(([name, value]) => !isSame(value, theirs[name]));
  return differing === undefined ? null : `protection.${differing[0]}`;
}

/** Of plain data, octets and addresses. Secrets are among them. */
function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && constantTimeEqual(a, b);
  if (a instanceof IpAddress) return b instanceof IpAddress && a.equals(b);
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const ours = Object.entries(a);
  const theirs: Readonly<Record<string, unknown>> = { ...b };
  return (
    ours.length === Object.keys(b).length &&
    ours.every(([name, value]) => isSame(value, theirs[name]))
  );
}
