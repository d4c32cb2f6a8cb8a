import { describe, expect, it } from 'vitest';
import { outbound } from '../../test/transport-conformance.js';
import { type IpAddress, parseAddress } from '../wire/address.js';
import type { Path } from '../wire/path.js';
import { bindsAt } from './bind.js';
import { virtualClock } from './clock.js';
import { drive, type Machine, type PortOutput } from './drive.js';
import { MemoryDevice, MemoryNetwork } from './memory.js';
import type { Packet, Transport, TransportListener } from './ports.js';

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
});
