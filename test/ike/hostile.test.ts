/** Strangers, liars and noise against an IKEv2 machine: reliability 1.3, S4, S6, S10, S12, S15. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../../src/io/crypto-node.js';
import type { CryptoProvider } from '../../src/ipsec/crypto.js';
import { decodeIkeMessage, messageBytes } from '../../src/ipsec/ike/message.js';
import { notifyName } from '../../src/ipsec/ike/numbers.js';
import type { IkePayload } from '../../src/ipsec/ike/payload.js';
import { kePayload, notify } from '../../src/ipsec/ike/v2/payloads.js';
import { IpAddress } from '../../src/wire/address.js';
import { toHex } from '../../src/wire/bytes.js';
import type { Path } from '../../src/wire/path.js';
import { unwrap } from '../../src/wire/result.js';
import { clearPayload } from './arbitraries.js';
import { address, Machine, Network, PSK, seeded, seededCrypto, usablePairs } from './pair.js';

const SELF = address('192.0.2.2');
const from = (remote: IpAddress, port = 500): Path => ({
  carrier: 'ike',
  local: { address: SELF, port: 500 },
  remote: { address: remote, port },
});

/** What a machine says to one datagram. */
function answers(machine: Machine, path: Path, bytes: Uint8Array, now = 0): Uint8Array[] {
  machine.ike.handleMessage(now, path, bytes);
  return machine.drain().map((d) => d.bytes);
}

const firstMessage = (seed = 1, config = {}): Uint8Array => {
  const a = new Machine('a', address('192.0.2.1'), config, seededCrypto(seeded(seed)));
  a.ike.want(0, { address: SELF, port: 0 }, { protocol: 47, local: a.address, remote: SELF });
  return a.drain()[0]?.bytes ?? expect.fail();
};

const target = (config = {}, crypto: CryptoProvider = seededCrypto(seeded(9))): Machine =>
  new Machine('b', SELF, config, crypto);

const notifications = (bytes: Uint8Array | undefined): string[] =>
  unwrap(decodeIkeMessage(bytes ?? expect.fail('no answer'))).payloads.flatMap((p) =>
    p.kind === 'notify' ? [notifyName(p.notifyType)] : [],
  );

/** The first message with other payloads. */
const edited = (
  edit: (payloads: IkePayload[]) => IkePayload[],
  bytes = firstMessage(),
): Uint8Array => {
  const { header, payloads } = unwrap(decodeIkeMessage(bytes));
  return messageBytes(header, edit([...payloads]));
};

