/** The log of a run: one line a fact, with the seconds since the story began. It is meant to be quoted. */
import { afterAll, afterEach } from 'vitest';

export interface Story {
  /** Says what has just been seen. */
  say(fact: string): void;
}

/** Printed in one piece when a test ends: others run beside it. */
const lines: string[] = [];
const print = (): void => {
  if (lines.length > 0) console.log(lines.splice(0).join('\n'));
};
afterEach(print);
afterAll(print);

/** Opens a story; `title` names the scenario and who plays in it. */
export function story(title: string): Story {
  const began = performance.now();
  lines.push(`\n=== ${title}`);
  return {
    say: (fact) => {
      const seconds = ((performance.now() - began) / 1_000).toFixed(1);
      lines.push(`${seconds.padStart(6)} s  ${fact}`);
    },
  };
}
