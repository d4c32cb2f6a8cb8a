/** Reads a recorded IKEv2 conversation with the secrets of its ends, and makes every message again. */
import { readFileSync } from 'node:fs';
import { decodeCaptureFile } from '../../src/io/capture/capture-file.js';
import { nodeCrypto } from '../../src/io/crypto-node.js';
import { isResponse } from '../../src/ipsec/ike/header.js';
import {
  deriveChildKeys,
  deriveIkeKeys,
  type IkeKeys,
  type IkeSuite,
  initialSkeyseed,
  rekeyedSkeyseed,
} from '../../src/ipsec/ike/key-schedule.js';
import {
  decodeIkeMessage,
  encodeIkeMessage,
  type IkeMessage,
  ikeMessageOctets,
} from '../../src/ipsec/ike/message.js';
import { EXCHANGE } from '../../src/ipsec/ike/numbers.js';
import {
  decodePayloads,
  encodePayloads,
  type IkePayload,
  payloadsOctets,
} from '../../src/ipsec/ike/payload.js';
import { openEncrypted, type SkCipher, sealEncrypted } from '../../src/ipsec/ike/protect.js';
import { pskAuth } from '../../src/ipsec/ike/psk-auth.js';
import { payloadOf } from '../../src/ipsec/ike/v2/payloads.js';
import { chooseEsp, chooseIke, type EspProposal } from '../../src/ipsec/ike/v2/proposals.js';
import { SecretBytes } from '../../src/ipsec/secret.js';
import {
  DH_GROUPS,
  type DhGroupNumber,
  ENCRYPTION,
  type EncryptionName,
  INTEGRITY,
  type IntegrityName,
  PRF,
  type PrfName,
} from '../../src/ipsec/suites.js';
import { fromHex, readU32, readU64, toHex } from '../../src/wire/bytes.js';
import { decodeIpv4Header, ipv4HeaderOctets } from '../../src/wire/ipv4.js';
import { decodeLinkLayer } from '../../src/wire/link-layer.js';
import { unwrap } from '../../src/wire/result.js';
import { decodeUdp } from '../../src/wire/udp.js';

export interface RecordedSecrets {
  readonly psk: readonly [initiator: string, responder: string];
  readonly ikeSas: readonly Readonly<Record<string, string>>[];
  readonly children: readonly {
    readonly shared: string | null;
    readonly encryptionInitiator: string;
    readonly encryptionResponder: string;
    readonly integrityInitiator?: string;
    readonly integrityResponder?: string;
  }[];
}

export interface Counts {
  messages: number;
  roundTrips: number;
  decrypted: number;
  sealedAgain: number;
  ikeSas: number;
  children: number;
  authReproduced: number;
  authWrong: number;
}

const crypto = nodeCrypto();
const EVERYTHING = {
  encryption: Object.keys(ENCRYPTION) as EncryptionName[],
  integrity: Object.keys(INTEGRITY) as IntegrityName[],
  prf: Object.keys(PRF) as PrfName[],
  groups: Object.values(DH_GROUPS).map(({ number }) => number) as DhGroupNumber[],
};
const isAead = (name: EncryptionName): boolean => ENCRYPTION[name].kind === 'aead';
/** Accepts whatever the peers chose. */
const ANY = [
  { ...EVERYTHING, encryption: EVERYTHING.encryption.filter(isAead), integrity: [] },
  { ...EVERYTHING, encryption: EVERYTHING.encryption.filter((name) => !isAead(name)) },
];
const ANY_ESP: readonly EspProposal[] = ANY.map((p) => ({
  ...p,
  groups: [...p.groups, 'none'],
  extendedSequence: [false, true],
}));

/** The IKE messages of a capture, without non-ESP markers. */
export function ikeDatagrams(path: string): Uint8Array[] {
  const { interfaces, frames } = unwrap(decodeCaptureFile(readFileSync(path)));
  return frames.flatMap(({ interfaceIndex, bytes }) => {
    const link = decodeLinkLayer(interfaces[interfaceIndex]?.linkType ?? -1, bytes);
    if (!link.ok || link.value.etherType !== 0x0800) return [];
    const ip = decodeIpv4Header(bytes.subarray(link.value.payloadAt), false);
    if (!ip.ok || ip.value.protocol !== 17) return [];
    const start = link.value.payloadAt + ipv4HeaderOctets(ip.value);
    const udp = decodeUdp(bytes.subarray(start, link.value.payloadAt + ip.value.totalOctets), null);
    if (!udp.ok) return [];
    const { sourcePort, destinationPort, payload } = udp.value;
    if (sourcePort === 500 || destinationPort === 500) return [Uint8Array.from(payload)];
    const isMarked = payload.length > 4 && readU32(payload, 0) === 0;
    return sourcePort === 4500 && isMarked ? [Uint8Array.from(payload.subarray(4))] : [];
  });
}

