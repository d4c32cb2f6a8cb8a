/** Who may import whom, and what only `src/io` may touch: the table of docs/architecture.md as data. */

interface Layer {
  /** Layers whose values and types may be imported, beside its own. */
  readonly values: readonly string[];
  /** Layers of which only types may be imported. */
  readonly types?: readonly string[];
}

const PROTOCOLS = ['wire', 'gre', 'ipsec', 'cache', 'nhrp/codec'];
const CORE = [...PROTOCOLS, 'nhrp/engine', 'nhrp'];

/** A file belongs to the longest name here that its path in src starts with. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  wire: { values: [] },
  gre: { values: ['wire'] },
  ipsec: { values: ['wire'] },
  cache: { values: ['wire'] },
  'nhrp/codec': { values: ['wire'] },
  'nhrp/engine': { values: ['wire', 'cache', 'nhrp/codec'] },
  nhrp: { values: ['nhrp/codec', 'nhrp/engine'] }, // its index.ts
  dmvpn: { values: CORE },
  dialect: { values: ['wire'], types: ['dmvpn'] },
  io: { values: ['dmvpn', 'wire'], types: ['nhrp/engine', 'ipsec'] },
  testing: { values: [...CORE, 'dmvpn', 'dialect', 'io'] },
  'index.ts': { values: [...CORE, 'dmvpn'] },
};

/** Files that a layer may not import although it may import their layer: they load native code. */
export const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  testing: ['src/io/raw', 'src/io/packet', 'src/io/tun'],
};

/** The only doors to each package; a door that ends in `/` is a folder. */
export const PACKAGE_DOORS: Readonly<Record<string, readonly string[]>> = {
  'buffer-layout': ['src/wire/layout.ts'],
  'ip-num': ['src/wire/address.ts'],
  tweetnacl: ['src/wire/constant-time.ts', 'src/ipsec/ike/'],
  koffi: ['src/io/'],
  'fast-check': ['src/testing/'],
};

/** An optional peer: its values are imported when they are needed, `await import('koffi')`, never at load. */
export const LOADED_LATE: readonly string[] = ['koffi'];

/** Where the outside world begins. */
export const OUTSIDE_WORLD = 'src/io/';

/** Global names that no file outside `src/io` may use, and why. */
export const FORBIDDEN_GLOBALS: ReadonlyMap<string, string> = new Map([
  ...names('time is an argument', 'Date performance'),
  ...names('the node says when to call again', 'setTimeout setInterval setImmediate'),
  ...names('the node says when to call again', 'clearTimeout clearInterval clearImmediate'),
  ...names('the core is synchronous', 'Promise AsyncIterable AsyncIterator AsyncGenerator'),
  ...names('the core is synchronous', 'queueMicrotask'),
  ...names('randomness and crypto are given', 'crypto'),
  ...names('the core runs outside Node too', 'Buffer process require module global globalThis'),
  ...names('the node reports by outputs', 'console EventEmitter EventTarget'),
  ...names('sockets live in src/io', 'fetch WebSocket'),
]);

function names(why: string, list: string): [string, string][] {
  return list.split(' ').map((name) => [name, why]);
}
