/** One address family of a tunnel: its NHRP engine and its datapath. A tunnel that carries IPv4 and IPv6 has two. */
import type { EngineConfig, EngineOutput, Onward, RouteChange } from '../nhrp/engine/api.js';
import { NhrpEngine } from '../nhrp/engine/engine.js';
import type { EngineSnapshot } from '../nhrp/engine/snapshot.js';
import { type IpAddress, type IpFamily, isMulticast } from '../wire/address.js';
import type { Endpoint } from '../wire/path.js';
import { Datapath, type DatapathParts } from './datapath.js';
import type { DmvpnEnvironment, Lookup } from './output.js';

/** What the families of a tunnel share, and what is this one's. */
export interface OverlayParts extends Omit<DatapathParts, 'engine' | 'multicastTargets'> {
  readonly config: EngineConfig;
  readonly environment: DmvpnEnvironment;
  /** A way by another tunnel of the same network. */
  readonly elsewhere: (now: number, target: IpAddress) => Onward | null;
  /** Of all families; each takes its own. */
  readonly routes: readonly RouteChange[];
  readonly restored: EngineSnapshot | undefined;
}

/** When something is due, and what. */
export interface Due {
  readonly at: number | null;
  readonly why: string;
}

export const earlier = (a: Due, b: Due): Due =>
  b.at !== null && (a.at === null || b.at < a.at) ? b : a;

export class Overlay {
  readonly family: IpFamily;
  readonly engine: NhrpEngine;
  readonly datapath: Datapath;
  #multicast: (EngineOutput & { kind: 'multicast' }) | null = null;
  #timeout: Due = { at: null, why: 'idle' };

  constructor({ config, environment, elsewhere, routes, restored, ...shared }: OverlayParts) {
    const { now, random, mac = null } = environment;
    this.family = config.address.family;
    this.engine = new NhrpEngine(config, { now, random, mac, elsewhere }, restored);
    const multicastTargets = (): readonly Endpoint[] => this.multicastTargets;
    this.datapath = new Datapath({ ...shared, engine: this.engine, multicastTargets });
    this.engine.handleRoutes(
      now,
      routes.filter(({ prefix }) => prefix.address.family === this.family),
    );
  }

  /** Hands out what the engine asks for, until it has no more. */
  drain(now: number, each: (output: Exclude<EngineOutput, { kind: 'timeout' }>) => void): void {
    let usable = false;
    for (let o = this.engine.pollOutput(); ; o = this.engine.pollOutput()) {
      if (o.kind === 'timeout') {
        this.#timeout = o;
        break;
      }
      if (o.kind === 'multicast') this.#multicast = o;
      usable ||= (o.kind === 'neighbour' && o.action === 'set') || isNhsUp(o);
      each(o);
    }
    if (usable) this.datapath.retryHeld(now);
  }

  /** Whom a multicast packet is copied to. */
  get multicastTargets(): readonly Endpoint[] {
    return this.#multicast?.targets ?? [];
  }

  lookup(now: number, address: IpAddress): Lookup {
    if (isMulticast(address)) return { kind: 'multicast', targets: [...this.multicastTargets] };
    const { kind, nextHop, nbma } = this.engine.locate(now, address);
    if (kind === 'local' || kind === 'unreachable' || nextHop === null)
      return { kind: kind === 'local' ? 'local' : 'unreachable' };
    if (kind === 'direct' && nbma !== null) return { kind, nextHop, nbma };
    const hub = this.engine.bestNhs;
    return hub === null ? { kind: 'pending', nextHop } : { kind: 'by-hub', nextHop, nbma: hub };
  }

  /** The first of what is due here, as of the last drain, and what is given. */
  firstDue(given: Due): Due {
    const held = this.datapath.held.nextExpiry();
    const first = earlier(given, this.#timeout);
    return held === null ? first : earlier(first, { at: held, why: 'held packets' });
  }
}

const isNhsUp = (o: EngineOutput): boolean => o.kind === 'event' && o.event.type === 'nhs-up';
