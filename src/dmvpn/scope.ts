/** Which addresses may be forwarded at all: RFC 1812 §5.3.7, RFC 3927 §2.7, RFC 4291 §2.5. */
import { type IpAddress, isOfNoNetwork, isUnspecified } from '../wire/address.js';

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

/** Groups of one link: 224.0.0.0/24 (RFC 5771 §4), ff02::/16 and those of other flags (RFC 4291 §2.7). */
export const isOfLinkScope = (group: IpAddress): boolean =>
  group.family === 4 ? group.w0 >>> 8 === 0xe00000 : ((group.w0 >>> 16) & 0xff0f) === 0xff02;
