/**
 * To whom a mapping was given: RFC 2332 §5.2.5 and §6.2.1 want a server to purge it there when it is no longer so.
 * Bounded: the oldest is forgotten first, whose mapping then simply runs out.
 */
import { type IpAddress, type IpPrefix, prefixContains } from '../../wire/address.js';
import { type Endpoint, endpointKey } from '../../wire/path.js';

const MAX_GIVEN = 16_384;

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

  add(given: Given): void {
    const key = `${given.prefix.address}/${given.prefix.length} ${endpointKey(given.toNbma)} ${given.to}`;
    this.#given.delete(key);
    this.#given.set(key, given);
    if (this.#given.size <= MAX_GIVEN) return;
    const oldest = this.#given.keys().next();
    if (!oldest.done) this.#given.delete(oldest.value);
  }

  /** Takes out and returns what is still remembered of the prefix, or of answers that named an address in it. */
  take(now: number, prefix: IpPrefix): readonly Given[] {
    const taken: Given[] = [];
    for (const [key, given] of this.#given) {
      if (!prefixContains(prefix, given.nextHop) && !prefixContains(prefix, given.prefix.address))
        continue;
      this.#given.delete(key);
      if (given.until > now) taken.push(given);
    }
    return taken;
  }
}
