/**
 * What this end offers and accepts, and how an answer is chosen: RFC 7296 §2.7, §3.3.
 * The responder picks by its own order of preference, never by the initiator's.
 */
import {
  type CipherSuite,
  cipherSuite,
  DH_GROUPS,
  type DhGroup,
  type DhGroupNumber,
  ENCRYPTION,
  type EncryptionName,
  INTEGRITY,
  type IntegrityName,
  PRF,
  type PrfName,
} from '../../suites.js';
import type { IkeSuite } from '../key-schedule.js';
import { PROTOCOL, TRANSFORM } from '../numbers.js';
import { keyBitsOf, type Proposal, type Transform, transform } from '../proposal.js';

/** Any of each list goes with any of the others; the first is preferred. `integrity` is empty for AEADs. */
export interface IkeProposal {
  readonly encryption: readonly EncryptionName[];
  readonly integrity: readonly IntegrityName[];
  readonly prf: readonly PrfName[];
  readonly groups: readonly DhGroupNumber[];
}

export interface EspProposal {
  readonly encryption: readonly EncryptionName[];
  readonly integrity: readonly IntegrityName[];
  /** For new keys of a rekeyed child (PFS); `none`: without a key exchange of its own. */
  readonly groups: readonly (DhGroupNumber | 'none')[];
  /** Extended sequence numbers (RFC 4304): `[true, false]` offers both. */
  readonly extendedSequence: readonly boolean[];
}

/** What ESP is protected with. */
export interface EspSuite {
  readonly cipher: CipherSuite;
  /** Null without a key exchange of its own. */
  readonly group: DhGroup | null;
  readonly extendedSequence: boolean;
}

/** A choice, with the number and SPI of the proposal that it came from. */
export interface Chosen<S> {
  readonly suite: S;
  readonly number: number;
  /** The other end's SPI: empty, 4 or 8 octets. */
  readonly spi: Uint8Array;
}

/** RFC 8247 and RFC 8221: nothing below 128 bits of strength but MODP 2048, which old peers need. */
export const DEFAULT_IKE_PROPOSALS: readonly IkeProposal[] = [
  {
    encryption: ['aes-256-gcm-16', 'chacha20-poly1305', 'aes-128-gcm-16'],
    integrity: [],
    prf: ['hmac-sha2-256', 'hmac-sha2-384', 'hmac-sha2-512'],
    groups: [31, 19, 20, 21, 16, 15, 14],
  },
  {
    encryption: ['aes-256-cbc', 'aes-128-cbc'],
    integrity: ['hmac-sha2-256-128', 'hmac-sha2-384-192', 'hmac-sha2-512-256'],
    prf: ['hmac-sha2-256', 'hmac-sha2-384', 'hmac-sha2-512'],
    groups: [31, 19, 20, 21, 16, 15, 14],
  },
];

export const DEFAULT_ESP_PROPOSALS: readonly EspProposal[] = [
  {
    encryption: ['aes-256-gcm-16', 'chacha20-poly1305', 'aes-128-gcm-16'],
    integrity: [],
    groups: [31, 19, 20, 14, 'none'],
    extendedSequence: [true, false],
  },
  {
    encryption: ['aes-256-cbc', 'aes-128-cbc'],
    integrity: ['hmac-sha2-256-128', 'hmac-sha2-512-256'],
    groups: [31, 19, 20, 14, 'none'],
    extendedSequence: [true, false],
  },
];

const DH_NONE = 0; // RFC 7296 §3.3.2: the key exchange is optional
const INTEG_NONE = 0;

/** The IKE proposals on the wire. `spi` is empty in IKE_SA_INIT. */
export const ikeProposals = (own: readonly IkeProposal[], spi: Uint8Array): Proposal[] =>
  own.map((p, i) =>
    proposal(i + 1, PROTOCOL.IKE, spi, [
      ...p.encryption.map(encryptionTransform),
      ...p.integrity.map((name) => transform(TRANSFORM.INTEG, INTEGRITY[name].transformId)),
      ...p.prf.map((name) => transform(TRANSFORM.PRF, PRF[name].transformId)),
      ...p.groups.map((group) => transform(TRANSFORM.DH, group)),
    ]),
  );

/** The ESP proposals on the wire; in IKE_AUTH without groups (RFC 7296 §1.2). */
export const espProposals = (
  own: readonly EspProposal[],
  spi: Uint8Array,
  withGroups: boolean,
): Proposal[] =>
  own.map((p, i) =>
    proposal(i + 1, PROTOCOL.ESP, spi, [
      ...p.encryption.map(encryptionTransform),
      ...p.integrity.map((name) => transform(TRANSFORM.INTEG, INTEGRITY[name].transformId)),
      ...groupTransforms(withGroups ? p.groups : []),
      ...p.extendedSequence.map((esn) => transform(TRANSFORM.ESN, esn ? 1 : 0)),
    ]),
  );

/** The answer: one proposal with the number that was chosen and one transform of each type. */
export const ikeAnswer = ({ suite, number }: Chosen<IkeSuite>, spi: Uint8Array): Proposal =>
  proposal(number, PROTOCOL.IKE, spi, [
    ...cipherTransforms(suite.cipher),
    transform(TRANSFORM.PRF, suite.prf.transformId),
    transform(TRANSFORM.DH, suite.group.number),
  ]);

export const espAnswer = ({ suite, number }: Chosen<EspSuite>, spi: Uint8Array): Proposal =>
  proposal(number, PROTOCOL.ESP, spi, [
    ...cipherTransforms(suite.cipher),
    ...(suite.group === null ? [] : [transform(TRANSFORM.DH, suite.group.number)]),
    transform(TRANSFORM.ESN, suite.extendedSequence ? 1 : 0),
  ]);

