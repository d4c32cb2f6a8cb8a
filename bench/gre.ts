/** GRE in place, as the node puts it on and takes it off, beside one copy of the packet by `Buffer.copy`. */
import { encapsulateGre, GRE_PROTOCOL_TYPE, greKeyOf, grePayloadAt } from 'dmvpn/gre';
import type { Row } from './harness.js';

const SLOTS = 64;
const SLOT_OCTETS = 2048;
const PAYLOAD_AT = 96; // the headroom of a packet from an adapter, at least
const PAYLOAD_OCTETS = 1400;
const HEADER_OCTETS = 8;

class Packets {
  readonly slab: Buffer = Buffer.alloc(SLOTS * SLOT_OCTETS);
  readonly copies: Buffer = Buffer.alloc(SLOTS * SLOT_OCTETS);
  key = 42;
  #payloadAt = PAYLOAD_AT;

  readonly at = (i: number): number => (i % SLOTS) * SLOT_OCTETS + this.#payloadAt;

  readonly mutate = (round: number): void => {
    this.#payloadAt = PAYLOAD_AT + 4 * (round & 15);
    this.key = (round * 2_654_435_761) >>> 0; // half of all keys have the top bit
    for (let i = 0; i < this.slab.length; i += 64) this.slab[i] = i + round;
    for (let i = 0; i < SLOTS; i++)
      encapsulateGre(this.slab, this.at(i), GRE_PROTOCOL_TYPE.IPV4, this.key);
  };
}

/** @param work returns the offset that it came to */
function row(name: string, calls: Row['calls'], work: (p: Packets, at: number) => number): Row {
  const p = new Packets();
  return {
    name,
    octets: PAYLOAD_OCTETS,
    limit: 0.5,
    mutate: p.mutate,
    calls,
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

/** As the node takes a header off: where the payload is, and whether the key is the tunnel's. */
function takeOff({ slab, key }: Packets, at: number): number {
  const payloadAt = grePayloadAt(slab, at, IN_OCTETS);
  return payloadAt < 0 || greKeyOf(slab, at) !== key ? -1 : payloadAt;
}

const putOn = ({ slab, key }: Packets, at: number): number =>
  encapsulateGre(slab, at, GRE_PROTOCOL_TYPE.IPV4, key);

const OUT: Row['calls'] = [['encapsulateGre(', 'src/dmvpn/mgre.ts']];
const IN: Row['calls'] = [
  ['grePayloadAt(', 'src/dmvpn/node.ts'],
  ['greKeyOf(', 'src/dmvpn/node.ts'],
];

export const greRows = (): Row[] => [
  row('gre out in place, with key', OUT, putOn),
  row('gre in in place, key compared', IN, (p, at) => takeOff(p, at - HEADER_OCTETS)),
  row('gre out and in in place', [...OUT, ...IN], (p, at) => takeOff(p, putOn(p, at))),
];
