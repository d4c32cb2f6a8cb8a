/** Who has not proven who he is changes nothing: reliability S12 and S15, as properties. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hubTunnel,
  ip,
  type LabNode,
  spokeTunnel,
  VirtualLab,
} from '../../src/dmvpn/virtual-lab.js';
import { nodeCrypto } from '../../src/io/crypto-node.js';
import type { CryptoProvider } from '../../src/ipsec/crypto.js';
import { decodeIkeMessage } from '../../src/ipsec/ike/message.js';
import { encodePayloads, type IkePayload, payloadsOctets } from '../../src/ipsec/ike/payload.js';
import { paddingFor, type SkCipher, sealEncrypted } from '../../src/ipsec/ike/protect.js';
import type { AuthenticationExtension, Extension } from '../../src/nhrp/codec/extension.js';
import { decodeMessage, type NhrpMessage } from '../../src/nhrp/codec/message.js';
import { nhrpMessage } from '../../src/testing/arbitraries/nhrp.js';
import type { Path } from '../../src/wire/path.js';
import { unwrap } from '../../src/wire/result.js';
import { clearPayload } from '../ike/arbitraries.js';
import { address, Machine, Network, PSK, seeded, seededCrypto } from '../ike/pair.js';
import { HUB_NBMA, inGre, password } from './strangers.js';

describe('NHRP', () => {
  const lab = new VirtualLab();
  const hub = lab.add(hubTunnel());
  const one = lab.add(spokeTunnel(1));
  lab.add(spokeTunnel(2));
  lab.run(1_000);
  one.ping('192.168.101.5', '192.168.102.5'); // a shortcut
  lab.run(1_000);

  /** All that a node holds, at a time that stands still. */
  const stateOf = ({ node }: LabNode): string =>
    JSON.stringify([node.snapshot(lab.now), node.view(lab.now)], (_, v) =>
      typeof v === 'bigint' ? String(v) : v,
    );

  const NBMA = ['192.168.1.2', '192.168.2.2', HUB_NBMA, '203.0.113.9'];
  const OVERLAY = ['10.0.0.1', '10.0.0.2', '10.0.0.100', '10.0.0.9', '192.168.101.5'];
  const nbma = fc.constantFrom(...NBMA).map(ip);
  const overlay = fc.constantFrom(...OVERLAY).map(ip);

  /** None, a wrong one, one that is nearly right, the right one in a form that is not ours. */
  const authentication: fc.Arbitrary<readonly AuthenticationExtension[]> = fc.oneof(
    fc.constant([]),
    fc.constantFrom('guess', 'test124', 'test12', 'test1234', 'TEST123').map((p) => [password(p)]),
    fc.constantFrom(0, 2, 256).map((spi) => [{ ...password('test123'), spi }]),
    fc.constant([{ ...password('test123'), source: new Uint8Array(4) }]),
    fc.constant([{ ...password('test123'), reserved16: 1 }]),
    fc.constant([{ ...password('test123'), data: new Uint8Array(0) }]),
  );

  const isAuthentication = (e: Extension): boolean => e.kind === 'authentication';

  /** Anything that decodes, about addresses that matter here. */
  const forged = (type: NhrpMessage['type']): fc.Arbitrary<Uint8Array> =>
    fc
      .tuple(
        nhrpMessage({ type, addressFamily: 1, protocolType: 0x800 }),
        fc.tuple(nbma, overlay, overlay, nbma, overlay),
        authentication,
        fc.boolean(),
      )
      .map(([message, [from, source, destination, next, about], proof, usual]) => {
        const extensions = [
          ...proof,
          ...(usual ? [] : (message.extensions ?? []).filter((e) => !isAuthentication(e))),
        ];
        const header = {
          hopCount: 255,
          snap: null,
          sourceNbmaAddress: from,
          sourceNbmaSubaddress: null,
          sourceProtocolAddress: source,
          destinationProtocolAddress: destination,
          extensions: extensions.length === 0 ? null : extensions,
        };
        const cies =
          'cies' in message
            ? message.cies.map((cie) => ({
                ...cie,
                code: 0,
                nbmaAddress: next,
                nbmaSubaddress: null,
                protocolAddress: about,
                holdingTimeSeconds: 7_200,
              }))
            : [];
        const body =
          'cies' in message
            ? { ...message, flags: 0, requestId: message.requestId & 0xff, cies }
            : message;
        return inGre({ ...body, ...header } as NhrpMessage);
      });

  const give = (node: LabNode, local: string, remote: string, bytes: Uint8Array): void => {
    const at = (text: string) => ({ address: ip(text), port: 0 });
    const path: Path = { carrier: 'gre', local: at(local), remote: at(remote) };
    node.act((n, now) => n.handleDatagram(now, path, bytes));
  };

  it.each([1, 2, 3, 4, 5, 6, 7, 8] as const)('of type %i changes no hub and no spoke', (type) => {
    const before = [hub, one].map(stateOf);
    fc.assert(
      fc.property(forged(type), fc.constantFrom(...NBMA), (bytes, from) => {
        give(hub, HUB_NBMA, from, bytes);
        give(one, '192.168.1.2', from, bytes);
        expect([hub, one].map(stateOf)).toEqual(before);
      }),
      { numRuns: 150 },
    );
  });

  it('with the right password does: so the messages would have been understood', () => {
    const before = stateOf(hub);
    const changed = fc.sample(forged(3), { numRuns: 300, seed: 7 }).filter((bytes) => {
      const message = bytes.subarray(8);
      const right = withPassword(message);
      if (right === null) return false;
      give(hub, HUB_NBMA, '203.0.113.9', right);
      return stateOf(hub) !== before;
    });
    expect(changed.length).toBeGreaterThan(0);
  });

  function withPassword(octets: Uint8Array): Uint8Array | null {
    const decoded = decodeMessage(octets);
    return decoded.ok ? inGre({ ...decoded.value, extensions: [password('test123')] }) : null;
  }
});