describe('a stranger', () => {
  it('gets an answer no longer than its question when it is refused', () => {
    const wrongGroup = edited((p) =>
      p.map((x) => (x.kind === 'ke' ? kePayload(14, new Uint8Array(256)) : x)),
    );
    const offersNothing = edited((p) =>
      p.map((x) => (x.kind === 'sa' ? { ...x, proposals: [] } : x)).slice(1),
    );
    const cases: [string, Uint8Array, object][] = [
      ['INVALID_KE_PAYLOAD', wrongGroup, {}],
      ['INVALID_SYNTAX', offersNothing, {}],
      ['COOKIE', firstMessage(), { limits: { cookieThreshold: 0 } }],
      [
        'NO_PROPOSAL_CHOSEN',
        firstMessage(),
        {
          ike: [{ encryption: ['aes-192-gcm-8'], integrity: [], prf: ['hmac-sha1'], groups: [31] }],
        },
      ],
      [
        'UNSUPPORTED_CRITICAL_PAYLOAD',
        edited((p) => [...p, { kind: 'other', type: 200, flags: 0x80, data: new Uint8Array(0) }]),
        {},
      ],
    ];
    for (const [name, bytes, config] of cases) {
      const [answer] = answers(target(config), from(address('203.0.113.9')), bytes);
      expect(notifications(answer)).toEqual([name]);
      expect(answer?.length).toBeLessThanOrEqual(bytes.length);
    }
    const [whole] = answers(target(), from(address('203.0.113.9')), firstMessage());
    expect(whole?.length).toBeLessThanOrEqual(1.5 * firstMessage().length);
  });

  it('gets no Diffie-Hellman out of a public value that is none', () => {
    const group = (n: 14 | 31): object => ({
      ike: [{ encryption: ['aes-256-gcm-16'], integrity: [], prf: ['hmac-sha2-256'], groups: [n] }],
    });
    const p = 256;
    const one = new Uint8Array(p);
    one[p - 1] = 1;
    const bad: [14 | 31, Uint8Array][] = [
      [14, new Uint8Array(p)],
      [14, one],
      [14, new Uint8Array(p).fill(0xff)],
      [14, new Uint8Array(p - 1).fill(3)],
      [31, new Uint8Array(32)],
      [31, new Uint8Array(31).fill(9)],
    ];
    for (const [n, value] of bad) {
      const machine = target(group(n));
      const bytes = edited(
        (ps) => ps.map((x) => (x.kind === 'ke' ? kePayload(n, value) : x)),
        firstMessage(1, group(n)),
      );
      const [answer] = answers(machine, from(address('203.0.113.9')), bytes);
      expect(notifications(answer)).toEqual(['INVALID_SYNTAX']);
      expect(machine.ike.stats()).toEqual({ ikeSas: 0, halfOpen: 0, children: 0 });
    }
  });

  it('is forgotten after 30 seconds, and changes nothing meanwhile', () => {
    const machine = target();
    const bytes = firstMessage();
    const first = answers(machine, from(address('203.0.113.9')), bytes);
    expect(machine.ike.stats().halfOpen).toBe(1);
    expect(answers(machine, from(address('203.0.113.9')), bytes)).toEqual(first); // repeated
    expect(machine.ike.stats().halfOpen).toBe(1);
    machine.ike.handleTimeout(30_000);
    machine.drain();
    expect(machine.ike.stats()).toEqual({ ikeSas: 0, halfOpen: 0, children: 0 });
    expect(machine.log).toEqual([]);
  });

  it('gets its own first message answered by nobody who sent it', () => {
    const a = new Machine('a', address('192.0.2.1'), {}, seededCrypto(seeded(1)));
    a.ike.want(0, { address: SELF, port: 0 }, { protocol: 47, local: a.address, remote: SELF });
    const [sent] = a.drain();
    const reflected = { ...from(SELF), local: { address: a.address, port: 500 } };
    expect(answers(a, reflected, sent?.bytes ?? expect.fail())).toEqual([]);
  });
});

