/**
 * NHRP messages and their parts. Everything made here is valid: it encodes, and decodes to an equal value. That takes
 * knowing the packet's families, for four octets are an IPv4 address in one packet and opaque in another.
 */
import fc from 'fast-check';
import {
  type Families,
  type NhrpAddress,
  nbmaFamilyOf,
  type OpaqueAddress,
  protocolFamilyOf,
} from '../../nhrp/codec/address.js';
import type { Cie } from '../../nhrp/codec/cie.js';
import type {
  AuthenticationExtension,
  CapabilitiesExtension,
  CieExtension,
  Extension,
  ExtensionContext,
  UnknownExtension,
  VendorExtension,
} from '../../nhrp/codec/extension.js';
import {
  type CieMessage,
  type ErrorIndication,
  messageBytes,
  type NhrpMessage,
  type TrafficIndication,
} from '../../nhrp/codec/message.js';
import {
  AddressFamily,
  CieCode,
  ErrorCode,
  ExtensionType,
  ProtocolType,
  TypeLength,
} from '../../nhrp/codec/numbers.js';
import { addressOctets, type IpFamily } from '../../wire/address.js';
import { ipAddress, octets, unsigned } from './addresses.js';

const MAX_NBMA_OCTETS = 20; // NSAP; the wire allows 63

/** An address that is neither absent nor a plain one of that family. `bits` are those above an NBMA length. */
const opaqueAddress = (
  family: IpFamily | 0,
  bits: fc.Arbitrary<number>,
): fc.Arbitrary<OpaqueAddress> =>
  fc
    .tuple(bits, octets(MAX_NBMA_OCTETS))
    .map(([high, value]) => ({ typeLength: high | value.length, octets: value }))
    .filter(({ typeLength }) => typeLength !== 0 && typeLength !== plainOctets(family));

const plainOctets = (family: IpFamily | 0): number => (family === 0 ? -1 : family === 4 ? 4 : 16);

const typeBits: fc.Arbitrary<number> = fc.constantFrom(
  0,
  TypeLength.E164,
  TypeLength.RESERVED,
  TypeLength.E164 | TypeLength.RESERVED,
);

const addressOf = (
  family: IpFamily | 0,
  opaque: fc.Arbitrary<OpaqueAddress>,
): fc.Arbitrary<NhrpAddress> =>
  family === 0
    ? fc.oneof(fc.constant(null), opaque)
    : fc.oneof(
        { weight: 6, arbitrary: ipAddress(family) },
        { weight: 2, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: opaque },
      );

/** An NBMA address of a packet with those families: plain, absent, E.164, or of another length. */
export const nbmaAddress = ({ nbmaFamily }: Families): fc.Arbitrary<NhrpAddress> =>
  addressOf(nbmaFamily, opaqueAddress(nbmaFamily, typeBits));

/** An NBMA subaddress; mostly absent. */
export const nbmaSubaddress = (): fc.Arbitrary<NhrpAddress> =>
  fc.option(opaqueAddress(0, typeBits), { freq: 3 });

/** A protocol address of a packet with those families: plain, absent, or of another length. */
export const protocolAddress = ({ protocolFamily }: Families): fc.Arbitrary<NhrpAddress> =>
  addressOf(protocolFamily, opaqueAddress(protocolFamily, fc.constant(0)));

/** A client information entry. */
export const cie = (families: Families): fc.Arbitrary<Cie> =>
  fc.record({
    code: fc.oneof(fc.constantFrom(...Object.values(CieCode)), unsigned(8)),
    prefixLength: fc.oneof(fc.constantFrom(0, 24, 32, 64, 128, 255), unsigned(8)),
    unused: fc.oneof(fc.constant(0), unsigned(16)),
    mtu: unsigned(16),
    holdingTimeSeconds: unsigned(16),
    preference: unsigned(8),
    nbmaAddress: nbmaAddress(families),
    nbmaSubaddress: nbmaSubaddress(),
    protocolAddress: protocolAddress(families),
  });

/** A list of 0..3 of them. */
export const cieList = (families: Families): fc.Arbitrary<Cie[]> =>
  fc.array(cie(families), { maxLength: 3 });

