/** Configuration of IKEv2: what the embedder gives, checked once and completed. */

import { IKE_NATT_PORT, IKE_PORT } from '../../../wire/path.js';
import type { Lifetimes } from '../../key-exchange.js';
import {
  DH_GROUPS,
  type DhGroupNumber,
  ENCRYPTION,
  type EncryptionName,
  INTEGRITY,
  type IntegrityName,
  PRF,
  type PrfName,
} from '../../suites.js';
import type { Identity } from './identity.js';
import {
  DEFAULT_ESP_PROPOSALS,
  DEFAULT_IKE_PROPOSALS,
  type EspProposal,
  type IkeProposal,
} from './proposals.js';
import { KeyRing, type PresharedKey } from './psk.js';

/** Ports and NAT traversal. */
export interface NatTraversal {
  /** Begin on UDP 4500 instead of 500, as a process without privileges has to. Default false. */
  readonly startOnNattPort: boolean;
  /** Make the peer believe in a NAT, by a detection hash that cannot match: ESP goes in UDP. Default false. */
  readonly forceEncapsulation: boolean;
  /** Our own ports; 500 and 4500. */
  readonly ikePort: number;
  readonly nattPort: number;
}

/** RFC 7296 §2.4: the n-th retransmission follows after `firstMs × factor^n`, made up to `jitter` shorter. */
export interface Retransmission {
  /** Default 4,000. */
  readonly firstMs: number;
  /** Default 1.8. */
  readonly factor: number;
  /** Retransmissions before the peer counts as dead. Default 5. */
  readonly tries: number;
  /** 0..1, default 0.2. */
  readonly jitter: number;
}

/** Everything that grows by what strangers send. */
export interface IkeLimits {
  /** IKE SAs whose peer has not proven who it is. Default 1,000. */
  readonly halfOpen: number;
  /** From so many on, a peer must return a cookie before any Diffie-Hellman. Default 30. */
  readonly cookieThreshold: number;
  /** The same for one address. Default 3. */
  readonly cookieThresholdPerAddress: number;
  /** Half-open IKE SAs of one address. Default 50: many spokes may share one NAT. */
  readonly halfOpenPerAddress: number;
  /** A half-open IKE SA is forgotten after this. Default 30,000. */
  readonly halfOpenMs: number;
  /** IKE SAs at all. Default 20,000. */
  readonly ikeSas: number;
  /** Child SAs of one IKE SA. Default 8. */
  readonly children: number;
  /** Peers wanted. Default 20,000. */
  readonly wants: number;
  /** Unprotected INVALID_IKE_SPI and INVALID_SPI given out in a second, one for an address. Default 100; 0 for none. */
  readonly hintsPerSecond: number;
}

export interface IkeConfig {
  readonly keys: readonly PresharedKey[];
  /** Null (default): the local address. */
  readonly identity?: Identity | null;
  readonly ike?: readonly IkeProposal[];
  readonly esp?: readonly EspProposal[];
  /** Allow what suites.ts calls insecure: DES, MD5, MODP 1024 and 1536, NULL. Default false. */
  readonly insecure?: boolean;
  /** Default `transport`. */
  readonly mode?: 'transport' | 'tunnel';
  readonly natTraversal?: Partial<NatTraversal>;
  readonly retransmission?: Partial<Retransmission>;
  readonly limits?: Partial<IkeLimits>;
  /** A new IKE SA replaces one of this age, up to a tenth earlier. Default 14,400 (4 h). */
  readonly ikeLifetimeSeconds?: number;
  /** Passed on with every pair of keys. Default: 3,600 s hard, 3,240 s soft, no limit of octets or packets. */
  readonly childLifetimes?: Partial<Lifetimes>;
  /**
   * After this long without a packet from the peer it is asked, and counts as dead within 20 s more (RFC 7296 §2.4).
   * Default 10; 0 for never.
   */
  readonly livenessSeconds?: number;
  /** Messages over this many octets are sent in fragments (RFC 7383) where the peer can. Default 1,232. */
  readonly fragmentOctets?: number;
  /** DEBUGGING ONLY: hand out all keys as notices, so that tshark can decrypt. Default false. */
  readonly exportKeys?: boolean;
}

export interface IkeSettings {
  readonly keys: KeyRing;
  readonly identity: Identity | null;
  readonly ike: readonly IkeProposal[];
  readonly esp: readonly EspProposal[];
  readonly mode: 'transport' | 'tunnel';
  readonly natTraversal: NatTraversal;
  readonly retransmission: Retransmission;
  readonly limits: IkeLimits;
  readonly ikeLifetimeMs: number;
  readonly childLifetimes: Lifetimes;
  readonly livenessMs: number;
  readonly fragmentOctets: number;
  readonly exportKeys: boolean;
}

