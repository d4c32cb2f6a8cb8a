/**
 * The states of an IKE SA.
 *
 *   state           means                                   leads to
 *   opening         our IKE_SA_INIT is out                  authenticating · closed
 *   authenticating  our IKE_AUTH is out                     established · closed
 *   half-open       we answered an IKE_SA_INIT              established · closed
 *   established     children may be made                    rekeyed · closing · closed
 *   rekeyed         a successor has the children            closing · closed
 *   closing         our Delete is out, or waits             closed
 *   closed          nothing is sent or taken any more
 */
export type IkeSaState =
  | 'opening'
  | 'authenticating'
  | 'half-open'
  | 'established'
  | 'rekeyed'
  | 'closing'
  | 'closed';

const LEADS_TO: Readonly<Record<IkeSaState, readonly IkeSaState[]>> = {
  opening: ['authenticating', 'closed'],
  authenticating: ['established', 'closed'],
  'half-open': ['established', 'closed'],
  established: ['rekeyed', 'closing', 'closed'],
  rekeyed: ['closing', 'closed'],
  closing: ['closed'],
  closed: [],
};

/** The next state. @throws Error `bug: …` when the table has no way there. */
export function entered(from: IkeSaState, to: IkeSaState): IkeSaState {
  if (!LEADS_TO[from].includes(to)) throw new Error(`bug: IKE SA from ${from} to ${to}`);
  return to;
}
