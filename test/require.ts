/**
 * Groups of tests that need something the machine may lack.
 *
 *     needs('tshark', 'root')('tshark reads what we send', () => { it(…) });
 *
 * Without it the group is skipped, with the reason in its title and in the last line of the run;
 * where DMVPN_REQUIRE names it, the group fails instead.
 */
import { describe, it } from 'vitest';
import { isPresent, isRequired, type Need, reasonFor } from './requirements.js';

type Group = (title: string, body: () => void) => void;

export function needs(...all: readonly Need[]): Group {
  const missing = all.filter((need) => !isPresent(need));
  if (missing.length === 0) return (title, body) => void describe(title, body);
  const reason = reasonFor(missing);
  if (missing.some(isRequired)) return (title) => failing(title, reason);
  return (title, body) => void describe.skip(`${title} ${reason}`, () => list(body));
}

function failing(title: string, reason: string): void {
  describe(title, () => {
    it('finds what it needs', () => {
      throw new Error(`DMVPN_REQUIRE=${process.env.DMVPN_REQUIRE}, but it is missing: ${reason}`);
    });
  });
}

/** Lists the tests of a skipped group, so that they are counted. A body may open what is missing while it lists them. */
function list(body: () => void): void {
  try {
    body();
  } catch {
    it('cannot be listed without it', () => {});
  }
}
