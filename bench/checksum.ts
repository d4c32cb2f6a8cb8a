/** The Internet checksum of an NHRP packet and of a full GRE packet, beside the loop of RFC 1071 §4.1. */
import { checksum, slabChecksum, wordsOf } from 'dmvpn/wire';
import type { Row } from './harness.js';

const SLOTS = 64;
const SLOT_OCTETS = 2048;
const AT = 42; // behind outer headers: even, and no multiple of four

class Slab {
  readonly bytes: Uint8Array = new Uint8Array(SLOTS * SLOT_OCTETS);
  readonly words: Uint32Array = wordsOf(this.bytes);

  readonly mutate = (round: number): void => {
    for (let i = 0; i < this.bytes.length; i++) this.bytes[i] = i * 31 + (i >>> 8) + round;
  };
}

/** Takes the checksum at one slot after the other. */
const overSlots =
  (sum: (at: number) => number) =>
  (times: number): number => {
    let total = 0;
    for (let i = 0; i < times; i++) total = (total + sum((i % SLOTS) * SLOT_OCTETS + AT)) | 0;
    return total;
  };

function naive(b: Uint8Array, at: number, octets: number): number {
  let sum = 0;
  for (let i = 0; i + 1 < octets; i += 2) sum += ((b[at + i] ?? 0) << 8) | (b[at + i + 1] ?? 0);
  if (octets & 1) sum += (b[at + octets - 1] ?? 0) << 8;
  while (sum >>> 16) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function row(octets: number, by: 'octets' | 'words', limit: number): Row {
  const slab = new Slab();
  const { bytes, words } = slab;
  return {
    name: `checksum of ${octets} octets, by ${by}`,
    octets,
    limit,
    mutate: slab.mutate,
    calls: [
      by === 'words'
        ? ['slabChecksum(', 'src/nhrp/codec/message.ts']
        : ['checksum(', 'src/gre/in-place.ts'],
    ],
    ours:
      by === 'words'
        ? overSlots((at) => slabChecksum(bytes, words, at, octets))
        : overSlots((at) => checksum(bytes, at, octets)),
    reference: {
      name: 'naive loop',
      agrees: true,
      run: overSlots((at) => naive(bytes, at, octets)),
    },
  };
}

export const checksumRows = (): Row[] => [
  row(108, 'words', 0.6),
  row(1408, 'words', 0.5),
  row(108, 'octets', 1),
  row(1408, 'octets', 1),
];