const NAT_TRAVERSAL: NatTraversal = {
  startOnNattPort: false,
  forceEncapsulation: false,
  ikePort: IKE_PORT,
  nattPort: IKE_NATT_PORT,
};

const RETRANSMISSION: Retransmission = { firstMs: 4_000, factor: 1.8, tries: 5, jitter: 0.2 };

const LIMITS: IkeLimits = {
  halfOpen: 1_000,
  cookieThreshold: 30,
  cookieThresholdPerAddress: 3,
  halfOpenPerAddress: 50,
  halfOpenMs: 30_000,
  ikeSas: 20_000,
  children: 8,
  wants: 20_000,
  hintsPerSecond: 100,
};

const CHILD_LIFETIMES: Lifetimes = {
  softSeconds: 3_240,
  hardSeconds: 3_600,
  softOctets: null,
  hardOctets: null,
  softPackets: null,
  hardPackets: null,
};

const FRAGMENT_OCTETS = 1_232; // IPv6's minimum MTU less IPv6 and UDP headers
const MIN_FRAGMENT_OCTETS = 256;

/** @throws TypeError or RangeError naming the offending value. */
export function ikeSettings(config: IkeConfig): IkeSettings {
  const ike = config.ike ?? DEFAULT_IKE_PROPOSALS;
  const esp = config.esp ?? DEFAULT_ESP_PROPOSALS;
  checkKeys(config.keys);
  checkProposals('ike', ike, config.insecure ?? false);
  checkProposals('esp', esp, config.insecure ?? false);
  if (ike.some((p) => p.encryption.includes('null')))
    throw new TypeError('ike: the keys of its children are secret, null is no cipher for it');
  const fragmentOctets = config.fragmentOctets ?? FRAGMENT_OCTETS;
  if (fragmentOctets < MIN_FRAGMENT_OCTETS)
    throw new RangeError(`fragmentOctets: at least ${MIN_FRAGMENT_OCTETS} expected`);
  return {
    keys: new KeyRing(config.keys),
    identity: config.identity ?? null,
    ike,
    esp,
    mode: config.mode ?? 'transport',
    natTraversal: { ...NAT_TRAVERSAL, ...config.natTraversal },
    retransmission: { ...RETRANSMISSION, ...config.retransmission },
    limits: { ...LIMITS, ...config.limits },
    ikeLifetimeMs: (config.ikeLifetimeSeconds ?? 14_400) * 1_000,
    childLifetimes: { ...CHILD_LIFETIMES, ...config.childLifetimes },
    livenessMs: (config.livenessSeconds ?? 10) * 1_000,
    fragmentOctets,
    exportKeys: config.exportKeys ?? false,
  };
}

function checkKeys(keys: readonly PresharedKey[]): void {
  keys.forEach(({ secret }, i) => {
    if (secret.length === 0) throw new TypeError(`keys[${i}].secret: at least one octet expected`);
  });
}

function checkProposals(
  name: string,
  proposals: readonly (IkeProposal | EspProposal)[],
  insecure: boolean,
): void {
  if (proposals.length === 0) throw new TypeError(`${name}: at least one proposal expected`);
  proposals.forEach((p, i) => {
    const aead = p.encryption.filter((cipher) => ENCRYPTION[cipher].kind === 'aead').length;
    if (p.encryption.length === 0 || (aead !== 0 && aead !== p.encryption.length))
      throw new TypeError(`${name}[${i}].encryption: AEADs alone or none of them expected`);
    if ((aead === 0) !== p.integrity.length > 0)
      throw new TypeError(`${name}[${i}].integrity: expected with every cipher that is no AEAD`);
    if (insecure) return;
    const weak = partsOf(p).find((part) => part.insecure);
    if (weak !== undefined)
      throw new TypeError(`${name}[${i}]: ${weak.name} is insecure and needs insecure: true`);
  });
}

function partsOf(p: IkeProposal | EspProposal): { name: string; insecure: boolean }[] {
  const prfs: readonly PrfName[] = 'prf' in p ? p.prf : [];
  const groups = [...p.groups].flatMap((group): DhGroupNumber[] =>
    group === 'none' ? [] : [group],
  );
  return [
    ...p.encryption.map((name: EncryptionName) => ENCRYPTION[name]),
    ...p.integrity.map((name: IntegrityName) => INTEGRITY[name]),
    ...prfs.map((name) => PRF[name]),
    ...groups.map((number) => ({ name: `group ${number}`, insecure: DH_GROUPS[number].insecure })),
  ];
}
