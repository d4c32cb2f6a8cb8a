/**
 * IKEv2 (RFC 7296) as a KeyExchange, initiator and responder, without sockets, clock or randomness of its own.
 * Here messages find their IKE SA and wants become attempts; registry.ts knows them all, an IKE SA does the rest.
 */
import { bytesEqual } from '../../../wire/bytes.js';
import {
  type Endpoint,
  endpointEquals,
  endpointKey,
  IKE_NATT_PORT,
  IKE_PORT,
  type Path,
} from '../../../wire/path.js';
import { fail, type WireError } from '../../../wire/result.js';
import type { CryptoProvider } from '../../crypto.js';
import type {
  FailureReason,
  KeyExchange,
  KeyExchangeOutput,
  Selector,
} from '../../key-exchange.js';
import { decodeIkeHeader, fromInitiator, type IkeHeader, isResponse } from '../header.js';
import { decodeIkeMessage, type IkeMessage, messageBytes } from '../message.js';
import { EXCHANGE, FLAG_RESPONSE, IKE_MAJOR_VERSION, NOTIFY } from '../numbers.js';
import type { ChildSa } from './child.js';
import { childTask } from './create-child.js';
import { EXPORT_WARNING } from './export-keys.js';
import { Hints } from './hints.js';
import { IkeSa } from './ike-sa.js';
import { deleteChildTask } from './informational.js';
import { InitExchange } from './init.js';
import type { IkeNotice } from './notice.js';
import { notify } from './payloads.js';
import { Registry } from './registry.js';
import { respondInit } from './respond-init.js';
import { type IkeConfig, ikeSettings, type NatTraversal } from './settings.js';
import type { Want } from './wants.js';

/** An attempt begins anew after this: by then a responder has forgotten a half-open IKE SA (reliability S12). */
const ATTEMPT_MS = 30_000;

export class IkeV2 implements KeyExchange {
  readonly #registry: Registry;
  readonly #hints: Hints;
  readonly #inits = new Map<IkeSa, InitExchange>();
  /** Half-open IKE SAs by who began them, to answer a repeated first message. */
  readonly #strangers = new Map<string, IkeSa>();
  #isShutDown = false;

  /** @throws TypeError or RangeError naming the offending value of the configuration. */
  constructor(config: IkeConfig, crypto: CryptoProvider) {
    this.#registry = new Registry(ikeSettings(config), crypto);
    this.#hints = new Hints(this.#registry);
    if (config.exportKeys === true)
      this.#registry.notice({ kind: 'warning', text: EXPORT_WARNING });
  }

  want(now: number, peer: Endpoint, selector: Selector): void {
    const { wants } = this.#registry;
    const known = wants.get(peer);
    if (known !== null) {
      known.selector = selector;
      return;
    }
    const want = wants.add(peer, selector);
    if (want === null)
      return this.#registry.emit({ kind: 'failed', peer, why: 'limit', retryAt: null });
    const serving = this.#sasOf(peer).filter((sa) => sa.isEstablished);
    if (serving.length === 0) this.#begin(now, want);
    for (const sa of serving) {
      this.#registry.childGone(sa); // if it has none
      sa.conversation.pump(now);
    }
    this.#registry.schedule();
  }

  release(now: number, peer: Endpoint, _selector: Selector): void {
    const sas = this.#sasOf(peer);
    const want = this.#registry.wants.remove(peer);
    if (want !== null) this.#registry.timers.set(want, null);
    for (const sa of sas) {
      if (sa.isEstablished) sa.delete(now, 'released');
      else if (sa.state === 'opening') sa.close(now, 'released');
      // one that is authenticating deletes itself once it is established: the peer has to be told
    }
    this.#registry.schedule();
  }

  rekey(now: number, peer: Endpoint, inboundSpi: number): void {
    this.#withChild(now, peer, inboundSpi, (sa, child) => {
      if (child.state === 'installed') sa.requests.add(childTask(this.#registry, child));
    });
  }

