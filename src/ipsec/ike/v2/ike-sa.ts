/**
 * One IKE SA: its keys, its children and its times. What it says and hears is in conversation.ts, what the exchanges
 * mean in init.ts, auth.ts, create-child.ts, rekey-ike.ts and informational.ts; its states are in state.ts.
 */
import type { Endpoint, Path } from '../../../wire/path.js';
import type { DeletionReason, FailureReason, Selector } from '../../key-exchange.js';
import { deriveIkeKeys, type IkeKeys, type IkeSuite, wipeIkeKeys } from '../key-schedule.js';
import type { IkePayload } from '../payload.js';
import type { ChildSa } from './child.js';
import type { NoncePair } from './collision.js';
import type { IkeContext } from './context.js';
import { Conversation } from './conversation.js';
import { ikeTableLine } from './export-keys.js';
import type { Identity } from './identity.js';
import { deleteChildTask, deleteIkeTask, livenessTask } from './informational.js';
import { Liveness } from './liveness.js';
import { espPath, type NatState, NO_NAT } from './nat.js';
import { rekeyIkeTask } from './rekey-ike.js';
import { entered, type IkeSaState } from './state.js';
import { type RequestWindow, randomFraction } from './window.js';

/** The answer to a request, and what happens once it is on its way. */
export interface Reply {
  readonly payloads: readonly IkePayload[];
  readonly after?: () => void;
}

/** What IKE_AUTH signs (§2.15). */
export interface InitMessages {
  readonly request: Uint8Array;
  readonly response: Uint8Array;
}

export interface IkeSaOptions {
  readonly state: 'opening' | 'half-open' | 'established';
  /** Whether this end began the exchange that made this IKE SA. */
  readonly isInitiator: boolean;
  readonly localSpi: bigint;
  readonly path: Path;
  /** How outputs name the other end. */
  readonly peer: Endpoint;
  readonly selector: Selector;
}

const GRACE_MS = 10_000; // for the other end to delete a duplicate that it made
const HANDOVER_MS = 30_000; // for it to delete what it has replaced: our answer may take several tries
const CLOSING_MS = 60_000; // for the other end to take note of our Delete

export class IkeSa {
  readonly isInitiator: boolean;
  readonly localSpi: bigint;
  readonly children: Map<number, ChildSa> = new Map();
  readonly conversation: Conversation;
  /** Our exchanges: under way, and waiting. */
  readonly requests: RequestWindow;
  readonly liveness: Liveness;
  path: Path;
  peer: Endpoint;
  selector: Selector;
  remoteSpi = 0n;
  nat: NatState = NO_NAT;
  /** A half-open one whose peer could not prove itself. */
  isRefused = false;
  peerFragments = false;
  remoteIdentity: Identity | null = null;
  nonces: NoncePair | null = null;
  init: InitMessages | null = null;
  /** Where the registry keeps it. */
  registeredAt: number | string = '';
  /** When it began and was established, in the order of all that happened here. */
  readonly createdOrder: number;
  establishedOrder = 0;
  /** Closed then, whatever happens: half-open ones, attempts that take too long, old ones. */
  deadline: number | null = null;
  rekeyAt: number | null = null;
  /** What the other end made of this one, while our own rekeying was under way (§2.8.2). */
  rival: IkeSa | null = null;

  #state: IkeSaState;
  #keys: IkeKeys | null = null;
  #suite: IkeSuite | null = null;
  #atDeadline: DeletionReason = 'expired';

  constructor(
    readonly context: IkeContext,
    options: IkeSaOptions,
  ) {
    this.isInitiator = options.isInitiator;
    this.localSpi = options.localSpi;
    this.path = options.path;
    this.peer = options.peer;
    this.selector = options.selector;
    this.#state = options.state;
    this.createdOrder = context.nextOrder();
    this.conversation = new Conversation(this);
    this.requests = this.conversation.requests;
    this.liveness = new Liveness(this);
  }

  get state(): IkeSaState {
    return this.#state;
  }

