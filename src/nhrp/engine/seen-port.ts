/**
 * The port at which a station behind a NAT is seen. NHRP carries none, so between nodes of this library extension
 * 0x3801 (experimental range, not compulsory; facts F) lists {protocol address, NBMA address, port} as the server saw
 * it. Others pass it on untouched or ignore it.
 *
 *   octets of an item: family 1 (4 or 6), NBMA family 1 (with 0x80: the mapping is endpoint-independent, RFC 4787 §4.1,
 *   as several servers see it alike), port 2, protocol address 4/16, NBMA address 4/16
 */
import {
  addressOctets,
  type IpAddress,
  type IpFamily,
  readAddress,
  writeAddress,
} from '../../wire/address.js';
import { readU8, readU16, writeU8, writeU16 } from '../../wire/bytes.js';
import type { Endpoint } from '../../wire/path.js';
import type { Extension } from '../codec/extension.js';
import type { NhrpMessage } from '../codec/message.js';
import type { EngineContext } from './context.js';
import { stationOf } from './messages.js';

export const SEEN_PORT_EXTENSION = 0x3801;
const ITEM_HEADER_OCTETS = 4;
const MAX_ITEMS = 8;

const INDEPENDENT = 0x80;

export interface SeenPort {
  readonly protocolAddress: IpAddress;
  readonly nbma: Endpoint;
  /** Whoever sends there reaches the station, once it has sent itself. */
  readonly independent: boolean;
}

/** The extension with these items. */
export function seenPortExtension(items: readonly SeenPort[]): Extension {
  const octets = new Uint8Array(items.reduce((sum, item) => sum + itemOctets(item), 0));
  let at = 0;
  for (const { protocolAddress, nbma, independent } of items) {
    at = writeU8(octets, at, protocolAddress.family);
    at = writeU8(octets, at, nbma.address.family | (independent ? INDEPENDENT : 0));
    at = writeU16(octets, at, nbma.port);
    at = writeAddress(nbma.address, octets, writeAddress(protocolAddress, octets, at));
  }
  return { kind: 'unknown', type: SEEN_PORT_EXTENSION, compulsory: false, reserved: false, octets };
}

/** The items of a message; what does not parse is no item. */
export function seenPortsOf(message: NhrpMessage): readonly SeenPort[] {
  const extension = message.extensions?.find((e) => e.type === SEEN_PORT_EXTENSION);
  return extension?.kind === 'unknown' ? readItems(extension.octets) : [];
}

/** Where the message says that station is seen. */
export const seenPortOf = (message: NhrpMessage, station: IpAddress): SeenPort | null =>
  seenPortsOf(message).find((item) => item.protocolAddress.equals(station)) ?? null;

/** A transit server's addition: where it sees the station that the message speaks of, if that has a port of its own. */
export function withSeenPort(
  context: EngineContext,
  now: number,
  message: NhrpMessage,
  from: Endpoint,
): NhrpMessage {
  const station = stationOf(message);
  if (context.config.defaultPort === 0 || station === null || message.extensions === null)
    return message;
  if (message.extensions.some((e) => e.type === SEEN_PORT_EXTENSION)) return message;
  const slot = context.cache.find(station, now);
  const nbma = slot < 0 ? null : context.cache.nbmaOf(slot);
  const seen = nbma ?? from;
  if (seen.port === context.config.defaultPort) return message;
  const item = { protocolAddress: station, nbma: seen, independent: false };
  return { ...message, extensions: [...message.extensions, seenPortExtension([item])] };
}

const itemOctets = ({ protocolAddress, nbma }: SeenPort): number =>
  ITEM_HEADER_OCTETS + addressOctets(protocolAddress) + addressOctets(nbma.address);

function readItems(octets: Uint8Array): readonly SeenPort[] {
  const items: SeenPort[] = [];
  for (let at = 0; at + ITEM_HEADER_OCTETS <= octets.length && items.length < MAX_ITEMS; ) {
    const family = familyOf(readU8(octets, at));
    const second = readU8(octets, at + 1);
    const nbmaFamily = familyOf(second & ~INDEPENDENT);
    if (family === null || nbmaFamily === null) return items;
    const protocolAt = at + ITEM_HEADER_OCTETS;
    const nbmaAt = protocolAt + (family === 4 ? 4 : 16);
    const end = nbmaAt + (nbmaFamily === 4 ? 4 : 16);
    if (end > octets.length) return items;
    const address = readAddress(octets, nbmaAt, nbmaFamily);
    const nbma = { address, port: readU16(octets, at + 2) };
    const independent = (second & INDEPENDENT) !== 0;
    items.push({ protocolAddress: readAddress(octets, protocolAt, family), nbma, independent });
    at = end;
  }
  return items;
}

const familyOf = (octet: number): IpFamily | null => (octet === 4 || octet === 6 ? octet : null);