interface Sa {
  readonly suite: IkeSuite;
  readonly keys: IkeKeys;
  readonly fromInitiator: SkCipher;
  readonly fromResponder: SkCipher;
  readonly nonces: { readonly initiatorNonce: Uint8Array; readonly responderNonce: Uint8Array };
}

export class Observer {
  readonly counts: Counts = {
    messages: 0,
    roundTrips: 0,
    decrypted: 0,
    sealedAgain: 0,
    ikeSas: 0,
    children: 0,
    authReproduced: 0,
    authWrong: 0,
  };
  readonly #sas = new Map<string, Sa>();
  #initRequest: Uint8Array = new Uint8Array(0);
  #initResponse: Uint8Array = new Uint8Array(0);
  #request: readonly IkePayload[] = [];

  constructor(readonly secrets: RecordedSecrets) {}

  /** @throws Error when anything comes out other than it was recorded. */
  observe(bytes: Uint8Array): void {
    this.counts.messages++;
    const message = unwrap(decodeIkeMessage(bytes));
    const again = new Uint8Array(ikeMessageOctets(message)).fill(0xa5);
    encodeIkeMessage(message, again, 0);
    equal('the message in the clear', again, bytes);
    this.counts.roundTrips++;
    if (message.header.exchangeType === EXCHANGE.IKE_SA_INIT) this.#init(message, bytes);
    else this.#protected(message, bytes);
  }

