/** Slow decisions: asked of the caller, answered any time before the deadline, given up at it. */
import type { Answer, Question } from './api.js';
import type { EngineContext } from './context.js';
import type { Timer } from './timers.js';

type Continue = (now: number, answer: Answer | null) => void;

export class Questions {
  readonly #open = new Map<number, { readonly proceed: Continue; readonly timer: Timer }>();
  #asked = 0;

  constructor(
    readonly context: EngineContext,
    readonly maxOpen: number,
  ) {}

  /** Asks, and goes on with the answer, or with null at the deadline. False when too many are open. */
  ask(now: number, question: Question, waitMs: number, proceed: Continue): boolean {
    if (this.#open.size >= this.maxOpen) return false;
    const id = ++this.#asked;
    const deadline = now + waitMs;
    const timer = this.context.timers.arm(deadline, `answer to ${question.kind}`, (at) =>
      this.answer(at, id, null),
    );
    this.#open.set(id, { proceed, timer });
    this.context.out.push({ kind: 'ask', id, question, deadline });
    return true;
  }

  /** A late, unknown or second answer is without effect. */
  answer(now: number, id: number, answer: Answer | null): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    open.timer.cancel();
    open.proceed(now, answer);
  }
}
