/**
 * Loaded before a program under test, by NODE_OPTIONS: reads what it prints, and tells the test file of secrets by the
 * file that DMVPN_LOG_SCAN names. The program ends as it would have.
 */
import { appendFileSync } from 'node:fs';
import { basename } from 'node:path';
import { learnFromCrypto, PrintWatch, sentenceOf } from './log-scan-hooks.js';

/** One whole line of test/interop/peer.ts, for the story that asks for the keys. */
const EXPORTED = /^\{"type":"event","event":\{"type":"keys-exported",[^\n]*\n$/;

const watch = new PrintWatch(
  () =>
    process.argv
      .slice(1)
      .map((word) => basename(word))
      .join(' '),
  (text) => EXPORTED.test(text),
);

function report(): void {
  const file = process.env.DMVPN_LOG_SCAN;
  const found = watch.found.splice(0);
  if (file !== undefined && found.length > 0)
    appendFileSync(file, found.map((leak) => `${sentenceOf(leak)}\n`).join(''));
}

learnFromCrypto();
watch.watch(process.stdout, 'standard output', report);
watch.watch(process.stderr, 'standard error', report);
process.on('exit', () => {
  watch.readAgain();
  report();
});
