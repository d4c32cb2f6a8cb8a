/** tshark decrypts what our machines say to each other, with the keys that `exportKeys` hands out. */
import { expect, it } from 'vitest';
import { captureOf } from '../../src/io/capture/capture.js';
import { encodeCaptureFile } from '../../src/io/capture/capture-file.js';
import { nodeCrypto } from '../../src/io/crypto-node.js';
import { EspOutbound } from '../../src/ipsec/esp/outbound.js';
import type { IkeConfig } from '../../src/ipsec/ike/v2/settings.js';
import type { EncryptionName, IntegrityName } from '../../src/ipsec/suites.js';
import { readU32 } from '../../src/wire/bytes.js';
import { IP_PROTOCOL } from '../../src/wire/ip-protocol.js';
import { encodeIpv4Header, ipv4Header } from '../../src/wire/ipv4.js';
import { LINK_TYPE } from '../../src/wire/link-layer.js';
import type { Path } from '../../src/wire/path.js';
import { encodeUdp } from '../../src/wire/udp.js';
import { needs } from '../require.js';
import { tsharkRows } from '../tshark.js';
import { type Machine, Network, seeded } from './pair.js';

/** tshark 4.0 knows no ChaCha20-Poly1305, and no extended sequence numbers in ESP. */
const CIPHERS: readonly (readonly [EncryptionName, IntegrityName | null])[] = [
  ['aes-128-gcm-8', null],
  ['aes-192-gcm-12', null],
  ['aes-256-gcm-16', null],
  ['aes-128-cbc', 'hmac-sha1-96'],
  ['aes-192-cbc', 'hmac-sha2-256-128'],
  ['aes-256-cbc', 'hmac-sha2-512-256'],
];
const UDP_PORTS = { esp: 0, gre: 0, 'gre-udp': 4754, ike: 500, 'ike-natt': 4500 } as const;

function configOf(encryption: EncryptionName, integrity: IntegrityName | null): Partial<IkeConfig> {
  const parts = {
    encryption: [encryption],
    integrity: integrity === null ? [] : [integrity],
  };
  return {
    exportKeys: true,
    ike: [{ ...parts, prf: ['hmac-sha2-256'], groups: [31] }],
    esp: [{ ...parts, groups: ['none'], extendedSequence: [false] }],
  };
}

/** An IPv4 packet of a datagram or, on carrier `esp`, of ESP itself. */
function packet({ carrier, local, remote }: Path, bytes: Uint8Array): Uint8Array {
  const isUdp = UDP_PORTS[carrier] !== 0;
  const marker = carrier === 'ike-natt' ? 4 : 0;
  const udpOctets = isUdp ? 8 + marker : 0;
  const out = new Uint8Array(20 + udpOctets + bytes.length);
  const ip = { source: local.address, destination: remote.address };
  const protocol = isUdp ? IP_PROTOCOL.UDP : IP_PROTOCOL.ESP;
  encodeIpv4Header(ipv4Header({ ...ip, totalOctets: out.length, ttl: 64, protocol }), out, 0);
  out.set(bytes, 20 + udpOctets);
  if (isUdp)
    encodeUdp(
      {
        sourcePort: local.port,
        destinationPort: remote.port,
        checksum: 0,
        payload: out.slice(28),
      },
      ip,
      out,
      20,
    );
  return out;
}

/** A GRE packet with key 42, sealed with the keys that this end was given last. */
function espPacket(machine: Machine): Uint8Array {
  const { offer } = [...machine.installed.values()].at(-1) ?? expect.fail();
  const out = new EspOutbound(nodeCrypto(), offer.suite, offer.outbound);
  const gre = Uint8Array.of(0x20, 0, 0x20, 0x01, 0, 0, 0, 42);
  const slab = new Uint8Array(96 + gre.length + 288);
  slab.set(gre, 96);
  const octets = out.seal(slab, 96, gre.length, IP_PROTOCOL.GRE);
  const at = 96 - out.headerOctets;
  expect(readU32(slab, at)).toBe(offer.outbound.spi);
  return packet(offer.encapsulation.path, slab.slice(at, at + octets));
}

needs('tshark')('tshark', () => {
  it.each(CIPHERS)('reads our IKEv2 and ESP under %s %s', (encryption, integrity) => {
    const net = new Network(seeded(1));
    const config = configOf(encryption, integrity);
    const a = net.add('a', '192.0.2.1', config);
    const b = net.add('b', '192.0.2.2', { ...config, exportKeys: false });
    a.want(0, b);
    net.run(1_000);
    a.ike.rekey(net.now, { address: b.address, port: 0 }, [...a.installed.keys()][0] ?? 0);
    net.run(2_000);
    b.ike.rekeyIkeSas(net.now, { address: a.address, port: 0 });
    net.run(3_000);
    expect(a.notices).toContainEqual(expect.objectContaining({ kind: 'warning' }));
    expect(b.notices.filter((n) => n.kind === 'keys-exported')).toEqual([]);

    const bytes = [...net.sent.map((d) => packet(d.path, d.bytes)), espPacket(a), espPacket(b)];
    const frames = bytes.map((frame) => ({
      ...{ interfaceIndex: 0, timeNs: 0n, originalOctets: frame.length, bytes: frame },
    }));
    const tables = a.notices.flatMap((n) =>
      n.kind === 'keys-exported' ? [`uat:${n.table}:${n.line}`] : [],
    );
    const rows = tsharkRows(
      encodeCaptureFile(captureOf(LINK_TYPE.RAW, frames)),
      [
        'isakmp.exchangetype',
        'isakmp.typepayload',
        '_ws.expert.message',
        'gre.key',
        'esp.icv_good',
      ],
      ['esp.enable_encryption_decode:TRUE', 'esp.enable_authentication_check:TRUE', ...tables],
    );
    const ike = rows.slice(0, net.sent.length);
    expect(ike.map(([exchange, types = '']) => `${exchange}: ${payloadsIn(types)}`)).toEqual([
      '34: 33 34 40 41 41 41', // SA KE Nonce, NAT detection, fragmentation
      '34: 33 34 40 41 41 41',
      '35: 46 35 41 39 41 33 44 45', // SK { ID, initial contact, AUTH, transport mode, SA, TS }
      '35: 46 36 39 41 33 44 45',
      '36: 46 41 41 33 40 44 45', // a rekeyed child
      '36: 46 41 33 40 44 45',
      '37: 46 42', // the old one deleted
      '37: 46 42',
      '36: 46 33 40 34', // a rekeyed IKE SA
      '36: 46 33 40 34',
      '37: 46 42',
      '37: 46', // an empty answer
    ]);
    expect(rows.filter(([, , expert = '']) => /malformed|incorrect|wrong/i.test(expert))).toEqual(
      [],
    );
    for (const [, , , key, icv] of rows.slice(net.sent.length))
      expect([Number(key), icv]).toEqual([42, expect.stringMatching(/^(1|True)$/)]);
  });
});

/** Without the types of an SA payload's substructures. */
const payloadsIn = (types: string): string =>
  types
    .split(',')
    .filter((type) => type !== '2' && type !== '3')
    .join(' ');