/** The first of our own that the other end offers too; null when there is none. */
export function chooseIke(
  own: readonly IkeProposal[],
  offered: readonly Proposal[],
  spiOctets: 0 | 8,
): Chosen<IkeSuite> | null {
  return chooseFirst(own, offered, PROTOCOL.IKE, spiOctets, (mine, theirs) => {
    const cipher = chooseCipher(mine.encryption, mine.integrity, theirs);
    const prf = mine.prf.find((name) => has(theirs, TRANSFORM.PRF, PRF[name].transformId));
    const group = mine.groups.find((number) => has(theirs, TRANSFORM.DH, number));
    if (cipher === null || prf === undefined || group === undefined) return null;
    return { cipher, prf: PRF[prf], group: DH_GROUPS[group] };
  });
}

/** @param withGroups false in IKE_AUTH, where a group that is offered all the same is passed over. */
export function chooseEsp(
  own: readonly EspProposal[],
  offered: readonly Proposal[],
  withGroups: boolean,
): Chosen<EspSuite> | null {
  return chooseFirst(own, offered, PROTOCOL.ESP, 4, (mine, theirs) => {
    const cipher = chooseCipher(mine.encryption, mine.integrity, theirs);
    const group = withGroups ? chooseGroup(mine.groups, theirs) : null;
    const esn = mine.extendedSequence.find((flag) => has(theirs, TRANSFORM.ESN, flag ? 1 : 0));
    if (cipher === null || group === undefined || esn === undefined) return null;
    return { cipher, group, extendedSequence: esn };
  });
}

/** Whether an answer is one proposal with one transform of each type, as it has to be. */
export const isAnswer = (answer: readonly Proposal[]): boolean =>
  answer.length === 1 &&
  answer.every((p) => new Set(p.transforms.map((t) => t.type)).size === p.transforms.length);

function chooseFirst<P, S>(
  own: readonly P[],
  offered: readonly Proposal[],
  protocol: number,
  ...rest: readonly [spiOctets: number, choose: (mine: P, theirs: Proposal) => S | null]
): Chosen<S> | null {
  const [spiOctets, choose] = rest;
  for (const mine of own)
    for (const theirs of offered) {
      if (theirs.protocol !== protocol || theirs.spi.length !== spiOctets) continue;
      if (!theirs.transforms.every((t) => t.type >= TRANSFORM.ENCR && t.type <= TRANSFORM.ESN))
        continue; // a transform type that we do not know must not be chosen (§3.3.6)
      const suite = choose(mine, theirs);
      if (suite !== null) return { suite, number: theirs.number, spi: theirs.spi.slice() };
    }
  return null;
}

function chooseCipher(
  encryption: readonly EncryptionName[],
  integrity: readonly IntegrityName[],
  theirs: Proposal,
): CipherSuite | null {
  const cipher = encryption.find((name) => hasEncryption(theirs, name));
  if (cipher === undefined) return null;
  if (ENCRYPTION[cipher].kind === 'aead')
    return hasNo(theirs, TRANSFORM.INTEG) || has(theirs, TRANSFORM.INTEG, INTEG_NONE)
      ? cipherSuite(cipher, null)
      : null;
  const check = integrity.find((name) => has(theirs, TRANSFORM.INTEG, INTEGRITY[name].transformId));
  return check === undefined ? null : cipherSuite(cipher, check);
}

/** Undefined when there is no common one. */
function chooseGroup(own: EspProposal['groups'], theirs: Proposal): DhGroup | null | undefined {
  for (const group of own) {
    if (group !== 'none' && has(theirs, TRANSFORM.DH, group)) return DH_GROUPS[group];
    if (group === 'none' && (hasNo(theirs, TRANSFORM.DH) || has(theirs, TRANSFORM.DH, DH_NONE)))
      return null;
  }
  return undefined;
}

const has = (p: Proposal, type: number, id: number): boolean =>
  p.transforms.some((t) => t.type === type && t.id === id && t.attributes.length === 0);

const hasNo = (p: Proposal, type: number): boolean => !p.transforms.some((t) => t.type === type);

/** A key length is exactly one attribute where the cipher has sizes, and none where it has one size. */
function hasEncryption(p: Proposal, name: EncryptionName): boolean {
  const { transformId, keyBits } = ENCRYPTION[name];
  const attributes = keyBits === null ? 0 : 1;
  return p.transforms.some(
    (t) =>
      t.type === TRANSFORM.ENCR &&
      t.id === transformId &&
      t.attributes.length === attributes &&
      keyBitsOf(t) === keyBits,
  );
}

const encryptionTransform = (name: EncryptionName): Transform =>
  transform(TRANSFORM.ENCR, ENCRYPTION[name].transformId, ENCRYPTION[name].keyBits);

const cipherTransforms = ({ encryption, integrity }: CipherSuite): Transform[] => [
  encryptionTransform(encryption.name),
  ...(integrity === null ? [] : [transform(TRANSFORM.INTEG, integrity.transformId)]),
];

/** `none` alone is said by offering no group at all. */
const groupTransforms = (groups: EspProposal['groups']): Transform[] =>
  groups.every((group) => group === 'none')
    ? []
    : groups.map((group) => transform(TRANSFORM.DH, group === 'none' ? DH_NONE : group));

const proposal = (
  number: number,
  protocol: number,
  spi: Uint8Array,
  transforms: readonly Transform[],
): Proposal => ({ number, protocol, spi, transforms, reserved: 0 });
