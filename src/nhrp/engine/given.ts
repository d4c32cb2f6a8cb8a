/**
 * To whom a mapping was given: RFC 2332 §5.2.5 and §6.2.1 want a server to purge it there when it is no longer so.
 * Bounded: the oldest is forgotten first, whose mapping then simply runs out.
 */
import type { PrefixSet } from '../../cache/prefix-set.js';
import type { IpAddress, IpPrefix } from '../../wire/address.js';
import { type Endpoint, endpointKey } from '../../wire/path.js';
import { AddressSets } from './address-sets.js';

const MAX_GIVEN = 16_384;
/** Of more addresses at once, a walk over what was given finds it sooner. */
const MAX_PROBES = 1_024;

export interface Given {
  /** What was asked about, as it was answered. */
  readonly prefix: IpPrefix;
  /** The protocol address that the answer named as next hop. */
  readonly nextHop: IpAddress;
  readonly to: IpAddress;
  readonly toNbma: Endpoint;
  readonly until: number;
}

export class GivenMappings {
  readonly #given = new Map<string, Given>();
  /** Each under its next hop and under the address of its prefix. */
  readonly #byAddress = new AddressSets<Given>();

  add(given: Given): void {
    const key = keyOf(given);
    const old = this.#given.get(key);
    if (old !== undefined) this.#remove(old);
    this.#given.set(key, given);
    this.#byAddress.add(given.nextHop, given);
    this.#byAddress.add(given.prefix.address, given);
    if (this.#given.size <= MAX_GIVEN) return;
    const oldest = this.#given.values().next();
    if (!oldest.done) this.#remove(oldest.value);
  }

  /** Takes out and returns what is still remembered of the prefixes, or of answers that named an address in them. */
  take(now: number, prefixes: PrefixSet): readonly Given[] {
    const taken = this.#within(prefixes);
    for (const given of taken) this.#remove(given);
    return taken.filter(({ until }) => until > now);
  }

  #within(prefixes: PrefixSet): readonly Given[] {
    const hosts = prefixes.hosts(MAX_PROBES);
    if (hosts !== null) return [...new Set(hosts.flatMap((host) => this.#byAddress.at(host)))];
    return [...this.#given.values()].filter(
      ({ nextHop, prefix }) => prefixes.has(nextHop) || prefixes.has(prefix.address),
    );
  }

  #remove(given: Given): void {
    this.#given.delete(keyOf(given));
    this.#byAddress.delete(given.nextHop, given);
    this.#byAddress.delete(given.prefix.address, given);
  }
}

const keyOf = ({ prefix, to, toNbma }: Given): string =>
  `${prefix.address}/${prefix.length} ${endpointKey(toNbma)} ${to}`;
