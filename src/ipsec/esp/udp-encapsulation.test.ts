import { describe, expect, it } from 'vitest';
import { classifyUdpPayload, keepalive, withNonEspMarker } from './udp-encapsulation.js';

const kindOf = (...octets: number[]): string =>
  classifyUdpPayload(Uint8Array.of(0xa5, ...octets), 1, octets.length);

describe('UDP encapsulation', () => {
  it.each([
    ['keepalive', [0xff]],
    ['truncated', []],
    ['truncated', [0xfe]],
    ['truncated', [0xff, 0xff]],
    ['truncated', [0, 0, 0]],
    ['truncated', [0, 0, 0, 0]], // a marker and nothing behind it
    ['ike', [0, 0, 0, 0, 1]],
    ['truncated', [0, 0, 1, 0, 0, 0, 1]],
    ['esp', [0, 0, 1, 0, 0, 0, 0, 1]],
    ['esp', [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1]],
  ])('%s: %j', (kind, octets) => {
    expect(kindOf(...octets)).toBe(kind);
  });

  it('marks IKE, and makes keepalives that it knows', () => {
    expect(withNonEspMarker(Uint8Array.of(7, 8))).toEqual(Uint8Array.of(0, 0, 0, 0, 7, 8));
    expect(kindOf(...keepalive())).toBe('keepalive');
  });
});
