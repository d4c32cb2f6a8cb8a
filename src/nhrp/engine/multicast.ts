/** Whom a multicast packet of this node is copied to: registered spokes, next hop servers, configured addresses. */
import { CacheFlag } from '../../cache/entry.js';
import { type Endpoint, endpointKey } from '../../wire/path.js';
import type { EngineContext } from './context.js';
import type { NhsSet } from './nhs-set.js';

export function multicastTargets(
  context: EngineContext,
  servers: NhsSet,
  now: number,
): readonly Endpoint[] {
  const targets = new Map<string, Endpoint>();
  const add = (nbma: Endpoint): void => {
    if (context.peers.isUp(nbma)) targets.set(endpointKey(nbma), nbma);
  };
  for (const target of context.config.multicast) {
    if (target === 'dynamic') for (const nbma of registeredSpokes(context, now)) add(nbma);
    else if (target === 'nhs')
      for (const one of servers.registrations()) if (one.state === 'up') add(one.nbma);
    if (typeof target !== 'string') add(context.endpoint(target));
  }
  return [...targets.values()];
}

function* registeredSpokes({ cache }: EngineContext, now: number): IterableIterator<Endpoint> {
  for (const slot of cache.slots(now)) {
    const nbma =
      cache.flagsOf(slot) & CacheFlag.REGISTERED && cache.kindOf(slot) === 'dynamic'
        ? cache.nbmaOf(slot)
        : null;
    if (nbma !== null) yield nbma;
  }
}
