/** A transport that treats what is sent through another as a bad network would. The same seed, the same faults. */
import { type Clock, copyOf, type OutboundDatagram, type Transport } from './ports.js';

/** Probabilities, 0..1, each decided anew for every datagram; 0 when not given. */
export interface FaultRates {
  readonly loss?: number;
  readonly duplication?: number;
  /** Held back for `delayMs`, so that later ones overtake it. */
  readonly reordering?: number;
  /** One bit of it is turned over. */
  readonly corruption?: number;
}

export interface FaultOptions {
  readonly seed: number;
  readonly rates: FaultRates;
  readonly clock: Clock;
  /** How long a reordered datagram is held back; 20 when not given. */
  readonly delayMs?: number;
}

/** Datagrams that are held back; more go at once. */
const MAX_HELD = 4_096;

export function fault(
  transport: Transport,
  { seed, rates, clock, delayMs = 20 }: FaultOptions,
): Transport {
  const chance = randomFrom(seed);
  const { loss = 0, duplication = 0, reordering = 0, corruption = 0 } = rates;
  let held = 0;

  const hold = (datagram: OutboundDatagram): void => {
    held += 1;
    clock.callAt(clock.now() + delayMs, () => {
      held -= 1;
      transport.send([datagram]);
    });
  };
  const pass = (given: OutboundDatagram): OutboundDatagram[] => {
    if (chance() < loss) return [];
    const datagram = chance() < corruption ? corrupted(given, chance) : given;
    const copies = chance() < duplication ? [datagram, datagram] : [datagram];
    if (chance() >= reordering || held >= MAX_HELD) return copies;
    for (const copy of copies) hold(copied(copy));
    return [];
  };

  return {
    send: (batch) => transport.send(batch.flatMap(pass)),
    listen: (listener) => transport.listen(listener),
    close: () => transport.close(),
  };
}

const copied = (d: OutboundDatagram): OutboundDatagram => ({
  ...d,
  slab: copyOf(d),
  at: 0,
});

function corrupted(datagram: OutboundDatagram, chance: () => number): OutboundDatagram {
  const copy = copied(datagram);
  const bit = Math.floor(chance() * copy.octets * 8);
  copy.slab[bit >>> 3] = (copy.slab[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

/** Numbers in [0, 1) from a seed: mulberry32, good enough for faults and for nothing secret. */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
