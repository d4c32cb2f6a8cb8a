/** Every payload that the codec has, valid and in any combination. */
import fc from 'fast-check';
import { IKE_HEADER_OCTETS } from '../../src/ipsec/ike/header.js';
import type { IkeMessage } from '../../src/ipsec/ike/message.js';
import { type IkePayload, payloadsOctets } from '../../src/ipsec/ike/payload.js';
import type { Attribute, Proposal, Transform } from '../../src/ipsec/ike/proposal.js';
import type { AnySelector } from '../../src/ipsec/ike/traffic-selector.js';
import { IpAddress } from '../../src/wire/address.js';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u24 = fc.integer({ min: 0, max: 0xff_ffff });
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const octets = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength });
const head = <T extends number>(
  ...types: T[]
): { type: fc.Arbitrary<T>; flags: fc.Arbitrary<number> } => ({
  type: fc.constantFrom(...types),
  flags: u8,
});

const attribute: fc.Arbitrary<Attribute> = fc.record({
  type: fc.integer({ min: 0, max: 0x7fff }),
  value: fc.oneof(u16, octets(0, 8)),
});
const transform: fc.Arbitrary<Transform> = fc.record({
  type: u8,
  id: u16,
  attributes: fc.array(attribute, { maxLength: 3 }),
  reserved: u16,
});
const proposal: fc.Arbitrary<Proposal> = fc.record({
  number: u8,
  protocol: u8,
  spi: octets(0, 8),
  transforms: fc.array(transform, { maxLength: 5 }),
  reserved: u8,
});

const v4 = word.map((w) => new IpAddress(4, w));
const v6 = fc.tuple(word, word, word, word).map((w) => new IpAddress(6, ...w));
const range = (address: fc.Arbitrary<IpAddress>): fc.Arbitrary<AnySelector> =>
  fc.record({
    kind: fc.constant('range' as const),
    protocol: u8,
    startPort: u16,
    endPort: u16,
    start: address,
    end: address,
  });
const otherSelector: fc.Arbitrary<AnySelector> = fc.record({
  kind: fc.constant('other' as const),
  type: u8.filter((type) => type !== 7 && type !== 8),
  protocol: u8,
  data: octets(0, 12),
});

const typedData = fc.record({ type: u8, reserved: u24, data: octets(0, 20) });

const deletePayload = fc
  .tuple(u8, u8, fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 4 }))
  .chain(([flags, protocol, spiOctets, count]) =>
    fc
      .array(octets(spiOctets, spiOctets), { minLength: count, maxLength: count })
      .map((spis): IkePayload => ({ kind: 'delete', type: 42, flags, protocol, spiOctets, spis })),
  );

const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name);

/** Payloads that may stand anywhere in a chain. */
export const clearPayload: fc.Arbitrary<IkePayload> = fc.oneof(
  fc.record({
    ...head(33),
    kind: kind('sa'),
    proposals: fc.array(proposal, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ ...head(34), kind: kind('ke'), group: u16, reserved: u16, data: octets(0, 40) }),
  fc.record({ ...head(35, 36), kind: kind('id'), id: typedData }),
  fc.record({ ...head(39), kind: kind('auth'), auth: typedData }),
  fc.record({ ...head(40), kind: kind('nonce'), data: octets(16, 64) }),
  fc.record({
    ...head(41),
    kind: kind('notify'),
    protocol: u8,
    notifyType: u16,
    spi: octets(0, 8),
    data: octets(0, 20),
  }),
  deletePayload,
  fc.record({ ...head(43), kind: kind('vendor'), data: octets(0, 20) }),
  fc.record({
    ...head(44, 45),
    kind: kind('ts'),
    reserved: u24,
    selectors: fc.array(fc.oneof(range(v4), range(v6), otherSelector), { maxLength: 4 }),
  }),
  fc.record({ ...head(1, 37, 38, 47, 48, 49, 200, 255), kind: kind('other'), data: octets(0, 20) }),
);

const encryptedPayload: fc.Arbitrary<IkePayload> = fc.oneof(
  fc.record({ ...head(46), kind: kind('sk'), inner: u8, data: octets(0, 60) }),
  fc
    .tuple(u8, u8, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 9 }), octets(0, 60))
    .map(
      ([flags, inner, number, more, data]): IkePayload => ({
        kind: 'skf',
        type: 53,
        flags,
        inner,
        number,
        total: number + more,
        data,
      }),
    ),
);

/** A whole message of any exchange. */
export const ikeMessage: fc.Arbitrary<IkeMessage> = fc
  .record({
    initiatorSpi: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    responderSpi: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    minorVersion: fc.integer({ min: 0, max: 15 }),
    exchangeType: u8,
    flags: u8,
    messageId: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    clear: fc.array(clearPayload, { maxLength: 6 }),
    encrypted: fc.option(encryptedPayload),
  })
  .map(({ clear, encrypted, ...header }) => {
    const payloads = encrypted === null ? clear : [...clear, encrypted];
    const octets = IKE_HEADER_OCTETS + payloadsOctets(payloads);
    const nextPayload = payloads[0]?.type ?? 0;
    return { header: { ...header, majorVersion: 2, nextPayload, octets }, payloads };
  });
