/**
 * A NAT as RFC 4787 tells them apart: by what its mappings and its filter depend on, whether it keeps port numbers,
 * whether it hairpins, and when it forgets. Carriers without ports (GRE, ESP) are told apart by the remote address
 * alone, so that one station inside can speak to each outside: that is the lot of raw GRE behind a NAT.
 */
import { addressKey, type IpAddress } from '../wire/address.js';
import { type Endpoint, endpointKey } from '../wire/path.js';
import type { SeededRandom } from './random.js';
import { type Attachment, type Datagram, Realm } from './realm.js';

/** RFC 4787 §4.1 and §5. */
export type NatDependence =
  | 'endpoint-independent'
  | 'address-dependent'
  | 'address-and-port-dependent';

export interface NatBehaviour {
  readonly mapping: NatDependence;
  readonly filtering: NatDependence;
  /** The port outside is the one inside where that is free (RFC 4787 §4.2.1). */
  readonly preservesPorts: boolean;
  /** Stations inside reach each other by their outside addresses (§6). */
  readonly hairpins: boolean;
  /** A mapping that nothing has gone out by for so long is forgotten; at least two minutes are asked for (§4.3). */
  readonly timeoutMs: number;
  /**
   * When a second station inside speaks to the same remote address by a carrier without ports: `exclusive` drops its
   * packets while the first one's mapping lives, `shared` lets them out and sends what comes back to the last speaker.
   */
  readonly portless: 'exclusive' | 'shared';
}

/** What RFC 4787 asks for: REQ-1, REQ-8 (the strictest that it allows), REQ-5, REQ-9. */
export const RFC4787_NAT: NatBehaviour = {
  mapping: 'endpoint-independent',
  filtering: 'address-dependent',
  preservesPorts: true,
  hairpins: true,
  timeoutMs: 120_000,
  portless: 'exclusive',
};

interface Mapping {
  readonly inside: Endpoint;
  readonly key: string;
  readonly outside: Endpoint;
  /** Remote ends that were spoken to, by what the filter depends on, and when. */
  readonly spokenTo: Map<string, number>;
  usedAt: number;
}

const FIRST_PORT = 1_024;
const MAX_MAPPINGS = 60_000;

/** What is behind it hangs on `inside`; itself it hangs on `outer`. */
export class Nat implements Attachment {
  readonly inside: Realm = new Realm(this);
  readonly #byInside = new Map<string, Mapping>();
  readonly #byPort = new Map<number, Mapping>();
  readonly #portless = new Map<string, Mapping>();

  constructor(
    readonly name: string,
    public address: IpAddress,
    readonly outer: Realm,
    readonly behaviour: NatBehaviour,
    readonly random: SeededRandom,
    /** Told of what it does not let pass. */
    readonly dropped: (why: string) => void,
  ) {}

  /** Forgets all mappings, as after a restart: the same stations have other ports afterwards. */
  forget(): void {
    this.#byInside.clear();
    this.#byPort.clear();
    this.#portless.clear();
  }

