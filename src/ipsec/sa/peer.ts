/** One NBMA host with which associations are wanted or held. */
import type { Endpoint } from '../../wire/path.js';
import type { Association } from './association.js';
import type { Scheduled } from './deadlines.js';

/** Old pairs live on until they are deleted; more than this at a time is no rekeying any more. */
export const MAX_ASSOCIATIONS_PER_PEER = 8;

export class Peer implements Scheduled {
  /** Whether NHRP wants to speak to it. */
  wanted = false;
  /** Keys are held by a kernel or another daemon, which does ESP. */
  external = false;
  /** Since when packets go out and nothing comes back; null: they are answered, or there are none. */
  unansweredSince: number | null = null;
  lastSentAt = 0;
  /** When key exchange was told that the peer lives. */
  toldHeardAt: number = Number.NEGATIVE_INFINITY;
  scheduledAt: number | null = null;
  /** No longer in the database: whoever still has it looks it up again. */
  gone = false;
  /** The one that packets leave by is last, but for pairs that the peer has not been seen to use. */
  readonly #associations: Association[] = [];
  #current: Association | null = null;

  constructor(public endpoint: Endpoint) {}

  get associations(): readonly Association[] {
    return this.#associations;
  }

  /** The pair that packets leave by. */
  get current(): Association | null {
    return this.#current;
  }

  get isUp(): boolean {
    return this.external || this.#current !== null;
  }

  /**
   * @param use whether packets leave by it from now on; if not, then as soon as the peer is seen to use it, or the pair
   *   before it is gone (RFC 7296 §2.8: the responder of a rekey cannot know that its answer has arrived)
   */
  add(association: Association, use: boolean): void {
    this.#associations.push(association);
    if (use || this.#current === null) this.#current = association;
  }

  /** The peer has used the pair: it is ready for packets the other way too. */
  confirm(association: Association): void {
    const at = this.#associations.indexOf(association);
    const current = this.#current === null ? -1 : this.#associations.indexOf(this.#current);
    if (at > current) this.#current = association;
  }

  remove(association: Association): void {
    const at = this.#associations.indexOf(association);
    if (at >= 0) this.#associations.splice(at, 1);
    if (this.#current === association) this.#current = this.#associations.at(-1) ?? null;
  }
}
