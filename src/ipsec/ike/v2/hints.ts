/**
 * Notifications outside of any IKE SA: INVALID_IKE_SPI and INVALID_SPI. RFC 7296 §1.5, §2.21.4, §3.10.1.
 * They tell somebody whom we have forgotten to ask whether we live. Nobody can prove them, so they are hints, never more:
 * given out seldom, never longer than what they answer, and on receipt a reason to ask (liveness.ts).
 */
import { addressKey, type IpAddress } from '../../../wire/address.js';
import { readU32, readU64 } from '../../../wire/bytes.js';
import type { Path } from '../../../wire/path.js';
import { type CryptoProvider, randomOctets } from '../../crypto.js';
import { fromInitiator, type IkeHeader, isResponse } from '../header.js';
import { type IkeMessage, messageBytes } from '../message.js';
import { EXCHANGE, FLAG_INITIATOR, FLAG_RESPONSE, NOTIFY } from '../numbers.js';
import { espSpiBytes } from './child.js';
import { ikeBeside } from './nat.js';
import { hasNotification, notificationsOf, notify } from './payloads.js';
import type { Registry } from './registry.js';

const SECOND_MS = 1_000;
const MAX_REMEMBERED_ADDRESSES = 1_024;
const SPI_OCTETS = 4;
/** IKE header, and a notification with an SPI of ESP in its data. */
const MAX_HINT_OCTETS = 40;
/** What ESP in IP may lack that the hint about it has. */
const UDP_OCTETS = 8;

/** What comes for nobody here. */
export class Hints {
  readonly #registry: Registry;
  readonly #limiter: HintLimiter;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#limiter = new HintLimiter(registry.settings.limits.hintsPerSecond);
  }

  /** A message for no IKE SA of ours. */
  handleUnknownIke(now: number, path: Path, message: IkeMessage): void {
    const spi = complainedSpi(message);
    if (spi !== null) return this.#handleComplaint(now, path, spi);
    const { header } = message;
    if (isResponse(header) || !isProtected(message)) return;
    if (this.#mayGive(now, path, header.octets))
      this.#registry.emit({ kind: 'transmit', path, bytes: invalidIkeSpi(header) });
  }

  /** An ESP packet of that size for no association of ours, from where there is no IKE SA with either. */
  handleUnknownEsp(now: number, path: Path, spi: number, octets: number): void {
    const { crypto, settings } = this.#registry;
    if (!this.#mayGive(now, path, octets - UDP_OCTETS)) return;
    const beside = ikeBeside(path, settings.natTraversal);
    this.#registry.emit({ kind: 'transmit', path: beside, bytes: invalidSpi(crypto, spi) });
  }

  /** The SPI has to be one by which we send there. */
  #handleComplaint(now: number, path: Path, spi: number): void {
    for (const sa of this.#registry.at(path.remote.address)) {
      if (![...sa.children.values()].some((child) => child.outboundSpi === spi)) continue;
      sa.liveness.hint(now);
      sa.conversation.pump(now);
    }
  }

  /** @param octets of what it is about: never more is said. */
  #mayGive(now: number, path: Path, octets: number): boolean {
    return octets >= MAX_HINT_OCTETS && this.#limiter.take(now, path.remote.address);
  }
}

/** One hint a second for an address, and so many a second for all of them. */
class HintLimiter {
  readonly #perSecond: number;
  readonly #last = new Map<number | string, number>();
  #secondBegan = Number.NEGATIVE_INFINITY;
  #given = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Whether a hint may be given now; then it counts. */
  take(now: number, address: IpAddress): boolean {
    if (now >= this.#secondBegan + SECOND_MS) {
      this.#secondBegan = now;
      this.#given = 0;
    }
    const key = addressKey(address);
    const last = this.#last.get(key) ?? Number.NEGATIVE_INFINITY;
    if (this.#given >= this.#perSecond || now < last + SECOND_MS) return false;
    this.#given++;
    this.#remember(now, key);
    return true;
  }

  #remember(now: number, key: number | string): void {
    this.#last.delete(key); // to the end of the insertion order
    this.#last.set(key, now);
    if (this.#last.size <= MAX_REMEMBERED_ADDRESSES) return;
    const [oldest] = this.#last.keys();
    if (oldest !== undefined) this.#last.delete(oldest);
  }
}

/** The answer to a request for an IKE SA that there is none of: the same SPIs, exchange and message id. */
function invalidIkeSpi(request: IkeHeader): Uint8Array {
  const { initiatorSpi, responderSpi, exchangeType, messageId } = request;
  const flags = FLAG_RESPONSE | (fromInitiator(request) ? 0 : FLAG_INITIATOR);
  const fields = { initiatorSpi, responderSpi, exchangeType, messageId, flags };
  return messageBytes(fields, [notify(NOTIFY.INVALID_IKE_SPI)]);
}

/** About an ESP packet whose SPI nobody has; SPIs of an IKE SA would mean nothing to its sender. */
function invalidSpi(crypto: CryptoProvider, espSpi: number): Uint8Array {
  const random = randomOctets(crypto, 8);
  const initiatorSpi = readU64(random, 0) | 1n; // not 0
  const fields = { initiatorSpi, responderSpi: 0n, exchangeType: EXCHANGE.INFORMATIONAL };
  const data = espSpiBytes(espSpi);
  return messageBytes({ ...fields, messageId: 0, flags: FLAG_INITIATOR }, [
    notify(NOTIFY.INVALID_SPI, data),
  ]);
}

/** Whether a response in the clear says that the other end does not know the IKE SA. */
export const saysInvalidIkeSpi = ({ header, payloads }: IkeMessage): boolean =>
  isResponse(header) && hasNotification(payloads, NOTIFY.INVALID_IKE_SPI);

const isProtected = ({ payloads }: IkeMessage): boolean => {
  const kind = payloads.at(-1)?.kind;
  return kind === 'sk' || kind === 'skf';
};

/** The SPI that a message outside of any IKE SA complains about; null when it is none. */
function complainedSpi({ header, payloads }: IkeMessage): number | null {
  if (isResponse(header) || header.exchangeType !== EXCHANGE.INFORMATIONAL) return null;
  const data = notificationsOf(payloads, NOTIFY.INVALID_SPI)[0]?.data;
  return data?.length === SPI_OCTETS ? readU32(data, 0) : null;
}
