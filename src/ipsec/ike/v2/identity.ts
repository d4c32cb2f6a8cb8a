/** Who a peer says it is: RFC 7296 §3.5. */
import {
  addressBytes,
  type IpAddress,
  type IpPrefix,
  prefixContains,
  readAddress,
} from '../../../wire/address.js';
import { bytesEqual, toHex } from '../../../wire/bytes.js';
import { ID_TYPE } from '../numbers.js';
import type { TypedData } from '../payload-body.js';

export type Identity =
  | { readonly kind: 'address'; readonly address: IpAddress }
  /** `hub.example.net` */
  | { readonly kind: 'fqdn'; readonly name: string }
  /** `hub@example.net` */
  | { readonly kind: 'email'; readonly name: string }
  | { readonly kind: 'key-id'; readonly octets: Uint8Array };

/** The identity as the body of an ID payload. */
export function identityData(id: Identity): TypedData {
  switch (id.kind) {
    case 'address':
      return typed(
        id.address.family === 4 ? ID_TYPE.IPV4_ADDR : ID_TYPE.IPV6_ADDR,
        addressBytes(id.address),
      );
    case 'fqdn':
      return typed(ID_TYPE.FQDN, asciiBytes(id.name));
    case 'email':
      return typed(ID_TYPE.RFC822_ADDR, asciiBytes(id.name));
    case 'key-id':
      return typed(ID_TYPE.KEY_ID, id.octets);
  }
}

/** The identity in an ID payload, with octets of its own; null for a type or a size that is not known here. */
export function identityOf({ type, data }: TypedData): Identity | null {
  switch (type) {
    case ID_TYPE.IPV4_ADDR:
      return data.length === 4 ? { kind: 'address', address: readAddress(data, 0, 4) } : null;
    case ID_TYPE.IPV6_ADDR:
      return data.length === 16 ? { kind: 'address', address: readAddress(data, 0, 6) } : null;
    case ID_TYPE.FQDN:
      return { kind: 'fqdn', name: asciiText(data) };
    case ID_TYPE.RFC822_ADDR:
      return { kind: 'email', name: asciiText(data) };
    case ID_TYPE.KEY_ID:
      return { kind: 'key-id', octets: data.slice() };
    default:
      return null;
  }
}

export function identityEquals(a: Identity, b: Identity): boolean {
  const x = identityData(a);
  const y = identityData(b);
  return x.type === y.type && bytesEqual(x.data, y.data);
}

/** A Map key: equal identities have equal keys, and only they. */
export const identityKey = (id: Identity): string => `${id.kind}:${formatIdentity(id)}`;

/** Whether an address identity lies in the prefix; other identities never do. */
export const identityIn = (prefix: IpPrefix, id: Identity): boolean =>
  id.kind === 'address' && prefixContains(prefix, id.address);

/** For people: `192.0.2.1`, `hub.example.net`, `key-id:0102`. */
export function formatIdentity(id: Identity): string {
  if (id.kind === 'address') return id.address.toString();
  return id.kind === 'key-id' ? `key-id:${toHex(id.octets)}` : id.name;
}

const typed = (type: number, data: Uint8Array): TypedData => ({ type, reserved: 0, data });

/** Names are ASCII on the wire; what is not stays one octet a character, so that nothing collides. */
const asciiBytes = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

const asciiText = (b: Uint8Array): string =>
  Array.from(b, (octet) => String.fromCharCode(octet)).join('');
