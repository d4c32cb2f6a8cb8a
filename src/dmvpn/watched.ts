/** DEBUGGING ONLY: a protection whose inside is watched. What is sealed and opened is the same as without. */
import type { Endpoint, Path } from '../wire/path.js';
import { type Frame, viewOf } from './frame.js';
import type { InsidePacket } from './output.js';
import type { Protection, ProtectionOutput, Unopened } from './protection.js';

export class Watched implements Protection {
  readonly #inner: Protection;
  readonly #watch: (packet: InsidePacket) => void;
  #local: Endpoint;

  constructor(inner: Protection, local: Endpoint, watch: (packet: InsidePacket) => void) {
    this.#inner = inner;
    this.#local = local;
    this.#watch = watch;
  }

  get overheadOctets(): number {
    return this.#inner.overheadOctets;
  }

  want(now: number, peer: Endpoint): void {
    this.#inner.want(now, peer);
  }

  release(now: number, peer: Endpoint): void {
    this.#inner.release(now, peer);
  }

  protect(now: number, frame: Frame, to: Endpoint): Path | null {
    const gre = new Uint8Array(viewOf(frame)); // a copy: it is sealed in place
    const path = this.#inner.protect(now, frame, to);
    if (path !== null) this.#watch({ direction: 'sent', from: this.#local, to, gre });
    return path;
  }

  open(now: number, path: Path, frame: Frame): Endpoint | Unopened {
    const from = this.#inner.open(now, path, frame);
    if (typeof from === 'string') return from;
    const gre = new Uint8Array(viewOf(frame));
    this.#watch({ direction: 'received', from, to: this.#local, gre });
    return from;
  }

  moveLocal(now: number, local: Endpoint): void {
    this.#local = local;
    this.#inner.moveLocal(now, local);
  }

  handleTimeout(now: number): void {
    this.#inner.handleTimeout(now);
  }

  shutdown(now: number): void {
    this.#inner.shutdown(now);
  }

  pollOutput(): ProtectionOutput {
    return this.#inner.pollOutput();
  }
}