const bits = { compulsory: fc.boolean(), reserved: fc.boolean() };

/** Types 3, 4, 5 and 9 with CIEs. */
export const cieExtension = (families: Families): fc.Arbitrary<CieExtension> =>
  fc.record({
    kind: fc.constant('cies' as const),
    type: fc.constantFrom(
      ExtensionType.RESPONDER_ADDRESS,
      ExtensionType.FORWARD_TRANSIT_RECORD,
      ExtensionType.REVERSE_TRANSIT_RECORD,
      ExtensionType.NAT_ADDRESS,
    ),
    ...bits,
    cies: cieList(families),
  });

/** Types 7 and 10 in Cisco's form, which has at most eight octets after SPI 1. */
export const ciscoAuthenticationExtension = (): fc.Arbitrary<AuthenticationExtension> =>
  fc.record({
    kind: fc.constant('authentication' as const),
    type: authenticationType,
    ...bits,
    reserved16: fc.oneof(fc.constant(0), unsigned(16)),
    spi: fc.constant(1),
    source: fc.constant(null),
    data: octets(8),
  });

/** Types 7 and 10 in the form of RFC 2332 §5.3.4: with a source address as long as the header's. */
export const macAuthenticationExtension = (
  context: ExtensionContext,
): fc.Arbitrary<AuthenticationExtension> =>
  fc
    .record({
      kind: fc.constant('authentication' as const),
      type: authenticationType,
      ...bits,
      reserved16: unsigned(16),
      spi: unsigned(16),
      source: octets(context.sourceProtocolOctets, context.sourceProtocolOctets),
      data: octets(32),
    })
    .filter(({ spi, source, data }) => spi !== 1 || source.length + data.length > 8);

const authenticationType = fc.constantFrom(
  ExtensionType.AUTHENTICATION,
  ExtensionType.MOBILE_AUTHENTICATION,
);

/** Type 8, which may be repeated. */
export const vendorExtension = (): fc.Arbitrary<VendorExtension> =>
  fc.record({
    kind: fc.constant('vendor' as const),
    type: fc.constant(ExtensionType.VENDOR),
    ...bits,
    oui: unsigned(24),
    data: octets(24),
  });

/** Type 9 with the eight octets of RFC 2735. */
export const capabilitiesExtension = (): fc.Arbitrary<CapabilitiesExtension> =>
  fc.record({
    kind: fc.constant('capabilities' as const),
    type: fc.constant(ExtensionType.DEVICE_CAPABILITIES),
    ...bits,
    sourceCapabilities: unsigned(32),
    destinationCapabilities: unsigned(32),
  });

/** A type that this codec does not look into. */
export const unknownExtension = (): fc.Arbitrary<UnknownExtension> =>
  fc.record({
    kind: fc.constant('unknown' as const),
    type: fc.oneof(
      fc.constantFrom(1, 2, 6, 31, 32, 0x1000, 0x1200, 0x3801, 0x3fff),
      fc.integer({ min: 11, max: 0x3fff }),
    ),
    ...bits,
    octets: octets(24),
  });

/** Any extension. */
export const extension = (context: ExtensionContext): fc.Arbitrary<Extension> =>
  fc.oneof(
    { weight: 4, arbitrary: cieExtension(context) },
    { weight: 2, arbitrary: ciscoAuthenticationExtension() },
    macAuthenticationExtension(context),
    vendorExtension(),
    capabilitiesExtension(),
    unknownExtension(),
  );

/** No extensions, or a list in which only the vendor's type is repeated; now and then with an End that is not ours. */
export const extensions = (context: ExtensionContext): fc.Arbitrary<readonly Extension[] | null> =>
  fc.option(
    fc
      .tuple(fc.array(extension(context), { maxLength: 6 }), fc.option(foreignEnd, { freq: 1 }))
      .map(([list, end]) => (end === null ? unrepeated(list) : [...unrepeated(list), end])),
    { freq: 8 },
  );

const foreignEnd: fc.Arbitrary<UnknownExtension> = fc.constantFrom(
  { kind: 'unknown', type: 0, compulsory: false, reserved: false, octets: new Uint8Array(0) },
  { kind: 'unknown', type: 0, compulsory: true, reserved: true, octets: new Uint8Array(0) },
);

