/** What strangers send: first packets of IKE and NHRP, as whole datagrams. */
import { ip } from '../../src/dmvpn/virtual-lab.js';
import { encapsulateGre } from '../../src/gre/in-place.js';
import { nodeCrypto } from '../../src/io/crypto-node.js';
import { IkeV2 } from '../../src/ipsec/ike/v2/ike-v2.js';
import type { IkeConfig } from '../../src/ipsec/ike/v2/settings.js';
import { ciscoAuthentication } from '../../src/nhrp/codec/authentication.js';
import type { AuthenticationExtension } from '../../src/nhrp/codec/extension.js';
import { messageBytes, type NhrpMessage } from '../../src/nhrp/codec/message.js';
import { PacketType } from '../../src/nhrp/codec/numbers.js';
import { cieOf, headerOf } from '../../src/nhrp/engine/messages.js';
import { IpAddress } from '../../src/wire/address.js';

/** Of the hub of virtual-lab.ts. */
export const HUB_NBMA = '192.168.0.2';
export const HUB_OVERLAY = '10.0.0.100';
const GRE_KEY = 42;
const NHRP_PROTOCOL = 0x2001;

export const password = (text: string): AuthenticationExtension =>
  ciscoAuthentication(Uint8Array.from(text, (c) => c.charCodeAt(0)));

/** A whole NHRP message in the GRE of the hub's tunnel. */
export function inGre(message: NhrpMessage): Uint8Array {
  const payload = messageBytes(message);
  const slab = new Uint8Array(8 + payload.length);
  slab.set(payload, 8);
  encapsulateGre(slab, 8, NHRP_PROTOCOL, GRE_KEY);
  return slab;
}

/** The i-th spoke's Registration Request; from an NBMA address of its own unless one is given. */
export function registration(i: number, secret: string, nbma?: string): Uint8Array {
  const own = new IpAddress(4, 0x0a80_0000 + i); // 10.128.0.0 and on
  const from = nbma === undefined ? new IpAddress(4, 0x0b00_0000 + i) : ip(nbma);
  return inGre({
    ...headerOf({ nbma: from, protocol: own, hopCount: 255 }, ip(HUB_OVERLAY)),
    type: PacketType.REGISTRATION_REQUEST,
    flags: 0,
    requestId: i,
    cies: [cieOf({ prefixLength: 32, holdingTimeSeconds: 7_200 })],
    extensions: [password(secret)],
  });
}

/** An IKE_SA_INIT request that any responder of the defaults would take. */
export function firstIkeMessage(config: Partial<IkeConfig> = {}): Uint8Array {
  const keys = [{ peer: null, secret: Uint8Array.of(1) }];
  const ike = new IkeV2({ keys, ...config }, nodeCrypto());
  const [local, remote] = [ip('192.0.2.1'), ip(HUB_NBMA)];
  ike.want(0, { address: remote, port: 0 }, { protocol: 47, local, remote });
  const output = ike.pollOutput();
  if (output.kind !== 'transmit') throw new Error('bug: IKE begins with a message');
  return output.bytes.slice();
}