describe('a flood of first messages from invented addresses', () => {
  const FLOOD = Number(process.env.IKE_FLOOD ?? 3_000);

  it('costs no Diffie-Hellman past the threshold, bounded memory, and keeps nobody out', () => {
    let exchanges = 0;
    const base = seededCrypto(seeded(3));
    const counting: CryptoProvider = {
      ...base,
      openDh: (...args) => {
        exchanges++;
        return base.openDh(...args);
      },
    };
    const machine = target({}, counting);
    const flood = firstMessage(2);
    let mostHalfOpen = 0;
    for (let i = 0; i < FLOOD; i++) {
      const bytes = flood.slice();
      bytes.set([i >>> 16, i >>> 8, i], 1); // another SPI
      machine.ike.handleMessage(i / 1_000, from(new IpAddress(4, 0x0a000000 + i)), bytes);
      machine.drain();
      mostHalfOpen = Math.max(mostHalfOpen, machine.ike.stats().halfOpen);
    }
    console.info(
      `flood: ${FLOOD} strangers, ${exchanges} Diffie-Hellman, ${mostHalfOpen} half-open`,
    );
    expect(exchanges).toBe(30);
    expect(mostHalfOpen).toBe(30);

    const net = new Network(seeded(4));
    net.machines.push(machine);
    net.now = FLOOD / 1_000;
    const honest = net.add('a', '192.0.2.1');
    honest.want(net.now, machine);
    net.run(net.now + 10_000);
    expect(usablePairs(honest, machine)).toBe(1);
  });

  it('of one address that returns cookies ends at the limit for an address', () => {
    const limits = { cookieThreshold: 0, halfOpenPerAddress: 5 };
    const machine = target({ limits });
    const path = from(address('203.0.113.9'));
    for (let i = 0; i < 20; i++) {
      const bytes = firstMessage(100 + i);
      const [answer] = answers(machine, path, bytes);
      if (answer === undefined) continue;
      const { payloads } = unwrap(decodeIkeMessage(answer));
      const cookie = payloads.find((p) => p.kind === 'notify');
      expect(notifications(answer)).toEqual(['COOKIE']);
      const returned = edited(
        (p) => [notify(16_390, cookie?.kind === 'notify' ? cookie.data : expect.fail()), ...p],
        bytes,
      );
      answers(machine, path, returned);
    }
    expect(machine.ike.stats().halfOpen).toBe(5);
  });

  it('gets nothing for a cookie of another address, another nonce, or another time', () => {
    const machine = target({ limits: { cookieThreshold: 0 } });
    const path = from(address('203.0.113.9'));
    const bytes = firstMessage();
    const [answer] = answers(machine, path, bytes);
    const [first] = unwrap(decodeIkeMessage(answer ?? expect.fail())).payloads;
    const cookie = first?.kind === 'notify' ? first.data : expect.fail();
    const withCookie = (of: Uint8Array): Uint8Array =>
      edited((p) => [notify(16_390, cookie), ...p], of);
    const refused: [Path, Uint8Array, number][] = [
      [from(address('203.0.113.10')), bytes, 0],
      [from(address('203.0.113.9'), 501), bytes, 0],
      [path, firstMessage(5), 0],
      [path, bytes, 120_001],
    ];
    for (const [p, b, now] of refused)
      expect(notifications(answers(machine, p, withCookie(b), now)[0])).toEqual(['COOKIE']);
    const fresh = target({ limits: { cookieThreshold: 0 } }, seededCrypto(seeded(10)));
    expect(notifications(answers(fresh, path, withCookie(bytes))[0])).toEqual(['COOKIE']); // another secret
  });
});

describe('noise', () => {
  /** A conversation of two honest machines: init, auth, rekeys, delete. */
  const conversation = (() => {
    const net = new Network(seeded(6));
    const a = net.add('a', '192.0.2.1');
    const b = net.add('b', '192.0.2.2');
    a.want(0, b);
    net.run(1_000);
    a.ike.rekey(net.now, { address: b.address, port: 0 }, [...a.installed.keys()][0] ?? 0);
    net.run(2_000);
    b.ike.rekeyIkeSas(net.now, { address: a.address, port: 0 });
    net.run(3_000);
    return { net, a, b };
  })();

  it('never throws, whatever is flipped, cut, repeated or out of place, and changes nothing that is established', () => {
    const { net, a, b } = conversation;
    const before = toHex(Uint8Array.from(b.installed.keys()));
    const packets = net.sent.filter(({ from: sender }) => sender === a);
    fc.assert(
      fc.property(
        fc.nat(packets.length - 1),
        fc.array(fc.tuple(fc.nat(600), fc.integer({ min: 1, max: 255 })), { maxLength: 4 }),
        fc.nat(600),
        (which, flips, cut) => {
          const packet = packets[which] ?? expect.fail();
          const bytes = packet.bytes.slice(0, cut < 560 ? undefined : cut);
          for (const [at, flip] of flips)
            bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ flip;
          const { carrier, local, remote } = packet.path;
          b.ike.handleMessage(net.now, { carrier, local: remote, remote: local }, bytes);
          b.drain();
        },
      ),
      { numRuns: 2_000 },
    );
    expect(toHex(Uint8Array.from(b.installed.keys()))).toBe(before);
    expect(b.log.filter((o) => o.kind === 'deleted' && o.why === 'peer')).toEqual([]);
    net.run(net.now + 120_000);
    expect(usablePairs(a, b)).toBe(1);
  });

  it('of well-formed payloads in the clear, in every exchange, makes no association', () => {
    const machine = target();
    const path = from(address('203.0.113.9'));
    const bytes = firstMessage();
    const [reply] = answers(machine, path, bytes);
    const { header } = unwrap(decodeIkeMessage(reply ?? expect.fail()));
    fc.assert(
      fc.property(
        fc.array(clearPayload, { maxLength: 5 }),
        fc.constantFrom(34, 35, 36, 37, 43),
        fc.constantFrom(0, 8, 0x20, 0x28),
        fc.nat(2),
        (payloads, exchangeType, flags, messageId) => {
          const { initiatorSpi, responderSpi } = header;
          const fields = { initiatorSpi, responderSpi, exchangeType, flags, messageId };
          machine.ike.handleMessage(1, path, messageBytes(fields, payloads));
          machine.drain();
        },
      ),
      { numRuns: 1_000 },
    );
    expect(machine.log).toEqual([]);
    expect(machine.ike.stats()).toMatchObject({ children: 0, halfOpen: 1 });
  });
});

