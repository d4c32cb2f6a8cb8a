/** What a program hands in under way and cannot mean: refused by name, with nothing changed. */
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '../io/crypto-node.js';
import type { Answer } from '../nhrp/engine/api.js';
import type { TunnelConfig } from './config.js';
import type { NodeCommand, UnderlayChange } from './output.js';
import { hubTunnel, ip, spokeTunnel, VirtualLab } from './virtual-lab.js';

describe('an answer', () => {
  /** A hub that has been asked whether a spoke may register. */
  function asked() {
    const lab = new VirtualLab();
    const hub = lab.add(hubTunnel({ authorize: true }));
    const spoke = lab.add(spokeTunnel(1));
    lab.run(100);
    const id = hub.asked[0]?.id ?? -1;
    const answer = (given: unknown) =>
      hub.act((node, now) => node.handleAnswer(now, id, given as Answer));
    return { lab, hub, spoke, answer };
  }

  it.each<[unknown, string]>([
    [{ kind: 'accept', holdingTimeSeconds: Number.NaN }, 'answer.holdingTimeSeconds: a whole'],
    [{ kind: 'accept', holdingTimeSeconds: Number.POSITIVE_INFINITY }, 'answer.holdingTimeSeconds'],
    [{ kind: 'accept', holdingTimeSeconds: 'x' }, 'answer.holdingTimeSeconds: a number expected'],
    [{ kind: 'accept', holdingTimeSeconds: 65_536 }, 'answer.holdingTimeSeconds: a whole number'],
    [{ kind: 'accept', holdingTimeSeconds: -5 }, 'answer.holdingTimeSeconds: a whole number'],
    [{ kind: 'accept', holdingTimeSeconds: 0 }, 'answer.holdingTimeSeconds: a whole number'],
    [{ kind: 'accept', holdingTime: 60 }, 'answer.holdingTime: there is no such option'],
    [{ kind: 'addresses' }, 'answer.addresses: a list expected'],
    [{ kind: 'addresses', addresses: ['192.168.0.2'] }, 'answer.addresses[0]: an IpAddress'],
    [{ kind: 'constructor' }, 'answer.kind: '],
    [null, 'answer: an object expected'],
  ])('%j is refused, and the question stays open', (given, message) => {
    const { lab, spoke, answer } = asked();
    expect(() => answer(given)).toThrow(message);
    answer({ kind: 'accept', holdingTimeSeconds: 65_535 });
    lab.run(100);
    expect(spoke.events).toContainEqual(
      expect.objectContaining({ type: 'registered', holdingTimeSeconds: 65_535 }),
    );
  });

  it('of no time at all leaves the one that was asked for', () => {
    const { lab, spoke, answer } = asked();
    answer({ kind: 'accept', holdingTimeSeconds: null });
    lab.run(100);
    expect(spoke.events).toContainEqual(
      expect.objectContaining({ type: 'registered', holdingTimeSeconds: 300 }),
    );
  });

  it('with addresses is used as far as they can be a server of this node', () => {
    const lab = new VirtualLab();
    lab.add(hubTunnel());
    const spoke = lab.add(spokeTunnel(1, { nhs: [{ address: 'dynamic', nbma: 'hub.example' }] }));
    const names = ['0.0.0.0', '224.0.0.1', '192.168.1.2', '255.255.255.255', '2001:db8::1'];
    const none = { kind: 'addresses', addresses: names.map(ip) } as const;
    spoke.act((node, now) => node.handleAnswer(now, spoke.asked[0]?.id ?? -1, none));
    expect(spoke.sent).toEqual([]);
    expect(spoke.node.view(lab.now).tunnels[0]?.servers).toEqual([]);
    lab.run(6_000);
    const some = { kind: 'addresses', addresses: [...none.addresses, ip('192.168.0.2')] } as const;
    spoke.act((node, now) => node.handleAnswer(now, spoke.asked[1]?.id ?? -1, some));
    lab.run(1_000);
    expect(spoke.sent.map((s) => String(s.path.remote.address))).toEqual(['192.168.0.2']);
  });
});

