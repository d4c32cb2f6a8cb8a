/** IKE and ESP together: whole protected tunnels on a network in memory, with delay, loss and a NAT. */
import { describe, expect, it } from 'vitest';
import { IkeV2 } from '../../src/ipsec/ike/v2/ike-v2.js';
import type { IkeConfig } from '../../src/ipsec/ike/v2/settings.js';
import { IpsecProtection } from '../../src/ipsec/protection.js';
import { SecurityAssociationDatabase } from '../../src/ipsec/sa/database.js';
import type { Endpoint, Path } from '../../src/wire/path.js';
import { address, PSK, seeded, seededCrypto } from './pair.js';

const DELAY_MS = 20;
const GRE = Uint8Array.of(0x20, 0, 8, 0, 0, 0, 0, 42, 1, 2, 3, 4);
const UNPRIVILEGED: Partial<IkeConfig> = {
  natTraversal: { startOnNattPort: true, forceEncapsulation: true },
};

interface Flight {
  readonly at: number;
  readonly path: Path; // as the receiver sees it
  readonly bytes: Uint8Array;
}

class End {
  protection: IpsecProtection;
  readonly received: string[] = [];
  readonly log: string[] = [];

  constructor(
    readonly net: Net,
    readonly text: string,
    readonly config: Partial<IkeConfig>,
  ) {
    this.protection = this.#fresh();
  }

  /** The process is gone, and another one has taken its place: nobody is told. */
  restart(): void {
    this.protection = this.#fresh();
  }

  peer(other: End | string, port = 0): Endpoint {
    return { address: address(typeof other === 'string' ? other : other.text), port };
  }

  /** Whether the packet was protected. */
  send(to: Endpoint): boolean {
    const slab = new Uint8Array(96 + GRE.length + 288);
    slab.set(GRE, 96);
    const frame = { slab, at: 96, octets: GRE.length };
    const path = this.protection.protect(this.net.now, frame, to);
    if (path !== null) this.net.carry(path, slab.slice(frame.at, frame.at + frame.octets));
    this.drain();
    return path !== null;
  }

  take(path: Path, bytes: Uint8Array): void {
    const slab = new Uint8Array(96 + bytes.length + 288);
    slab.set(bytes, 96);
    const frame = { slab, at: 96, octets: bytes.length };
    const outcome = this.protection.open(this.net.now, path, frame);
    if (typeof outcome !== 'string') {
      expect(slab.slice(frame.at, frame.at + frame.octets)).toEqual(GRE);
      this.received.push(`${outcome.address}:${outcome.port}`);
    }
    this.drain();
  }

  drain(): number {
    for (;;) {
      const output = this.protection.pollOutput();
      if (output.kind === 'timeout') return output.at ?? Number.POSITIVE_INFINITY;
      if (output.kind === 'transmit') this.net.carry(output.path, output.bytes);
      else if (output.kind === 'peer')
        this.log.push(`${output.state} ${output.nbma.address}:${output.nbma.port} ${output.why}`);
      else this.log.push(`failed ${output.why}`);
    }
  }

  #fresh(): IpsecProtection {
    const { crypto, random } = this.net;
    const { text, config } = this;
    return new IpsecProtection({
      ...{ crypto, random, local: address(text) },
      database: new SecurityAssociationDatabase(random),
      keyExchange: new IkeV2({ keys: [{ peer: null, secret: PSK }], ...config }, crypto),
    });
  }
}

class Net {
  now = 0;
  loss = 0;
  /** IKE is lost, ESP is not. */
  withoutIke = false;
  /** Address behind the NAT → what its port 4500 is outside, and one more is 500; all have the NAT's address there. */
  readonly nat = new Map<string, number>();
  readonly natAddress = '198.51.100.1';
  readonly #chance = seeded(7);
  readonly crypto = seededCrypto(seeded(11));
  readonly #ends: End[] = [];
  #flights: Flight[] = [];

  readonly random = (octets: number): Uint8Array => {
    const out = new Uint8Array(octets);
    this.crypto.fillRandom(out, 0, octets);
    return out;
  };

  end(text: string, config: Partial<IkeConfig> = {}): End {
    const end = new End(this, text, config);
    this.#ends.push(end);
    return end;
  }

