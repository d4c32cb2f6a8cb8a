import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../wire/address.js';
import { readAnswer } from './answers.js';
import type { Answer } from './api.js';
import { address, blueprint } from './engine-network.test-support.js';

describe('readAnswer', () => {
  it.each<Answer>([
    { kind: 'reject' },
    { kind: 'accept' },
    { kind: 'accept', holdingTimeSeconds: 1 },
    { kind: 'addresses', addresses: [] },
    { kind: 'addresses', addresses: [address('192.168.0.2'), new IpAddress(6, 0)] },
  ])('gives what it was given, where that is right: %j', (answer) => {
    expect(readAnswer(answer)).toEqual(answer);
  });

  it('refuses a list with a hole', () => {
    expect(() => readAnswer({ kind: 'addresses', addresses: new Array(1) })).toThrow(
      'answer.addresses[0]: an IpAddress expected',
    );
  });
});

describe('an engine that is answered wrongly', () => {
  it('says so, and goes on waiting for the answer', () => {
    const net = blueprint({ authorize: true });
    net.run(100);
    const id = net.questionsOf('hub')[0]?.id ?? -1;
    const answer = (holdingTimeSeconds: number) => () =>
      net.answer('hub', id, { kind: 'accept', holdingTimeSeconds });
    expect(answer(1e9)).toThrow(RangeError);
    expect(net.engine('hub').cache.countOf('dynamic')).toBe(0);
    expect(answer(60)).not.toThrow();
    expect(net.engine('hub').cache.countOf('dynamic')).toBe(1);
  });
});
