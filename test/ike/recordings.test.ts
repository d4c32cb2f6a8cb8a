/** IKEv2 that others spoke and recorded with their secrets: every message opened, every key derived, all made again. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../src/io/crypto-node.js';
import { prfPlus } from '../../src/ipsec/ike/key-schedule.js';
import { decodeIkeMessage } from '../../src/ipsec/ike/message.js';
import { decodePayloads, type IkePayload } from '../../src/ipsec/ike/payload.js';
import { openEncrypted } from '../../src/ipsec/ike/protect.js';
import { cipherSuite, PRF, type PrfName } from '../../src/ipsec/suites.js';
import { fromHex, toHex } from '../../src/wire/bytes.js';
import { unwrap } from '../../src/wire/result.js';
import { needs } from '../require.js';
import { type Counts, ikeDatagrams, Observer, type RecordedSecrets } from './observer.js';

const SECRETS = JSON.parse(readFileSync('test/vectors/ike-keys.json', 'utf8')) as Record<
  string,
  RecordedSecrets
>;
const TCPDUMP = '../shared/vectors/tcpdump';
const report = (what: string, counts: object): void =>
  console.info(`vectors: ${what}: ${JSON.stringify(counts)}`);

describe('recorded IKEv2', () => {
  const total: Counts = new Observer({ psk: ['', ''], ikeSas: [], children: [] }).counts;

  it.each(Object.entries(SECRETS))('%s', (name, secrets) => {
    const observer = new Observer(secrets);
    for (const datagram of ikeDatagrams(`test/vectors/captures/${name}`))
      observer.observe(datagram);
    const { counts } = observer;
    expect(counts.messages).toBeGreaterThan(3);
    expect(counts.sealedAgain).toBe(counts.decrypted);
    expect(counts).toMatchObject({
      ikeSas: secrets.ikeSas.length,
      children: secrets.children.length,
    });
    expect(counts.authReproduced).toBeGreaterThan(0);
    expect(counts.authWrong).toBe(0);
    for (const key of Object.keys(counts) as (keyof Counts)[]) total[key] += counts[key];
  });

  it('is complete', () => {
    report('recorded IKEv2', total);
    expect(total).toMatchObject({ ikeSas: 11, children: 9 });
  });
});

needs('shared-vectors')('third parties’ IKE', () => {
  interface PrfPlusVector {
    readonly fields: Readonly<Record<'arg.prf' | 'key' | 'salt' | 'out', string>>;
  }
  const NAMES: Readonly<Record<string, PrfName>> = {
    PRF_HMAC_SHA1: 'hmac-sha1',
    PRF_HMAC_SHA2_256: 'hmac-sha2-256',
    PRF_HMAC_SHA2_384: 'hmac-sha2-384',
    PRF_HMAC_SHA2_512: 'hmac-sha2-512',
  };

  it('prf+ of RFC 4868 and NIST CAVP', () => {
    const path = '../shared/vectors/strongswan-kat/kdf_prf_plus.json';
    const { vectors } = JSON.parse(readFileSync(path, 'utf8')) as { vectors: PrfPlusVector[] };
    for (const { fields } of vectors) {
      const prf = PRF[NAMES[fields['arg.prf']] ?? expect.fail(fields['arg.prf'])];
      const out = fromHex(fields.out);
      const ours = prfPlus(
        nodeCrypto(),
        prf,
        fromHex(fields.key),
        [fromHex(fields.salt)],
        out.length,
      );
      expect(toHex(ours)).toBe(fields.out);
    }
    report('prf+', { equal: vectors.length });
    expect(vectors.length).toBeGreaterThan(5);
  });

  it('tcpdump’s ikev2pI2.pcap: nobody has its ICV, with ours it opens', () => {
    const secrets = readFileSync(`${TCPDUMP}/ikev2pI2-secrets.txt`, 'utf8');
    const [, integrity, encryption] = /sha1:0x(\w+) aes128:0x(\w+)/.exec(secrets) ?? [];
    const suite = cipherSuite('aes-128-cbc', 'hmac-sha1-96');
    const keys = [fromHex(encryption ?? ''), fromHex(integrity ?? '')] as const;
    const sk = { cipher: nodeCrypto().openCipher(suite, ...keys), suite };
    const [, datagram] = ikeDatagrams(`${TCPDUMP}/ikev2pI2.pcap`);
    const open = (bytes: Uint8Array): readonly IkePayload[] | string => {
      const payload = unwrap(decodeIkeMessage(bytes)).payloads.at(-1);
      if (payload?.kind !== 'sk') return 'no SK';
      const opened = openEncrypted(sk, bytes, payload);
      return opened.ok
        ? unwrap(decodePayloads(opened.value.content, payload.inner))
        : opened.error.code;
    };
    const bytes = datagram ?? expect.fail();
    expect(open(bytes.slice())).toBe('bad-icv'); // tcpdump does not check it
    const icvAt = bytes.length - 12;
    const icv = nodeCrypto().openHmac('sha1', keys[1]).compute(bytes.subarray(0, icvAt));
    bytes.set(icv.subarray(0, 12), icvAt);
    expect(open(bytes)).toMatchObject([
      { kind: 'id', id: { type: 2, data: new Uint8Array(Buffer.from('west')) } },
      { kind: 'auth', auth: { type: 1 } },
    ]);
  });

  it('malformed ISAKMP is refused with a place, never thrown', () => {
    const files = readdirSync(TCPDUMP).filter((name) => /^(isakmp|ikev2).*\.pcap(ng)?$/.test(name));
    const refused = files.map((name) => {
      const bytes = readFileSync(`${TCPDUMP}/${name}`);
      let refusals = 0;
      // every offset as the beginning of a message, and every message as it is
      for (const datagram of safeDatagrams(`${TCPDUMP}/${name}`))
        if (!decodeIkeMessage(datagram).ok) refusals++;
      for (let at = 0; at < bytes.length; at++) {
        const result = decodeIkeMessage(bytes.subarray(at));
        if (!result.ok) expect(result.error.field).toMatch(/^ike\./);
      }
      return `${name}: ${refusals}`;
    });
    report('malformed ISAKMP', { files: files.length, refused });
    expect(files.length).toBeGreaterThan(5);
  });
});

function safeDatagrams(path: string): Uint8Array[] {
  try {
    return ikeDatagrams(path);
  } catch {
    return []; // the capture file itself is cut short
  }
}
