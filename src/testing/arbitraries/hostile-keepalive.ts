/** GRE keepalives that somebody tampered with, to have us send something to somebody. */
import fc from 'fast-check';
import { GRE_MIN_OCTETS } from '../../gre/header.js';
import { writeU16, writeU32 } from '../../wire/bytes.js';
import { checksum } from '../../wire/checksum.js';
import { IPV4_LAYOUT } from '../../wire/ipv4.js';
import { unsigned } from './addresses.js';
import { greKeepalive, type ReceivedGre } from './gre.js';
import { type Mutation, mutated, mutation, octetLie, truncation } from './hostile.js';

const INNER = IPV4_LAYOUT.octets;
const HEADER_CHECKSUM = IPV4_LAYOUT.offsetOf('checksum');

/** Where the inner IPv4 header begins: behind GRE with or without a key. */
const innerAt = (b: Uint8Array): number => GRE_MIN_OCTETS + ((b[0] ?? 0) & 0x20 ? 4 : 0);

/** Puts the inner header's checksum right, so that what is behind it is reached. */
function withRightInnerChecksum(b: Uint8Array): Uint8Array {
  const at = innerAt(b);
  if (b.length < at + INNER) return b;
  const out = b.slice();
  writeU16(out, at + HEADER_CHECKSUM, 0);
  writeU16(out, at + HEADER_CHECKSUM, checksum(out, at, INNER));
  return out;
}

/** A lie in the inner header: to whom, in whose name, of which protocol, as part of what. */
const innerLie = (): fc.Arbitrary<Mutation> =>
  fc
    .tuple(
      fc.constantFrom('source', 'destination', 'protocol', 'totalOctets', 'flagsAndFragmentOffset'),
      unsigned(32),
    )
    .map(([field, value]) =>
      mutation(`inner ${field}`, (b) => {
        const at = innerAt(b) + IPV4_LAYOUT.offsetOf(field);
        if (innerAt(b) + INNER > b.length) return b;
        if (field === 'protocol') b[at] = value;
        else if (field === 'source' || field === 'destination') writeU32(b, at, value);
        else writeU16(b, at, value);
        return b;
      }),
    );

/** The answer that is asked for is no GRE without payload: another type, or something in it. */
const answerLie = (): fc.Arbitrary<Mutation> =>
  fc.tuple(unsigned(32), fc.boolean()).map(([word, grows]) =>
    mutation('answer', (b) => {
      const at = innerAt(b) + INNER;
      if (at + GRE_MIN_OCTETS > b.length) return b;
      if (!grows) writeU32(b, at, word);
      if (!grows) return b;
      const out = Uint8Array.from([...b, 0x45]);
      writeU16(out, innerAt(b) + IPV4_LAYOUT.offsetOf('totalOctets'), out.length - innerAt(b));
      return out;
    }),
  );

/** Keepalives that are wrong, or might be; most have the right inner checksum, so that what is behind it is reached. */
export const hostileGreKeepalive = (): fc.Arbitrary<ReceivedGre> =>
  greKeepalive().chain(({ ends, octets }) =>
    fc
      .oneof(
        mutated(fc.constant(octets)),
        mutated(fc.constant(octets), fc.oneof(innerLie(), answerLie())).map(withRightInnerChecksum),
        mutated(fc.constant(octets), fc.oneof(truncation(), octetLie())).map(
          withRightInnerChecksum,
        ),
      )
      .map((tampered) => ({ ends, octets: tampered })),
  );
