/**
 * Traffic Indications (type 8, Cisco "redirect"): a hub tells the sender of a packet that it forwarded on the network
 * it came in on that there is a shorter way; a spoke that hears it asks for the destination. Facts B.8, C.3, C.9.
 */
import { type IpAddress, isMulticast, isUnspecified, readAddress } from '../../wire/address.js';
import { readU8, readU16 } from '../../wire/bytes.js';
import { type Endpoint, endpointEquals } from '../../wire/path.js';
import type { TrafficIndication } from '../codec/message.js';
import { ExtensionType, PacketType } from '../codec/numbers.js';
import type { EngineContext } from './context.js';
import { cieExtension, emptyRecords, headerOf } from './messages.js';
import type { NhsSet } from './nhs-set.js';
import { RedirectLimiter } from './redirect-limiter.js';
import type { Resolutions } from './resolution.js';

/** Octets of the data packet that go along; Cisco sends 28, FRR up to 128. */
const MAX_QUOTED_OCTETS = 68;

interface PacketAddresses {
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

export class Redirects {
  readonly #limiter: RedirectLimiter;

  constructor(
    readonly context: EngineContext,
    readonly resolutions: Resolutions,
    readonly servers: NhsSet,
  ) {
    this.#limiter = new RedirectLimiter(context.config.limits.maxRedirectPairs);
  }

  /** A data packet came in from `from` and leaves on the same network, to `onward` where that is another tunnel: C.9 step 5. */
  handleForwarded(
    now: number,
    packet: Uint8Array,
    from: Endpoint,
    onward: Endpoint | null = null,
  ): void {
    const { config, cache, locator } = this.context;
    if (!config.redirect || !cache.isRegistered(from)) return;
    const addresses = packetAddresses(packet);
    if (addresses === null || isMulticast(addresses.destination)) return;
    if (addresses.destination.family !== config.address.family) return; // a message has one protocol type
    const to = onward ?? locator.locate(now, addresses.destination).nbma;
    if (to === null || endpointEquals(to, from)) return;
    if (!this.#limiter.allow(now, addresses.source, addresses.destination)) {
      this.context.counters.redirectsSuppressed++;
      return;
    }
    this.#send(now, packet, addresses, from);
  }

  /** Somebody tells us of a shorter way; we ask for it, if shortcuts are wanted and the packet was ours. */
  handleIndication(now: number, message: TrafficIndication, from: Endpoint): void {
    const addresses = packetAddresses(message.packet);
    if (addresses === null) return this.context.drop('malformed', from);
    const { source, destination } = addresses;
    const isFit =
      !isMulticast(destination) && !isUnspecified(destination) && !isUnspecified(source);
    const isOurFamily = destination.family === this.context.config.address.family;
    const { config, routes, cache } = this.context;
    const isKnown = cache.byNbma(from).length > 0 || this.servers.at(from) !== null; // we may have sent it a packet
    if (!isFit || !isOurFamily || !isKnown) return this.context.drop('refused', from);
    this.context.event({
      type: 'redirect-received',
      tunnel: config.tunnel,
      source: source.toString(),
      destination: destination.toString(),
      from: this.context.text(from),
    });
    if (!config.shortcut || this.context.locator.locate(now, destination).kind === 'local') return;
    if (routes.lookup(destination)?.kind === 'shortcut') return;
    this.resolutions.start(now, destination, 'redirect');
  }

  /** A station registered anew or was purged: what was told about it may be told again. */
  forget(address: IpAddress): void {
    this.#limiter.forget(address);
  }

  #send(
    now: number,
    packet: Uint8Array,
    { source, destination }: PacketAddresses,
    to: Endpoint,
  ): void {
    const { config, nbmaAddress } = this.context;
    const message: TrafficIndication = {
      ...headerOf(
        { nbma: nbmaAddress, protocol: config.address, hopCount: config.hopCount },
        source,
      ),
      type: PacketType.TRAFFIC_INDICATION,
      unused: 0,
      trafficCode: 0,
      unused2: 0,
      packet: packet.slice(0, MAX_QUOTED_OCTETS & ~1),
      extensions: [
        ...(config.record ? emptyRecords() : []),
        cieExtension(ExtensionType.NAT_ADDRESS),
      ],
    };
    if (!this.context.send(now, message, to)) return;
    this.context.event({
      type: 'redirect-sent',
      tunnel: config.tunnel,
      source: source.toString(),
      destination: destination.toString(),
      to: this.context.text(to),
    });
  }
}

/** Source and destination of an IP packet of which only the header need be there; null when it is none. */
function packetAddresses(packet: Uint8Array): PacketAddresses | null {
  if (packet.length < 20) return null;
  const version = readU8(packet, 0) >>> 4;
  if (version === 4) {
    const headerOctets = (readU8(packet, 0) & 15) * 4;
    if (headerOctets < 20 || readU16(packet, 2) < headerOctets) return null;
    return { source: readAddress(packet, 12, 4), destination: readAddress(packet, 16, 4) };
  }
  if (version !== 6 || packet.length < 40) return null;
  return { source: readAddress(packet, 8, 6), destination: readAddress(packet, 24, 6) };
}