  /** Who is reached at that outside endpoint now, as far as the mappings say. */
  behind(outside: Endpoint): Attachment | undefined {
    const mapping =
      outside.port === 0 ? [...this.#portless.values()].at(-1) : this.#byPort.get(outside.port);
    return mapping && this.inside.find(mapping.inside.address);
  }

  /** The datagram as it leaves on the outer side, or null when it does not. */
  outbound(now: number, datagram: Datagram): Datagram | null {
    const mapping = hasPorts(datagram)
      ? this.#mappingOf(now, datagram)
      : this.#portlessMappingOf(now, datagram);
    if (mapping === null) return null;
    mapping.usedAt = now;
    mapping.spokenTo.set(this.#filterKey(datagram.to), now);
    return { ...datagram, from: mapping.outside };
  }

  /** From outside: to whom it is for, if anyone inside has asked for it. */
  receive(now: number, datagram: Datagram): void {
    const mapping = hasPorts(datagram)
      ? this.#byPort.get(datagram.to.port)
      : this.#portless.get(portlessKey(datagram.carrier, datagram.from.address));
    if (mapping === undefined || this.#isOver(now, mapping)) return this.dropped('nat: no mapping');
    if (!this.#passes(now, mapping, datagram.from)) return this.dropped('nat: filtered');
    const station = this.inside.find(mapping.inside.address);
    if (station === undefined) return this.dropped('nat: nobody inside');
    station.receive(now, { ...datagram, to: mapping.inside });
  }

  #mappingOf(now: number, { from, to }: Datagram): Mapping | null {
    const key = this.#mappingKey(from, to);
    const known = this.#byInside.get(key);
    if (known !== undefined && !this.#isOver(now, known)) return known;
    if (known !== undefined) this.#remove(known);
    if (this.#byPort.size >= MAX_MAPPINGS) this.#sweep(now);
    const port = this.#freePort(now, from.port);
    if (port === null) return null;
    const outside = { address: this.address, port };
    const mapping = { inside: from, key, outside, spokenTo: new Map(), usedAt: now };
    this.#byInside.set(key, mapping);
    this.#byPort.set(port, mapping);
    return mapping;
  }

  #portlessMappingOf(now: number, { carrier, from, to }: Datagram): Mapping | null {
    const key = portlessKey(carrier, to.address);
    const known = this.#portless.get(key);
    if (known?.inside.address.equals(from.address)) return known;
    const isTaken = known !== undefined && !this.#isOver(now, known);
    if (isTaken && this.behaviour.portless === 'exclusive') {
      this.dropped('nat: taken');
      return null;
    }
    const outside = { address: this.address, port: 0 };
    const mapping = { inside: from, key, outside, spokenTo: new Map(), usedAt: now };
    this.#portless.set(key, mapping);
    return mapping;
  }

  #freePort(now: number, wanted: number): number | null {
    if (this.behaviour.preservesPorts && this.#isFree(now, wanted)) return wanted;
    for (let tries = 0; tries < MAX_MAPPINGS; tries++) {
      const port = FIRST_PORT + this.random.below(0x1_0000 - FIRST_PORT);
      if (this.#isFree(now, port)) return port;
    }
    return null;
  }

  #isFree(now: number, port: number): boolean {
    const mapping = this.#byPort.get(port);
    if (mapping === undefined) return true;
    if (!this.#isOver(now, mapping)) return false;
    this.#remove(mapping);
    return true;
  }

  #sweep(now: number): void {
    for (const mapping of [...this.#byPort.values()])
      if (this.#isOver(now, mapping)) this.#remove(mapping);
  }

  #remove(mapping: Mapping): void {
    this.#byInside.delete(mapping.key);
    this.#byPort.delete(mapping.outside.port);
  }

  #isOver(now: number, mapping: Mapping): boolean {
    return now - mapping.usedAt > this.behaviour.timeoutMs;
  }

  #passes(now: number, mapping: Mapping, from: Endpoint): boolean {
    if (this.behaviour.filtering === 'endpoint-independent') return true;
    const at = mapping.spokenTo.get(this.#filterKey(from));
    return at !== undefined && now - at <= this.behaviour.timeoutMs;
  }

  #mappingKey(inside: Endpoint, remote: Endpoint): string {
    return `${endpointKey(inside)}>${dependingKey(this.behaviour.mapping, remote)}`;
  }

  #filterKey(remote: Endpoint): string {
    return dependingKey(this.behaviour.filtering, remote);
  }
}

function dependingKey(dependence: NatDependence, remote: Endpoint): string {
  switch (dependence) {
    case 'endpoint-independent':
      return '';
    case 'address-dependent':
      return String(addressKey(remote.address));
    case 'address-and-port-dependent':
      return endpointKey(remote);
  }
}

const hasPorts = ({ carrier }: Datagram): boolean => carrier !== 'gre' && carrier !== 'esp';

const portlessKey = (carrier: string, remote: IpAddress): string =>
  `${carrier} ${addressKey(remote)}`;