  carry(path: Path, bytes: Uint8Array): void {
    if (this.#chance() < this.loss || (this.withoutIke && path.carrier === 'ike')) return;
    const translated: Path = {
      carrier: path.carrier,
      local: this.#inside(path.remote),
      remote: this.#outside(path.local),
    };
    this.#flights.push({ at: this.now + DELAY_MS, path: translated, bytes: bytes.slice() });
  }

  /** Runs until then; `each` is called every `tickMs`. */
  run(untilMs: number, each: () => void = () => {}, tickMs = 500): void {
    let nextTick = this.now;
    while (this.now < untilMs) {
      const wakes = this.#ends.map((end) => end.drain());
      const arrivals = this.#flights.map((f) => f.at);
      this.now = Math.max(this.now, Math.min(untilMs, nextTick, ...wakes, ...arrivals));
      const due = this.#flights.filter((f) => f.at <= this.now);
      this.#flights = this.#flights.filter((f) => f.at > this.now);
      for (const { path, bytes } of due)
        this.#ends.find((e) => path.local.address.equals(address(e.text)))?.take(path, bytes);
      for (const end of this.#ends) end.protection.handleTimeout(this.now);
      if (this.now >= nextTick) {
        nextTick = this.now + tickMs;
        each();
      }
    }
  }

  #outside(e: Endpoint): Endpoint {
    const port = this.nat.get(String(e.address));
    if (port === undefined) return e;
    return { address: address(this.natAddress), port: e.port === 500 ? port + 1 : port };
  }

  #inside(e: Endpoint): Endpoint {
    if (String(e.address) !== this.natAddress) return e;
    for (const [inside, port] of this.nat) {
      if (port === e.port) return { address: address(inside), port: 4_500 };
      if (port + 1 === e.port) return { address: address(inside), port: 500 };
    }
    return e;
  }
}

function both(config: Partial<IkeConfig> = {}): { net: Net; hub: End; spoke: End } {
  const net = new Net();
  const hub = net.end('192.0.2.1', config);
  const spoke = net.end('192.0.2.2', config);
  return { net, hub, spoke };
}

