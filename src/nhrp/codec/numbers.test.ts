import { describe, expect, it } from 'vitest';
import {
  AddressFamily,
  addressFamilyName,
  CieCode,
  cieCodeName,
  ErrorCode,
  ExtensionType,
  errorCodeName,
  extensionTypeName,
  flagNames,
  PacketType,
  ProtocolType,
  packetTypeName,
  protocolTypeName,
  TrafficCode,
  trafficCodeName,
} from './numbers.js';

describe('names', () => {
  it.each<[string, Readonly<Record<string, number>>, (value: number) => string]>([
    ['packet types', PacketType, packetTypeName],
    ['address families', AddressFamily, addressFamilyName],
    ['protocol types', ProtocolType, protocolTypeName],
    ['CIE codes', CieCode, cieCodeName],
    ['error codes', ErrorCode, errorCodeName],
    ['traffic codes', TrafficCode, trafficCodeName],
    ['extension types', ExtensionType, extensionTypeName],
  ])('has one for all %s, and hexadecimal for the rest', (_, numbers, nameOf) => {
    for (const value of Object.values(numbers)) expect(nameOf(value)).not.toMatch(/^0x/);
    expect(nameOf(0xfe)).toMatch(/^0x(00)?fe$/);
  });

  it('are those of RFC 2332 §5.2.0.1 and §5.2.7 where other implementations differ', () => {
    expect(cieCodeName(12)).toBe('no binding exists');
    expect(cieCodeName(11)).toContain('older peers');
    expect(errorCodeName(3)).toBe('loop detected');
    expect(errorCodeName(15)).toBe('hop count exceeded');
  });

  it('of flags depend on the type of packet', () => {
    expect(flagNames(1, 0xc802)).toEqual(['router', 'authoritative', 'source-stable', 'nat']);
    expect(flagNames(2, 0xf802)).toHaveLength(6);
    expect(flagNames(3, 0x8002)).toEqual(['unique', 'nat']);
    expect(flagNames(5, 0x8001)).toEqual(['no-reply', '0x0001']);
    expect(flagNames(8, 0)).toEqual([]);
  });
});
