/**
 * Messages for somebody else: RFC 2332 §5.2 to §5.3 for a transit server (facts C.5). What it does not have to change
 * stays as it came, in its order: hop count down, own address into the record, NAT addresses it knows, authentication
 * anew.
 */
import { CacheFlag } from '../../cache/entry.js';
import { hostBits } from '../../wire/address.js';
import { type Endpoint, endpointEquals } from '../../wire/path.js';
import type { Cie } from '../codec/cie.js';
import { messageOctets, type NhrpMessage } from '../codec/message.js';
import { ErrorCode, ExtensionType, PacketType } from '../codec/numbers.js';
import type { DropReason, Onward } from './api.js';
import type { EngineContext } from './context.js';
import type { Errors } from './errors.js';
import { hasUnknownCompulsory } from './extensions.js';
import { cieOf, ciesOf, isReplyType, mapExtension, plainAddress, stationOf } from './messages.js';
import type { NhsSet } from './nhs-set.js';
import { withSeenPort } from './seen-port.js';

export class Transit {
  constructor(
    readonly context: EngineContext,
    readonly servers: NhsSet,
    readonly errors: Errors,
  ) {}

  /** Sends the message on, or says why not. */
  forward(now: number, message: NhrpMessage, octets: Uint8Array, from: Endpoint): void {
    if (message.hopCount <= 1)
      return this.#fault(now, message, octets, from, ErrorCode.HOP_COUNT_EXCEEDED);
    if (this.hasLooped(message))
      return this.#fault(now, message, octets, from, ErrorCode.LOOP_DETECTED);
    const way = this.#way(now, message, from);
    if (way === null)
      return this.#fault(now, message, octets, from, ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE);
    const onward = this.#onward(now, message, from);
    if (messageOctets(onward) > this.context.config.mtu) {
      return this.#fault(now, message, octets, from, ErrorCode.SDU_SIZE_EXCEEDED);
    }
    if (way.send(now, onward)) this.context.counters.forwarded++;
  }

  /** By this tunnel, or by another one of the same network. */
  #way(now: number, message: NhrpMessage, from: Endpoint): Onward | null {
    const { context } = this;
    const nbma = this.nextHop(now, message, from);
    if (nbma !== null) return { nbma, send: (at, onward) => context.send(at, onward, nbma) };
    const target = plainAddress(towards(message));
    return target === null ? null : (context.environment.elsewhere?.(now, target) ?? null);
  }

  /** Where the message goes: requests and indications to their destination, replies back to their source. */
  nextHop(now: number, message: NhrpMessage, from: Endpoint): Endpoint | null {
    const target = plainAddress(towards(message));
    if (target === null) return null;
    const found = this.context.locator.locate(now, target);
    if (found.kind === 'direct' && found.nbma !== null && !endpointEquals(found.nbma, from))
      return found.nbma;
    if (found.kind === 'direct' || found.kind === 'local') return null;
    const server = this.servers.best()?.nbma ?? null;
    return server === null || endpointEquals(server, from) ? null : server;
  }

  /** We stand in the record already, or are the responder: RFC 2332 §5.3.1 to §5.3.3. */
  hasLooped(message: NhrpMessage): boolean {
    const isOurs = (cie: Cie): boolean => {
      const address = plainAddress(cie.protocolAddress);
      return address !== null && this.context.isOwn(address);
    };
    const types = [ExtensionType.FORWARD_TRANSIT_RECORD, ExtensionType.REVERSE_TRANSIT_RECORD];
    const wanted = isReplyType(message.type)
      ? [types[1], ExtensionType.RESPONDER_ADDRESS]
      : [types[0]];
    return wanted.some(
      (type) => type !== undefined && (ciesOf(message, type)?.some(isOurs) ?? false),
    );
  }

  #onward(now: number, message: NhrpMessage, from: Endpoint): NhrpMessage {
    const hopCount = message.hopCount - 1;
    if (message.type === PacketType.ERROR_INDICATION || hasUnknownCompulsory(message)) {
      return { ...message, hopCount }; // RFC 2332 §5.3: forwarded, not recorded
    }
    const { config, nbmaAddress } = this.context;
    const own = cieOf({
      mtu: config.mtu,
      holdingTimeSeconds: config.holdingTimeSeconds,
      nbmaAddress,
      protocolAddress: config.address,
    });
    const record = isReplyType(message.type)
      ? ExtensionType.REVERSE_TRANSIT_RECORD
      : ExtensionType.FORWARD_TRANSIT_RECORD;
    const recorded = config.record
      ? mapExtension(message.extensions, record, (e) => ({ ...e, cies: [...e.cies, own] }))
      : message.extensions;
    const nat = mapExtension(recorded, ExtensionType.NAT_ADDRESS, (e) =>
      e.cies.length > 0 ? e : { ...e, cies: this.#natCies(now, message) },
    );
    return withSeenPort(this.context, now, { ...message, hopCount, extensions: nat }, from);
  }

  /** The outside address of the station that the message speaks of, when we know it to be behind a NAT. */
  #natCies(now: number, message: NhrpMessage): readonly Cie[] {
    const { cache } = this.context;
    const station = stationOf(message);
    const slot = station === null ? -1 : cache.find(station, now);
    if (station === null || slot < 0 || !(cache.flagsOf(slot) & CacheFlag.NAT)) return [];
    const nbma = cache.nbmaOf(slot);
    if (nbma === null) return [];
    return [
      cieOf({
        prefixLength: hostBits(station.family),
        nbmaAddress: nbma.address,
        protocolAddress: station,
      }),
    ];
  }

  #fault(
    now: number,
    message: NhrpMessage,
    octets: Uint8Array,
    from: Endpoint,
    code: number,
  ): void {
    this.context.drop(DROP_OF[code] ?? 'limit', from);
    this.errors.report(now, { message, octets, from, code, offset: 0 });
  }
}

const DROP_OF: Readonly<Record<number, DropReason>> = {
  [ErrorCode.HOP_COUNT_EXCEEDED]: 'hop-count',
  [ErrorCode.LOOP_DETECTED]: 'loop',
  [ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE]: 'no-route',
};

const towards = (message: NhrpMessage) =>
  isReplyType(message.type) ? message.sourceProtocolAddress : message.destinationProtocolAddress;
