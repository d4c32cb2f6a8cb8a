/** Paths to peers, made once: the packet path must not make an object a packet. Bounded by being direct-mapped. */
import type { Carrier, Endpoint, Path } from '../wire/path.js';

const PLACES = 1_024; // a power of two

export class PathCache {
  readonly #places: (Path | undefined)[] = [];

  constructor(
    readonly carrier: Carrier,
    readonly local: Endpoint,
  ) {}

  /** The NHRP cache hands out the same endpoint object each time, so that identity is enough. */
  to(remote: Endpoint): Path {
    const { w0, w3 } = remote.address;
    const place = (w0 ^ w3 ^ remote.port ^ (w0 >>> 16)) & (PLACES - 1);
    const known = this.#places[place];
    if (known !== undefined && known.remote === remote) return known;
    const path: Path = { carrier: this.carrier, local: this.local, remote };
    this.#places[place] = path;
    return path;
  }
}
