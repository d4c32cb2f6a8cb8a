/**
 * One IPsec endpoint for all protected tunnels of a local address, as Cisco's `tunnel protection … shared`: key exchange
 * knows no GRE keys, and its selectors are two hosts and protocol 47. So there is one IKE and one pair of associations
 * for a peer, wanted as long as any tunnel wants it; which tunnel a packet is for, its GRE key says.
 */
import { type Endpoint, endpointEquals, endpointKey, type Path } from '../wire/path.js';
import type { Frame } from './frame.js';
import type { Protection, ProtectionOutput, Unopened } from './protection.js';

type Timeout = Extract<ProtectionOutput, { kind: 'timeout' }>;
type News = Exclude<ProtectionOutput, Timeout>;

export class SharedIpsec {
  readonly #members: Member[] = [];
  readonly #inner: Protection;
  #local: Endpoint;
  /** A datagram is opened once; the frame is the same object for every tunnel that it is offered to. */
  #opened: Frame | null = null;
  #from: Endpoint | Unopened = 'not-mine';

  constructor(inner: Protection, local: Endpoint) {
    this.#inner = inner;
    this.#local = local;
  }

  get overheadOctets(): number {
    return this.#inner.overheadOctets;
  }

  /** The protection of one more tunnel; all of them join before anything happens. */
  join(): Protection {
    const member = new Member(this);
    this.#members.push(member);
    return member;
  }

  want(now: number, peer: Endpoint): void {
    this.#inner.want(now, peer);
  }

  /** Lets the peer go if no tunnel wants it any more. */
  release(now: number, peer: Endpoint): void {
    if (!this.#members.some((member) => member.wants(peer))) this.#inner.release(now, peer);
  }

  protect(now: number, frame: Frame, to: Endpoint): Path | null {
    return this.#inner.protect(now, frame, to);
  }

  open(now: number, path: Path, frame: Frame): Endpoint | Unopened {
    if (this.#opened === frame) return this.#from;
    this.#from = this.#inner.open(now, path, frame);
    this.#opened = frame;
    return this.#from;
  }

  /** Every tunnel moves, the associations once. */
  moveLocal(now: number, local: Endpoint): void {
    if (endpointEquals(local, this.#local)) return;
    this.#local = local;
    this.#inner.moveLocal(now, local);
  }

  handleTimeout(now: number): void {
    this.#inner.handleTimeout(now);
  }

  /** A tunnel has said all; the last one ends the endpoint. */
  leave(now: number, member: Member, wanted: Iterable<Endpoint>): void {
    this.#members.splice(this.#members.indexOf(member), 1);
    for (const peer of wanted) this.release(now, peer);
    if (this.#members.length === 0) this.#inner.shutdown(now);
  }

  /** Tells every tunnel what concerns it, and `asking` what concerns nobody in particular. */
  drain(asking: Member): Timeout {
    for (let output = this.#inner.pollOutput(); ; output = this.#inner.pollOutput()) {
      if (output.kind === 'timeout') return output;
      for (const member of this.#concerned(output, asking)) member.news.push(output);
    }
  }

  #concerned(output: News, asking: Member): readonly Member[] {
    if (output.kind === 'peer' && this.#members.length > 0) return this.#members;
    if (output.kind !== 'failed') return [asking];
    const wanting = this.#members.filter((member) => member.wants(output.nbma));
    return wanting.length === 0 ? [asking] : wanting;
  }
}

/** What one tunnel sees of the endpoint. */
class Member implements Protection {
  /** Drained by its tunnel before the call that made it ends. */
  readonly news: News[] = [];
  readonly #shared: SharedIpsec;
  readonly #wanted = new Map<string, Endpoint>();

  constructor(shared: SharedIpsec) {
    this.#shared = shared;
  }

  get overheadOctets(): number {
    return this.#shared.overheadOctets;
  }

  get hasNews(): boolean {
    return this.news.length > 0;
  }

  wants(peer: Endpoint): boolean {
    return this.#wanted.has(endpointKey(peer));
  }

  want(now: number, peer: Endpoint): void {
    this.#wanted.set(endpointKey(peer), peer);
    this.#shared.want(now, peer);
  }

  release(now: number, peer: Endpoint): void {
    this.#wanted.delete(endpointKey(peer));
    this.#shared.release(now, peer);
  }

  protect(now: number, frame: Frame, to: Endpoint): Path | null {
    return this.#shared.protect(now, frame, to);
  }

  open(now: number, path: Path, frame: Frame): Endpoint | Unopened {
    return this.#shared.open(now, path, frame);
  }

  moveLocal(now: number, local: Endpoint): void {
    this.#shared.moveLocal(now, local);
  }

  handleTimeout(now: number): void {
    this.#shared.handleTimeout(now);
  }

  shutdown(now: number): void {
    const wanted = [...this.#wanted.values()];
    this.#wanted.clear();
    this.#shared.leave(now, this, wanted);
  }

  pollOutput(): ProtectionOutput {
    const timeout = this.#shared.drain(this);
    return this.news.shift() ?? timeout;
  }
}