  get isEstablished(): boolean {
    return this.#state === 'established';
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get keys(): IkeKeys {
    if (this.#keys === null) throw new Error('bug: no keys yet, or no more');
    return this.#keys;
  }

  get suite(): IkeSuite {
    if (this.#suite === null) throw new Error('bug: no suite yet');
    return this.#suite;
  }

  get spis(): { readonly initiatorSpi: bigint; readonly responderSpi: bigint } {
    return this.isInitiator
      ? { initiatorSpi: this.localSpi, responderSpi: this.remoteSpi }
      : { initiatorSpi: this.remoteSpi, responderSpi: this.localSpi };
  }

  enter(state: IkeSaState): void {
    this.#state = entered(this.#state, state);
  }

  /** Derives the keys from SKEYSEED, which is wiped. Needs both SPIs and the nonces. */
  secure(suite: IkeSuite, skeyseed: Uint8Array, nonces: NoncePair): void {
    const agreement = { ...nonces, shared: null };
    const keys = deriveIkeKeys(this.context.crypto, suite, skeyseed, { ...this.spis, agreement });
    skeyseed.fill(0);
    this.nonces = nonces;
    this.#suite = suite;
    this.#keys = keys;
    this.conversation.secure(suite, keys);
    if (this.context.settings.exportKeys)
      this.context.notice({
        kind: 'keys-exported',
        table: 'ikev2_decryption_table',
        line: ikeTableLine(this.spis, suite, keys),
      });
  }

  /** Established now: the lifetime runs. */
  establish(now: number): void {
    if (this.#state !== 'established') this.enter('established');
    const { ikeLifetimeMs } = this.context.settings;
    this.establishedOrder = this.context.nextOrder();
    this.liveness.heard(now);
    this.init = null;
    const early = 0.1 * randomFraction(this.context.crypto);
    this.rekeyAt = now + Math.round(ikeLifetimeMs * (1 - early));
    this.deadline = now + Math.round(ikeLifetimeMs * 1.1);
  }

  handleTimeout(now: number): void {
    if (this.#state === 'closed') return;
    const datagrams = this.requests.retransmit(now);
    const again = datagrams === 'exhausted' ? this.#askAgain(now) : datagrams;
    if (again === null) return this.#giveUp(now);
    this.conversation.send(this.path, again);
    if (this.deadline !== null && now >= this.deadline) return this.#expire(now);
    this.#removeLeftovers(now);
    if (this.rekeyAt !== null && now >= this.rekeyAt) {
      this.rekeyAt = null;
      this.rekey();
    }
    this.liveness.handleTimeout(now);
    this.conversation.pump(now);
  }

  /** When {@link handleTimeout} has something to do. */
  nextTimeout(): number | null {
    if (this.#state === 'closed') return null;
    const { requests, liveness, deadline, rekeyAt } = this;
    const times = [requests.nextTimeout(), liveness.nextTimeout(), deadline, rekeyAt];
    for (const child of this.children.values()) times.push(child.removeAt);
    return times.reduce((least, at) =>
      at !== null && (least === null || at < least) ? at : least,
    );
  }

  /** Asks for a new IKE SA in place of this one. */
  rekey(): void {
    if (this.isEstablished && !this.requests.has('rekey-ike')) this.requests.add(rekeyIkeTask());
  }

  /** Asks whether the peer lives; what is under way tells as well, if it is repeated faster. */
  probe(now: number): void {
    if (!this.isEstablished) return;
    if (this.requests.outstanding !== null) this.requests.hurry(now);
    else if (!this.requests.has('liveness')) this.requests.add(livenessTask());
  }

  /** Deletes this IKE SA in order; its children are gone at once. */
  delete(now: number, why: DeletionReason): void {
    if (this.#state !== 'established' && this.#state !== 'rekeyed') return this.close(now, why);
    this.enter('closing');
    this.deadline = now + CLOSING_MS;
    this.forgetChildren(why);
    for (const { task } of this.requests.takeAll()) task.abandon();
    this.requests.add(deleteIkeTask(why));
    this.conversation.pump(now);
  }

  /** The peer has deleted it. */
  deletedByPeer(now: number): void {
    this.#handOver(now); // §2.25.2
    this.close(now, 'peer');
  }

  /** The end, without a word to the other end. */
  close(now: number, why: DeletionReason): void {
    if (this.#state === 'closed') return;
    this.forgetChildren(why);
    this.#end();
    this.context.closed(now, this, why);
  }

  /** The end of one that never was established. */
  fail(now: number, why: FailureReason): void {
    if (this.#state === 'closed') return;
    this.#end();
    this.context.failed(now, this, why);
  }

  /** One child is gone. */
  dropChild(child: ChildSa, why: DeletionReason): void {
    if (!this.children.delete(child.inboundSpi)) return;
    this.context.freeEspSpi(child.inboundSpi);
    const { peer } = this;
    this.context.emit({ kind: 'deleted', peer, inboundSpi: child.inboundSpi, why });
  }

  forgetChildren(why: DeletionReason): void {
    for (const child of [...this.children.values()]) this.dropChild(child, why);
  }

  /** Takes the place of `from`: its children, and what waited to be done for them (§2.8, §2.18). */
  inherit(from: IkeSa, now: number): void {
    for (const [spi, child] of from.children) this.children.set(spi, child);
    from.children.clear();
    if (from.isEstablished) from.enter('rekeyed');
    for (const { task, notBefore } of from.requests.takeAll())
      if (task.kind.endsWith('child')) this.requests.add(task, notBefore);
    this.conversation.pump(now);
  }

  /** Gives the other end time to delete what it has to; after that we do. */
  leaveToPeer(now: number, child: ChildSa, what: 'duplicate' | 'replaced'): void {
    child.state = 'replaced';
    child.removeAt = now + patience(what);
  }

  /** As {@link leaveToPeer}, for this whole IKE SA. */
  leaveSelfToPeer(now: number, what: 'duplicate' | 'replaced'): void {
    this.deadline = now + patience(what);
    this.#atDeadline = 'superseded';
    this.context.touch(this);
  }

  /** Proven to come from the peer, and new: it lives, and this is where it is (§2.23). */
  heardFrom(now: number, path: Path): void {
    this.liveness.heard(now);
    if (!this.nat.remote && this.#state !== 'half-open') return;
    const { remote } = this.path;
    const moved =
      remote.port !== path.remote.port ||
      !remote.address.equals(path.remote.address) ||
      path.carrier !== this.path.carrier;
    if (!moved) return;
    this.path = path;
    if (this.children.size > 0) {
      const { peer } = this;
      this.context.emit({ kind: 'moved', peer, path: espPath(path, this.nat) });
    }
  }

  /** Null when the peer is silent, or does not answer this one question. */
  #askAgain(now: number): readonly Uint8Array[] | null {
    return this.isEstablished ? this.requests.askAgain(now, this.liveness.heardAt) : null;
  }

  #removeLeftovers(now: number): void {
    for (const child of this.children.values())
      if (child.removeAt !== null && now >= child.removeAt) {
        child.removeAt = null;
        this.requests.add(deleteChildTask(child, 'superseded'));
      }
  }

  /** What the other end made of this IKE SA takes over, if our own rekeying came to nothing. */
  #handOver(now: number): void {
    if (this.rival !== null && !this.rival.isClosed) this.rival.inherit(this, now);
  }

  #giveUp(now: number): void {
    if (this.#state === 'opening' || this.#state === 'authenticating')
      return this.fail(now, 'no-answer');
    this.#handOver(now);
    this.close(now, 'peer-dead');
  }

  #expire(now: number): void {
    this.deadline = null;
    this.#handOver(now);
    if (this.isEstablished || this.#state === 'rekeyed') return this.delete(now, this.#atDeadline);
    if (this.#state === 'closing') return this.close(now, 'peer-dead');
    this.fail(now, 'no-answer');
  }

  #end(): void {
    this.enter('closed');
    this.conversation.end();
    if (this.#keys !== null) wipeIkeKeys(this.#keys);
    this.#keys = null;
    this.init = null;
  }
}

const patience = (what: 'duplicate' | 'replaced'): number =>
  what === 'duplicate' ? GRACE_MS : HANDOVER_MS;
