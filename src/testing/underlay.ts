/** The simulated NBMA network: who is reached by which address, what the ways do to datagrams, and what is cut. */
import type { IpAddress } from '../wire/address.js';
import type { Agenda } from './agenda.js';
import { damaged, delayOf, delayOfCopy, type Link, LOST, PERFECT_LINK } from './link.js';
import type { SeededRandom } from './random.js';
import { type Attachment, type Datagram, DatagramPool, Realm } from './realm.js';

const EVERYONE = '*';
const UDP_OCTETS = 8;

/** A station as its datagrams' sender. */
export interface Sender {
  readonly name: string;
  readonly realm: Realm;
  /** The network passes IP packets of at most `mtu` octets to that address. */
  tooBig(remote: IpAddress, mtu: number): void;
}

export class Underlay {
  /** The public network. */
  readonly internet: Realm = new Realm(null);
  /** Datagrams that were sent, and copies that arrived. */
  sent = 0;
  arrived = 0;
  /** Datagrams that did not arrive, by reason. */
  readonly lost: Map<string, number> = new Map();
  /** Where nothing else is said. */
  link: Link = PERFECT_LINK;
  readonly #links = new Map<string, Link>();
  readonly #cuts = new Set<string>();
  readonly #pool = new DatagramPool();

  constructor(
    readonly agenda: Agenda,
    readonly random: SeededRandom,
  ) {}

  /** The ways from and to a station, or between two; the latter has precedence. */
  setLink(link: Partial<Link>, a: string, b: string = EVERYONE): void {
    const whole = { ...this.link, ...link };
    this.#links.set(`${a} ${b}`, whole);
    this.#links.set(`${b} ${a}`, whole);
  }

  /** Nothing passes from `a` to `b` any more. */
  cut(a: string, b: string = EVERYONE): void {
    this.#cuts.add(`${a} ${b}`);
  }

  mend(a: string, b: string = EVERYONE): void {
    this.#cuts.delete(`${a} ${b}`);
  }

  mendAll(): void {
    this.#cuts.clear();
  }

  isCut(from: string, to: string): boolean {
    if (this.#cuts.size === 0) return false;
    return [`${from} ${to}`, `${from} ${EVERYONE}`, `${EVERYONE} ${to}`].some((way) =>
      this.#cuts.has(way),
    );
  }

  count(why: string): void {
    this.lost.set(why, (this.lost.get(why) ?? 0) + 1);
  }

  /** Takes a datagram from a station; the octets are copied. */
  send(now: number, sender: Sender, given: Datagram): void {
    this.sent++;
    let datagram: Datagram = { ...given, bytes: this.#pool.copy(given.bytes) };
    for (let realm = sender.realm; ; ) {
      const there = realm.find(datagram.to.address);
      if (there !== undefined) return this.#carry(sender, there, datagram);
      const nat = realm.uplink;
      if (nat === null) return this.count('no such address');
      const outside = nat.outbound(now, datagram);
      if (outside === null) return;
      if (nat.outer.find(outside.to.address) === nat && !nat.behaviour.hairpins)
        return this.count('nat: no hairpin');
      datagram = outside;
      realm = nat.outer;
    }
  }

  #carry(sender: Sender, there: Attachment, datagram: Datagram): void {
    if (this.isCut(sender.name, there.name)) return this.count('cut');
    const link = this.#linkOf(sender.name, there.name);
    if (outerOctets(datagram) > link.mtu) {
      this.agenda.after(link.latencyMs, () => sender.tooBig(datagram.to.address, link.mtu));
      return this.count('too big');
    }
    const delay = delayOf(link, this.random);
    if (delay === LOST) return this.count('lost');
    this.#arrive(link, there, datagram, delay);
    if (this.random.chance(link.duplicate))
      this.#arrive(link, there, datagram, delay + 1 + delayOfCopy(link, this.random));
  }

  #arrive(link: Link, there: Attachment, datagram: Datagram, delay: number): void {
    const bytes = damaged(link, this.random, datagram.bytes);
    const copy = bytes === datagram.bytes ? datagram : { ...datagram, bytes };
    this.agenda.after(delay, () => {
      this.arrived++;
      there.receive(this.agenda.now, copy);
    });
  }

  #linkOf(a: string, b: string): Link {
    if (this.#links.size === 0) return this.link;
    return (
      this.#links.get(`${a} ${b}`) ??
      this.#links.get(`${a} ${EVERYONE}`) ??
      this.#links.get(`${EVERYONE} ${b}`) ??
      this.link
    );
  }
}

/** With the IP and UDP headers that the octets do not have yet. */
function outerOctets({ carrier, to, bytes }: Datagram): number {
  const udp = carrier === 'gre' || carrier === 'esp' ? 0 : UDP_OCTETS;
  return bytes.length + udp + (to.address.family === 4 ? 20 : 40);
}
