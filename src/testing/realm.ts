/** An address space of the NBMA network: the public one, or what is behind a NAT. */
import { addressKey, type IpAddress } from '../wire/address.js';
import type { Carrier, Endpoint } from '../wire/path.js';
import type { Nat } from './nat.js';

/** A datagram on its way. A NAT changes the ends. */
export interface Datagram {
  readonly carrier: Carrier;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
  /** The station that sent it, whatever a NAT makes of `from`. */
  readonly sender: string;
}

const SLAB_OCTETS = 65_536;
const MAX_POOLED_OCTETS = 2_048;

/** Copies of datagrams, many to a slab: a buffer of its own for each would cost more than all else on its way. */
export class DatagramPool {
  #slab = new Uint8Array(SLAB_OCTETS);
  #used = 0;

  copy(bytes: Uint8Array): Uint8Array {
    if (bytes.length > MAX_POOLED_OCTETS) return bytes.slice();
    if (this.#used + bytes.length > SLAB_OCTETS) {
      this.#slab = new Uint8Array(SLAB_OCTETS); // the old one lives as long as its datagrams
      this.#used = 0;
    }
    const copy = this.#slab.subarray(this.#used, this.#used + bytes.length);
    copy.set(bytes);
    this.#used += bytes.length;
    return copy;
  }
}

/** What has an address: a station, or a NAT's outside. */
export interface Attachment {
  readonly name: string;
  receive(now: number, datagram: Datagram): void;
}

export class Realm {
  readonly #attached = new Map<number | string, Attachment>();

  /** @param uplink - The way out; null for the public network. */
  constructor(readonly uplink: Nat | null) {}

  /** @throws RangeError when somebody else has the address. */
  attach(address: IpAddress, attachment: Attachment): void {
    const owner = this.find(address);
    if (owner !== undefined && owner !== attachment)
      throw new RangeError(`${attachment.name}: ${address} is the address of ${owner.name}`);
    this.#attached.set(addressKey(address), attachment);
  }

  detach(address: IpAddress): void {
    this.#attached.delete(addressKey(address));
  }

  find(address: IpAddress): Attachment | undefined {
    return this.#attached.get(addressKey(address));
  }
}
