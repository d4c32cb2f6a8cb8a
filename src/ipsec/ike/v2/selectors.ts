/**
 * Traffic selectors of GRE between two hosts: narrowing (RFC 7296 §2.9) and, in transport mode through a NAT,
 * putting the addresses that this end sees in place of those that the other end wrote (§2.23.1).
 */
import { type IpAddress, writeAddress } from '../../../wire/address.js';
import type { Selector } from '../../key-exchange.js';
import type { AnySelector, TrafficSelector } from '../traffic-selector.js';
import type { NatState } from './nat.js';

const MAX_PORT = 0xffff;

/** `host[protocol]`, any port. */
export const hostSelector = (address: IpAddress, protocol: number): TrafficSelector => ({
  kind: 'range',
  protocol,
  startPort: 0,
  endPort: MAX_PORT,
  start: address,
  end: address,
});

/**
 * Whether what the other end offers or answers for one side covers `protocol` of `host`.
 * @param behindNat in transport mode a selector of any one address then stands for `host`.
 */
const covers = (
  offered: readonly AnySelector[],
  host: IpAddress,
  protocol: number,
  behindNat: boolean,
): boolean =>
  offered.some(
    (s) =>
      s.kind === 'range' &&
      (s.protocol === 0 || s.protocol === protocol) &&
      s.startPort === 0 &&
      s.endPort === MAX_PORT &&
      (contains(s, host) || (behindNat && isOneAddress(s))),
  );

/** Whether both sides of the other end's selectors mean the traffic of `selector`. */
export const coversBoth = (
  local: readonly AnySelector[],
  remote: readonly AnySelector[],
  selector: Selector,
  nat: NatState,
): boolean =>
  covers(local, selector.local, selector.protocol, nat.local) &&
  covers(remote, selector.remote, selector.protocol, nat.remote);

const isOneAddress = (s: TrafficSelector): boolean => s.start.equals(s.end);

const contains = (s: TrafficSelector, host: IpAddress): boolean =>
  s.start.family === host.family && compare(s.start, host) <= 0 && compare(host, s.end) <= 0;

function compare(a: IpAddress, b: IpAddress): number {
  const x = new Uint8Array(16);
  const y = new Uint8Array(16);
  writeAddress(a, x, 0);
  writeAddress(b, y, 0);
  const at = x.findIndex((octet, i) => octet !== y[i]);
  return at < 0 ? 0 : (x[at] ?? 0) - (y[at] ?? 0);
}