const unrepeated = (list: readonly Extension[]): Extension[] =>
  list.filter((e, i) => e.kind === 'vendor' || list.findIndex((o) => o.type === e.type) === i);

/** What a message may be made to be; anything when not given. */
export interface MessageConstraints {
  readonly type?: NhrpMessage['type'];
  readonly addressFamily?: number;
  readonly protocolType?: number;
}

interface Start extends ExtensionContext {
  readonly addressFamily: number;
  readonly protocolType: number;
  readonly sourceProtocolAddress: NhrpAddress;
}

/** The two numbers that say what all addresses of a packet are, and the address that says how long some are. */
const start = (constraints: MessageConstraints): fc.Arbitrary<Start> =>
  fc
    .tuple(
      choose(constraints.addressFamily, Object.values(AddressFamily)),
      choose(constraints.protocolType, Object.values(ProtocolType)),
    )
    .chain(([addressFamily, protocolType]) => {
      const families = {
        nbmaFamily: nbmaFamilyOf(addressFamily),
        protocolFamily: protocolFamilyOf(protocolType),
      };
      return protocolAddress(families).map((source) => ({
        ...families,
        addressFamily,
        protocolType,
        sourceProtocolAddress: source,
        sourceProtocolOctets: lengthOf(source),
      }));
    });

const choose = (given: number | undefined, usual: readonly number[]): fc.Arbitrary<number> =>
  given !== undefined
    ? fc.constant(given)
    : fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...usual) }, unsigned(16));

const lengthOf = (a: NhrpAddress): number =>
  a === null ? 0 : 'octets' in a ? a.octets.length : addressOctets(a);

const common = (s: Start) => ({
  addressFamily: fc.constant(s.addressFamily),
  protocolType: fc.constant(s.protocolType),
  snap: fc.option(
    octets(5, 5).filter((b) => b.some((octet) => octet !== 0)),
    { freq: 1 },
  ),
  hopCount: unsigned(8),
  sourceNbmaAddress: nbmaAddress(s),
  sourceNbmaSubaddress: nbmaSubaddress(),
  sourceProtocolAddress: fc.constant(s.sourceProtocolAddress),
  destinationProtocolAddress: protocolAddress(s),
  extensions: extensions(s),
});

const requestOrReply = (s: Start, type: CieMessage['type']): fc.Arbitrary<CieMessage> =>
  fc.record({
    ...common(s),
    type: fc.constant(type),
    flags: unsigned(16),
    requestId: unsigned(32),
    cies: cieList(s),
  });

const errorIndication = (s: Start): fc.Arbitrary<ErrorIndication> =>
  fc.record({
    ...common(s),
    type: fc.constant(7),
    unused: unsigned(16),
    errorCode: fc.oneof(fc.constantFrom(...Object.values(ErrorCode)), unsigned(16)),
    errorOffset: unsigned(16),
    packet: octets(96),
  });

const trafficIndication = (s: Start): fc.Arbitrary<TrafficIndication> =>
  fc.record({
    ...common(s),
    type: fc.constant(8),
    unused: unsigned(16),
    trafficCode: fc.oneof(fc.constant(0), unsigned(16)),
    unused2: unsigned(16),
    packet: octets(96),
  });

/** Any message that encodes and decodes to an equal one: every type, families alone and mixed, every extension. */
export const nhrpMessage = (constraints: MessageConstraints = {}): fc.Arbitrary<NhrpMessage> =>
  start(constraints).chain((s) => {
    const type = constraints.type;
    const types = type === undefined ? fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8) : fc.constant(type);
    return types.chain((t): fc.Arbitrary<NhrpMessage> => {
      if (t === 7) return errorIndication(s);
      return t === 8 ? trafficIndication(s) : requestOrReply(s, t as CieMessage['type']);
    });
  });

/** The octets of such a message, with the right checksum. */
export const nhrpOctets = (constraints: MessageConstraints = {}): fc.Arbitrary<Uint8Array> =>
  nhrpMessage(constraints).map(messageBytes);
