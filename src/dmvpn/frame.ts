/**
 * Packets on their way: octets in a slab with room around them, so that GRE, ESP and outer headers are put on in
 * place. A node copies what comes in once, into an arena that is used again at the next input.
 */

/** Octets free before a packet: outer headers, UDP, ESP and GRE. */
export const HEADROOM_OCTETS = 96;
/** Octets free after a packet: ESP padding, trailer and ICV. */
export const TAILROOM_OCTETS = 288;

const SLAB_OCTETS = 65_536;

/** `octets` octets of `slab` from `at`; headers put on or taken off move both. */
export interface Frame {
  slab: Uint8Array;
  at: number;
  octets: number;
}

export const viewOf = (f: Frame): Uint8Array => f.slab.subarray(f.at, f.at + f.octets);

export class PacketArena {
  #slab = new Uint8Array(SLAB_OCTETS);
  #used = 0;

  /** A copy with room around it, valid until `reset`. */
  copy(bytes: Uint8Array): Frame {
    const frame = this.take(bytes.length);
    frame.slab.set(bytes, frame.at);
    return frame;
  }

  /** Room for that many octets; what is in it is left over from before. */
  take(octets: number): Frame {
    const whole = (HEADROOM_OCTETS + octets + TAILROOM_OCTETS + 3) & ~3; // aligned, for checksums by words
    if (this.#used + whole > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(SLAB_OCTETS, whole)); // the old one lives as long as its packets
      this.#used = 0;
    }
    const at = this.#used + HEADROOM_OCTETS;
    this.#used += whole;
    return { slab: this.#slab, at, octets };
  }

  /** Everything handed out is given up. */
  reset(): void {
    this.#used = 0;
  }
}
