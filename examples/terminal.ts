/** What the examples have in common at the terminal: sentences for users, files, and a reader that goes away. */
import { readFileSync } from 'node:fs';

/** Its message is one sentence for whoever typed the command. */
export class Refusal extends Error {}

/** The first sentence of what parseArgs says, which may be three; else the message as it is. */
export function sentenceOf(error: Error): string {
  const isOption = String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
  return isOption ? `${error.message.split(/\.\s|\.$/)[0]}; see --help.` : error.message;
}

/** `… | head`: when nobody reads on, it ends without a word. */
export function endWithReader(end: () => void): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    end();
  });
}

/** @throws Refusal that names the file and says why it cannot be read. */
export function readWhole(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new Refusal(`${path} ${WHY[code] ?? `cannot be read: ${message}`}.`);
  }
}

/**
 * A file of JSON. What is wrong in it is not quoted, as `JSON.parse` would: there may be a password in it.
 * @throws Refusal that names the file
 */
export function readJson(path: string): unknown {
  const text = new TextDecoder().decode(readWhole(path));
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(`${path} is not JSON.`);
  }
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist, as a part of its path is no directory',
  EISDIR: 'is a directory, not a file',
  EACCES: 'may not be read by this user',
};
