/** The log of a run: one line a fact, with the seconds since the story began. It is meant to be quoted. */

export interface Story {
  /** Says what has just been seen. */
  say(fact: string): void;
}

/** Opens a story; `title` names the scenario and who plays in it. */
export function story(title: string): Story {
  const began = performance.now();
  console.log(`\n=== ${title}`);
  return {
    say: (fact) =>
      console.log(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${fact}`),
  };
}
