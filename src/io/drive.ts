/**
 * The only loop, and the only timer: what comes from the ports goes into a node, what the node puts out goes to
 * the ports, and whatever is left (events, questions, an engine's routes and neighbours) goes to the caller.
 * It works for `DmvpnNode` and for `NhrpEngine` alone: a machine is whatever has the shape below.
 */
import type { Path } from '../wire/path.js';
import {
  type Cancel,
  type Clock,
  type Datagram,
  type OutboundDatagram,
  type Packet,
  type PacketDevice,
  type Transport,
  type UnderlayChange,
  viewOf,
} from './ports.js';

export {
  type Cancel,
  type Clock,
  copyOf,
  type Datagram,
  HEADROOM_OCTETS,
  type OutboundDatagram,
  type Packet,
  type PacketDevice,
  type PacketListener,
  TAILROOM_OCTETS,
  type Transport,
  type TransportListener,
  type UnderlayChange,
  viewOf,
  withRoom,
} from './ports.js';

/** A synchronous object that is told the time and asked what to do next. */
export interface Machine<O extends { readonly kind: string }> {
  handleTimeout(now: number): void;
  pollOutput(): O;
  handleDatagram?(now: number, path: Path, bytes: Uint8Array): void;
  handlePacket?(now: number, tunnel: string, packet: Uint8Array): void;
  handleUnderlay?(now: number, change: UnderlayChange): void;
  /** The fast way of `handlePacket`: true when the slot is filled and there is nothing to poll. */
  forward?(now: number, slab: Uint8Array, at: number, octets: number, slot: Slot): boolean;
}

/** What `forward` fills; `drive` has set the tunnel. */
export interface Slot extends Packet {
  tunnel: string;
  path: Path | null;
  dscp: number;
}

/** The outputs that `drive` takes care of. */
export type PortOutput =
  | {
      readonly kind: 'transmit';
      readonly path: Path;
      readonly bytes: Uint8Array;
      readonly dscp: number;
      readonly dontFragment: boolean;
    }
  | { readonly kind: 'deliver'; readonly tunnel: string; readonly packet: Uint8Array }
  | { readonly kind: 'timeout'; readonly at: number | null; readonly why: string };

/** The outputs that are left for the caller. */
export type CallerOutput<O> = Exclude<O, { readonly kind: PortOutput['kind'] }>;

/** What a machine is joined to. All but the clock may be left out, for a machine that does not need it. */
export interface Ports {
  readonly clock: Clock;
  readonly transport?: Transport;
  /** By name of the tunnel. */
  readonly devices?: Readonly<Record<string, PacketDevice>>;
  /** A port has failed for good. Without it the error is thrown, and so ends the process. */
  readonly onError?: (error: Error) => void;
}

/** A machine that runs. */
export interface Driver {
  /**
   * Gives the machine an input, such as a command or an answer, at the present time, and carries out what
   * follows. From within `onOutput` it is put off until the outputs at hand are drained.
   */
  act(input: (now: number) => void): void;
  /** Stops the timer and closes the ports. The machine itself is not told: send it `shutdown` before. */
  close(): Promise<void>;
}

/**
 * Runs a machine until `close`. `onOutput` gets every output that is not for a port, in order, in the middle of
 * a drain: octets in it are valid until it returns.
 */
export function drive<O extends { readonly kind: string }>(
  machine: Machine<O>,
  ports: Ports,
  onOutput: (output: CallerOutput<O>) => void,
): Driver {
  const loop = new Loop(machine, ports, onOutput);
  loop.start();
  return loop;
}

const NO_OCTETS = new Uint8Array(0);

class Loop<O extends { readonly kind: string }> implements Driver {
  readonly #machine: Machine<O>;
  readonly #ports: Ports;
  readonly #onOutput: (output: CallerOutput<O>) => void;
  readonly #outbound: OutboundDatagram[] = [];
  readonly #slots: (Slot & Pick<OutboundDatagram, 'dontFragment'>)[] = [];
  readonly #putOff: ((now: number) => void)[] = [];
  #draining = false;
  #closed = false;
  #wakeAt: number | null = null;
  #cancelWake: Cancel | null = null;

  constructor(machine: Machine<O>, ports: Ports, onOutput: (output: CallerOutput<O>) => void) {
    this.#machine = machine;
    this.#ports = ports;
    this.#onOutput = onOutput;
  }

