/** What key-holder.ts and key-memory.test.ts have in common: how secrets are handed over. */

/** Secrets are recorded under this mask, so that the record itself does not count. */
export const MASK = 0xa5;

export const SECRETS = [
  'cipher key',
  'integrity key',
  'PRF key',
  'shared secret',
  'preshared key',
] as const;
export type SecretKind = (typeof SECRETS)[number];

/** `open`: the nodes are up, and have rekeyed. `closed`: both have been closed. */
export const STAGES = ['open', 'closed'] as const;
export type Stage = (typeof STAGES)[number];
