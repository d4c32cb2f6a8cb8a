/** What the parts of IKEv2 share: settings, crypto, and the ways out. */
import type { CryptoProvider } from '../../crypto.js';
import type { DeletionReason, FailureReason, KeyExchangeOutput } from '../../key-exchange.js';
import type { IkeSa } from './ike-sa.js';
import type { IkeNotice } from './notice.js';
import type { IkeSettings } from './settings.js';

export interface IkeContext {
  readonly settings: IkeSettings;
  readonly crypto: CryptoProvider;
  emit(output: KeyExchangeOutput): void;
  notice(notice: IkeNotice): void;
  /** An SPI that no IKE SA of ours has. */
  newIkeSpi(): bigint;
  /** Counts what happens to IKE SAs: 1, 2, 3 … */
  nextOrder(): number;
  /** An SPI that no Child SA of ours has; taken until {@link freeEspSpi}. */
  newEspSpi(): number;
  freeEspSpi(spi: number): void;
  /** From now on messages find this IKE SA by its local SPI. */
  register(sa: IkeSa): void;
  /** Whether another IKE SA with the same peer is known, in any state. */
  hasOther(sa: IkeSa): boolean;
  /** Something may have changed about when it wants to be called. */
  touch(sa: IkeSa): void;
  /** Before its first child. @param initialContact the peer says that it knows of no other (RFC 7296 §2.4). */
  established(now: number, sa: IkeSa, initialContact: boolean): void;
  /** After its first child, if it got one: duplicates are resolved now. */
  settle(now: number, sa: IkeSa): void;
  /** A child has ended: where an association is wanted and none is left, a new one is asked for. */
  childGone(sa: IkeSa): void;
  /** Its peer may have lost its memory: a wanted one is tried anew, beside it. */
  doubted(now: number, sa: IkeSa): void;
  /** The doubt was unfounded: an attempt that it led to is not needed. */
  trusted(now: number, sa: IkeSa): void;
  /** It never was established. */
  failed(now: number, sa: IkeSa, why: FailureReason): void;
  closed(now: number, sa: IkeSa, why: DeletionReason): void;
}