describe('a protected tunnel', () => {
  it.each([
    ['privileged: IKE on 500, ESP in IP', {}, 0],
    ['privileged, tunnel mode', { mode: 'tunnel' as const }, 0],
    ['unprivileged: everything on UDP 4500', UNPRIVILEGED, 4_500],
  ])('comes up and carries GRE both ways; %s', (_, config, port) => {
    const { net, hub, spoke } = both(config);
    spoke.protection.want(0, spoke.peer(hub, port));
    expect(spoke.send(spoke.peer(hub, port))).toBe(false);
    net.run(1_000);
    expect(spoke.log).toEqual([`up 192.0.2.1:${port} `]);
    expect(hub.log).toEqual([`up 192.0.2.2:${port} `]);
    expect(spoke.send(spoke.peer(hub, port))).toBe(true);
    expect(hub.send(hub.peer(spoke, port))).toBe(true);
    net.run(2_000);
    expect(hub.received).toEqual([`192.0.2.2:${port}`]);
    expect(spoke.received).toEqual([`192.0.2.1:${port}`]);
  });

  it('loses no packet while keys are renewed from both sides, for half an hour', () => {
    const { net, hub, spoke } = both({
      childLifetimes: { softSeconds: 120, hardSeconds: 180 },
      ikeLifetimeSeconds: 900,
    });
    spoke.protection.want(0, spoke.peer(hub));
    net.run(1_000);
    let sent = 0;
    net.run(1_800_000, () => {
      sent++;
      expect(spoke.send(spoke.peer(hub))).toBe(true);
      expect(hub.send(hub.peer(spoke))).toBe(true);
    });
    net.run(net.now + 1_000);
    expect(sent).toBeGreaterThan(3_500);
    expect([hub.received.length, spoke.received.length]).toEqual([sent, sent]);
    expect(spoke.log).toEqual(['up 192.0.2.1:0 ']);
    expect(hub.log).toEqual(['up 192.0.2.2:0 ']);
    for (const end of [hub, spoke])
      expect(end.protection.counters).toMatchObject({ refused: {}, noAssociation: 0, expired: 0 });
  }, 60_000);

  it('stays up through 10 % loss: keys are renewed before the old ones end', () => {
    const { net, hub, spoke } = both({ childLifetimes: { softSeconds: 120, hardSeconds: 300 } });
    spoke.protection.want(0, spoke.peer(hub));
    net.run(1_000);
    net.loss = 0.1;
    net.run(1_800_000, () => {
      spoke.send(spoke.peer(hub));
      hub.send(hub.peer(spoke));
    });
    expect(spoke.log).toEqual(['up 192.0.2.1:0 ']);
    expect(hub.log).toEqual(['up 192.0.2.2:0 ']);
    expect(spoke.protection.counters.noAssociation).toBe(0);
  }, 60_000);

  it('renews keys by packets, and comes back when a hard limit has ended a pair', () => {
    for (const [softPackets, ups] of [
      [100, 1],
      [null, 4],
    ] as const) {
      const { net, hub, spoke } = both({ childLifetimes: { softPackets, hardPackets: 200 } });
      spoke.protection.want(0, spoke.peer(hub));
      net.run(1_000);
      net.run(80_000, () => spoke.send(spoke.peer(hub)), 100);
      const seen = spoke.log.filter((line) => line.startsWith('up')).length;
      expect(seen, `soft ${softPackets}`).toBeGreaterThanOrEqual(Math.min(ups, 3));
      if (ups === 1) expect(spoke.log).toEqual(['up 192.0.2.1:0 ']);
      else expect(spoke.log).toContain('down 192.0.2.1:0 expired');
      expect(spoke.send(spoke.peer(hub))).toBe(true);
    }
  });

  it.each([
    ['privileged', {}, 0],
    ['unprivileged', UNPRIVILEGED, 4_500],
  ])('notices within four seconds that its peer has started anew; %s', (_, config, port) => {
    const { net, hub, spoke } = both(config);
    const to = spoke.peer(hub, port);
    spoke.protection.want(0, to);
    net.run(1_000);
    hub.restart();
    const before = hub.received.length;
    net.run(5_000, () => spoke.send(to));
    expect(spoke.log).toEqual([
      `up 192.0.2.1:${port} `,
      `down 192.0.2.1:${port} superseded`, // what NHRP takes to register again
      `up 192.0.2.1:${port} `,
    ]);
    net.run(60_000, () => spoke.send(to));
    expect(spoke.log).toHaveLength(3);
    expect(hub.received.length - before).toBeGreaterThan(100);
  });

  it('without packets notices it when the peer is asked', () => {
    const { net, hub, spoke } = both();
    spoke.protection.want(0, spoke.peer(hub));
    net.run(1_000);
    hub.restart();
    net.run(14_000);
    expect(spoke.log.slice(1)).toEqual(['down 192.0.2.1:0 superseded', 'up 192.0.2.1:0 ']);
  });

  it('notices within half a minute that its peer is gone, with packets and without', () => {
    for (const tick of [500, 60_000]) {
      const { net, hub, spoke } = both();
      spoke.protection.want(0, spoke.peer(hub));
      net.run(1_000);
      net.loss = 1;
      net.run(31_000, () => spoke.send(spoke.peer(hub)), tick);
      expect(spoke.log[1]).toBe('down 192.0.2.1:0 peer-dead');
    }
  });

  it('takes packets for life: IKE alone may be silent', () => {
    const { net, hub, spoke } = both();
    spoke.protection.want(0, spoke.peer(hub));
    net.run(1_000);
    net.withoutIke = true;
    net.run(
      300_000,
      () => {
        hub.send(hub.peer(spoke));
        spoke.send(spoke.peer(hub));
      },
      2_000,
    );
    expect(spoke.log).toEqual(['up 192.0.2.1:0 ']);
    expect(hub.log).toEqual(['up 192.0.2.2:0 ']);
    net.run(331_000);
    expect(spoke.log[1]).toBe('down 192.0.2.1:0 peer-dead');
    expect(hub.log[1]).toBe('down 192.0.2.2:0 peer-dead');
  });

  it('is taken over at once by a spoke that has started anew', () => {
    const { net, hub, spoke } = both(UNPRIVILEGED);
    spoke.protection.want(0, spoke.peer(hub, 4_500));
    net.run(1_000);
    spoke.restart();
    spoke.protection.want(net.now, spoke.peer(hub, 4_500));
    net.run(3_000);
    expect(hub.log.at(-1)).toBe('up 192.0.2.2:4500 ');
    expect(hub.send(hub.peer(spoke, 4_500))).toBe(true);
    net.run(4_000);
    expect(spoke.received).toEqual(['192.0.2.1:4500']);
  });

  it('ends at both ends when one releases it, or shuts down', () => {
    for (const end of ['release', 'shutdown'] as const) {
      const { net, hub, spoke } = both();
      spoke.protection.want(0, spoke.peer(hub));
      net.run(1_000);
      if (end === 'release') spoke.protection.release(net.now, spoke.peer(hub));
      else spoke.protection.shutdown(net.now);
      net.run(2_000);
      expect(spoke.log.at(-1)).toBe(
        `down 192.0.2.1:0 ${end === 'release' ? 'released' : 'shutdown'}`,
      );
      expect(hub.log.at(-1)).toBe('down 192.0.2.2:0 peer');
      expect(hub.send(hub.peer(spoke))).toBe(false);
    }
  });

  it('is one, when both ends begin it at the same time', () => {
    const { net, hub, spoke } = both();
    spoke.protection.want(0, spoke.peer(hub));
    hub.protection.want(0, hub.peer(spoke));
    net.run(120_000, () => {
      spoke.send(spoke.peer(hub));
      hub.send(hub.peer(spoke));
    });
    expect(spoke.log.filter((line) => line.startsWith('down'))).toEqual([]);
    expect(hub.log.filter((line) => line.startsWith('down'))).toEqual([]);
    const usable = hub.received.length;
    expect(usable).toBeGreaterThan(230);
    expect(spoke.received.length).toBeGreaterThan(230);
  });

  describe('through a NAT', () => {
    const behind = (config: Partial<IkeConfig>): { net: Net; hub: End; one: End; two: End } => {
      const net = new Net();
      const hub = net.end('192.0.2.1', config);
      const one = net.end('10.0.0.1', config);
      const two = net.end('10.0.0.2', config);
      net.nat.set('10.0.0.1', 1_111);
      net.nat.set('10.0.0.2', 2_222);
      return { net, hub, one, two };
    };

    it.each([
      ['floats', {}, 0],
      ['from the start', UNPRIVILEGED, 4_500],
    ])('two spokes, told apart by port; %s', (_, config, port) => {
      const { net, hub, one, two } = behind(config);
      for (const spoke of [one, two]) spoke.protection.want(0, spoke.peer(hub, port));
      net.run(5_000);
      for (const spoke of [one, two]) expect(spoke.log).toEqual([`up 192.0.2.1:${port} `]);
      for (const spoke of [one, two]) expect(spoke.send(spoke.peer(hub, port))).toBe(true);
      expect(hub.send(hub.peer(net.natAddress, 2_222))).toBe(true);
      net.run(6_000);
      expect(hub.received.toSorted()).toEqual(['198.51.100.1:1111', '198.51.100.1:2222']);
      expect(one.received).toEqual([]);
      expect(two.received).toEqual([`192.0.2.1:${port}`]);
    });

    it('goes on when the NAT gives a spoke another port', () => {
      const { net, hub, one } = behind(UNPRIVILEGED);
      one.protection.want(0, one.peer(hub, 4_500));
      net.run(5_000);
      net.nat.set('10.0.0.1', 3_333);
      one.send(one.peer(hub, 4_500));
      net.run(6_000);
      expect(hub.send(hub.peer(net.natAddress, 1_111))).toBe(true);
      net.run(7_000);
      expect(one.received).toHaveLength(1);
    });

    it('keeps the mapping open by itself', () => {
      const { net, hub, one } = behind(UNPRIVILEGED);
      one.protection.want(0, one.peer(hub, 4_500));
      net.run(300_000);
      expect(one.protection.counters.keepalivesSent).toBeGreaterThan(10);
      expect(hub.protection.counters.keepalivesReceived).toBe(
        one.protection.counters.keepalivesSent,
      );
      expect(hub.protection.counters.keepalivesSent).toBe(0);
    });
  });
});
