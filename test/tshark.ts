/** tshark as a second opinion on a capture. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Checksums are verified, and nothing is guessed from what came before. */
const PREFERENCES = ['ip.check_checksum:TRUE', 'udp.check_checksum:TRUE', 'ip.defragment:FALSE'];

/**
 * The values of those fields in each frame of a capture file; several of one field are joined by commas.
 * @param preferences further ones, `name:value`
 */
export function tsharkRows(
  file: Uint8Array,
  fields: readonly string[],
  preferences: readonly string[] = [],
): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'dmvpn-')); // tshark reads no socket, which a piped stdin is
  try {
    const path = join(folder, 'capture');
    writeFileSync(path, file);
    return run(path, fields, [...PREFERENCES, ...preferences]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(path: string, fields: readonly string[], preferences: readonly string[]): string[][] {
  const options = preferences.flatMap((p) => ['-o', p]);
  const wanted = fields.flatMap((field) => ['-e', field]);
  const args = ['-n', '-r', path, ...options, '-T', 'fields', ...wanted];
  const { status, stdout, stderr } = spawnSync('tshark', args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`tshark ended with ${status}: ${stderr}`);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'));
}
