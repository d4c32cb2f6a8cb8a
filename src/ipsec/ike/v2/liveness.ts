/**
 * Whether the peer of an IKE SA lives: when it is asked, and what raises doubt. RFC 7296 §2.4, §2.21.
 *
 *   silence of livenessMs   the peer is asked, or asked faster what it has not answered yet
 *   an unprotected hint     the same at once; it changes nothing itself, as anybody can forge it
 *   no answer to a hint     the peer may have lost its memory: where it is wanted a new IKE SA is begun beside this one,
 *                           and takes its place once the peer has proven itself there
 *   no answer at all        dead: `livenessMs` and less than 20 s after it was last heard
 *
 * Whatever is authentic and new is life, be it IKE or ESP.
 */
import type { IkeSa } from './ike-sa.js';
import type { Retransmission } from './settings.js';

/**
 * 22 tries within 19.3 s. At 30 % loss each way one try remains unanswered with 1 − 0.7² = 0.51, all of them with
 * 0.51^22 = 4·10⁻⁷: of a tunnel that is idle and that bad all the time, asked 8,640 times a day, less than one question
 * a year goes wrong, and with packets in it, or questions of the other end, fewer still.
 */
export const LIVENESS_PACE: Retransmission = { firstMs: 500, factor: 1.05, tries: 21, jitter: 0.2 };

/** Hints about one IKE SA that are listened to: one in so long. */
const HINT_MS = 10_000;
/** A hint and no answer to the question for so long (four tries, on a good network) is doubt. */
const DOUBT_MS = 2_000;

export class Liveness {
  readonly #sa: IkeSa;
  #heardAt = 0;
  #hintedAt = Number.NEGATIVE_INFINITY;
  /** A hint that nothing authentic has refuted. */
  #unrefutedSince: number | null = null;
  #doubted = false;

  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  get heardAt(): number {
    return this.#heardAt;
  }

  /** A hint has come, and since then no answer to what was asked. */
  get isDoubted(): boolean {
    return this.#doubted;
  }

  /** Something authentic and new has come from the peer. */
  heard(now: number): void {
    this.#heardAt = now;
    this.#unrefutedSince = null;
    if (!this.#doubted) return;
    this.#doubted = false;
    this.#sa.context.trusted(now, this.#sa);
  }

  /** Somebody says, unproven, that the peer does not know this IKE SA or a child of it. */
  hint(now: number): void {
    if (!this.#sa.isEstablished || now < this.#hintedAt + HINT_MS) return;
    this.#hintedAt = now;
    this.#unrefutedSince ??= now;
    this.#sa.probe(now);
  }

  /** When {@link handleTimeout} has something to do. */
  nextTimeout(): number | null {
    if (!this.#sa.isEstablished) return null;
    const asksAt = this.#asksAt();
    const doubtsAt = this.#doubtsAt();
    if (asksAt === null || doubtsAt === null) return asksAt ?? doubtsAt;
    return Math.min(asksAt, doubtsAt);
  }

  handleTimeout(now: number): void {
    if (!this.#sa.isEstablished) return;
    const asksAt = this.#asksAt();
    const doubtsAt = this.#doubtsAt();
    if (asksAt !== null && now >= asksAt) this.#sa.probe(now);
    if (doubtsAt === null || now < doubtsAt) return;
    this.#doubted = true;
    this.#sa.context.doubted(now, this.#sa);
  }

  #asksAt(): number | null {
    const { context, requests } = this.#sa;
    const { livenessMs } = context.settings;
    return livenessMs === 0 || requests.isHurried ? null : this.#heardAt + livenessMs;
  }

  #doubtsAt(): number | null {
    const since = this.#unrefutedSince;
    return since === null || this.#doubted ? null : since + DOUBT_MS;
  }
}
