/** IPsec as a tunnel's protection: associations, IKE or another key exchange, and what they have to tell. */
import type { CryptoProvider } from '../ipsec/crypto.js';
import { IkeV2 } from '../ipsec/ike/v2/ike-v2.js';
import type { KeyExchange } from '../ipsec/key-exchange.js';
import { IpsecProtection } from '../ipsec/protection.js';
import { SecurityAssociationDatabase } from '../ipsec/sa/database.js';
import type { Endpoint, Path } from '../wire/path.js';
import type { Frame } from './frame.js';
import type { IpsecSettings, KeyExchangeConfig } from './ipsec-config.js';
import type { Protection, ProtectionOutput, Unopened } from './protection.js';

export interface IpsecParts {
  readonly settings: IpsecSettings | KeyExchangeConfig;
  readonly crypto: CryptoProvider;
  readonly random: (octets: number) => Uint8Array;
  readonly local: Endpoint;
}

export class Ipsec implements Protection {
  readonly overheadOctets: number;
  readonly #ike: IkeV2 | null;
  readonly #inner: IpsecProtection;
  #local: Endpoint;
  #told: ProtectionOutput[] = [];

  constructor({ settings, crypto, random, local }: IpsecParts) {
    this.#ike = settings.kind === 'ipsec' ? new IkeV2(settings.ike, crypto) : null;
    const keyExchange: KeyExchange =
      settings.kind === 'ipsec' ? (this.#ike as IkeV2) : settings.keyExchange;
    this.#inner = new IpsecProtection({
      crypto,
      random,
      keyExchange,
      database: new SecurityAssociationDatabase(random),
      local: local.address,
      ...(settings.kind === 'ipsec' ? { profile: settings.profile } : {}),
    });
    this.overheadOctets = this.#inner.overheadOctets;
    this.#local = local;
  }

  want(now: number, peer: Endpoint): void {
    this.#inner.want(now, peer);
  }

  release(now: number, peer: Endpoint): void {
    this.#inner.release(now, peer);
  }

  protect(now: number, frame: Frame, to: Endpoint): Path | null {
    return this.#inner.protect(now, frame, to);
  }

  open(now: number, path: Path, frame: Frame): Endpoint | Unopened {
    if (!path.local.address.equals(this.#local.address)) return 'not-mine';
    const from = this.#inner.open(now, path, frame);
    const isClear = path.carrier === 'gre' || path.carrier === 'gre-udp';
    return from === 'not-mine' && !isClear ? 'refused' : from; // ESP for this address is for nobody else
  }

  moveLocal(now: number, local: Endpoint): void {
    this.#local = local;
    this.#inner.moveLocal(now, local);
  }

  handleTimeout(now: number): void {
    this.#inner.handleTimeout(now);
  }

  /** The Deletes go out once: the node that ends hears no answer, and keeps no key for one. */
  shutdown(now: number): void {
    this.#inner.shutdown(now);
    this.#ike?.shutdown(now);
    this.#ike?.abandon(now);
    this.#inner.handleTimeout(now); // takes what IKE has said
  }

  pollOutput(): ProtectionOutput {
    if (this.#told.length === 0) this.#told = this.#notices();
    return this.#told.shift() ?? this.#inner.pollOutput();
  }

  /** What IKE says to people: warnings, refused datagrams and, on request, keys. */
  #notices(): ProtectionOutput[] {
    return (this.#ike?.drainNotices() ?? []).flatMap((notice): ProtectionOutput[] => {
      if (notice.kind === 'warning') return [{ kind: 'warning', text: notice.text }];
      if (notice.kind === 'keys-exported') return [notice];
      if (notice.kind !== 'dropped') return [];
      return [{ kind: 'dropped', from: notice.path.remote, error: notice.error }];
    });
  }
}