  #init(message: IkeMessage, bytes: Uint8Array): void {
    const { header, payloads } = message;
    if (!isResponse(header)) {
      this.#initRequest = bytes;
      this.#request = payloads;
    } else if (payloadOf(payloads, 'sa') !== undefined) {
      this.#initResponse = bytes;
      const nonces = noncesOf(this.#request, payloads);
      const suite = ikeSuite(payloads, 0);
      this.#add(suite, nonces, header.initiatorSpi, header.responderSpi, (shared) =>
        initialSkeyseed(crypto, suite.prf, { ...nonces, shared }),
      );
    }
  }

  #protected(message: IkeMessage, bytes: Uint8Array): void {
    const { header } = message;
    const sa = this.#sas.get(`${header.initiatorSpi}|${header.responderSpi}`);
    if (sa === undefined) throw new Error('an IKE SA without keys');
    const byInitiator = (header.flags & 0x08) !== 0;
    const inner = this.#decrypt(byInitiator ? sa.fromInitiator : sa.fromResponder, message, bytes);
    if (header.exchangeType === EXCHANGE.IKE_AUTH) this.#auth(sa, byInitiator, inner);
    if (!isResponse(header)) this.#request = inner;
    else if (header.exchangeType !== EXCHANGE.INFORMATIONAL) this.#created(sa, inner);
  }

  #decrypt(
    sk: SkCipher,
    { header, payloads }: IkeMessage,
    bytes: Uint8Array,
  ): readonly IkePayload[] {
    const copy = bytes.slice();
    const payload = unwrap(decodeIkeMessage(copy)).payloads.at(-1);
    const iv = sk.suite.encryption.ivOctets;
    const original = payloads.at(-1);
    if (payload?.kind !== 'sk' || original?.kind !== 'sk') throw new Error('no SK payload');
    const opened = unwrap(openEncrypted(sk, copy, payload));
    const inner = unwrap(decodePayloads(opened.content, payload.inner));
    this.counts.decrypted++;
    const content = new Uint8Array(payloadsOctets(inner)).fill(0xa5);
    encodePayloads(inner, content, 0);
    equal('what was encrypted', content, opened.content);
    const sealed = sealEncrypted(sk, {
      header,
      inner: inner[0]?.type ?? 0,
      content,
      padding: opened.padding,
      iv: original.data.slice(0, iv),
      fragment: null,
    });
    equal('the encrypted message', sealed, bytes);
    this.counts.sealedAgain++;
    return inner;
  }

  #auth(sa: Sa, byInitiator: boolean, inner: readonly IkePayload[]): void {
    const id = payloadOf(inner, 'id')?.id;
    const auth = payloadOf(inner, 'auth')?.auth;
    if (id === undefined || auth === undefined) return;
    const psk = this.secrets.psk[byInitiator ? 0 : 1];
    const octets = pskAuth(crypto, sa.suite.prf, new SecretBytes(Buffer.from(psk)), {
      message: byInitiator ? this.#initRequest : this.#initResponse,
      nonce: byInitiator ? sa.nonces.responderNonce : sa.nonces.initiatorNonce,
      skP: byInitiator ? sa.keys.pi : sa.keys.pr,
      id,
    });
    if (toHex(octets) === toHex(auth.data)) this.counts.authReproduced++;
    else this.counts.authWrong++;
  }

  /** A response that made a Child SA, or a new IKE SA. */
  #created(sa: Sa, response: readonly IkePayload[]): void {
    const proposal = payloadOf(response, 'sa')?.proposals[0];
    if (proposal === undefined) return;
    const inCreateChild = payloadOf(response, 'nonce') !== undefined;
    const nonces = inCreateChild ? noncesOf(this.#request, response) : sa.nonces;
    if (proposal.protocol === 3) return this.#child(sa, response, nonces);
    const initiatorSpi = readU64(
      payloadOf(this.#request, 'sa')?.proposals[0]?.spi ?? proposal.spi,
      0,
    );
    this.#add(ikeSuite(response, 8), nonces, initiatorSpi, readU64(proposal.spi, 0), (shared) =>
      rekeyedSkeyseed(crypto, sa.suite.prf, sa.keys.d, { ...nonces, shared }),
    );
  }

  #add(
    suite: IkeSuite,
    nonces: Sa['nonces'],
    ...rest: [initiatorSpi: bigint, responderSpi: bigint, seed: (shared: Uint8Array) => Uint8Array]
  ): void {
    const [initiatorSpi, responderSpi, seed] = rest;
    for (const recorded of this.secrets.ikeSas) {
      const skeyseed = seed(fromHex(recorded.shared ?? ''));
      if (toHex(skeyseed) !== recorded.skeyseed) continue;
      const agreement = { ...nonces, shared: null };
      const keys = deriveIkeKeys(crypto, suite, skeyseed, {
        agreement,
        initiatorSpi,
        responderSpi,
      });
      for (const [name, key] of Object.entries(keys) as [string, SecretBytes][])
        equal(`SK_${name}`, key.octets, fromHex(recorded[name] ?? ''));
      const open = (e: SecretBytes, a: SecretBytes): SkCipher => ({
        cipher: crypto.openCipher(suite.cipher, e.octets, a.octets),
        suite: suite.cipher,
      });
      const fromInitiator = open(keys.ei, keys.ai);
      const fromResponder = open(keys.er, keys.ar);
      this.#sas.set(`${initiatorSpi}|${responderSpi}`, {
        suite,
        keys,
        fromInitiator,
        fromResponder,
        nonces,
      });
      this.counts.ikeSas = this.#sas.size; // a repeated response makes no other one
      return;
    }
    throw new Error('no recorded SKEYSEED is ours');
  }

  #child(sa: Sa, response: readonly IkePayload[], nonces: Sa['nonces']): void {
    const chosen = chooseEsp(ANY_ESP, payloadOf(response, 'sa')?.proposals ?? [], true);
    if (chosen === null) throw new Error('an ESP suite that is not known');
    const hasKe = payloadOf(response, 'ke') !== undefined;
    for (const recorded of this.secrets.children) {
      const shared = hasKe ? fromHex(recorded.shared ?? '') : null;
      const keys = deriveChildKeys(crypto, sa.suite.prf, sa.keys.d, {
        agreement: { ...nonces, shared },
        suite: chosen.suite.cipher,
      });
      const { fromInitiator, fromResponder } = keys;
      if (toHex(fromInitiator.encryption.octets) !== recorded.encryptionInitiator) continue;
      equal('KEYMAT', fromResponder.encryption.octets, fromHex(recorded.encryptionResponder));
      equal('KEYMAT', fromInitiator.integrity.octets, fromHex(recorded.integrityInitiator ?? ''));
      equal('KEYMAT', fromResponder.integrity.octets, fromHex(recorded.integrityResponder ?? ''));
      this.counts.children++;
      return;
    }
    throw new Error('no recorded keys of a child are ours');
  }
}

function ikeSuite(response: readonly IkePayload[], spiOctets: 0 | 8): IkeSuite {
  const chosen = chooseIke(ANY, payloadOf(response, 'sa')?.proposals ?? [], spiOctets);
  if (chosen === null) throw new Error('an IKE suite that is not known');
  return chosen.suite;
}

function noncesOf(request: readonly IkePayload[], response: readonly IkePayload[]): Sa['nonces'] {
  const initiatorNonce = payloadOf(request, 'nonce')?.data;
  const responderNonce = payloadOf(response, 'nonce')?.data;
  if (initiatorNonce === undefined || responderNonce === undefined) throw new Error('no nonces');
  return { initiatorNonce, responderNonce };
}

function equal(what: string, ours: Uint8Array, recorded: Uint8Array): void {
  if (toHex(ours) !== toHex(recorded)) throw new Error(`${what} came out different`);
}
