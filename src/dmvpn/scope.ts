/** Which addresses may be forwarded at all: RFC 1812 §5.3.7, RFC 3927 §2.7, RFC 4291 §2.5. */
import { type IpAddress, isUnspecified } from '../wire/address.js';

/** Never on any network: 0.0.0.0/8, 127.0.0.0/8, 240.0.0.0/4 with the limited broadcast; ::, ::1. */
function isOfNoNetwork(a: IpAddress): boolean {
  if (a.family === 6) return (a.w0 | a.w1 | a.w2) === 0 && a.w3 >>> 1 === 0;
  const first = a.w0 >>> 24;
  return first === 0 || first === 127 || first >= 240;
}

/** Only between neighbours, so never from one peer to another: 169.254.0.0/16, fe80::/10. */
const isLinkLocal = (a: IpAddress): boolean =>
  a.family === 4 ? a.w0 >>> 16 === 0xa9fe : a.w0 >>> 22 === 0x3fa;

/** A packet that a host may send out: it has a source and a destination. */
export const mayLeave = (source: IpAddress, destination: IpAddress): boolean =>
  !isOfNoNetwork(destination) && (isUnspecified(source) || !isOfNoNetwork(source));

/** A packet that a router may pass on. */
export const mayPass = (source: IpAddress, destination: IpAddress): boolean =>
  !isOfNoNetwork(source) &&
  !isOfNoNetwork(destination) &&
  !isLinkLocal(source) &&
  !isLinkLocal(destination);
