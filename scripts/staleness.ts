/** Whether what was built is as new as what it was built from, by the times of the files. */
import { statSync } from 'node:fs';

/** `absent`: something that should have been built is not there. `old`: an input has changed since. */
export type Staleness = 'fresh' | 'old' | 'absent';

export function stalenessOf(inputs: readonly string[], outputs: readonly string[]): Staleness {
  const newestInput = Math.max(...inputs.map(changedAt));
  const oldestOutput = Math.min(...outputs.map(changedAt));
  if (oldestOutput === 0) return 'absent';
  return newestInput > oldestOutput ? 'old' : 'fresh';
}

/** Milliseconds; 0 = it is not there. */
const changedAt = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
