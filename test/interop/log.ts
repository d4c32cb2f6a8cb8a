/** The log of a run: one line a fact, with the seconds since the story began. It is meant to be quoted. */
import { onTestFinished } from 'vitest';

export interface Story {
  /** Says what has just been seen. */
  say(fact: string): void;
}

/** Opens a story; `title` names the scenario and who plays in it. It is printed whole when the test ends: others run beside it. */
export function story(title: string): Story {
  const began = performance.now();
  const lines = [`\n=== ${title}`];
  onTestFinished(() => console.log(lines.join('\n')));
  return {
    say: (fact) => {
      const seconds = ((performance.now() - began) / 1_000).toFixed(1);
      lines.push(`${seconds.padStart(6)} s  ${fact}`);
    },
  };
}
