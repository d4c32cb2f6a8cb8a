/** What `openNode` is given beside the configuration, looked at once: a wrong value is refused by its name. */
import { type Reader, record, show, text } from '../dmvpn/config-reader.js';
import type { DeviceFactory, OpenOptions } from './open-ports.js';
import type { PacketDevice, Transport } from './ports.js';

const MAX_PATH = 4_096;

/** @throws TypeError or RangeError that begins with the name of the wrong option. */
export function readOptions(options: OpenOptions): OpenOptions {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`options: an object expected, got ${show(options)}`);
  return readRecord(options, '');
}

/** What a function of the caller has made. */
export const readTransport: Reader<Transport> = (value, path) =>
  transportOf(value) ?? wrong(path, 'a Transport', value);
export const readDevice: Reader<PacketDevice> = (value, path) =>
  deviceOf(value) ?? wrong(path, 'a PacketDevice', value);

const transportOf = (value: unknown): Transport | null =>
  withMethods(value, ['send', 'listen', 'close']);
const deviceOf = (value: unknown): PacketDevice | null =>
  withMethods(value, ['write', 'listen', 'close']);

const isOneOf = <T extends string>(names: readonly T[], value: unknown): value is T =>
  (names as readonly unknown[]).includes(value);

const transport: Reader<OpenOptions['transport']> = (value, path) => {
  if (isOneOf(['udp', 'raw', 'memory'], value)) return value;
  return transportOf(value) ?? wrong(path, "'udp', 'raw', 'memory' or a Transport", value);
};

const device: Reader<NonNullable<OpenOptions['device']>> = (value, path) => {
  if (isOneOf(['tun', 'host'], value)) return value;
  if (isFunction(value)) return value as DeviceFactory;
  return deviceOf(value) ?? wrong(path, "'tun', 'host', a PacketDevice or a function", value);
};

const clock: Reader<NonNullable<OpenOptions['clock']>> = (value, path) =>
  withMethods(value, ['now', 'callAt']) ?? wrong(path, 'a Clock', value);

const isFunction = (value: unknown): boolean => typeof value === 'function';

const callback =
  <T>(): Reader<T> =>
  (value, path) =>
    isFunction(value) ? (value as T) : wrong(path, 'a function', value);

/** Not given is not given, for what has a default. */
const maybe =
  <T>(reader: Reader<T>): Reader<T> =>
  (value, path) =>
    value === undefined ? (value as T) : reader(value, path);

const readRecord = record<Required<OpenOptions>>({
  transport,
  device: maybe(device),
  pcap: maybe(text(MAX_PATH)),
  inside: maybe(callback()),
  wrap: maybe(callback()),
  restored: (value) => value as Required<OpenOptions>['restored'], // the node reads it
  authorize: maybe(callback()),
  clock: maybe(clock),
});

function withMethods<T>(value: unknown, names: readonly (keyof T & string)[]): T | null {
  if (typeof value !== 'object' || value === null) return null;
  return names.every((name) => isFunction((value as Partial<T>)[name])) ? (value as T) : null;
}

function wrong(path: string, expected: string, value: unknown): never {
  throw new TypeError(`${path}: ${expected} expected, got ${show(value)}`);
}