  start(): void {
    const onError = (error: Error) => this.#fail(error);
    this.#ports.transport?.listen({
      onDatagrams: (batch) => this.#onDatagrams(batch),
      onUnderlay: (change) => this.#enter((now) => this.#machine.handleUnderlay?.(now, change)),
      onError,
    });
    for (const [tunnel, device] of Object.entries(this.#ports.devices ?? {})) {
      device.listen({ onPackets: (batch) => this.#onPackets(tunnel, batch), onError });
    }
    this.#enter((now) => this.#machine.handleTimeout(now));
  }

  act(input: (now: number) => void): void {
    if (this.#draining) this.#putOff.push(input);
    else this.#enter(input);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelWake?.();
    const devices = Object.values(this.#ports.devices ?? {});
    await Promise.all([this.#ports.transport, ...devices].map((port) => port?.close()));
  }

  #onDatagrams(batch: readonly Datagram[]): void {
    for (const datagram of batch) {
      this.#enter((now) => this.#machine.handleDatagram?.(now, datagram.path, viewOf(datagram)));
    }
  }

  #onPackets(tunnel: string, batch: readonly Packet[]): void {
    for (const packet of batch) {
      if (this.#forward(tunnel, packet)) continue;
      this.#flush(); // what came first leaves first
      this.#enter((now) => this.#machine.handlePacket?.(now, tunnel, viewOf(packet)));
    }
    this.#flush();
  }

  #forward(tunnel: string, { slab, at, octets }: Packet): boolean {
    if (this.#closed || this.#draining || !this.#machine.forward) return false;
    const slot = this.#slotAt(this.#outbound.length);
    slot.tunnel = tunnel;
    if (!this.#machine.forward(this.#ports.clock.now(), slab, at, octets, slot)) return false;
    this.#outbound.push(slot as Slot & OutboundDatagram);
    return true;
  }

  #slotAt(i: number): Slot & Pick<OutboundDatagram, 'dontFragment'> {
    const known = this.#slots[i];
    if (known) return known;
    const empty = { tunnel: '', slab: NO_OCTETS, at: 0, octets: 0, path: null, dscp: 0 };
    const slot = { ...empty, dontFragment: true };
    this.#slots[i] = slot;
    return slot;
  }

  #flush(): void {
    if (this.#outbound.length > 0) this.#ports.transport?.send(this.#outbound);
    this.#outbound.length = 0;
  }

  /** One input, then everything that follows from it. */
  #enter(input: (now: number) => void): void {
    if (this.#draining) throw new Error('bug: an adapter called its listener from send or write');
    if (this.#closed) return;
    this.#draining = true;
    try {
      this.#step(input);
      for (let next = this.#putOff.shift(); next; next = this.#putOff.shift()) this.#step(next);
    } finally {
      this.#draining = false;
    }
  }

  #step(input: (now: number) => void): void {
    input(this.#ports.clock.now());
    const timeout = this.#drain();
    this.#flush();
    this.#wake(timeout);
  }

  /** Carries out outputs up to the timeout, and returns its time. */
  #drain(): number | null {
    for (;;) {
      const output = this.#machine.pollOutput() as PortOutput | CallerOutput<O>;
      if (isFor('timeout', output)) return output.at;
      if (isFor('transmit', output)) this.#outbound.push(whole(output));
      else if (isFor('deliver', output)) this.#deliver(output.tunnel, output.packet);
      else this.#onOutput(output as CallerOutput<O>);
    }
  }

  #deliver(tunnel: string, packet: Uint8Array): void {
    this.#ports.devices?.[tunnel]?.write([{ slab: packet, at: 0, octets: packet.length }]);
  }

  /** Sees to it that the machine is woken at `at` or before: waking early is harmless, and cheaper than a new timer. */
  #wake(at: number | null): void {
    if (at === null || (this.#wakeAt !== null && this.#wakeAt <= at)) return;
    this.#cancelWake?.();
    this.#wakeAt = at;
    this.#cancelWake = this.#ports.clock.callAt(at, () => {
      this.#wakeAt = null;
      this.#enter((now) => this.#machine.handleTimeout(now));
    });
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    if (!this.#ports.onError) throw error;
    this.#ports.onError(error);
  }
}

const isFor = <K extends PortOutput['kind']>(
  kind: K,
  output: { readonly kind: string },
): output is Extract<PortOutput, { kind: K }> => output.kind === kind;

const whole = (o: Extract<PortOutput, { kind: 'transmit' }>): OutboundDatagram => ({
  path: o.path,
  slab: o.bytes,
  at: 0,
  octets: o.bytes.length,
  dscp: o.dscp,
  dontFragment: o.dontFragment,
});
