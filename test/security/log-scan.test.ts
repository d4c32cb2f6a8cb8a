/** The scan that reads every test's output for secrets, held to find them: reliability S10. */
import { execFileSync } from 'node:child_process';
import { createSecretKey, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { SecretScanner } from '../log-scan.js';
import { watch } from '../log-scan-setup.js';

const KEY = Buffer.from('8e31f0c2a95b7d6604e8b1933fd27ac5', 'hex');
const PSK = Buffer.from('correct horse battery staple');

function knowing(...secrets: Uint8Array[]): SecretScanner {
  const scanner = new SecretScanner();
  for (const secret of secrets) scanner.learn(secret, 'the key');
  return scanner;
}

describe('a secret is found', () => {
  it.each([
    ['as lower-case digits', KEY.toString('hex'), 'hexadecimal'],
    ['as upper-case digits', KEY.toString('hex').toUpperCase(), 'hexadecimal'],
    ['as a dump', `0010  ${KEY.toString('hex').replaceAll(/../g, '$& ')}`, 'hexadecimal'],
    ['as digits behind others', `0123f${KEY.toString('hex')}`, 'hexadecimal'],
    ['as a Buffer is shown', inspect({ key: KEY }), 'hexadecimal'],
    ['as octets with 0x', [...KEY].map((o) => `0x${o.toString(16)}`).join(', '), 'hexadecimal'],
    ['as an array is shown', inspect(Uint8Array.from(KEY)), 'decimal'],
    ['as JSON of an array', JSON.stringify({ key: Uint8Array.from(KEY) }), 'decimal'],
    ['as JSON of a list', JSON.stringify([...KEY]), 'decimal'],
    ['in base64', KEY.toString('base64'), 'base64'],
    ['in base64url', KEY.toString('base64url'), 'base64'],
    ['in base64 behind another octet', Buffer.concat([PSK, KEY]).toString('base64'), 'base64'],
    ['cut off', `${KEY.toString('hex').slice(0, 20)}`, 'hexadecimal'],
  ])('%s', (_, text, form) => {
    const scanner = knowing(KEY);
    expect(scanner.find(`key=${text}`)).toMatchObject({ secret: 'the key', form });
    expect(knowing(randomBytes(16)).find(`key=${text}`)).toBeNull();
  });

  it('as a text, and as a part of a longer key', () => {
    expect(knowing(PSK).find(`wrong key '${PSK}' for hub`)).toMatchObject({ form: 'text' });
    const long = Buffer.concat([randomBytes(16), KEY]);
    expect(knowing(long).find(KEY.toString('hex'))).not.toBeNull();
  });

  it('and not quoted in turn', () => {
    const leak = knowing(KEY).find(`the key is ${KEY.toString('hex')}, of the hub`);
    expect(leak?.before).toBe('the key is ');
  });

  it('and nothing else is', () => {
    const scanner = knowing(...Array.from({ length: 10_000 }, () => randomBytes(32)), PSK);
    for (let i = 0; i < 100; i++)
      expect(
        scanner.find(`${randomBytes(500).toString(i % 2 ? 'hex' : 'base64')} 10.0.0.1:4500`),
      ).toBeNull();
    const trivial = knowing(new Uint8Array(32), new Uint8Array(64).fill(0x0b));
    expect(trivial.find('0'.repeat(200))).toBeNull();
  });
});

describe('in a test file', () => {
  const found = (): string[] =>
    watch.found.splice(0).map(({ form, where }) => `${form} in ${where}`);

  it('a key that OpenSSL has been given is found when it is printed, and where', () => {
    const key = randomBytes(32);
    createSecretKey(key);
    console.info('a deliberate leak:', key.toString('hex'));
    expect(found()).toEqual([
      expect.stringMatching(/^hexadecimal in .* in in a test file > a key that OpenSSL/),
    ]);
    process.stderr.write(`a deliberate leak: ${key.toString('base64')}\n`);
    expect(found()).toEqual([expect.stringContaining('base64 in standard error')]);
  });

  it('a key that becomes one only afterwards is found at the end', () => {
    const key = randomBytes(32);
    console.info('a deliberate leak:', key.toString('hex'));
    createSecretKey(key);
    expect(watch.found).toEqual([]);
    watch.readAgain();
    expect(found()).toHaveLength(1);
  });
});

describe('a program under test', () => {
  const folder = mkdtempSync(`${tmpdir()}/dmvpn-log-scan-test-`);
  afterAll(() => rmSync(folder, { recursive: true }));
  const told = (name: string, program: string): string => {
    const file = `${folder}/${name}`;
    const env = { ...process.env, DMVPN_LOG_SCAN: file };
    const args = ['--input-type=module', '--eval', program];
    execFileSync(process.execPath, args, { env, stdio: 'pipe' });
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };
  const IMPORT = "import { createHmac, createSecretKey } from 'node:crypto';";

  it('is read as well, and tells', () => {
    const program = `${IMPORT} const key = Buffer.from('${KEY.toString('base64')}', 'base64');`;
    expect(told('silent', `${program} createSecretKey(key); console.log('up');`)).toBe('');
    expect(told('loud', `${program} createSecretKey(key); console.log('up', key);`)).toMatch(
      /^log scan: a key as hexadecimal in standard output/,
    );
    expect(told('late', `${program} console.error([...key]); createHmac('sha256', key);`)).toMatch(
      /^log scan: an HMAC key as decimal in standard error/,
    );
  });
});
