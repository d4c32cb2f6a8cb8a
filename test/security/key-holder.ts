/**
 * A program whose memory is read by key-memory.test.ts: two protected nodes that agree, exchange packets, rekey twice,
 * and end. Every secret that the provider gets or gives is kept in another form, octet by octet, in one buffer of its
 * own; that is written to standard output, after which the program stays as it is until standard input ends.
 */
import type { TunnelConfig } from '../../src/dmvpn/config.js';
import { hubTunnel, spokeTunnel, VirtualLab } from '../../src/dmvpn/virtual-lab.js';
import { nodeCrypto } from '../../src/io/crypto-node.js';
import type { CryptoProvider } from '../../src/ipsec/crypto.js';
import { MASK, SECRETS, type SecretKind, STAGES, type Stage } from './key-record.js';

const record = Buffer.alloc(1 << 20); // zeros, and outside V8's heap
let recorded = 8; // total 4, end of those that are replaced 4

/** kind 1, octets 2, the octets masked. No copy in the clear is made. */
function remember(kind: SecretKind, secret: Uint8Array): void {
  if (secret.length < 16) return;
  record[recorded++] = SECRETS.indexOf(kind);
  recorded = record.writeUInt16BE(secret.length, recorded);
  for (let i = 0; i < secret.length; i++) record[recorded++] = (secret[i] as number) ^ MASK;
}

/** Ni | Nr, the key of SKEYSEED, has been sent in the clear; all other keys of the PRF have 32 octets here. */
const NONCES_OCTETS = 64;

function recording(base: CryptoProvider): CryptoProvider {
  return {
    ...base,
    openCipher: (suite, encryption, integrity) => {
      remember('cipher key', encryption);
      remember('integrity key', integrity);
      return base.openCipher(suite, encryption, integrity);
    },
    openHmac: (hash, key) => {
      if (key.length !== NONCES_OCTETS) remember('PRF key', key);
      return base.openHmac(hash, key);
    },
    openDh: (group, own) => {
      const dh = base.openDh(group, own);
      return {
        publicValue: dh.publicValue,
        wipe: () => dh.wipe(),
        derive: (peer) => {
          const shared = dh.derive(peer);
          if (shared !== null) remember('shared secret', shared);
          return shared;
        },
      };
    },
  };
}

const SHORT = { ikeLifetimeSeconds: 600, lifetimeSeconds: 300 } as const;
const PROFILES: Readonly<Record<string, object>> = {
  default: SHORT,
  cbc: {
    ...SHORT,
    ike: [
      {
        encryption: ['aes-256-cbc'],
        integrity: ['hmac-sha2-256-128'],
        prf: ['hmac-sha2-256'],
        groups: [14],
      },
    ],
    esp: [
      {
        encryption: ['aes-256-cbc'],
        integrity: ['hmac-sha2-256-128'],
        groups: [19],
        extendedSequence: [false],
      },
    ],
  },
};

/** The preshared key is made here, as octets, and overwritten by its owner, as an application would. */
function run(stage: Stage, profile: string): unknown {
  const secret = new Uint8Array(new ArrayBuffer(48));
  nodeCrypto().fillRandom(secret, 0, secret.length);
  remember('preshared key', secret);
  const protection = (): TunnelConfig['protection'] => ({
    kind: 'ipsec',
    keys: [{ peer: null, secret }],
    ...PROFILES[profile],
  });
  const lab = new VirtualLab(recording(nodeCrypto()));
  const hub = lab.add(hubTunnel({ protection: protection() }));
  const spoke = lab.add(spokeTunnel(1, { protection: protection() }));
  secret.fill(0);
  for (let round = 0; round < 4; round++) {
    lab.run(round === 0 ? 10_000 : 300_000);
    if (round === 0) record.writeUInt32BE(recorded, 4); // what is replaced later ends here
    spoke.ping('10.0.0.1', '10.0.0.100', 64, round);
  }
  lab.run(60_000);
  if (hub.delivered.length !== 4) throw new Error('the nodes do not talk');
  if (stage === 'open') return lab;
  for (const node of [spoke, hub]) node.act((n, now) => n.command(now, { kind: 'shutdown' }));
  lab.run(120_000);
  return lab; // whatever the nodes still hold is held
}

const [stage = '', profile = ''] = process.argv.slice(2);
if (!STAGES.some((known) => known === stage)) throw new Error(`one of ${STAGES} expected`);
const kept = run(stage as Stage, profile);
for (let i = 0; i < 4; i++) (globalThis as unknown as { gc(): void }).gc();
record.writeUInt32BE(recorded - 8);
process.stdout.write(record.subarray(0, recorded));
process.stdin.on('data', () => {});
process.stdin.on('end', () => process.exit(kept === undefined ? 1 : 0));
