/**
 * What is left of keys: reliability S9. The whole writable memory of a process is searched, V8's heap, array buffers,
 * OpenSSL's and all (a heap snapshot has no contents of arrays), for the first and last 16 octets of every secret that
 * its provider was given or gave, as octets and as hexadecimal text.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { needs } from '../require.js';
import { MASK, SECRETS, type SecretKind, type Stage } from './key-record.js';
import { findInMemory } from './process-memory.js';

const PROGRAM = `${import.meta.dirname}/key-holder.ts`;
const NEEDLE_OCTETS = 16;

interface Recorded {
  readonly kind: SecretKind;
  /** Of the associations that were replaced later. */
  readonly isReplaced: boolean;
  readonly octets: Buffer;
}

let child: ChildProcess | null = null;
afterEach(() => child?.kill('SIGKILL'));

/** Runs the program to the end of its work; it stays. */
async function hold(stage: Stage, profile: string): Promise<{ pid: number; secrets: Recorded[] }> {
  const args = ['--expose-gc', '--import', import.meta.resolve('tsx'), PROGRAM, stage, profile];
  const started = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' }, // the log scan would remember keys
  });
  child = started;
  const chunks: Buffer[] = [];
  for (let octets = 0, expected = 8; octets < expected; ) {
    const [chunk] = (await once(started.stdout, 'data')) as [Buffer];
    chunks.push(chunk);
    octets += chunk.length;
    if (octets >= 8) expected = 8 + Buffer.concat(chunks).readUInt32BE(0);
  }
  return { pid: started.pid ?? 0, secrets: decode(Buffer.concat(chunks)) };
}

/** total 4, end of the replaced ones 4, then each: kind 1, octets 2, the octets masked. */
function decode(record: Buffer): Recorded[] {
  const secrets: Recorded[] = [];
  for (let at = 8; at < record.length; ) {
    const kind = SECRETS[record.readUInt8(at)] ?? expect.fail();
    const end = at + 3 + record.readUInt16BE(at + 1);
    const octets = Buffer.from(record.subarray(at + 3, end).map((octet) => octet ^ MASK));
    secrets.push({ kind, isReplaced: at < record.readUInt32BE(4), octets });
    at = end;
  }
  return secrets;
}

/** Of each secret that is found: what it is, in which form, and where. */
function remains(pid: number, secrets: readonly Recorded[]): { secret: Recorded; text: string }[] {
  const needles = secrets.flatMap((secret) =>
    [0, secret.octets.length - NEEDLE_OCTETS].flatMap((at) => {
      const part = secret.octets.subarray(at, at + NEEDLE_OCTETS);
      return [
        { secret, form: 'octets', part },
        { secret, form: 'hexadecimal', part: Buffer.from(part.toString('hex')) },
      ];
    }),
  );
  const places = findInMemory(
    pid,
    needles.map(({ part }) => part),
  );
  return places.flatMap(({ needle, region }) => {
    const found = needles[needle];
    if (found === undefined) return [];
    const { secret, form } = found;
    return [{ secret, text: `${secret.kind} as ${form} in ${region.name || 'anonymous memory'}` }];
  });
}

needs('process-memory')('keys in the memory of a process', () => {
  it.each(['default', 'cbc'])(
    'are none when its nodes are closed: %s suites',
    async (profile) => {
      const { pid, secrets } = await hold('closed', profile);
      expect(new Set(secrets.map(({ kind }) => kind))).toContain('shared secret');
      expect(secrets.length).toBeGreaterThan(50);
      expect(remains(pid, secrets).map(({ text }) => text)).toEqual([]);
    },
    60_000,
  );

  it('are those in use while its nodes are up, and none that was replaced or deleted', async () => {
    const { pid, secrets } = await hold('open', 'default');
    const found = remains(pid, secrets);
    const kinds = found.map(({ secret }) => secret.kind);
    expect(kinds).toContain('cipher key'); // so the search does find them
    expect(kinds).toContain('preshared key');
    const psk = secrets.find(({ kind }) => kind === 'preshared key');
    const replaced = found.filter(
      ({ secret }) => secret.isReplaced && !secret.octets.equals(psk?.octets ?? expect.fail()),
    );
    expect(replaced.map(({ text }) => text)).toEqual([]);
    expect(kinds).not.toContain('shared secret');
  }, 60_000);
});
