import { describe, expect, it } from 'vitest';
import { outbound } from '../../test/transport-conformance.js';
import type { TunnelConfig } from '../dmvpn/config.js';
import { readConfig, type TunnelSettings } from '../dmvpn/settings.js';
import { NhrpEngine } from '../nhrp/engine/engine.js';
import { formatPrefix, type IpAddress, parseAddress } from '../wire/address.js';
import type { Path } from '../wire/path.js';
import { bindsAt } from './bind.js';
import { virtualClock } from './clock.js';
import { type Driver, drive, type Machine, type PortOutput, type Slot } from './drive.js';
import { MemoryDevice, MemoryNetwork } from './memory.js';
import {
  type Packet,
  type PacketDevice,
  type PacketListener,
  type Transport,
  type TransportListener,
  withRoom,
} from './ports.js';

const address = (text: string): IpAddress => parseAddress(text) as IpAddress;

type Extra = { readonly kind: 'event'; readonly event: string };
type Output = PortOutput | Extra;

/** A machine that writes down what it is told, and puts out what a test has laid ready. */
class Script implements Machine<Output> {
  readonly told: string[] = [];
  readonly ready: Output[] = [];
  wakeAt: number | null = null;

  handleTimeout(now: number): void {
    this.told.push(`timeout ${now}`);
    if (this.wakeAt !== null && now >= this.wakeAt) this.wakeAt = null;
  }
  handleDatagram(now: number, path: Path, bytes: Uint8Array): void {
    this.told.push(`datagram ${now} ${path.remote.address} ${[...bytes]}`);
  }
  handlePacket(now: number, tunnel: string, packet: Uint8Array): void {
    this.told.push(`packet ${now} ${tunnel} ${[...packet]}`);
  }
  pollOutput(): Output {
    return this.ready.shift() ?? { kind: 'timeout', at: this.wakeAt, why: 'test' };
  }
}

const NEAR = address('192.0.2.1');
const FAR = address('192.0.2.2');
const PATH: Path = {
  carrier: 'gre-udp',
  local: { address: NEAR, port: 4754 },
  remote: { address: FAR, port: 4754 },
};
const transmit = (...bytes: number[]): Output => ({
  kind: 'transmit',
  path: PATH,
  bytes: Uint8Array.from(bytes),
  dscp: 0,
  dontFragment: false,
});

function driven(onOutput: (output: Extra) => void = () => {}) {
  const clock = virtualClock(100);
  const network = new MemoryNetwork({ clock, latencyMs: 5 });
  const transport = network.open(bindsAt(NEAR, ['gre-udp']));
  const peer = network.open(bindsAt(FAR, ['gre-udp']));
  const written: number[][] = [];
  const device = new MemoryDevice((packet) => written.push([...packet]));
  const machine = new Script();
  const driver = drive(machine, { clock, transport, devices: { tun0: device } }, onOutput);
  return { clock, transport, peer, device, written, machine, driver };
}