  discard(now: number, peer: Endpoint, inboundSpi: number): void {
    this.#withChild(now, peer, inboundSpi, (sa, child) =>
      sa.requests.add(deleteChildTask(child, 'expired')),
    );
  }

  probe(now: number, peer: Endpoint): void {
    for (const sa of this.#sasOf(peer)) {
      sa.probe(now);
      sa.conversation.pump(now);
    }
    this.#registry.schedule();
  }

  heard(now: number, peer: Endpoint, inboundSpi: number): void {
    for (const sa of this.#sasOf(peer))
      if (sa.isEstablished && sa.children.has(inboundSpi)) sa.liveness.heard(now);
    this.#registry.schedule();
  }

  unknownSpi(now: number, path: Path, spi: number, octets: number): void {
    const hasIke = this.#sasOf(path.remote).some((sa) => sa.isEstablished);
    if (!hasIke && !this.#isShutDown) this.#hints.handleUnknownEsp(now, path, spi, octets);
  }

  /** Replaces the IKE SAs with the peer by new ones before their time. */
  rekeyIkeSas(now: number, peer: Endpoint): void {
    for (const sa of this.#sasOf(peer)) {
      sa.rekey();
      sa.conversation.pump(now);
    }
    this.#registry.schedule();
  }

  handleMessage(now: number, path: Path, bytes: Uint8Array): void {
    // copied below by Uint8Array.from: slice() of a Buffer would be a view
    const header = decodeIkeHeader(bytes);
    if (!header.ok) return this.#dropped(path, header.error);
    if (header.value.majorVersion !== IKE_MAJOR_VERSION) this.#wrongVersion(path, header.value);
    else if (header.value.exchangeType !== EXCHANGE.IKE_SA_INIT)
      this.#handleProtected(now, path, header.value, Uint8Array.from(bytes));
    else this.#handleInit(now, path, Uint8Array.from(bytes));
    this.#registry.schedule();
  }

  handleTimeout(now: number): void {
    const { timers } = this.#registry;
    for (let due = timers.take(now); due !== null; due = timers.take(now)) {
      if (!(due instanceof IkeSa)) {
        due.retryAt = null;
        this.#begin(now, due);
      } else if (!this.#endsOnHint(now, due)) {
        due.handleTimeout(now);
        this.#registry.touch(due);
      }
      this.#registry.schedule();
    }
    this.#sweep();
  }

  pollOutput(): KeyExchangeOutput {
    const output = this.#registry.takeOutput();
    if (output !== null) return output;
    return { kind: 'timeout', at: this.#registry.timers.next(), why: 'IKE' };
  }

  /** What happened that no machine acts on, oldest first; at most the last 256. */
  drainNotices(): readonly IkeNotice[] {
    return this.#registry.takeNotices();
  }

  /** Deletes every IKE SA in order, forgets the keys and takes no stranger any more. */
  shutdown(now: number): void {
    const { wants, timers, settings, halfOpen } = this.#registry;
    this.#isShutDown = true;
    for (const want of wants.clear()) timers.set(want, null);
    for (const sa of [...this.#registry.all()]) sa.delete(now, 'shutdown');
    this.#registry.schedule();
    settings.keys.wipe();
    halfOpen.wipe();
  }

  /** After `shutdown`, when no answer will be heard any more: ends at once what waits for one, and wipes its keys. */
  abandon(now: number): void {
    for (const sa of [...this.#registry.all()]) sa.close(now, 'shutdown');
    this.#registry.schedule();
  }

  /** Counts for statistics. */
  stats(): { readonly ikeSas: number; readonly halfOpen: number; readonly children: number } {
    const { halfOpen, size } = this.#registry;
    let children = 0;
    for (const sa of this.#registry.all()) children += sa.children.size;
    return { ikeSas: size, halfOpen: halfOpen.count, children };
  }

  #begin(now: number, want: Want): void {
    const registry = this.#registry;
    const { peer, selector } = want;
    const why = this.#cannotBegin(want);
    if (why !== null) {
      registry.retry(want, registry.wants.retryAfter(now, want, why));
      return registry.emit({ kind: 'failed', peer, why, retryAt: want.retryAt });
    }
    const sa = new IkeSa(registry, {
      state: 'opening',
      isInitiator: true,
      localSpi: registry.newIkeSpi(),
      path: firstPath(want, registry.settings.natTraversal),
      peer,
      selector,
    });
    const init = new InitExchange(sa);
    want.attempt = sa;
    sa.deadline = now + ATTEMPT_MS;
    registry.register(sa);
    this.#inits.set(sa, init);
    init.start(now);
  }

  #cannotBegin({ peer }: Want): FailureReason | null {
    const { settings, size } = this.#registry;
    if (settings.keys.lookup(null, peer.address) === null) return 'no-key';
    return size >= settings.limits.ikeSas ? 'limit' : null;
  }

  #handleInit(now: number, path: Path, bytes: Uint8Array): void {
    const message = decodeIkeMessage(bytes);
    if (!message.ok) return this.#dropped(path, message.error);
    const { header } = message.value;
    const known = this.#registry.find(header.initiatorSpi);
    if (isResponse(header)) {
      const init = known?.state === 'opening' ? this.#inits.get(known) : undefined;
      if (known === null || init === undefined) return this.#dropped(path, UNKNOWN_SPI);
      init.handleResponse(now, path, message.value, bytes);
      this.#registry.touch(known);
    } else if (header.responderSpi !== 0n || header.messageId !== 0 || !fromInitiator(header)) {
      this.#dropped(path, NOT_FIRST);
    } else if (known?.isInitiator !== true) {
      // otherwise somebody sends our own first message back to us
      this.#handleStranger(now, path, message.value, bytes);
    }
  }

  #handleStranger(now: number, path: Path, message: IkeMessage, bytes: Uint8Array): void {
    const registry = this.#registry;
    const key = `${message.header.initiatorSpi}|${endpointKey(path.remote)}`;
    const known = this.#strangers.get(key)?.init ?? null;
    if (known !== null) {
      if (bytesEqual(known.request, bytes))
        registry.emit({ kind: 'transmit', path, bytes: known.response });
      return;
    }
    if (this.#isShutDown || registry.size >= registry.settings.limits.ikeSas) return;
    const reply = respondInit(registry, registry.halfOpen, now, { path, message, bytes });
    if (reply === null) return;
    if (reply.sa !== null) {
      registry.register(reply.sa);
      this.#strangers.set(key, reply.sa);
      this.#sweep();
    }
    registry.emit({ kind: 'transmit', path, bytes: reply.bytes });
  }

  #handleProtected(now: number, path: Path, header: IkeHeader, bytes: Uint8Array): void {
    const sa = this.#registry.find(
      fromInitiator(header) ? header.responderSpi : header.initiatorSpi,
    );
    if (sa === null) return this.#handleUnknown(now, path, bytes);
    sa.conversation.handleMessage(now, path, header, bytes);
    this.#registry.touch(sa);
  }

  /** For no IKE SA of ours: a hint about a child, or from one to whom a hint is due (RFC 7296 §2.21.4). */
  #handleUnknown(now: number, path: Path, bytes: Uint8Array): void {
    const message = decodeIkeMessage(bytes);
    if (!message.ok) return this.#dropped(path, message.error);
    this.#dropped(path, UNKNOWN_SPI);
    if (!this.#isShutDown) this.#hints.handleUnknownIke(now, path, message.value);
  }

  /** RFC 7296 §2.5. IKEv1 is not answered: its own peers would not understand. */
  #wrongVersion(path: Path, header: IkeHeader): void {
    this.#dropped(path, { ...NOT_FIRST, code: 'bad-version', actual: header.majorVersion });
    if (header.majorVersion < IKE_MAJOR_VERSION || isResponse(header)) return;
    const fields = { ...header, flags: FLAG_RESPONSE };
    const bytes = messageBytes(fields, [notify(NOTIFY.INVALID_MAJOR_VERSION)]);
    if (bytes.length <= header.octets) this.#registry.emit({ kind: 'transmit', path, bytes });
  }

  /** A first exchange that was refused, though by nobody proven, ends when it would be repeated. */
  #endsOnHint(now: number, sa: IkeSa): boolean {
    const hint = sa.state === 'opening' ? this.#inits.get(sa)?.hint : null;
    if (hint === null || hint === undefined) return false;
    sa.fail(now, hint);
    return true;
  }

  #withChild(
    now: number,
    peer: Endpoint,
    inboundSpi: number,
    act: (sa: IkeSa, child: ChildSa) => void,
  ): void {
    for (const sa of this.#sasOf(peer)) {
      const child = sa.children.get(inboundSpi);
      if (child === undefined || !sa.isEstablished) continue;
      act(sa, child);
      sa.conversation.pump(now);
    }
    this.#registry.schedule();
  }

  /** By the name that outputs have for it, by where it is, or because it serves the want. */
  #sasOf(peer: Endpoint): IkeSa[] {
    const { wants } = this.#registry;
    const want = wants.get(peer);
    return this.#registry
      .at(peer.address)
      .filter(
        (sa) =>
          endpointEquals(sa.peer, peer) ||
          endpointEquals(sa.path.remote, peer) ||
          (want !== null && wants.servedBy(sa) === want),
      );
  }

  /** Forgets the first exchanges of IKE SAs that are past them. */
  #sweep(): void {
    for (const sa of this.#inits.keys()) if (sa.state !== 'opening') this.#inits.delete(sa);
    for (const [key, sa] of this.#strangers)
      if (sa.state !== 'half-open') this.#strangers.delete(key);
  }

  #dropped(path: Path, error: WireError): void {
    this.#registry.notice({ kind: 'dropped', path, error });
  }
}

/** On 4500 from the start where that is asked for, and to a peer that is known to be there. */
function firstPath({ peer, selector }: Want, options: NatTraversal): Path {
  const onNatt = options.startOnNattPort || (peer.port !== 0 && peer.port !== IKE_PORT);
  const remotePort = onNatt ? peer.port || IKE_NATT_PORT : IKE_PORT;
  return {
    carrier: onNatt ? 'ike-natt' : 'ike',
    local: { address: selector.local, port: onNatt ? options.nattPort : options.ikePort },
    remote: { address: peer.address, port: remotePort },
  };
}

const UNKNOWN_SPI: WireError = fail('unknown-spi', 'ike.spi', 0, 0, 0).error;
const NOT_FIRST: WireError = fail('bad-value', 'ike.header', 0, 0, 0).error;
