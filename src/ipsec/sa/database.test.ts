import { describe, expect, it } from 'vitest';
import { parseAddress, UNSPECIFIED_V4 } from '../../wire/address.js';
import { SecurityAssociationDatabase } from './database.js';

/** Hands out 32-bit numbers from a list, then counts on from 1000. */
function scripted(...numbers: number[]): (octets: number) => Uint8Array {
  let next = 1_000;
  return (octets) => {
    expect(octets).toBe(4);
    const value = numbers.shift() ?? next++;
    return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
  };
}

describe('security association database', () => {
  it('hands out no reserved SPI, and none twice', () => {
    const database = new SecurityAssociationDatabase(
      scripted(0, 1, 255, 256, 256, 0xffff_ffff, 256, 7_777),
    );
    expect(database.allocateSpi()).toBe(256);
    expect(database.allocateSpi()).toBe(0xffff_ffff);
    expect(database.allocateSpi()).toBe(7_777);
  });

  it('hands a released SPI out again', () => {
    const database = new SecurityAssociationDatabase(scripted(300, 300));
    const spi = database.allocateSpi();
    database.releaseSpi(spi);
    expect(database.allocateSpi()).toBe(300);
  });

  it('bounds what negotiations hold: the oldest is given up', () => {
    const numbers = Array.from({ length: 4_097 }, (_, i) => 10_000 + i);
    const database = new SecurityAssociationDatabase(scripted(...numbers, 10_000));
    for (const n of numbers) expect(database.allocateSpi()).toBe(n);
    expect(database.allocateSpi()).toBe(10_000);
  });

  it('tells two peers of one address apart by port', () => {
    const database = new SecurityAssociationDatabase(scripted());
    const nat = parseAddress('192.0.2.9') ?? UNSPECIFIED_V4;
    const one = database.findOrAdd({ address: nat, port: 4_500 });
    const two = database.findOrAdd({ address: nat, port: 1_024 });
    expect(one).not.toBe(two);
    expect(database.find({ address: nat, port: 1_024 })).toBe(two);
    expect(database.find({ address: nat, port: 1 })).toBeNull();
    database.rename(two, { address: nat, port: 1_025 });
    expect(database.find({ address: nat, port: 1_024 })).toBeNull();
    expect(database.find({ address: nat, port: 1_025 })).toBe(two);
    database.forgetIfIdle(two);
    expect(database.find(two.endpoint)).toBeNull();
    expect(database.peerCount).toBe(1);
  });
});
