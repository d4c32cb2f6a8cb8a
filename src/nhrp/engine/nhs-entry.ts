/**
 * The cache's entry of a next hop server, while a registration with it stands. One server may have several NBMA addresses:
 * the first that answered has the entry while it is up, and takes nothing from another when it goes.
 */
import { CacheFlag } from '../../cache/entry.js';
import { hostPrefix, type IpAddress } from '../../wire/address.js';
import { type Endpoint, endpointEquals } from '../../wire/path.js';
import type { RemovalReason } from './api.js';
import type { EngineContext } from './context.js';

interface NhsEntry {
  readonly server: IpAddress;
  readonly nbma: Endpoint;
  /** Of the registration. */
  readonly requestId: number;
  /** When the server answered it. */
  readonly since: number;
}

/** Makes or renews the entry, unless another NBMA address of the server has it. */
export function setNhsEntry(now: number, context: EngineContext, entry: NhsEntry): void {
  const { server, nbma, requestId, since } = entry;
  const holder = entryOf(now, context, server)?.nbma ?? nbma;
  if (!endpointEquals(holder, nbma)) return;
  const { holdingTimeSeconds } = context.config;
  context.bindings.set(now, {
    kind: 'nhs',
    prefix: hostPrefix(server),
    nbma,
    flags: CacheFlag.REGISTERED,
    holdingTimeSeconds,
    expiresAt: since + holdingTimeSeconds * 1_000,
    requestId,
  });
}

/** Removes the entry, unless another NBMA address of the server has it. */
export function removeNhsEntry(
  now: number,
  context: EngineContext,
  entry: Pick<NhsEntry, 'server' | 'nbma'> & { readonly reason: RemovalReason },
): void {
  const found = entryOf(now, context, entry.server);
  if (found !== null && endpointEquals(found.nbma, entry.nbma))
    context.bindings.remove(now, found.slot, entry.reason);
}

function entryOf(
  now: number,
  { cache }: EngineContext,
  server: IpAddress,
): { readonly slot: number; readonly nbma: Endpoint } | null {
  const slot = cache.find(server, now);
  const nbma = slot >= 0 && cache.kindOf(slot) === 'nhs' ? cache.nbmaOf(slot) : null;
  return nbma === null ? null : { slot, nbma };
}