describe('secrets', () => {
  it('are overwritten when the IKE SA ends', () => {
    const keys: Uint8Array[] = []; // the very octets, not copies
    const base = seededCrypto(seeded(11));
    const watching: CryptoProvider = {
      ...base,
      openHmac: (hash, key) => {
        keys.push(key);
        return base.openHmac(hash, key);
      },
      openCipher: (suite, encryption, integrity) => {
        keys.push(encryption, integrity);
        return base.openCipher(suite, encryption, integrity);
      },
    };
    const net = new Network(seeded(12));
    const a = new Machine('a', address('192.0.2.1'), {}, watching);
    net.machines.push(a);
    const b = net.add('b', '192.0.2.2');
    a.want(0, b);
    net.run(1_000);
    a.ike.rekeyIkeSas(net.now, { address: b.address, port: 0 });
    net.run(2_000);
    a.ike.shutdown(net.now);
    net.run(100_000);
    expect(a.ike.stats().ikeSas).toBe(0);
    expect(keys.length).toBeGreaterThan(10);
    expect(keys.filter((key) => key.some((octet) => octet !== 0)).map((key) => key.length)).toEqual(
      [],
    );
  });

  it('stand in no output, notice or error', () => {
    const seen: Uint8Array[] = [PSK];
    const base = nodeCrypto();
    const spying: CryptoProvider = {
      ...base,
      openHmac: (hash, key) => {
        const keyed = base.openHmac(hash, key);
        return {
          ...keyed,
          compute: (...parts) => {
            const out = keyed.compute(...parts);
            seen.push(Uint8Array.from(key), Uint8Array.from(out));
            return out;
          },
        };
      },
      openCipher: (suite, encryption, integrity) => {
        seen.push(Uint8Array.from(encryption), Uint8Array.from(integrity));
        return base.openCipher(suite, encryption, integrity);
      },
    };
    const net = new Network(seeded(8));
    const a = new Machine('a', address('192.0.2.1'), {}, spying);
    net.machines.push(a);
    const b = net.add('b', '192.0.2.2', { keys: [{ peer: null, secret: PSK }] });
    a.want(0, b);
    net.run(1_000);
    a.ike.rekey(net.now, { address: b.address, port: 0 }, [...a.installed.keys()][0] ?? 0);
    net.run(60_000);
    const text = JSON.stringify([a.log, a.notices, b.log, b.notices, a.ike]);
    const leaked = seen
      .filter((secret) => secret.length >= 16)
      .filter((secret) => {
        const buffer = Buffer.from(secret);
        return ['hex', 'base64', 'latin1'].some((form) =>
          text.includes(buffer.toString(form as 'hex')),
        );
      });
    expect(seen.length).toBeGreaterThan(20);
    expect(leaked).toEqual([]);
  });
});
