/** Proposals of IKE and ESP as a configuration has them: each algorithm by its name. How they go together, IKE knows. */
import type { EspProposal, IkeProposal } from '../ipsec/ike/v2/proposals.js';
import { DH_GROUPS, type DhGroupNumber, ENCRYPTION, INTEGRITY, PRF } from '../ipsec/suites.js';
import { boolean, list, oneOf, type Reader, record } from './config-reader.js';

/** A name of that table, and nothing that it inherits. */
const nameIn = <T extends string>(table: Readonly<Record<T, unknown>>): Reader<T> =>
  oneOf(...(Object.keys(table) as T[]));

const GROUPS = Object.keys(DH_GROUPS).map(Number) as DhGroupNumber[];

const group: Reader<DhGroupNumber> = (value, path) => {
  const found = GROUPS.find((number) => number === value);
  if (found === undefined) throw new TypeError(`${path}: one of ${GROUPS.join(', ')} expected`);
  return found;
};

const groupOrNone: Reader<DhGroupNumber | 'none'> = (value, path) =>
  value === 'none' ? value : group(value, path);

const encryption = list(nameIn(ENCRYPTION), 1);
const integrity = list(nameIn(INTEGRITY));

export const readIkeProposals: Reader<readonly IkeProposal[]> = list(
  record<IkeProposal>({ encryption, integrity, prf: list(nameIn(PRF), 1), groups: list(group, 1) }),
  1,
);

export const readEspProposals: Reader<readonly EspProposal[]> = list(
  record<EspProposal>({
    encryption,
    integrity,
    groups: list(groupOrNone, 1),
    extendedSequence: list(boolean, 1),
  }),
  1,
);