describe('IKE', () => {
  /** The keys that a machine gets for its IKE SA; the first are the initiator's. */
  function watched(random: () => number): { crypto: CryptoProvider; outbound: () => SkCipher } {
    const base = seededCrypto(random);
    let first: SkCipher | null = null;
    const crypto: CryptoProvider = {
      ...base,
      openCipher: (suite, encryption, integrity) => {
        first ??= { cipher: nodeCrypto().openCipher(suite, encryption, integrity), suite };
        return base.openCipher(suite, encryption, integrity);
      },
    };
    return { crypto, outbound: () => first ?? expect.fail('no keys yet') };
  }

  /** A stranger has come through IKE_SA_INIT and can encrypt; of the preshared key it knows nothing. */
  function halfOpen(seed: number) {
    const random = seeded(seed);
    const { crypto, outbound } = watched(random);
    const secret = Uint8Array.from(PSK, (octet) => octet ^ 1);
    const a = new Machine('a', address('192.0.2.1'), { keys: [{ peer: null, secret }] }, crypto);
    const net = new Network(random);
    const b = net.add('b', '192.0.2.2');
    a.want(0, b);
    const [first] = a.drain();
    const path: Path = {
      carrier: 'ike',
      local: { address: b.address, port: 500 },
      remote: { address: a.address, port: 500 },
    };
    b.ike.handleMessage(0, path, first?.bytes ?? expect.fail());
    const [answer] = b.drain();
    const back = { ...path, local: path.remote, remote: path.local };
    a.ike.handleMessage(0, back, answer?.bytes ?? expect.fail());
    const [auth] = a.drain();
    const { header } = unwrap(decodeIkeMessage(answer?.bytes ?? expect.fail()));
    return { b, path, header, sk: outbound(), auth: auth?.bytes ?? expect.fail() };
  }

  let sealed = 1_000;
  function encrypted(
    { header, sk }: ReturnType<typeof halfOpen>,
    payloads: readonly IkePayload[],
    exchangeType: number,
    messageId: number,
  ): Uint8Array {
    const content = new Uint8Array(payloadsOctets(payloads));
    encodePayloads(payloads, content, 0);
    const iv = new Uint8Array(8);
    new DataView(iv.buffer).setUint32(4, sealed++);
    const padding = paddingFor(sk, content.length);
    const { initiatorSpi, responderSpi } = header;
    const fields = { initiatorSpi, responderSpi, exchangeType, flags: 0x08, messageId };
    const inner = payloads[0]?.type ?? 0;
    return sealEncrypted(sk, { header: fields, inner, content, padding, iv, fragment: null });
  }

  it('of whoever has the keys of an exchange but not the preshared key makes and changes nothing', () => {
    const understood = new Set<string>();
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.array(clearPayload, { maxLength: 6 }), fc.constantFrom(35, 36, 37, 43)),
          {
            minLength: 1,
            maxLength: 3,
          },
        ),
        fc.nat(),
        fc.boolean(),
        (messages, seed, withAuth) => {
          const stranger = halfOpen(seed);
          const { b, path } = stranger;
          if (withAuth) b.ike.handleMessage(1, path, stranger.auth); // well-formed, by the wrong key
          messages.forEach(([payloads, exchangeType], i) => {
            const bytes = encrypted(stranger, payloads, exchangeType, 1 + i + (withAuth ? 1 : 0));
            b.ike.handleMessage(1, path, bytes);
          });
          for (const { bytes } of b.drain()) understood.add(`answer of ${bytes.length > 0}`);
          for (const notice of b.notices) understood.add(notice.kind);
          expect(b.log).toEqual([]);
          expect(b.ike.stats()).toMatchObject({ children: 0 });
          b.ike.handleTimeout(30_001);
          b.drain();
          expect(b.ike.stats()).toEqual({ ikeSas: 0, halfOpen: 0, children: 0 });
          expect(b.log).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
    expect(understood).toContain('answer of true'); // they were decrypted, and refused for what they are
    expect(understood).toContain('closed');
  }, 60_000);

  it('takes for its peer no machine that proves nothing, and asks nobody about it', () => {
    const { b, path, auth } = halfOpen(1);
    b.ike.handleMessage(1, path, auth);
    b.drain();
    expect(b.notices.at(-1)).toMatchObject({ kind: 'closed', why: 'authentication' });
    expect(b.log).toEqual([]);
  });
});