describe('drive', () => {
  it('wakes the machine at once, at its time, and not after it is closed', async () => {
    const { clock, machine, driver } = driven();
    expect(machine.told).toEqual(['timeout 100']);
    driver.act(() => {
      machine.wakeAt = 150;
    });
    clock.advance(49);
    expect(machine.told).toHaveLength(1);
    clock.advance(1);
    expect(machine.told).toEqual(['timeout 100', 'timeout 150']);
    driver.act(() => {
      machine.wakeAt = 200;
    });
    await driver.close();
    clock.advance(1_000);
    expect(machine.told).toHaveLength(2);
  });

  it('wakes the machine earlier when it asks for that', () => {
    const { clock, machine, driver } = driven();
    for (const at of [500, 120]) {
      driver.act(() => {
        machine.wakeAt = at;
      });
    }
    clock.advance(30);
    expect(machine.told).toEqual(['timeout 100', 'timeout 120']);
  });

  it('takes packets in from both sides', () => {
    const { clock, peer, device, machine } = driven();
    peer.send([outbound({ ...PATH, local: PATH.remote, remote: PATH.local }, Uint8Array.of(7, 8))]);
    clock.advance(5);
    device.send(Uint8Array.of(9));
    expect(machine.told.slice(1)).toEqual(['datagram 105 192.0.2.2 7,8', 'packet 105 tun0 9']);
  });

  it('carries every output out, in order, before the next input', () => {
    const outputs: string[] = [];
    const { clock, peer, written, machine, driver } = driven(({ event }) => outputs.push(event));
    const arrived: number[][] = [];
    peer.listen({
      onDatagrams: (batch) => {
        for (const { slab, at, octets } of batch) arrived.push([...slab.slice(at, at + octets)]);
      },
      onUnderlay: () => {},
      onError: () => {},
    });
    driver.act(() => {
      machine.ready.push(transmit(1), { kind: 'event', event: 'first' }, transmit(2));
      machine.ready.push({ kind: 'deliver', tunnel: 'tun0', packet: Uint8Array.of(3) });
      machine.ready.push({ kind: 'deliver', tunnel: 'nosuch', packet: Uint8Array.of(4) });
      machine.ready.push({ kind: 'event', event: 'last' });
    });
    clock.advance(5);
    expect({ arrived, outputs, written }).toEqual({
      arrived: [[1], [2]],
      outputs: ['first', 'last'],
      written: [[3]],
    });
  });

  it('puts off what is asked for in the middle of a drain', () => {
    const order: string[] = [];
    const { machine, driver } = driven(({ event }) => {
      order.push(event);
      if (event === 'a') driver.act(() => order.push('acted'));
    });
    driver.act(() => {
      machine.ready.push({ kind: 'event', event: 'a' }, { kind: 'event', event: 'b' });
    });
    expect(order).toEqual(['a', 'b', 'acted']);
  });

  it('takes an adapter that reenters for the bug that it is', () => {
    let listener: TransportListener | undefined;
    const datagram: Packet = { slab: Uint8Array.of(1), at: 0, octets: 1 };
    const reentering: Transport = {
      send: () => listener?.onDatagrams([{ ...datagram, path: PATH }]),
      listen: (given) => {
        listener = given;
      },
      close: async () => {},
    };
    const machine = new Script();
    const driver = drive(machine, { clock: virtualClock(), transport: reentering }, () => {});
    expect(() => driver.act(() => void machine.ready.push(transmit(1)))).toThrow(/^bug: /);
  });

  it('hands errors of ports over, or throws them where nobody takes them', () => {
    let listener: TransportListener | undefined;
    const transport: Transport = {
      send: () => {},
      listen: (given) => {
        listener = given;
      },
      close: async () => {},
    };
    const errors: Error[] = [];
    const failure = new Error('gone');
    drive(
      new Script(),
      { clock: virtualClock(), transport, onError: (e) => errors.push(e) },
      () => {},
    );
    listener?.onError(failure);
    expect(errors).toEqual([failure]);
    drive(new Script(), { clock: virtualClock(), transport }, () => {});
    expect(() => listener?.onError(failure)).toThrow(failure);
  });

  it('goes the fast way where the machine does, in order and in one batch', () => {
    const clock = virtualClock();
    const sent: number[][][] = [];
    const transport: Transport = {
      send: (batch) =>
        void sent.push(batch.map(({ slab, at, octets }) => [...slab.slice(at, at + octets)])),
      listen: () => {},
      close: async () => {},
    };
    /** Takes packets below 10 the fast way, and puts a header before them. */
    class Fast extends Script {
      forward(_now: number, slab: Uint8Array, at: number, octets: number, slot: Slot): boolean {
        if ((slab[at] ?? 0) >= 10) return false;
        slab[at - 1] = 0x47;
        Object.assign(slot, { slab, at: at - 1, octets: octets + 1, path: PATH, dscp: 0 });
        return slot.tunnel === 'tun0';
      }
      override handlePacket(now: number, tunnel: string, packet: Uint8Array): void {
        super.handlePacket(now, tunnel, packet);
        this.ready.push(transmit(0x47, ...packet));
      }
    }
    let listener: PacketListener | undefined;
    const device: PacketDevice = {
      write: () => {},
      listen: (given) => {
        listener = given;
      },
      close: async () => {},
    };
    const machine = new Fast();
    drive(machine, { clock, transport, devices: { tun0: device } }, () => {});
    listener?.onPackets([1, 2, 33, 4, 5].map((n) => withRoom(Uint8Array.of(n))));
    expect(sent).toEqual([
      [
        [0x47, 1],
        [0x47, 2],
      ],
      [[0x47, 33]],
      [
        [0x47, 4],
        [0x47, 5],
      ],
    ]);
    expect(machine.told).toEqual(['timeout 0', 'packet 0 tun0 33']);
  });

  it('drives an NHRP engine alone, whose outputs are for a kernel', () => {
    const clock = virtualClock();
    const heard: string[] = [];
    const random = (octets: number) => new Uint8Array(octets).fill(9);
    const common = { name: 'tun0', protection: { kind: 'insecure-cleartext' } } as const;
    const start = (local: IpAddress, tunnel: Partial<TunnelConfig>) => {
      const config = { ...common, local: `${local}`, address: '', ...tunnel };
      const [settings] = readConfig({ tunnels: [config] }).tunnels;
      const environment = { now: clock.now(), random, mac: null };
      const engine = new NhrpEngine((settings as TunnelSettings).engine, environment);
      const driver: Driver = drive(engine, { clock }, (output) => {
        if (output.kind === 'neighbour')
          heard.push(`${local} ${output.action} ${formatPrefix(output.prefix)}`);
        if (output.kind !== 'send') return;
        const [to, bytes] = [output.to.address, output.bytes.slice()];
        clock.callAt(clock.now() + 1, () =>
          ends.get(`${to}`)?.((now, given) =>
            given.handleMessage(
              now,
              { local: { address: to, port: 0 }, remote: { address: local, port: 0 } },
              bytes,
            ),
          ),
        );
      });
      ends.set(`${local}`, (tell) => driver.act((now) => tell(now, engine)));
    };
    const ends = new Map<string, (tell: (now: number, engine: NhrpEngine) => void) => void>();
    start(NEAR, { address: '10.0.0.100/32' });
    start(FAR, { address: '10.0.0.1/32', nhs: [{ address: '10.0.0.100', nbma: `${NEAR}` }] });
    clock.advance(5_000);
    expect(heard).toContain('192.0.2.1 set 10.0.0.1/32');
    expect(heard).toContain('192.0.2.2 set 10.0.0.100/32');
  });
});
