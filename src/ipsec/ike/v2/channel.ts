/** The encrypted channel of an IKE SA: both directions' ciphers, IVs, fragments. RFC 7296 §3.14, RFC 7383. */
import { writeU64 } from '../../../wire/bytes.js';
import { fail, ok, type Result } from '../../../wire/result.js';
import type { CryptoProvider } from '../../crypto.js';
import { type CipherSuite, icvOctets } from '../../suites.js';
import { IKE_HEADER_OCTETS, type IkeHeader, isResponse } from '../header.js';
import type { IkeKeys, IkeSuite } from '../key-schedule.js';
import type { HeaderFields, IkeMessage } from '../message.js';
import {
  encodePayloads,
  type IkePayload,
  PAYLOAD_HEADER_OCTETS,
  payloadsOctets,
  type SkfPayload,
  type SkPayload,
} from '../payload.js';
import { openEncrypted, paddingFor, type SkCipher, sealEncrypted } from '../protect.js';
import { partsOf, Reassembly, type Whole } from './fragment.js';

/** What was encrypted, or `incomplete` as long as fragments are missing. */
export type OpenedMessage = Whole | 'incomplete';

export class SecureChannel {
  readonly #crypto: CryptoProvider;
  readonly #outbound: SkCipher;
  readonly #inbound: SkCipher;
  readonly #reassembly = new Reassembly();
  #sealed = 0n; // messages sealed so far: the IV of an AEAD

  constructor(crypto: CryptoProvider, suite: IkeSuite, keys: IkeKeys, isInitiator: boolean) {
    const open = (encryption: Uint8Array, integrity: Uint8Array): SkCipher => ({
      cipher: crypto.openCipher(suite.cipher, encryption, integrity),
      suite: suite.cipher,
    });
    const fromInitiator = open(keys.ei.octets, keys.ai.octets);
    const fromResponder = open(keys.er.octets, keys.ar.octets);
    this.#crypto = crypto;
    this.#outbound = isInitiator ? fromInitiator : fromResponder;
    this.#inbound = isInitiator ? fromResponder : fromInitiator;
  }

  /** The message as datagrams: one, or several when it is longer than `limit` octets; null for no limit. */
  seal(
    header: HeaderFields,
    payloads: readonly IkePayload[],
    limit: number | null,
  ): readonly Uint8Array[] {
    const content = new Uint8Array(payloadsOctets(payloads));
    encodePayloads(payloads, content, 0);
    const inner = payloads[0]?.type ?? 0;
    const room = limit === null ? Number.POSITIVE_INFINITY : limit - this.#overheadOctets();
    if (content.length <= room) return [this.#sealOne(header, inner, content, null)];
    const parts = partsOf(content, room);
    return parts.map((part, i) =>
      this.#sealOne(header, i === 0 ? inner : 0, part, { number: i + 1, total: parts.length }),
    );
  }

  /** Checks and decrypts: what comes back was written by the peer. `bytes` is this channel's to change; `message` was decoded from it. */
  open(message: IkeMessage, bytes: Uint8Array): Result<OpenedMessage> {
    const last = message.payloads.at(-1);
    if (last?.kind !== 'sk' && last?.kind !== 'skf')
      return fail('missing', 'ike.sk', IKE_HEADER_OCTETS, 1, 0);
    const opened = openEncrypted(this.#inbound, bytes, last);
    if (!opened.ok) return opened;
    const { content } = opened.value;
    if (last.kind === 'sk') return ok({ inner: last.inner, content });
    return ok(this.#reassemble(message.header, last, content));
  }

  wipe(): void {
    this.#outbound.cipher.wipe();
    this.#inbound.cipher.wipe();
  }

  #reassemble(header: IkeHeader, skf: SkfPayload, content: Uint8Array): OpenedMessage {
    const { messageId } = header;
    const { number, total, inner } = skf;
    const part = { messageId, isResponse: isResponse(header), number, total, inner, content };
    return this.#reassembly.add(part) ?? 'incomplete';
  }

  #sealOne(
    header: HeaderFields,
    inner: SkPayload['inner'],
    content: Uint8Array,
    fragment: { readonly number: number; readonly total: number } | null,
  ): Uint8Array {
    const padding = paddingFor(this.#outbound, content.length);
    const iv = this.#iv(this.#outbound.suite);
    return sealEncrypted(this.#outbound, { header, inner, content, padding, iv, fragment });
  }

  /** A counter for AEADs (RFC 5282 §3.1), unpredictable octets for CBC. */
  #iv({ encryption }: CipherSuite): Uint8Array {
    const iv = new Uint8Array(encryption.ivOctets);
    if (encryption.kind === 'aead') writeU64(iv, 0, this.#sealed++);
    else this.#crypto.fillRandom(iv, 0, iv.length);
    return iv;
  }

  #overheadOctets(): number {
    const { encryption } = this.#outbound.suite;
    const head = IKE_HEADER_OCTETS + PAYLOAD_HEADER_OCTETS + 4;
    return head + encryption.ivOctets + encryption.alignOctets + icvOctets(this.#outbound.suite);
  }
}
