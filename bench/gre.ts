/** GRE in place, as the node puts it on and takes it off, beside one copy of the packet by `Buffer.copy`. */
import {
  decapsulateGre,
  encapsulateGre,
  GRE_PROTOCOL_TYPE,
  greKeyOf,
  grePayloadAt,
} from 'dmvpn/gre';
import type { Row } from './harness.js';

const SLOTS = 64;
const SLOT_OCTETS = 2048;
const PAYLOAD_AT = 96; // the headroom of a packet from an adapter
const PAYLOAD_OCTETS = 1400;
const HEADER_OCTETS = 8;

class Packets {
  readonly slab: Buffer = Buffer.alloc(SLOTS * SLOT_OCTETS);
  readonly copies: Buffer = Buffer.alloc(SLOTS * SLOT_OCTETS);
  key = 42;

  readonly at = (i: number): number => (i % SLOTS) * SLOT_OCTETS + PAYLOAD_AT;

  readonly mutate = (round: number): void => {
    this.key = (round * 2_654_435_761) >>> 0; // half of all keys have the top bit
    for (let i = 0; i < this.slab.length; i += 64) this.slab[i] = i + round;
    for (let i = 0; i < SLOTS; i++)
      encapsulateGre(this.slab, this.at(i), GRE_PROTOCOL_TYPE.IPV4, this.key);
  };
}

/** @param work returns the offset that it came to */
function row(name: string, work: (p: Packets, at: number) => number): Row {
  const p = new Packets();
  return {
    name,
    octets: PAYLOAD_OCTETS,
    limit: 0.5,
    mutate: p.mutate,
    ours: (times) => {
      let sum = 0;
      for (let i = 0; i < times; i++) sum = (sum + work(p, p.at(i))) | 0;
      return sum;
    },
    reference: {
      name: `Buffer.copy of ${PAYLOAD_OCTETS} octets`,
      agrees: false,
      run: (times) => {
        let sum = 0;
        for (let i = 0; i < times; i++) {
          const at = p.at(i);
          sum = (sum + p.slab.copy(p.copies, at, at, at + PAYLOAD_OCTETS)) | 0;
        }
        return sum;
      },
    },
  };
}

const IN_OCTETS = HEADER_OCTETS + PAYLOAD_OCTETS;

export const greRows = (): Row[] => [
  row('gre out in place, with key', (p, at) =>
    encapsulateGre(p.slab, at, GRE_PROTOCOL_TYPE.IPV4, p.key),
  ),
  row('gre in in place, key compared', (p, at) =>
    decapsulateGre(p.slab, at - HEADER_OCTETS, IN_OCTETS, p.key),
  ),
  row('gre in in place, key looked up', (p, at) => {
    const payloadAt = grePayloadAt(p.slab, at - HEADER_OCTETS, IN_OCTETS);
    return greKeyOf(p.slab, at - HEADER_OCTETS) === p.key ? payloadAt : -1;
  }),
  row('gre out and in in place', (p, at) =>
    decapsulateGre(
      p.slab,
      encapsulateGre(p.slab, at, GRE_PROTOCOL_TYPE.IPV4, p.key),
      IN_OCTETS,
      p.key,
    ),
  ),
];
