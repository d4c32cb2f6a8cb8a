/** Which preshared key belongs to a peer. */
import { type IpAddress, type IpPrefix, prefixContains } from '../../../wire/address.js';
import { SecretBytes } from '../../secret.js';
import { type Identity, identityEquals, identityIn } from './identity.js';

export interface PresharedKey {
  /** Whose it is: one identity, all within a prefix, or null for anyone. */
  readonly peer: Identity | IpPrefix | null;
  /** Where the owner of an identity is found: needed to begin with a peer that has not said who it is. */
  readonly at?: IpPrefix;
  /** Copied. Text becomes octets at the edge, once; never empty. */
  readonly secret: Uint8Array;
}

/** The configured keys. An identity goes before a longer prefix, that before a shorter one, that before anyone. */
export class KeyRing {
  readonly #keys: readonly KeptKey[];

  constructor(keys: readonly PresharedKey[]) {
    this.#keys = keys.map((key) => ({ ...key, secret: new SecretBytes(key.secret) }));
  }

  /** @param identity null as long as the peer has not said who it is. */
  lookup(identity: Identity | null, address: IpAddress): SecretBytes | null {
    let best: SecretBytes | null = null;
    let bestRank = -1;
    for (const key of this.#keys) {
      const rank = rankOf(key, identity, address);
      if (rank > bestRank) {
        best = key.secret;
        bestRank = rank;
      }
    }
    return best;
  }

  wipe(): void {
    for (const { secret } of this.#keys) secret.wipe();
  }
}

type KeptKey = Omit<PresharedKey, 'secret'> & { readonly secret: SecretBytes };

const RANK_IDENTITY = 1_000;

/** -1 when the key is not for this peer. */
function rankOf(key: KeptKey, identity: Identity | null, address: IpAddress): number {
  const { peer } = key;
  if (peer === null) return 0;
  if ('kind' in peer) return isOwner(key, peer, identity, address) ? RANK_IDENTITY : -1;
  const within = prefixContains(peer, address) || (identity !== null && identityIn(peer, identity));
  return within ? 1 + peer.length : -1;
}

function isOwner(
  { at }: KeptKey,
  owner: Identity,
  identity: Identity | null,
  address: IpAddress,
): boolean {
  if (identity !== null) return identityEquals(owner, identity);
  if (at !== undefined) return prefixContains(at, address);
  return owner.kind === 'address' && owner.address.equals(address);
}
