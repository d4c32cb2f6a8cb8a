/** A dissected frame as a readable tree, and as plain data for JSON. */
import { greProtocolName } from '../gre/protocol-type.js';
import type { NhrpMessage } from '../nhrp/codec/message.js';
import {
  addressFamilyName,
  cieCodeName,
  errorCodeName,
  extensionTypeName,
  flagNames,
  packetTypeName,
  protocolTypeName,
  trafficCodeName,
} from '../nhrp/codec/numbers.js';
import { describe, plainOf } from '../wire/describe.js';
import { formatWireError } from '../wire/result.js';
import type { Dissection } from './dissect.js';

/**
 * Lines: the layers, then GRE and NHRP field by field with the names of their numbers, then what is wrong.
 * Every field is there, the authentication data too: what is in the capture is shown.
 */
export function describeDissection(d: Dissection): string {
  const lines = [layersOf(d)];
  if (d.gre !== null) lines.push(describe('gre', d.gre, greNames));
  const { nhrp } = d;
  if (nhrp !== null) lines.push(describe('nhrp', nhrp, (path, v) => nhrpNames(nhrp, path, v)));
  if (d.roundTrip === false) lines.push('encodes to other octets');
  if (d.error !== null) lines.push(`error: ${formatWireError(d.error)}`);
  return lines.join('\n').replaceAll('\n', '\n  ');
}

/** `ipv4 192.0.2.1 → 192.0.2.2 / gre / nhrp`. */
function layersOf({ layers, ends }: Dissection): string {
  const left = [...ends];
  const withEnds = layers.map((layer) => {
    const found = layer === 'ipv4' || layer === 'ipv6' ? left.shift() : undefined;
    return found ? `${layer} ${found.source} → ${found.destination}` : layer;
  });
  return withEnds.join(' / ');
}

/**
 * What there is, for `JSON.stringify`: addresses as texts, octets as hexadecimal. A bad GRE header or NHRP message has an
 * error instead of `roundTrip`; with one in what they carry, both are there.
 */
export function plainDissection({ layers, gre, nhrp, roundTrip, error }: Dissection): object {
  const isOursBad = error !== null && /^(gre|nhrp)\./.test(error.field);
  return {
    layers,
    ...(gre && { gre }),
    ...(nhrp && { nhrp: plainOf(nhrp) }),
    ...(roundTrip !== null && !isOursBad && { roundTrip }),
    ...(error && { error }),
  };
}

const greNames = (path: string, value: unknown): string | undefined =>
  path === 'gre.protocolType' ? named(value, 4, greProtocolName) : undefined;

function nhrpNames(m: NhrpMessage, path: string, value: unknown): string | undefined {
  switch (path.replaceAll(/\.\d+/g, '')) {
    case 'nhrp.addressFamily':
      return named(value, 4, addressFamilyName);
    case 'nhrp.protocolType':
      return named(value, 4, protocolTypeName);
    case 'nhrp.type':
      return named(value, 2, packetTypeName);
    case 'nhrp.flags':
      return named(value, 4, (flags) => flagNames(m.type, flags).join(', '));
    case 'nhrp.errorCode':
      return named(value, 4, errorCodeName);
    case 'nhrp.trafficCode':
      return named(value, 4, trafficCodeName);
    case 'nhrp.extensions.type':
      return named(value, 4, extensionTypeName);
    case 'nhrp.cies.code':
    case 'nhrp.extensions.cies.code':
      return named(value, 2, cieCodeName);
    default:
      return undefined;
  }
}

/** `0x2001 nhrp`. */
function named(value: unknown, digits: number, nameOf: (n: number) => string): string | undefined {
  if (typeof value !== 'number') return undefined;
  const hex = `0x${value.toString(16).padStart(digits, '0')}`;
  const name = nameOf(value);
  return name === '' || name === hex ? hex : `${hex} ${name}`;
}
