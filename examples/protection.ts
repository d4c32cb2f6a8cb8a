/**
 * How hub, spoke and `npm start` are protected: by IPsec, unless clear text is asked for by name. The preshared key
 * comes from a file or from the environment, never from the command line, which every user of the machine can read.
 */
import type { TunnelConfig } from 'dmvpn/dmvpn';
import { Refusal, readWhole } from './terminal.js';

/** For parseArgs. */
export const PROTECTION_OPTIONS: {
  readonly 'psk-file': { readonly type: 'string' };
  readonly 'insecure-cleartext': { readonly type: 'boolean'; readonly default: false };
} = {
  'psk-file': { type: 'string' },
  'insecure-cleartext': { type: 'boolean', default: false },
};

export const PROTECTION_HELP = `  --psk-file FILE          preshared key of IKEv2: the octets of the file, without the newline at its end;
                           or the text of the environment variable DMVPN_PSK
  --insecure-cleartext     no IPsec: GRE as it is, for everybody to read and to forge`;

interface ProtectionValues {
  readonly 'psk-file'?: string | undefined;
  readonly 'insecure-cleartext': boolean;
}

/** What a tunnel is protected by. */
export interface Protected {
  readonly protection: TunnelConfig['protection'];
  /** Where the key comes from. */
  readonly key: 'none' | 'given' | 'otherwise';
  /** Overwrites the key, once nodes have been opened with it: they have copies of their own. */
  wipe(): void;
}

const CLEARTEXT: Protected = {
  protection: { kind: 'insecure-cleartext' },
  key: 'none',
  wipe() {},
};

/**
 * Before the options are parsed, whose errors quote what is wrong.
 * @throws Refusal for a key on the command line
 */
export function refuseKeyInArguments(args: readonly string[] = process.argv.slice(2)): void {
  if (args.some((arg) => arg === '--psk' || arg.startsWith('--psk=')))
    throw new Refusal(
      '--psk is not taken, as every user can read the command line: use --psk-file FILE or DMVPN_PSK in the environment.',
    );
}

/**
 * @param otherwise the key where none is given; null = there has to be one
 * @throws Refusal that says what to do
 */
export function protectionOf(
  { 'psk-file': file, 'insecure-cleartext': isClear }: ProtectionValues,
  otherwise: Uint8Array | null = null,
): Protected {
  const fromEnvironment = takeFromEnvironment();
  if (isClear && (file !== undefined || fromEnvironment !== null))
    throw new Refusal('--insecure-cleartext has no use for a key: leave out one or the other.');
  if (isClear) return CLEARTEXT;
  if (file !== undefined && fromEnvironment !== null)
    throw new Refusal('--psk-file and DMVPN_PSK are both given: leave out one of them.');
  const secret = file === undefined ? (fromEnvironment ?? otherwise) : readKey(file);
  if (secret === null)
    throw new Refusal(
      'There is no preshared key: give --psk-file FILE or set DMVPN_PSK, or say --insecure-cleartext.',
    );
  // ESP in UDP 4500 from the start where the transport is UDP: that is the default of its carrier.
  return {
    protection: { kind: 'ipsec', keys: [{ peer: null, secret }] },
    key: secret === otherwise ? 'otherwise' : 'given',
    wipe: () => void secret.fill(0),
  };
}

/** Programs that are started from here do not inherit it. */
function takeFromEnvironment(): Uint8Array | null {
  const { DMVPN_PSK: text } = process.env;
  delete process.env.DMVPN_PSK;
  if (text === undefined) return null;
  if (text === '') throw new Refusal('DMVPN_PSK is empty: set it to the preshared key.');
  return new TextEncoder().encode(text);
}

/** Octets, never a string: a string cannot be overwritten. */
function readKey(file: string): Uint8Array {
  const whole = readWhole(file);
  const newline = whole.at(-1) !== 0x0a ? 0 : whole.at(-2) === 0x0d ? 2 : 1;
  const secret = Uint8Array.from(whole.subarray(0, whole.length - newline));
  whole.fill(0);
  if (secret.length === 0) throw new Refusal(`${file} is empty: write the preshared key into it.`);
  return secret;
}
