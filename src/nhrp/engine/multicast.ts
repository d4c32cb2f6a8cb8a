/** Whom a multicast packet of this node is copied to: registered spokes, next hop servers, configured addresses. */
import { type CacheEntry, CacheFlag } from '../../cache/entry.js';
import { type Endpoint, endpointKey } from '../../wire/path.js';
import type { EngineOutput } from './api.js';
import type { EngineContext } from './context.js';
import type { NhsSet } from './nhs-set.js';

export class Multicast {
  constructor(
    readonly context: EngineContext,
    readonly servers: NhsSet,
  ) {
    const changed = (_now: number, { kind }: CacheEntry): void => {
      if (kind === 'dynamic' || kind === 'static') context.targetsChanged = true; // a mapping may stand where a spoke was registered
    };
    context.bindings.onUp(changed);
    context.bindings.onRemoved(changed);
  }

  /** The targets, if they may be others than before. */
  poll(): EngineOutput | null {
    const { context, servers } = this;
    if (!context.targetsChanged) return null;
    context.targetsChanged = false;
    let list: readonly Endpoint[] | null = null; // with thousands of spokes it is long, and asked for more seldom than it changes
    return {
      kind: 'multicast',
      get targets() {
        list ??= targetsOf(context, servers);
        return list;
      },
    };
  }
}

function targetsOf(context: EngineContext, servers: NhsSet): readonly Endpoint[] {
  const targets = new Map<string, Endpoint>();
  const add = (nbma: Endpoint): void => {
    if (context.peers.isUp(nbma)) targets.set(endpointKey(nbma), nbma);
  };
  for (const target of context.config.multicast) {
    if (target === 'dynamic') for (const nbma of registeredSpokes(context)) add(nbma);
    else if (target === 'nhs')
      for (const one of servers.registrations()) if (one.state === 'up') add(one.nbma);
    if (typeof target !== 'string') add(context.endpoint(target));
  }
  return [...targets.values()];
}

/** What has expired counts until it is swept: that is when its end is told. */
const UNSWEPT = Number.NEGATIVE_INFINITY;

function* registeredSpokes({ cache }: EngineContext): IterableIterator<Endpoint> {
  for (const slot of cache.slots(UNSWEPT)) {
    const nbma =
      cache.flagsOf(slot) & CacheFlag.REGISTERED && cache.kindOf(slot) === 'dynamic'
        ? cache.nbmaOf(slot)
        : null;
    if (nbma !== null) yield nbma;
  }
}