describe('protection', () => {
  const keys = [{ peer: null, secret: 'hunter2' }];
  const add = (over: object) => () =>
    new VirtualLab(nodeCrypto()).add(
      spokeTunnel(1, {
        protection: { kind: 'ipsec', keys, ...over } as TunnelConfig['protection'],
      }),
    );
  const esp = {
    encryption: ['aes-256-gcm-16'],
    integrity: [],
    groups: [19, 'none'],
    extendedSequence: [false],
  };
  const ike = {
    encryption: ['aes-256-gcm-16'],
    integrity: [],
    prf: ['hmac-sha2-256'],
    groups: [19],
  };

  it.each<[object, string]>([
    [{ ike: 5 }, 'ike: a list expected, got 5'],
    [{ esp: 'x' }, 'esp: a list expected, got a text'],
    [{ esp: [] }, 'esp: at least 1 expected'],
    [{ ike: [null] }, 'ike[0]: an object expected, got null'],
    [{ ike: [{}] }, 'ike[0].encryption: a list expected, got nothing'],
    [{ ike: [{ ...ike, prf: undefined }] }, 'ike[0].prf: a list expected, got nothing'],
    [{ ike: [{ ...ike, prf: ['toString'] }] }, "ike[0].prf[0]: 'hmac-sha1' or"],
    [{ ike: [{ ...ike, groups: ['none'] }] }, 'ike[0].groups[0]: one of 2, 5, 14,'],
    [{ ike: [ike, { ...ike, groups: [17] }] }, 'ike[1].groups[0]: one of 2, 5, 14,'],
    [{ esp: [{ ...esp, encryption: ['aes'] }] }, "esp[0].encryption[0]: 'aes-128-cbc' or"],
    [{ esp: [{ ...esp, integrity: undefined }] }, 'esp[0].integrity: a list expected, got nothing'],
    [{ esp: [{ ...esp, extendedSequence: [1] }] }, 'esp[0].extendedSequence[0]: true or false'],
    [{ esp: [{ ...esp, pfs: true }] }, 'esp[0].pfs: there is no such option'],
    [{ esp: [{ ...esp, integrity: ['hmac-sha1-96'] }] }, 'esp[0].integrity: expected with every'],
  ])('%j is refused by its path', (over, message) => {
    expect(add(over)).toThrow(`tunnels[0].protection.${message}`);
  });

  it('by proposals that are right is taken', () => {
    expect(add({ ike: [ike], esp: [esp] })).not.toThrow();
  });

  it('by a text that has no octets is refused without quoting it', () => {
    const attempt = add({ keys: [{ peer: null, secret: 'hunter2\ud800' }] });
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow('tunnels[0].protection.keys[0].secret: ');
    expect(attempt).not.toThrow(/hunter2/);
    expect(add({ keys: [{ peer: null, secret: 'pässwörd 🔑' }] })).not.toThrow();
  });
});

describe('a command', () => {
  const tunnel = 'tun100';
  const send =
    (command: unknown, over: Partial<TunnelConfig> = {}) =>
    () =>
      new VirtualLab().add(hubTunnel(over)).node.command(0, command as NodeCommand);

  it.each<[string, unknown, Error]>([
    ['a symbol', Symbol('tun100'), new TypeError('command.tunnel: a text expected')],
    ['an object', Object.create(null), new TypeError('command.tunnel: a text expected')],
    ['nothing', undefined, new TypeError('command.tunnel: a text expected')],
    ['another', 'tun1', new RangeError("tunnel: there is no tunnel 'tun1'")],
  ])('to %s is refused', (_, to, error) => {
    expect(send({ kind: 'reregister', tunnel: to })).toThrow(error);
  });

  it('with more than there is to it is refused', () => {
    const error = 'command.now: there is no such option';
    expect(send({ kind: 'reregister', tunnel, now: true })).toThrow(error);
    expect(send({ kind: 'shutdown', now: true })).toThrow(error);
  });

  it.each([
    [{ kind: 'map', prefix: '10.0.0.100/32', nbma: '192.168.9.2' }, 'command.prefix: '],
    [{ kind: 'map', prefix: '224.0.0.0/4', nbma: '192.168.9.2' }, 'command.prefix: '],
    [{ kind: 'map', prefix: '10.0.0.9/32', nbma: '192.168.0.2' }, 'command.nbma: '],
    [{ kind: 'addRoute', prefix: '10.9.0.0/16', via: '10.0.0.100' }, 'command.via: '],
  ])('%j is refused by its path', (command, message) => {
    expect(send({ ...command, tunnel })).toThrow(message);
  });

  it('may not make of a tunnel what its configuration may not', () => {
    const mtu = { kind: 'setMtu', tunnel, mtu: 1_279 };
    const error = 'command.mtu: at least 1280 expected where IPv6 is carried (RFC 8200 §5)';
    expect(send(mtu, { otherAddress: '2001:db8::100/64' })).toThrow(new RangeError(error));
    expect(send(mtu)).not.toThrow();
    expect(send({ kind: 'setAddress', tunnel, address: '127.0.0.1' })).toThrow(
      "command.address: '127.0.0.1' is not the address of a host",
    );
  });
});

describe('a change of the underlay', () => {
  const remote = ip('192.168.1.2');
  it.each<[unknown, string]>([
    [{ kind: 'mtu' }, "change.kind: 'local-address' or 'path-mtu' or 'unreachable' expected"],
    [{ kind: 'constructor' }, 'change.kind: '],
    [null, 'change: an object expected'],
    [{ kind: 'local-address', from: remote, to: '192.168.0.3' }, 'change.to: an IpAddress'],
    [{ kind: 'path-mtu', remote, mtu: Number.NaN }, 'change.mtu: a whole number'],
  ])('%j is refused by name', (change, message) => {
    const { node } = new VirtualLab().add(hubTunnel());
    expect(() => node.handleUnderlay(0, change as UnderlayChange)).toThrow(message);
  });
});
