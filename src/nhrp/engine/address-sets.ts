/** Values by an address that they hang on: what a full scan of a table would have to look for. */
import { addressKey, type IpAddress } from '../../wire/address.js';

export class AddressSets<T> {
  readonly #sets = new Map<number | string, Set<T>>();

  /** A list of its own: safe to add and delete while iterating. */
  at(address: IpAddress): readonly T[] {
    return [...(this.#sets.get(addressKey(address)) ?? [])];
  }

  add(address: IpAddress, value: T): void {
    const key = addressKey(address);
    const set = this.#sets.get(key);
    if (set === undefined) this.#sets.set(key, new Set([value]));
    else set.add(value);
  }

  delete(address: IpAddress, value: T): void {
    const key = addressKey(address);
    const set = this.#sets.get(key);
    if (set?.delete(value) && set.size === 0) this.#sets.delete(key);
  }
}
